"""Word documents (.docx) -> blocks in document order."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from index.readers.metadata import known_fields, with_header_facts
from index.readers.parsed import Parsed, RawBlock, Unreadable
from index.readers.tables import row_texts

if TYPE_CHECKING:
    from lxml.etree import _Element

_MAX_UNPACKED = 256 * 2**20
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_HEADING_STYLE = re.compile(r"heading (\d)$", re.IGNORECASE)
_CHUNK = 2**20


def parse(data: bytes) -> Parsed:
    """Read a Word document. Raises ``Unreadable`` for bombs, encrypted and damaged files."""
    _check_archive(data)
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError

    try:
        document = Document(io.BytesIO(data))
    except (PackageNotFoundError, KeyError, ValueError) as error:
        raise Unreadable("is a damaged Word file.", "Open it in Word and save it again.") from error
    title, fields = _properties(document)
    blocks = list(_Walk(document).blocks())
    found = with_header_facts(Parsed(blocks, title))
    return Parsed(blocks, found.title, {**fields, **found.metadata})


def _properties(document: Any) -> tuple[str, dict[str, str]]:  # noqa: ANN401  (docx.document.Document has no types)
    """Return the title and the known fields of a document's core properties."""
    from docx.opc.constants import RELATIONSHIP_TYPE

    try:
        properties = document.part.package.part_related_by(RELATIONSHIP_TYPE.CORE_PROPERTIES).core_properties
    except KeyError:
        # python-docx would make up properties that say "modified now".
        return "", {}
    fields = [
        ("author", properties.author if properties.author != "python-docx" else ""),
        ("published", properties.created),
        ("modified", properties.modified),
        ("language", properties.language),
    ]
    return properties.title or "", known_fields(fields)


def _check_archive(data: bytes) -> None:
    """Refuse an archive that is encrypted, damaged, or unpacks to more than is sane, without holding it in memory."""
    bomb = Unreadable(f"unpacks to more than {_MAX_UNPACKED // 2**20} MiB.", "Split it, or take out what is not text.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if any(member.flag_bits & 1 for member in members):
                raise Unreadable("is encrypted with a password.", "Save it without a password and add it again.")
            if sum(member.file_size for member in members) > _MAX_UNPACKED:
                raise bomb
            unpacked = 0
            for member in members:
                with archive.open(member) as file:
                    while chunk := file.read(_CHUNK):
                        unpacked += len(chunk)
                        if unpacked > _MAX_UNPACKED:
                            raise bomb
                        if member.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in chunk:
                            raise Unreadable("holds a document type, which no Word file does.", "Do not trust it.")
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError, zlib.error) as error:
        raise Unreadable("is a damaged Word file.", "Open it in Word and save it again.") from error


class _Walk:
    """Goes through the body, keeping the numbers of numbered lists."""

    def __init__(self, document: Any) -> None:  # noqa: ANN401
        self._body = document.element.body
        self._styles = {style.style_id: style for style in document.styles}
        self._formats = _number_formats(document)
        self._counters: dict[tuple[str, int], int] = defaultdict(int)
        self._group = 0
        self._list = ""

    def blocks(self) -> Iterator[RawBlock]:
        yield from self._children(self._body)

    def _children(self, parent: _Element) -> Iterator[RawBlock]:
        for element in parent:
            if element.tag == f"{_W}p":
                yield from self._paragraph(element)
            elif element.tag == f"{_W}tbl":
                yield from self._table(element)
            elif element.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}customXml"):
                yield from self._children(element)

    def _paragraph(self, element: _Element) -> Iterator[RawBlock]:
        text = _text(element)
        if text.strip():
            yield self._block(element, text)
        for box in element.iter(f"{_W}txbxContent"):
            if not any(above.tag == _FALLBACK for above in box.iterancestors()):
                yield from self._children(box)

    def _block(self, element: _Element, text: str) -> RawBlock:
        style = self._styles.get(_value(element, "pStyle"))
        name = style.name if style is not None and style.name else ""
        level = _heading_level(element, style, name)
        if level:
            return RawBlock("heading", text, level=level)
        number = _first(element, "numPr")
        if number is None and style is not None:
            number = _first(style.element, "numPr")
        if number is None and not name.lower().startswith("list"):
            self._list = ""
            return RawBlock("paragraph", text)
        which = (_value(number, "numId") if number is not None else "") or name
        depth = int(_value(number, "ilvl") or 0) if number is not None else 0
        self._group += not self._list
        self._list = which
        return RawBlock("item", self._marker(which, depth, name) + text, group=self._group)

    def _marker(self, which: str, depth: int, style_name: str) -> str:
        numbered = self._formats.get((which, depth), "decimal" if "number" in style_name.lower() else "bullet")
        for deeper in [key for key in self._counters if key[0] == which and key[1] > depth]:
            del self._counters[deeper]
        self._counters[which, depth] += 1
        return "" if numbered in ("bullet", "none") else f"{self._counters[which, depth]}. "

    def _table(self, element: _Element) -> Iterator[RawBlock]:
        self._list = ""
        self._group += 1
        rows = list(element.iterchildren(f"{_W}tr"))
        cells = [[_cell_text(cell) for cell in _cells(row)] for row in rows]
        if cells and max(map(len, cells)) == 1:
            for row in rows:
                for cell in _cells(row):
                    yield from self._children(cell)
            return
        has_header = len(rows) > 1 and _is_header(rows[0], cells)
        header = cells[0] if has_header else []
        for text in row_texts(cells[has_header:], header):
            yield RawBlock("row", text, group=self._group)


