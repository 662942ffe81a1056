"""Lines on pages -> blocks: paragraphs joined, headings, list items and tables found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from index.readers.columns import in_reading_order
from index.readers.pages import Line, text_lines
from index.readers.parsed import RawBlock, clean
from index.readers.tables import names_columns, row_texts
from index.types import BlockKind

HYPHEN = "\ufffe"
"""pdfium's character for a hyphen at the end of a line."""

_HYPHENS = (HYPHEN, "\u00ad", "\u2010", "-")
_ITEM = re.compile(
    r"\s*(?:(?P<bullet>[•‣▪◦·●○■□–*\uf0b7\uf0a7\u2022-])\s+|(?P<number>\(?(?:\d{1,2}|[a-z])[.)])\s+)(?=\S)"
)
_ENDS_SENTENCE = re.compile(r"[.!?…:;。！？][\"'”’»)\]\d]*$")
_WORD = re.compile(r"\w[\w'’-]*")
_LONGEST_HEADING = 160
_INDENT = 4
_AROUND = 8


def page_blocks(pages: Sequence[Sequence[Line]]) -> list[RawBlock]:
    """Return the blocks of a document, given its pages' lines in reading order."""
    return list(_Builder(text_lines([list(in_reading_order(page)) for page in pages])).blocks())


