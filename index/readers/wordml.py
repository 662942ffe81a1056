"""The body of a Word document -> blocks in document order."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from index.readers.pages import PAGE_NUMBER
from index.readers.parsed import RawBlock, clean, comment
from index.readers.tables import looks_like_names, names_columns, row_texts

if TYPE_CHECKING:
    from lxml.etree import _Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FORMULA = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_WRAPPERS = frozenset(f"{_W}{name}" for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag"))
_LEFT_OUT = frozenset((f"{_W}txbxContent", f"{_W}del", f"{_W}moveFrom", f"{_W}tabs", _FALLBACK))
_HEADING_STYLE = re.compile(r"heading (\d)$", re.IGNORECASE)
_BULLET = re.compile(r"\s*[•‣▪◦·●○■□\uf0b7\uf0a7]\s*(?=\w)")
_LONGEST_HEADING = 90
_BOLD_HEADING_LEVEL = 4
_COMMENTS = -1
"""The group of their rows."""
_WIDEST = 100
_DEEPEST = 8


def document_blocks(document: Any) -> list[RawBlock]:  # noqa: ANN401  (docx.document.Document has no types)
    """Return the blocks of the body, then the footnotes, then what runs at the edges of the pages, as paragraphs."""
    walk = _Walk(document)
    return [*walk.children(document.element.body), *walk.footnotes(), *walk.edges()]


class _Walk:
    """Goes through the body, keeping the numbers of numbered lists."""

    def __init__(self, document: Any) -> None:  # noqa: ANN401
        self._part = document.part
        self._styles = {style.style_id: style for style in document.styles}
        self._formats = _number_formats(document)
        self._counters: dict[tuple[str, int], int] = defaultdict(int)
        self._comments = {
            note.get(f"{_W}id", ""): comment(note.get(f"{_W}author", ""), " ".join(map(_text, note.iter(f"{_W}p"))))
            for note in self._notes("comments")
        }
        self._group = 0
        self._in_list = False

    def children(self, parent: Iterable[_Element]) -> Iterator[RawBlock]:
        for element in parent:
            if element.tag == f"{_W}p":
                yield from self._paragraph(element)
            elif element.tag == f"{_W}tbl":
                yield from self._table(element)
            elif element.tag in _WRAPPERS:
                yield from self.children(element)
                continue
            yield from self._commented(element)

    def _commented(self, element: _Element) -> Iterator[RawBlock]:
        """Yield the comments on an element, each once; a row is quoted whole, with its author."""
        for mark in element.iter(f"{_W}commentReference"):
            if text := self._comments.pop(mark.get(f"{_W}id", ""), ""):
                yield RawBlock("row", text, group=_COMMENTS)

    def _notes(self, *kinds: str) -> Iterator[_Element]:
        """Yield the notes, or else the paragraphs, in the parts of these kinds."""
        from lxml import etree

        for related in self._part.rels.values():
            if not related.is_external and related.reltype.rsplit("/", 1)[-1] in kinds:
                parser = etree.XMLParser(resolve_entities=False, no_network=True)
                yield from etree.fromstring(related.target_part.blob, parser)

    def footnotes(self) -> Iterator[RawBlock]:
        """Yield what stands in the document's foot- and endnotes."""
        for note in self._notes("footnotes", "endnotes"):
            if note.get(f"{_W}type") in (None, "normal"):
                yield from self.children(note)

    def edges(self) -> Iterator[RawBlock]:
        """Yield the heads and feet of the pages, each once whatever numbers it has, without the numbers of pages."""
        seen: set[str] = set()
        for raw in self.children(self._notes("header", "footer")):
            told = re.sub(r"\d+", "", raw.text)
            if told not in seen and not PAGE_NUMBER.fullmatch(clean(raw.text)):
                seen.add(told)
                yield raw if raw.kind == "row" else RawBlock("paragraph", raw.text)

    def _paragraph(self, element: _Element) -> Iterator[RawBlock]:
        text = _text(element)
        if text.strip():
            yield from self._block(element, text)
        for box in element.iter(f"{_W}txbxContent"):
            if not any(above.tag == _FALLBACK for above in box.iterancestors()):
                yield from self.children(box)

    def _block(self, element: _Element, text: str) -> Iterator[RawBlock]:
        style = self._styles.get(_value(element, "pPr/pStyle"))
        name = str(style.name).lower() if style is not None and style.name else ""
        number = element.find(f"{_W}pPr/{_W}numPr")
        if number is None and style is not None:
            number = style.element.find(f"{_W}pPr/{_W}numPr")
        level = _heading_level(element, style, name)
        bullet = _BULLET.match(text)
        if level:
            yield RawBlock("heading", text, level=level)
        elif number is not None or name.startswith("list") or bullet:
            self._group += not self._in_list
            self._in_list = True
            marker = "" if bullet else self._marker(number, name)
            yield RawBlock("item", marker + text[bullet.end() if bullet else 0 :], group=self._group)
            return
        elif not name.startswith("toc "):
            is_heading = len(text) <= _LONGEST_HEADING and text.strip()[-1] not in ".!?,;" and _is_bold(element)
            yield RawBlock("heading", text, level=_BOLD_HEADING_LEVEL) if is_heading else RawBlock("paragraph", text)
        self._in_list = False

    def _marker(self, number: _Element | None, style: str) -> str:
        """Return the number that Word shows before a list item, the empty string for a bullet."""
        which = (_value(number, "numId") if number is not None else "") or style
        depth = int(_value(number, "ilvl") or 0) if number is not None else 0
        kind = self._formats.get((which, depth), "decimal" if "number" in style else "bullet")
        for deeper in [key for key in self._counters if key[0] == which and key[1] > depth]:
            del self._counters[deeper]
        self._counters[which, depth] += 1
        return "" if kind in ("bullet", "none") else f"{self._counters[which, depth]}. "

    def _table(self, element: _Element) -> Iterator[RawBlock]:
        self._in_list = False
        self._group += 1
        rows = [list(_cells(row)) for row in element.iterchildren(f"{_W}tr")]
        if max(map(len, rows), default=0) == 1:
            for cell in (cell for row in rows for cell in row):
                yield from self.children(cell)
            return
        for text in _row_texts(element, rows, _grid(rows)):
            yield RawBlock("row", text, group=self._group)


