"""Word documents of Word 97 to 2003 (.doc) -> blocks in document order.

[MS-DOC] says what lies where. The text comes in pieces; what a stretch of characters and a paragraph look like stands
in pages of 512 bytes, found by the text's place in the file.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from index.readers import ole
from index.readers.metadata import with_header_facts
from index.readers.parsed import Parsed, RawBlock, Unreadable, clean
from index.readers.tables import names_columns, row_texts

_NAME = "Word file"
_WORD_97 = 0x00C1
_ENCRYPTED, _IN_TABLE_1 = 0x0100, 0x0200
_FLAGS, _LENGTHS, _STYLES, _LOOKS, _PARAGRAPHS, _PIECES = 0x0A, 0x4C, 0xA2, 0xFA, 0x102, 0x1A2
_PARTS = ("text", "footnotes", "headers", "macros", "comments", "endnotes", "boxes")
_READ = ("text", "boxes", "footnotes", "endnotes")
_PAGE = 512
_ONE_BYTE = 0x40000000
_TITLE, _CONTENTS, _LISTS = 62, range(19, 28), range(47, 62)
"""Word's own styles by their numbers; headings are 1 to 9."""

_BOLD, _VANISHES, _DELETED = 0x0835, 0x083C, 0x0800
_LIST, _IN_TABLE, _ENDS_ROW = 0x460B, 0x2416, 0x2417
_OPERAND = (1, 1, 2, 4, 2, 2, 0, 3)
"""Bytes of a property's value, by the highest bits of its number; 0: the first of them says how many follow."""

_TABLE_SHAPE = 0xD608
_TOKEN = re.compile("[\r\x07\x0c\x13-\x15]|[^\r\x07\x0c\x13-\x15]+")
_SIGNS = str.maketrans({"\x1e": "-", "\x1f": None})
_BULLET = re.compile(r"[•‣▪◦·●○■□\uf0b7\uf0a7]\s*(?=\w)")
_LONGEST_HEADING, _BOLD_HEADING_LEVEL = 90, 4


class _Run(NamedTuple):
    """What the text before a place in the file looks like; ``style`` is that of a paragraph."""

    end: int
    style: int = 0
    properties: dict[int, int] = {}  # noqa: RUF012  (never written to)


class _Stretch(NamedTuple):
    """Visible text of one look; ``width`` is the bytes of each character from ``place`` on."""

    text: str
    place: int
    width: int
    is_bold: bool


class _Paragraph(NamedTuple):
    """Text up to its mark, and whether all of it is bold."""

    text: str
    mark: str
    run: _Run
    is_bold: bool


def parse(data: bytes) -> Parsed:
    """Read a Word document. Raises ``Unreadable`` for encrypted and damaged files, and for those before Word 97."""
    file = ole.opened(data, _NAME)
    try:
        blocks = list(_Blocks(_File(file)))
    except (struct.error, IndexError) as error:
        raise ole.damaged(_NAME) from error
    title, fields = ole.properties(file)
    found = with_header_facts(Parsed(blocks, title))
    return Parsed(blocks, found.title, {**fields, **found.metadata})