def _text(paragraph: _Element) -> str:
    """Return a paragraph's text: insertions in, deletions, text boxes and field codes out."""
    parts: list[str] = []
    for element in paragraph.iter(f"{_W}t", f"{_W}tab", f"{_W}br", f"{_W}cr", f"{_W}noBreakHyphen"):
        if any(
            above.tag in (f"{_W}txbxContent", f"{_W}del", f"{_W}tabs", _FALLBACK) for above in _up(element, paragraph)
        ):
            continue
        local = element.tag.removeprefix(_W)
        parts.append(element.text or "" if local == "t" else "-" if local == "noBreakHyphen" else " ")
    return "".join(parts)


def _up(element: _Element, top: _Element) -> Iterator[_Element]:
    for above in element.iterancestors():
        if above is top:
            return
        yield above


def _cells(row: _Element) -> Iterator[_Element]:
    for child in row.iter(f"{_W}tc"):
        if next(child.iterancestors(f"{_W}tr"), None) is row:
            yield child


def _cell_text(cell: _Element) -> str:
    return " ".join(filter(None, (_text(paragraph).strip() for paragraph in cell.iter(f"{_W}p"))))


def _is_header(row: _Element, cells: list[list[str]]) -> bool:
    """Tell whether the first row names the columns: it is marked so, or it has short words over other data."""
    if row.find(f"{_W}trPr/{_W}tblHeader") is not None:
        return True
    first = [text.strip() for text in cells[0]]
    return (
        len(first) > 2
        and all(first)
        and len(set(first)) == len(first)
        and all(len(text) <= 40 and not any(map(str.isdigit, text)) for text in first)
    )


def _heading_level(element: _Element, style: Any, name: str) -> int:  # noqa: ANN401
    if name.lower() == "title":
        return 1
    if match := _HEADING_STYLE.match(name):
        return min(int(match[1]), 6)
    outline = _value(element, "outlineLvl") or (_value(style.element, "outlineLvl") if style is not None else "")
    return int(outline) + 1 if outline.isdigit() and int(outline) < 6 else 0


def _number_formats(document: Any) -> dict[tuple[str, int], str]:  # noqa: ANN401
    """Return (list number, depth) -> ``bullet``, ``decimal``, ... as the document defines its lists."""
    try:
        numbering = document.part.numbering_part.element
    except (KeyError, NotImplementedError):
        return {}
    abstract = {
        item.get(f"{_W}abstractNumId"): {
            int(level.get(f"{_W}ilvl") or 0): _value(level, "numFmt") for level in item.iter(f"{_W}lvl")
        }
        for item in numbering.iter(f"{_W}abstractNum")
    }
    return {
        (str(number.get(f"{_W}numId")), depth): kind
        for number in numbering.iter(f"{_W}num")
        for depth, kind in abstract.get(_value(number, "abstractNumId"), {}).items()
    }


def _first(element: _Element, name: str) -> _Element | None:
    return next(element.iter(f"{_W}{name}"), None)


def _value(element: _Element, name: str) -> str:
    """Return the ``w:val`` of the first ``name`` below ``element``, or the empty string."""
    found = _first(element, name)
    return str(found.get(f"{_W}val") or "") if found is not None else ""
