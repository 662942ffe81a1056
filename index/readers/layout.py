"""Lines on pages -> blocks: running heads dropped, paragraphs joined, headings, list items and tables found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from index.readers.parsed import RawBlock, clean
from index.readers.tables import row_texts
from index.types import BlockKind

HYPHEN = "\ufffe"
"""pdfium's character for a hyphen at the end of a line."""

_ITEM = re.compile(
    r"\s*(?:(?P<bullet>[•‣▪◦·●○■□–*\uf0b7\uf0a7\u2022-])\s+|(?P<number>\(?(?:\d{1,3}|[a-z])[.)])\s+)(?=\S)"
)
_ENDS_SENTENCE = re.compile(r"[.!?…:;。！？][\"'”’»)\]\d]*$")
_WORD = re.compile(r"\w[\w'’-]*")
_NUMBERS = re.compile(r"\d+|\b[ivxlc]+\b")
_LONGEST_HEADING = 160


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page: its cells as (left, right, text), its baseline and height in points, whether it is bold."""

    page: int
    cells: tuple[tuple[float, float, str], ...]
    baseline: float
    size: float
    bold: bool

    @property
    def text(self) -> str:
        """The whole line."""
        return " ".join(text.strip() for _, _, text in self.cells)

    @property
    def left(self) -> float:
        """Where the line begins, in points."""
        return self.cells[0][0]

    @property
    def right(self) -> float:
        """Where the line ends, in points."""
        return self.cells[-1][1]


def page_blocks(pages: Sequence[Sequence[Line]]) -> list[RawBlock]:
    """Return the blocks of a document, given its pages' lines in reading order."""
    running = _running_keys(pages)
    kept = [[line for number, line in enumerate(page) if not _is_running(page, number, running)] for page in pages]
    lines = [line for page in kept for line in page] or [line for page in pages for line in page]
    return list(_Builder(lines).blocks())


def _running_keys(pages: Sequence[Sequence[Line]]) -> frozenset[str]:
    """Return what stands at the edge of most pages, numbers apart."""
    if len(pages) < 2:
        return frozenset()
    counts = Counter(key for page in pages for key in {_key(page[number]) for number in _edges(page)})
    needed = max(2, len(pages) * 0.4) if len(pages) > 2 else 2
    return frozenset(key for key, count in counts.items() if count >= needed and (len(pages) > 2 or len(key) < 20))


def _is_running(page: Sequence[Line], number: int, running: frozenset[str]) -> bool:
    return bool(running) and number in _edges(page) and _key(page[number]) in running


def _edges(page: Sequence[Line]) -> set[int]:
    """Return the numbers of the two highest and the two lowest lines."""
    by_height = sorted(range(len(page)), key=lambda number: -page[number].baseline)
    return {*by_height[:2], *by_height[-2:]}


def _key(line: Line) -> str:
    return _NUMBERS.sub("#", line.text.lower())