class _File:
    """The two streams that a document consists of."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401  (olefile has no types)
        self._main = ole.stream(file, "WordDocument")
        (version,), (flags,) = struct.unpack_from("<H", self._main, 2), struct.unpack_from("<H", self._main, _FLAGS)
        if version < _WORD_97:
            raise Unreadable("is of Word 95 or older.", "Open it in Word or LibreOffice and save it as .docx.")
        if flags & _ENCRYPTED:
            raise Unreadable("is encrypted with a password.", "Save it without a password and add it again.")
        self._table = ole.stream(file, "1Table" if flags & _IN_TABLE_1 else "0Table")
        self._looks, self._paragraphs = self._runs(_LOOKS), self._runs(_PARAGRAPHS)
        self.styles = list(self._style_numbers())

    def parts(self) -> Iterator[Iterator[_Paragraph]]:
        """Yield the paragraphs of the text, of its boxes and of its notes."""
        lengths = dict(zip(_PARTS, struct.unpack_from("<7I", self._main, _LENGTHS), strict=True))
        starts = dict(zip(_PARTS, (sum([*lengths.values()][:number]) for number in range(7)), strict=True))
        pieces = list(self._pieces())
        for name in _READ:
            yield self._split(self._stretches(pieces, starts[name], starts[name] + lengths[name]))

    def _split(self, stretches: Iterator[_Stretch]) -> Iterator[_Paragraph]:
        """Yield paragraphs; of a field, what it shows instead of what it does."""
        parts: list[str] = []
        bold: set[bool] = set()
        shows: list[bool] = []
        for stretch in stretches:
            for token in _TOKEN.finditer(stretch.text):
                sign = token[0]
                if sign == "\x13":
                    shows.append(False)
                elif sign == "\x14":
                    shows[-1:] = [True]
                elif sign == "\x15":
                    del shows[-1:]
                elif not all(shows):
                    continue
                elif sign in "\r\x07\x0c":
                    run = _at(self._paragraphs, stretch.place + token.start() * stretch.width)
                    yield _Paragraph("".join(parts).translate(_SIGNS), sign, run, bold == {True})
                    parts, bold = [], set()
                else:
                    parts.append(sign)
                    bold |= {stretch.is_bold} if sign.strip() else set()
        if parts:
            yield _Paragraph("".join(parts).translate(_SIGNS), "\r", _Run(0), bold == {True})

    def _stretches(self, pieces: list[tuple[int, int, int]], start: int, end: int) -> Iterator[_Stretch]:
        """Yield what is visible between two characters of the document: no hidden and no deleted text."""
        for first, last, place in pieces:
            width = 1 if place & _ONE_BYTE else 2
            origin = (place & ~_ONE_BYTE) // (3 - width)
            at = origin + max(0, start - first) * width
            stop = origin + (min(last, end) - first) * width
            while at < stop:
                run = _at(self._looks, at)
                until = min(stop, at + max(width, -(-(run.end - at) // width) * width)) if run.end > at else stop
                if not (run.properties.get(_VANISHES, 0) & 1 or run.properties.get(_DELETED, 0) & 1):
                    text = self._main[at:until].decode("cp1252" if width == 1 else "utf-16-le", "replace")
                    yield _Stretch(text, at, width, run.properties.get(_BOLD, 0) & 1 == 1)
                at = until

    def _pieces(self) -> Iterator[tuple[int, int, int]]:
        """Yield the first character of each piece, the one after its last, and its place in the file."""
        start, length = struct.unpack_from("<II", self._main, _PIECES)
        table = self._table[start : start + length]
        at = 0
        while table[at : at + 1] == b"\x01":
            at += 3 + struct.unpack_from("<H", table, at + 1)[0]
        if table[at : at + 1] != b"\x02":
            raise ole.damaged(_NAME)
        table = table[at + 5 :]
        count = (len(table) - 4) // 12
        bounds = struct.unpack_from(f"<{count + 1}I", table)
        if list(bounds) != sorted(bounds) or bounds[-1] > len(self._main):
            raise ole.damaged(_NAME)
        for number, (first, last) in enumerate(pairwise(bounds)):
            yield first, last, struct.unpack_from("<I", table, 4 * (count + 1) + 8 * number + 2)[0]

    def _runs(self, where: int) -> list[_Run]:
        """Return the looks of characters or of paragraphs, by their places in the file."""
        start, length = struct.unpack_from("<II", self._main, where)
        count = max(0, length - 4) // 8
        numbers = struct.unpack_from(f"<{count}I", self._table, start + 4 * (count + 1))
        pages = (self._main[number % 2**22 * _PAGE :][:_PAGE] for number in dict.fromkeys(numbers))
        return sorted((run for page in pages for run in _page(page, where == _PARAGRAPHS)), key=lambda run: run.end)

    def _style_numbers(self) -> Iterator[int]:
        """Yield the number of the style of Word's own that each style of the document is."""
        start, length = struct.unpack_from("<II", self._main, _STYLES)
        sheet = self._table[start : start + length]
        at = 2 + int.from_bytes(sheet[:2], "little")
        while at + 2 <= len(sheet):
            yield int.from_bytes(sheet[at + 2 : at + 4], "little") & 0xFFF
            at += 2 + int.from_bytes(sheet[at : at + 2], "little")


