"""The lines of a page as a program wrote them -> in reading order: its head first, one column after the other.

Most programs write a column to its end before the next; where they do not, each line of the page seems to be a row of a
table. It is prose where sentences run on from line to line within every column, as they never do in a table's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from index.readers.pages import Line

_FEWEST_ROWS = 4
_FEWEST_WORDS = 3
_RUNS_ON = 0.4

Cell = tuple[float, float, str]


def in_reading_order(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the lines of a page from its head on, columns of prose one after the other."""
    page = _head_first(lines)
    at = 0
    while at < len(page):
        end = _run_end(page, at)
        columns = _columns(page[at:end])
        if columns and all(map(_is_prose, columns)):
            for column in columns:
                yield from column
        else:
            yield from page[at:end]
        at = end


def _head_first(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with what stands above all lines before it, to the last one, put before them.

    Some programs write the head of a page when all else is written. More write its foot first, which stays where it is:
    before the text it breaks nothing that goes on overleaf.
    """
    rest, below = list(lines), list[Line]()
    while (at := _head(rest)) is not None:
        rest, below = rest[at:], rest[:at] + below
    return rest + below


def _head(lines: Sequence[Line]) -> int | None:
    """Return where the lines begin that all stand above those before them and are no more, ``None`` if nowhere."""
    lowest = list(accumulate((line.baseline for line in reversed(lines)), min))[::-1]
    highest = accumulate((line.baseline + line.size for line in lines), max)
    if any(line.turned for line in lines):
        return None
    bounds = enumerate(zip(highest, lowest[1:], strict=False), 1)
    return next((at for at, (top, low) in bounds if low > top and 2 * at >= len(lines)), None)


def _run_end(page: Sequence[Line], at: int) -> int:
    """Return the end of the run of lines from ``at`` on that keep the first one's gaps free, downwards."""
    gaps = _gaps(page[at])
    end = at + 1
    while gaps and end < len(page):
        line, before = page[end], page[end - 1]
        free = [_left_free(gap, line) for gap in gaps]
        if line.turned or line.baseline > before.baseline + 0.5 * line.size or not all(b > a for a, b in free):
            break
        gaps = free
        end += 1
    return end


def _gaps(line: Line) -> list[tuple[float, float]]:
    return [(left[1], right[0]) for left, right in pairwise(line.cells)]


def _left_free(gap: tuple[float, float], line: Line) -> tuple[float, float]:
    """Return the part of ``gap`` that the cells of ``line`` leave free; it ends before it begins where one crosses."""
    start, end = gap
    for left, right, _ in line.cells:
        if right <= (start + end) / 2:
            start = max(start, right)
        elif left >= (start + end) / 2:
            end = min(end, left)
        else:
            return 0.0, -1.0
    return start, end


def _columns(run: Sequence[Line]) -> list[list[Line]]:
    """Return the lines of each column; nothing where too few lines have them all."""
    count = len(run[0].cells)
    if count < 2 or sum(len(line.cells) == count for line in run) < _FEWEST_ROWS:
        return []
    starts = [min(line.cells[column][0] for line in run if len(line.cells) == count) for column in range(1, count)]
    columns: list[list[Line]] = [[] for _ in range(count)]
    for line in run:
        for cell in line.cells:
            column = sum(cell[0] >= start - 0.5 * line.size for start in starts)
            columns[column].append(replace(line, cells=(cell,)))
    return columns


def _is_prose(column: Sequence[Line]) -> bool:
    """Tell whether sentences run on from line to line."""
    texts = [line.text for line in column]
    words = sum(len(text.split()) for text in texts)
    runs_on = sum(following[:1].islower() or text.endswith("-") for text, following in pairwise(texts))
    return words >= _FEWEST_WORDS * len(texts) and runs_on >= _RUNS_ON * (len(texts) - 1)