class _Builder:
    """Joins lines to blocks, knowing the measures of the whole document."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._words = _vocabulary(lines)
        sizes: Counter[float] = Counter()
        for line in lines:
            sizes[round(line.size, 1)] += len(line.text)
        self._body = sizes.most_common(1)[0][0] if sizes else 0.0
        bold = sum(len(line.text) for line in lines if line.bold)
        self._bold_marks = bold < 0.3 * sum(sizes.values())
        steps = [a.baseline - b.baseline for a, b in pairwise(lines) if a.page == b.page and _same_size(a, b)]
        steps = [step for step in steps if 0.5 * self._body < step < 3 * self._body]
        self._leading = median(steps) if steps else 1.2 * self._body
        larger = sorted(
            {round(line.size, 0) for line in lines if not line.turned and line.size > 1.12 * self._body}, reverse=True
        )
        self._levels = {size: min(level, 5) for level, size in enumerate(larger, start=1)}
        self._group = 0
        self._in_list = False

    def blocks(self) -> Iterator[RawBlock]:
        """Yield the blocks in order."""
        at = 0
        while at < len(self._lines):
            end = self._table_end(at)
            if end > at + 1:
                yield from self._table(self._lines[at:end])
            else:
                end = self._paragraph_end(at)
                yield from self._paragraph(self._lines[at:end])
            at = end

    def _table_end(self, at: int) -> int:
        """Return the end of the run of lines with cells that starts at ``at``; it may go on on the next page."""
        end = at
        while end < len(self._lines) and len(self._lines[end].cells) > 1:
            if end > at and not self._is_next_row(self._lines[at], self._lines[end - 1], self._lines[end]):
                break
            end += 1
        return end

    def _is_next_row(self, first: Line, before: Line, line: Line) -> bool:
        if line.page == before.page:
            return 0 <= before.baseline - line.baseline < 3.5 * self._leading
        return line.page == before.page + 1 and len(line.cells) == len(first.cells) and _are_columns([first, line])

    def _table(self, lines: Sequence[Line]) -> Iterator[RawBlock]:
        self._group += 1
        header: list[str] = []
        if _has_header(lines):
            header = lines[0].texts
            lines = [line for line in lines if line.texts != header]
        for line, text in zip(lines, row_texts([line.texts for line in lines], header), strict=False):
            yield RawBlock("row", text, page=line.page, group=self._group)

    def _paragraph_end(self, at: int) -> int:
        end = at + 1
        is_item = _ITEM.match(self._lines[at].text) is not None
        while end < len(self._lines) and self._goes_on(at, end, is_item):
            if self._table_end(end) > end + 1:
                break
            end += 1
        return end

    def _goes_on(self, first: int, at: int, is_item: bool) -> bool:
        """Tell whether line ``at`` belongs to the paragraph of the lines from ``first`` on."""
        before, line = self._lines[at - 1], self._lines[at]
        unfinished = before.text.endswith(HYPHEN) or (
            not _ENDS_SENTENCE.search(before.text) and line.text.strip()[:1].islower()
        )
        tolerance = 0.25 if unfinished else 0.1
        if not _same_size(before, line, tolerance) or self._is_marked(before) != self._is_marked(line):
            return False
        step = before.baseline - line.baseline
        if line.page != before.page or step < -0.5 * self._leading:
            return unfinished
        if line.size > 1.3 * self._body:
            return 0 < step < 1.7 * line.size and not _ENDS_SENTENCE.search(before.text)
        if step > (1.8 if unfinished else 1.4) * self._leading or _ITEM.match(line.text):
            return False
        if unfinished:
            return True
        indented = line.left - before.left > 0.8 * line.size
        if indented and not is_item and (at - 1 > first or _ENDS_SENTENCE.search(before.text)):
            return False
        return not self._had_room(at)

    def _had_room(self, at: int) -> bool:
        """Tell whether the first word of line ``at`` would have fitted on the line before, which is thus complete."""
        before, line = self._lines[at - 1], self._lines[at]
        word = line.text.split(maxsplit=1)[0]
        width = (line.right - line.left) / max(1, len(line.text))
        return before.right + (len(word) + 2) * width < self._column_end(at - 1)

    def _column_end(self, at: int) -> float:
        """Return where the lines around line ``at`` that begin about where it does end at the furthest, in points."""
        line = self._lines[at]
        near = (
            other.right
            for other in self._lines[max(0, at - _AROUND) : at + _AROUND + 1]
            if other.page == line.page
            and len(other.cells) == 1
            and abs(other.left - line.left) < _INDENT * line.size
            and _same_size(other, line)
        )
        return max(near, default=line.right)

    def _is_marked(self, line: Line) -> bool:
        return self._bold_marks and line.bold

    def _paragraph(self, lines: Sequence[Line]) -> Iterator[RawBlock]:
        """Yield a paragraph, in parts where a page ends."""
        first = lines[0]
        item = _ITEM.match(first.text)
        text = first.text if item is None or item["number"] else first.text[item.end() :]
        level = 0 if item and item["bullet"] else self._heading_level(lines)
        kind: BlockKind = "heading" if level else "item" if item else "paragraph"
        if kind == "item":
            self._group += not self._in_list
        self._in_list = kind == "item"
        page = first.page
        glue: str | None = None
        for line in lines[1:]:
            joined, separator = self._join(text, line.text)
            if line.page == page:
                text = joined + separator + line.text
                continue
            yield RawBlock(kind, joined, level, page, self._group, glue)
            text, page, glue = line.text, line.page, separator
        yield RawBlock(kind, text.replace(HYPHEN, "-"), level, page, self._group, glue)

    def _heading_level(self, lines: Sequence[Line]) -> int:
        text = clean(" ".join(line.text for line in lines))
        first = lines[0]
        if (
            first.turned
            or len(text) > _LONGEST_HEADING
            or not re.search(r"[^\W\d_]{2}", text)
            or len({line.page for line in lines}) > 1
        ):
            return 0
        if level := self._levels.get(round(first.size, 0), 0) if first.size > 1.12 * self._body else 0:
            return level
        is_bold = self._is_marked(first) and all(line.bold for line in lines)
        return min(6, len(self._levels) + 1) if is_bold and not re.search(r"[.,;]$", text) else 0

    def _join(self, text: str, following: str) -> tuple[str, str]:
        """Return ``text`` as it stands before ``following``, a hyphen at its end mended, and what separates them."""
        text = text.rstrip()
        match = re.search(rf"([^\W\d_]+)([{''.join(_HYPHENS)}])$", text)
        word = re.match(r"\s*([^\W\d_]+)", following)
        if match is None or word is None:
            ends_in_hyphen = text.endswith((HYPHEN, "\u00ad"))
            return (text[:-1] + "-", "") if ends_in_hyphen else (text, "" if text.endswith("-") else " ")
        whole = (match[1] + word[1]).lower()
        hyphenated = f"{match[1]}-{word[1]}".lower()
        halves_are_words = min(self._words[match[1].lower()], self._words[word[1].lower()]) > 0
        is_compound = not self._words[whole] and (self._words[hyphenated] > 0 or halves_are_words)
        if word[1][0].isupper() or is_compound:
            return text[: match.start(2)] + "-", ""
        return text[: match.start(2)], ""


def _vocabulary(lines: Sequence[Line]) -> Counter[str]:
    """Count the words, but not the halves of those divided between lines."""
    words: Counter[str] = Counter()
    divided = False
    for line in lines:
        found = [word.lower() for word in _WORD.findall(line.text)]
        is_end_divided = line.text.rstrip().endswith(_HYPHENS)
        words.update(found[divided : len(found) - is_end_divided])
        divided = is_end_divided
    return words


def _same_size(a: Line, b: Line, tolerance: float = 0.1) -> bool:
    return abs(a.size - b.size) <= tolerance * max(a.size, b.size)


def _has_header(lines: Sequence[Line]) -> bool:
    """Tell whether the first line names the columns of the others."""
    rows = [line.texts for line in lines]
    is_marked = lines[0].bold and not all(line.bold for line in lines[1:])
    is_even = len({len(row) for row in rows}) == 1
    return is_even and (is_marked or names_columns(rows)) and _are_columns(lines)


def _are_columns(lines: Sequence[Line]) -> bool:
    """Tell whether each cell of each line overlaps its own column's cells in the first line, and no other's."""
    first = lines[0].cells
    return all(
        (cell[0] < name[1] and name[0] < cell[1]) == (column == row)
        for line in lines[1:]
        for column, name in enumerate(first)
        for row, cell in enumerate(line.cells)
    )