class _Blocks:
    """Headings, paragraphs, items and the rows of tables."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self._group = 0
        self._in_list = False

    def __iter__(self) -> Iterator[RawBlock]:
        for part in self._file.parts():
            rows: list[list[str]] = []
            cells: list[str] = []
            lines: list[str] = []
            for paragraph in part:
                properties = paragraph.run.properties
                if properties.get(_ENDS_ROW):
                    rows.append(cells)
                    cells, lines = [], []
                elif paragraph.mark == "\x07" or properties.get(_IN_TABLE):
                    lines.append(paragraph.text)
                    if paragraph.mark == "\x07":
                        cells.append(clean(" ".join(lines)))
                        lines = []
                else:
                    yield from self._table(rows)
                    rows = []
                    yield from self._block(paragraph, clean(paragraph.text))
            yield from self._table([*rows, [*cells, *lines]])

    def _block(self, paragraph: _Paragraph, text: str) -> Iterator[RawBlock]:
        styles, number = self._file.styles, paragraph.run.style
        style = styles[number] if number < len(styles) else number
        if not text or style in _CONTENTS:
            return
        bullet = _BULLET.match(text)
        if 1 <= style <= 9 or style == _TITLE:
            yield RawBlock("heading", text, level=min(style, 6) if style != _TITLE else 1)
        elif paragraph.run.properties.get(_LIST) or style in _LISTS or bullet:
            self._group += not self._in_list
            self._in_list = True
            yield RawBlock("item", text[bullet.end() if bullet else 0 :], group=self._group)
            return
        elif paragraph.is_bold and len(text) <= _LONGEST_HEADING and text[-1] not in ".!?,;":
            yield RawBlock("heading", text, level=_BOLD_HEADING_LEVEL)
        else:
            yield RawBlock("paragraph", text)
        self._in_list = False

    def _table(self, rows: list[list[str]]) -> Iterator[RawBlock]:
        rows = [row for row in rows if any(row)]
        if not rows:
            return
        self._in_list = False
        self._group += 1
        if max(map(len, rows)) == 1:
            yield from (RawBlock("paragraph", row[0]) for row in rows)
            return
        has_header = names_columns(rows)
        for text in row_texts(rows[has_header:], rows[0] if has_header else ()):
            yield RawBlock("row", text, group=self._group)


def _at(runs: list[_Run], place: int) -> _Run:
    """Return what the text at a place looks like."""
    number = bisect_right(runs, place, key=lambda run: run.end)
    return runs[number] if number < len(runs) else _Run(0)


def _page(page: bytes, is_paragraph: bool) -> Iterator[_Run]:
    """Yield the runs of a page: it has their number last, their ends first, then where in it their properties stand."""
    count = page[-1] if len(page) == _PAGE else 0
    ends = struct.unpack_from(f"<{count}I", page, 4)
    for number, end in enumerate(ends):
        at = 2 * page[4 * (count + 1) + number * (13 if is_paragraph else 1)]
        if not at:
            yield _Run(end)
        elif not is_paragraph:
            yield _Run(end, 0, _properties(page[at + 1 : at + 1 + page[at]]))
        else:
            length = 2 * page[at] - 1 if page[at] else 2 * page[at + 1]
            at += 1 if page[at] else 2
            yield _Run(end, int.from_bytes(page[at : at + 2], "little"), _properties(page[at + 2 : at + length]))


def _properties(data: bytes) -> dict[int, int]:
    """Return properties by their numbers; those of variable size as 0."""
    found: dict[int, int] = {}
    at = 0
    while at + 2 < len(data):
        number = int.from_bytes(data[at : at + 2], "little")
        size = _OPERAND[number >> 13]
        at += 2
        if size:
            found[number] = int.from_bytes(data[at : at + size], "little")
        else:
            size = int.from_bytes(data[at : at + 2], "little") + 1 if number == _TABLE_SHAPE else data[at] + 1
        at += size
    return found
