"""The paragraphs and tables of an RTF document -> blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from index.readers.parsed import RawBlock, clean
from index.readers.tables import looks_like_names, names_columns, row_texts

_LONGEST_HEADING = 90
_BOLD_HEADING_LEVEL = 4
_HEADING_STYLE = re.compile(r"heading (\d)|(title)", re.IGNORECASE)
_BODY_LEVEL = 9
"""The outline level of what is no heading."""


@dataclass(slots=True)
class _Paragraph:
    """The paragraph that is being read."""

    parts: list[str] = field(default_factory=list)
    bold: list[bool] = field(default_factory=list)
    style: int = 0
    outline: int = _BODY_LEVEL
    is_item: bool = False
    in_table: bool = False


class Layout:
    """Collects characters until a paragraph, a cell or a row ends; ``styles``: number -> name, as they become known."""

    def __init__(self, styles: Mapping[int, str]) -> None:
        self.blocks: list[RawBlock] = []
        self._styles = styles
        self._paragraph = _Paragraph()
        self._cells: list[str] = []
        self._rows: list[list[str]] = []
        self._is_headed = False
        self._group = 0
        self._in_list = False

    def write(self, text: str, bold: bool) -> None:
        """Add characters to the paragraph."""
        self._paragraph.parts.append(text)
        if text.strip():
            self._paragraph.bold.append(bold)

    def follow(self, word: str, number: int | None) -> None:
        """Follow a control word that lays out paragraphs or tables; others mean nothing here."""
        paragraph = self._paragraph
        match word:
            case "par" | "sect" | "page":
                self._end_paragraph()
            case "pard":
                self._paragraph = _Paragraph(paragraph.parts, paragraph.bold)
            case "s":
                paragraph.style = number or 0
            case "outlinelevel":
                paragraph.outline = number if number is not None else _BODY_LEVEL
            case "ls" | "pnlvlblt" | "pnlvlbody":
                paragraph.is_item = True
            case "intbl":
                paragraph.in_table = True
            case "trhdr":
                self._is_headed = self._is_headed or not self._rows
            case "cell" | "nestcell":
                self._cells.append(self._taken())
            case "row" | "nestrow":
                self._rows.append(self._cells)
                self._cells = []

    def end(self) -> None:
        """End what is still open."""
        self._paragraph.in_table = False
        self._end_paragraph()
        self._end_table()

    def _taken(self) -> str:
        """Return the text that has come together, and forget it."""
        text = clean("".join(self._paragraph.parts))
        self._paragraph.parts.clear()
        self._paragraph.bold.clear()
        return text

    def _end_paragraph(self) -> None:
        paragraph = self._paragraph
        if paragraph.in_table:
            # A cell may hold several paragraphs.
            paragraph.parts.append(" ")
            return
        is_bold = bool(paragraph.bold) and all(paragraph.bold)
        text = self._taken()
        if not text:
            return
        self._end_table()
        level = self._level(text, is_bold)
        is_item = not level and (paragraph.is_item or text.startswith("• "))
        self._group += is_item and not self._in_list
        self._in_list = is_item
        if is_item:
            self.blocks.append(RawBlock("item", text.removeprefix("• "), group=self._group))
        else:
            self.blocks.append(RawBlock("heading" if level else "paragraph", text, level=level))

    def _level(self, text: str, is_bold: bool) -> int:
        if self._paragraph.outline < 6:
            return self._paragraph.outline + 1
        if style := _HEADING_STYLE.match(self._styles.get(self._paragraph.style, "")):
            return min(max(int(style[1] or 1), 1), 6)
        return _BOLD_HEADING_LEVEL if is_bold and len(text) <= _LONGEST_HEADING and text[-1] not in ".!?,;" else 0

    def _end_table(self) -> None:
        rows, self._rows = self._rows, []
        is_headed, self._is_headed = self._is_headed, False
        if not rows:
            return
        self._group += 1
        self._in_list = False
        has_header = len(rows) > 1 and (is_headed or names_columns(rows) or looks_like_names(rows[0]))
        for text in row_texts(rows[has_header:], rows[0] if has_header else ()):
            self.blocks.append(RawBlock("row", text, group=self._group))
