"""What OpenDocument files have in common: the metadata, and text as blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from index.readers.metadata import known_fields
from index.readers.opc import local
from index.readers.package import Package
from index.readers.parsed import RawBlock, Unreadable, clean, comment
from index.readers.tables import looks_like_names, names_columns, row_texts

if TYPE_CHECKING:
    from lxml.etree import _Element

_CONTAINERS = frozenset(
    "section frame text-box index-body table-of-content alphabetical-index bibliography a g custom-shape page "
    "text image".split()
)
_LEFT_OUT = frozenset(
    "annotation annotation-end tracked-changes deletion note ruby-text forms notes sequence-decls".split()
)
_COMMENTS = -1
_WIDEST = 100
_MOST_SPACES = 100
_LONGEST_VALUE = 1 << 16


def opened(data: bytes) -> Package:
    """Return an OpenDocument's archive. Raises ``Unreadable`` for bombs, damaged and encrypted files."""
    package = Package(data, "OpenDocument file")
    manifest = "META-INF/manifest.xml"
    if manifest in package.names:
        # Old programs wrote a document type there; no entity of it is resolved.
        for each in package.xml(manifest, doctype=True).iter():
            if local(each) == "encryption-data":
                raise Unreadable("is encrypted with a password.", "Save it without a password and add it again.")
    return package


def properties(package: Package) -> tuple[str, dict[str, str]]:
    """Return the title and the known fields of an OpenDocument."""
    if "meta.xml" not in package.names:
        return "", {}
    values = {local(each): clean(each.text or "") for each in package.xml("meta.xml").iter() if each.text}
    fields = [
        ("author", values.get("initial-creator", "") or values.get("creator", "")),
        ("published", values.get("creation-date", "")),
        ("modified", values.get("date", "")),
        ("language", values.get("language", "")),
    ]
    return values.get("title", ""), known_fields(fields)


def body(package: Package, kind: str) -> _Element:
    """Return the element of the content that holds a ``text``, a ``spreadsheet`` or a ``presentation``."""
    root = package.xml("content.xml")
    for part in (each for each in root if local(each) == "body"):
        for found in part:
            if local(found) == kind:
                return found
    raise package.damaged()


class TextWalk:
    """Goes through text, telling lists and tables apart."""

    def __init__(self) -> None:
        self._group = 0

    def blocks(self, parent: _Element, in_list: int = 0) -> Iterator[RawBlock]:
        """Yield the blocks below ``parent``; ``in_list`` is how deep in lists it is."""
        for element in parent:
            name = local(element)
            if name == "h":
                level = attribute(element, "outline-level")
                yield RawBlock("heading", text_of(element), level=min(int(level), 6) if level.isdecimal() else 1)
                yield from commented(element.iter())
            elif name == "p":
                yield from self._paragraph(element, in_list)
            elif name == "list":
                self._group += not in_list
                for item in (each for each in element if local(each) in ("list-item", "list-header")):
                    yield from self.blocks(item, in_list + 1)
            elif name == "table":
                yield from self._table(element)
                yield from commented(element.iter())
            elif name == "annotation":
                yield from commented([element])
            elif name in _CONTAINERS:
                yield from self.blocks(element, in_list)

    def _paragraph(self, element: _Element, in_list: int) -> Iterator[RawBlock]:
        text = text_of(element)
        if text and in_list:
            yield RawBlock("item", text, group=self._group)
        elif text:
            yield RawBlock("paragraph", text)
        yield from commented(each for each in element.iterdescendants() if _outermost(each, element))
        # A text box is anchored in a paragraph and a note in a word; both are read after it.
        for below in element.iterdescendants():
            if local(below) in ("text-box", "note-body") and _outermost(below, element):
                yield from self.blocks(below)

    def _table(self, table: _Element) -> Iterator[RawBlock]:
        self._group += 1
        rows: list[list[str]] = []
        heads = 0
        for row in (each for each in table.iter() if local(each) == "table-row"):
            if next(each for each in row.iterancestors() if local(each) == "table") is not table:
                continue
            heads += any(local(above) == "table-header-rows" for above in row.iterancestors())
            cells = [each for each in row if local(each) in ("table-cell", "covered-table-cell")][:_WIDEST]
            rows.append([cell_text(cell) for cell in cells])
        if rows and max(map(len, rows)) == 1:
            yield from (RawBlock("paragraph", row[0]) for row in rows if row)
            return
        if not heads and len(rows) > 1:
            heads = int(names_columns(rows) or looks_like_names(rows[0]))
        header = rows[heads - 1] if heads and heads < len(rows) else []
        for text in row_texts(rows[heads if header else 0 :], header):
            yield RawBlock("row", text, group=self._group)


def text_of(paragraph: _Element) -> str:
    """Return a paragraph's text, without notes, comments and what stands in a box."""
    parts = [paragraph.text or ""]
    for element in paragraph:
        name = local(element)
        if name == "s":
            count = attribute(element, "c")
            parts.append(" " * (min(int(count), _MOST_SPACES) if count.isdecimal() and len(count) < 10 else 1))
        elif name in ("tab", "line-break"):
            parts.append(" ")
        elif name and name not in _LEFT_OUT and name not in ("frame", "custom-shape", "g"):
            parts.append(text_of(element))
        parts.append(element.tail or "")
    return "".join(parts)


def commented(elements: Iterable[_Element]) -> Iterator[RawBlock]:
    """Yield those elements that are comments as rows with their authors."""
    texts = (annotation_text(each) for each in elements if local(each) == "annotation")
    yield from (RawBlock("row", text, group=_COMMENTS) for text in texts if text)


def annotation_text(annotation: _Element, place: str = "") -> str:
    """Return a comment (on a cell, its ``place``) as it is shown and quoted; empty where it says nothing."""
    author = next(("".join(each.itertext()) for each in annotation if local(each) == "creator"), "")
    words = (text_of(each) for each in annotation.iter() if local(each) in ("p", "h"))
    return comment(author, " ".join(words), place)


def cell_text(cell: _Element) -> str:
    """Return what a cell shows, without the comments on it."""
    paragraphs = (
        text_of(each)
        for each in cell.iter()
        if local(each) in ("p", "h") and not any(local(above) == "annotation" for above in each.iterancestors())
    )
    return clean(" ".join(paragraphs))[:_LONGEST_VALUE]


def attribute(element: _Element, name: str) -> str:
    """Return an attribute by its name without the namespace, or the empty string."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _outermost(below: _Element, paragraph: _Element) -> bool:
    """Tell whether ``below`` is in no other box or note of ``paragraph``, which is read with that one."""
    for above in below.iterancestors():
        if above is paragraph:
            return True
        if local(above) in ("text-box", "note-body", "p"):
            return False
    return True
