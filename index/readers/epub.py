"""E-books (.epub) -> their chapters in the order of the spine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from index.readers.decode import decode
from index.readers.html import plain_blocks
from index.readers.metadata import known_fields
from index.readers.opc import local
from index.readers.package import Package, joined
from index.readers.parsed import Parsed, RawBlock, Unreadable, clean

if TYPE_CHECKING:
    from lxml.etree import _Element

_PAGES = frozenset(("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml"))
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_EMPTY = re.compile(
    r"<((?!(?:br|hr|img|meta|link|col|input|wbr|area|base|embed|param|source|track)\b)\w+)([^<>]*)/>", re.I
)
_ENCODING = re.compile(rb"""<\?xml[^>]{0,80}encoding=["']([\w-]+)""")
_MOST_CHAPTERS = 10_000


def parse(data: bytes) -> Parsed:
    """Read an e-book. Raises ``Unreadable`` for bombs, damaged files and those under copy protection."""
    package = Package(data, "EPUB file")
    container = package.xml("META-INF/container.xml", doctype=True)
    book = next((each.get("full-path", "") for each in container.iter() if local(each) == "rootfile"), "")
    root = package.xml(book, doctype=True)
    title, fields = _metadata(root)
    chapters = _chapters(root, book)
    _check_protection(package, chapters)
    labels = _labels(package, root, book)
    blocks: list[RawBlock] = []
    for number, name in enumerate(chapters[:_MOST_CHAPTERS]):
        if name in package.names:
            blocks += _chapter(package.read(name), labels.get(name, ""), number * 100_000)
    return Parsed(blocks, title, fields)


def _metadata(root: _Element) -> tuple[str, dict[str, str]]:
    """Return the title and the known fields; a date that is an event of the file's making is no publication."""
    values: list[tuple[str, object]] = []
    authors: list[object] = []
    title = ""
    for each in (below for group in root if local(group) == "metadata" for below in group.iter()):
        name, text = local(each), clean("".join(each.itertext()) or each.get("content", ""))
        event = next((value for key, value in each.attrib.items() if key.endswith("event")), "publication")
        if name == "title":
            title = title or text
        elif name == "creator":
            authors.append(text)
        elif name == "date":
            values.append(
                ("modified" if event == "modification" else "published" if event == "publication" else "", text)
            )
        elif name == "meta" and each.get("property") == "dcterms:modified":
            values.append(("modified", text))
        elif name in ("language", "publisher"):
            values.append((name, text))
    fields = known_fields([*values, ("author", authors)])
    return title, {name: value for name, value in fields.items() if name}


def _chapters(root: _Element, book: str) -> list[str]:
    """Return the members that the spine names, all of the book where it names none, without the table of contents."""
    items = {each.get("id", ""): each for each in root.iter() if local(each) == "item"}
    spine = [each.get("idref", "") for each in root.iter() if local(each) == "itemref"]
    chapters = [
        items[id_]
        for id_ in dict.fromkeys(spine or items)
        if id_ in items
        and items[id_].get("media-type") in _PAGES
        and "nav" not in items[id_].get("properties", "").split()
    ]
    return [_member(book, each.get("href", "")) for each in chapters]


def _labels(package: Package, root: _Element, book: str) -> dict[str, str]:
    """Return member -> what the table of contents calls it, for chapters without a heading of their own."""
    found: dict[str, str] = {}
    items = [each for each in root.iter() if local(each) == "item"]
    for item in items:
        name = _member(book, item.get("href", ""))
        if item.get("media-type") == "application/x-dtbncx+xml" and name in package.names:
            for point in (each for each in package.xml(name, doctype=True).iter() if local(each) == "navPoint"):
                text = next((clean("".join(each.itertext())) for each in point if local(each) == "navLabel"), "")
                source = next((each.get("src", "") for each in point if local(each) == "content"), "")
                found.setdefault(_member(name, source), text)
    return found


def _check_protection(package: Package, chapters: list[str]) -> None:
    """Refuse a book whose chapters are encrypted; one may encrypt its fonts alone."""
    member = "META-INF/encryption.xml"
    if member not in package.names:
        return
    locked = {unquote(each.get("URI", "")) for each in package.xml(member).iter() if local(each) == "CipherReference"}
    if locked & set(chapters):
        raise Unreadable("is under copy protection.", "Add a copy without it.")


def _chapter(data: bytes, label: str, first_group: int) -> Iterator[RawBlock]:
    declared = _ENCODING.search(data[:200])
    text = _DECLARATION.sub("", decode(data, declared[1].decode() if declared else None).lstrip("\ufeff"))
    # In XHTML an empty element may close itself, which for HTML leaves it open.
    blocks = plain_blocks(_EMPTY.sub(r"<\1\2></\1>", text))
    if blocks and label and not any(raw.kind == "heading" for raw in blocks) and blocks[0].text != label:
        yield RawBlock("heading", label, level=1)
    for raw in blocks:
        yield replace(raw, group=raw.group + first_group)


def _member(base: str, reference: str) -> str:
    return joined(base, unquote(reference.partition("#")[0]))