class _Builder:
    """Joins lines to blocks, knowing the measures of the whole document."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._words = Counter(word.lower() for line in lines for word in _WORD.findall(line.text))
        sizes: Counter[float] = Counter()
        for line in lines:
            sizes[round(line.size, 1)] += len(line.text)
        self._body = sizes.most_common(1)[0][0] if sizes else 0.0
        bold = sum(len(line.text) for line in lines if line.bold)
        self._bold_marks = bold < 0.3 * sum(sizes.values())
        steps = [a.baseline - b.baseline for a, b in pairwise(lines) if a.page == b.page and _same_size(a, b)]
        steps = [step for step in steps if 0.5 * self._body < step < 3 * self._body]
        self._leading = median(steps) if steps else 1.2 * self._body
        larger = sorted({round(line.size, 0) for line in lines if line.size > 1.12 * self._body}, reverse=True)
        self._levels = {size: min(level, 5) for level, size in enumerate(larger, start=1)}
        self._group = 0

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
        """Return the end of the run of lines with cells that starts at ``at``."""
        end = at
        while end < len(self._lines) and len(self._lines[end].cells) > 1:
            step = self._lines[end - 1].baseline - self._lines[end].baseline if end > at else 0.0
            if end > at and (self._lines[end].page != self._lines[at].page or not 0 <= step < 3.5 * self._leading):
                break
            end += 1
        return end

    def _table(self, lines: Sequence[Line]) -> Iterator[RawBlock]:
        self._group += 1
        rows = [[text for _, _, text in line.cells] for line in lines]
        header = rows[0] if _names_columns(lines) else []
        for text in row_texts(rows[bool(header) :], header):
            yield RawBlock("row", text, page=lines[0].page, group=self._group)

    def _paragraph_end(self, at: int) -> int:
        end = at + 1
        is_item = _ITEM.match(self._lines[at].text) is not None
        while end < len(self._lines) and self._goes_on(
            self._lines[at], self._lines[end - 1], self._lines[end], is_item
        ):
            if self._table_end(end) > end + 1:
                break
            end += 1
        return end

    def _goes_on(self, first: Line, before: Line, line: Line, is_item: bool) -> bool:
        """Tell whether ``line`` belongs to the paragraph of ``first`` that ``before`` is the last line of so far."""
        if not _same_size(before, line) or _ITEM.match(line.text) or self._is_marked(before) != self._is_marked(line):
            return False
        unfinished = before.text.endswith(HYPHEN) or (
            not _ENDS_SENTENCE.search(before.text) and line.text.strip()[:1].islower()
        )
        step = before.baseline - line.baseline
        if line.page != before.page or step < -0.5 * self._leading:
            return unfinished
        if step > 1.4 * self._leading:
            return False
        if unfinished:
            return True
        indented = line.left - before.left > 0.8 * line.size
        if indented and not is_item and before is not first:
            return False
        if indented and not is_item and _ENDS_SENTENCE.search(before.text):
            return False
        width = max(first.right, before.right, line.right) - min(first.left, before.left, line.left)
        return not (before.right < line.right - 0.15 * width and _ENDS_SENTENCE.search(before.text))

    def _is_marked(self, line: Line) -> bool:
        return self._bold_marks and line.bold

    def _paragraph(self, lines: Sequence[Line]) -> Iterator[RawBlock]:
        """Yield a paragraph, in parts where a page ends."""
        first = lines[0]
        item = _ITEM.match(first.text)
        text = first.text if item is None or item["number"] else first.text[item.end() :]
        level = 0 if item else self._heading_level(lines)
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

    _in_list = False

    def _heading_level(self, lines: Sequence[Line]) -> int:
        text = clean(" ".join(line.text for line in lines))
        first = lines[0]
        if (
            len(text) > _LONGEST_HEADING
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
        match = re.search(r"([^\W\d_]+)([-\u2010\u00ad\ufffe])$", text)
        word = re.match(r"\s*([^\W\d_]+)", following)
        if match is None or word is None:
            ends_in_hyphen = text.endswith((HYPHEN, "\u00ad"))
            return (text[:-1] + "-", "") if ends_in_hyphen else (text, "" if text.endswith("-") else " ")
        whole = (match[1] + word[1]).lower()
        hyphenated = f"{match[1]}-{word[1]}".lower()
        if word[1][0].isupper() or self._words[hyphenated] > self._words[whole]:
            return text[: match.start(2)] + "-", ""
        return text[: match.start(2)], ""


def _same_size(a: Line, b: Line) -> bool:
    return abs(a.size - b.size) <= 0.1 * max(a.size, b.size)


def _names_columns(lines: Sequence[Line]) -> bool:
    """Tell whether the first line names the columns of the others: words, one above each."""
    first = lines[0].cells
    return (
        len(lines) > 2
        and all(len(line.cells) == len(first) for line in lines)
        and not any(character.isdigit() for _, _, text in first for character in text)
        and all(
            (cell[0] < name[1] and name[0] < cell[1]) == (column == row)
            for line in lines[1:]
            for column, name in enumerate(first)
            for row, cell in enumerate(line.cells)
        )
    )