def _text(paragraph: _Element) -> str:
    """Return a paragraph's text: insertions in, deletions, hidden text, text boxes and field codes out."""
    parts: list[str] = []
    breaks = [f"{_W}{name}" for name in ("tab", "ptab", "br", "cr", "noBreakHyphen")]
    for element in paragraph.iter(f"{_W}t", _FORMULA, *breaks):
        if any(above.tag in _LEFT_OUT or _is_hidden(above) for above in _up(element, paragraph)):
            continue
        if element.tag in (f"{_W}t", _FORMULA):
            parts.append(element.text or "")
        else:
            parts.append("-" if element.tag == f"{_W}noBreakHyphen" else " ")
    return "".join(parts)


def _is_hidden(run: _Element) -> bool:
    mark = run.find(f"{_W}rPr/{_W}vanish") if run.tag == f"{_W}r" else None
    return mark is not None and mark.get(f"{_W}val") not in ("0", "false")


def _up(element: _Element, top: _Element) -> Iterator[_Element]:
    for above in element.iterancestors():
        if above is top:
            return
        yield above


def _cells(row: _Element) -> Iterator[_Element]:
    for child in row.iter(f"{_W}tc"):
        if next(child.iterancestors(f"{_W}tr"), None) is row:
            yield child


def _grid(rows: list[list[_Element]], depth: int = 0) -> list[list[str]]:
    """Return the texts of a table's cells, merged ones written out: repeated downwards, empty to the right."""
    grid: list[list[str]] = []
    for row in rows:
        texts: list[str] = []
        for cell in row:
            merge = cell.find(f"{_W}tcPr/{_W}vMerge")
            goes_on = merge is not None and merge.get(f"{_W}val") != "restart"
            above = grid[-1][len(texts)] if grid and len(texts) < len(grid[-1]) else ""
            texts.append(above if goes_on else _cell_text(cell, depth))
            width = _value(cell, "tcPr/gridSpan")
            texts += [""] * (min(int(width), _WIDEST) - 1 if width.isdecimal() else 0)
        grid.append(texts)
    return grid


def _cell_text(cell: _Element, depth: int = 0) -> str:
    """Return what a cell says, a table in it row by row; what is nested deeper than anybody nests, word by word."""
    parts: list[str] = []
    for element in cell.iter(f"{_W}p", f"{_W}tbl"):
        if depth < _DEEPEST and next(element.iterancestors(f"{_W}tc")) is not cell:
            continue  # is said by the table in between
        if element.tag == f"{_W}p":
            parts.append(_text(element))
        elif depth < _DEEPEST:
            rows = [list(_cells(row)) for row in element.iterchildren(f"{_W}tr")]
            parts.append(" | ".join(_row_texts(element, rows, _grid(rows, depth + 1))))
    return clean(" ".join(parts))


def _row_texts(table: _Element, rows: list[list[_Element]], cells: list[list[str]]) -> list[str]:
    has_header = len(rows) > 1 and _is_header(table, rows, cells)
    return row_texts(cells[has_header:], cells[0] if has_header else [])


def _is_header(table: _Element, rows: list[list[_Element]], cells: list[list[str]]) -> bool:
    """Tell whether the first row names the columns: it is marked as such, styled as such, or looks like it."""
    if table.find(f"{_W}tr/{_W}trPr/{_W}tblHeader") is not None or names_columns(cells):
        return True
    bold = [all(_is_bold(paragraph) for cell in row for paragraph in cell.iter(f"{_W}p")) for row in rows[:2]]
    if bold == [True, False] and len(rows[0]) > 1:
        return True
    look = table.find(f"{_W}tblPr/{_W}tblLook")
    styled = look is not None and look.get(f"{_W}firstRow") == "1"
    return styled and looks_like_names(cells[0])


def _is_bold(paragraph: _Element) -> bool:
    """Tell whether every run with text is set bold."""
    runs = [run for run in paragraph.iter(f"{_W}r") if "".join(run.itertext(f"{_W}t")).strip()]
    marks = [run.find(f"{_W}rPr/{_W}b") for run in runs]
    return bool(runs) and all(mark is not None and mark.get(f"{_W}val") not in ("0", "false") for mark in marks)


def _heading_level(element: _Element, style: Any, name: str) -> int:  # noqa: ANN401
    if name == "title":
        return 1
    if match := _HEADING_STYLE.match(name):
        return min(max(int(match[1]), 1), 6)
    outline = _value(element, "pPr/outlineLvl") or (
        _value(style.element, "pPr/outlineLvl") if style is not None else ""
    )
    return int(outline) + 1 if outline.isdecimal() and int(outline) < 6 else 0


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


def _value(element: _Element, path: str) -> str:
    """Return the ``w:val`` at ``path`` (unprefixed names) below ``element``, or the empty string."""
    found = element.find("/".join(f"{_W}{name}" for name in path.split("/")))
    return str(found.get(f"{_W}val") or "") if found is not None else ""
