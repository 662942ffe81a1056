"""The lines of a document's pages, without what belongs to the paper rather than to the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

PAGE_NUMBER = re.compile(
    r"(?:(?:page|seite|página|pagina)\s+)?\W{0,3}\d{1,4}\W{0,3}(?:(?:of|von|de|sur)\s\d{1,4})?", re.IGNORECASE
)
_FEWEST_REPEATS = 3
_RUNNING_SHARE = 0.4
_FEW_LINES = 10
_MOST_NUMBERS = 5
_COUNTED = "\0"
"""Encloses a number that is counted from the page's."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page: its cells as (left, right, text), its baseline and height, all in points.

    ``turned`` lines run in another direction than from left to right.
    """

    page: int
    cells: tuple[tuple[float, float, str], ...]
    baseline: float
    size: float
    bold: bool
    turned: bool = False

    @property
    def texts(self) -> list[str]:
        """The cells' texts."""
        return [text.strip() for _, _, text in self.cells]

    @property
    def text(self) -> str:
        """The whole line."""
        return " ".join(self.texts)

    @property
    def left(self) -> float:
        """Where the line begins, in points."""
        return self.cells[0][0]

    @property
    def right(self) -> float:
        """Where the line ends, in points."""
        return self.cells[-1][1]


def text_lines(pages: Sequence[Sequence[Line]]) -> list[Line]:
    """Return the lines of all pages, whole, without running heads and page numbers unless there is nothing else."""
    whole = [_whole_lines(page) for page in pages]
    return _without_running(whole) or [line for page in whole for line in page]


def _whole_lines(page: Sequence[Line]) -> list[Line]:
    """Join what pdfium takes apart: a raised or lowered character and the rest of its line."""
    lines: list[Line] = []
    for line in page:
        if lines and (joined := _joined(lines[-1], line)):
            lines[-1] = joined
        else:
            lines.append(line)
    return lines


def _joined(a: Line, b: Line) -> Line | None:
    """Return ``b`` continued on ``a`` if it stands right after it at about the same height."""
    larger = a if a.size >= b.size else b
    gap = b.left - a.right
    is_level = -0.5 * larger.size < b.baseline - a.baseline < 0.8 * larger.size
    if a.turned != b.turned or not is_level or not -0.3 * larger.size < gap < 1.2 * larger.size:
        return None
    (left, _, text), (_, right, following) = a.cells[-1], b.cells[0]
    cell = (left, right, text.rstrip() + (" " if gap > 0.2 * larger.size else "") + following.lstrip())
    return replace(larger, cells=(*a.cells[:-1], cell, *b.cells[1:]), bold=a.bold and b.bold)


def _without_running(pages: Sequence[Sequence[Line]]) -> list[Line]:
    """Return the lines without page numbers, and with what stands at the edge of many pages kept once."""
    counts = Counter(key for page in pages for key in {key for number in _edges(page) for key in _keys(page[number])})
    share = _RUNNING_SHARE * len(pages)
    running = {key for key, count in counts.items() if count >= max(share, 2 if _COUNTED in key else _FEWEST_REPEATS)}
    seen: set[str] = set()
    kept: list[Line] = []
    for page in pages:
        edges = _edges(page)
        for number, line in enumerate(page):
            keys = running.intersection(_keys(line))
            if number in edges and (_is_page_number(page, number) or keys & seen):
                continue
            seen |= keys
            kept.append(line)
    return kept


def _is_page_number(page: Sequence[Line], number: int) -> bool:
    """Tell whether a line says nothing but the number of the page, apart from the rest."""
    line = page[number]
    others = (other.baseline for at, other in enumerate(page) if at != number)
    return PAGE_NUMBER.fullmatch(line.text.strip()) is not None and all(
        abs(line.baseline - baseline) > 1.5 * line.size for baseline in others
    )


def _edges(page: Sequence[Line]) -> set[int]:
    """Return the numbers of the highest and the lowest lines: two of each, one on a page of few lines."""
    by_height = sorted(range(len(page)), key=lambda number: -page[number].baseline)
    count = 1 if len(page) < _FEW_LINES else 2
    return {*by_height[:count], *by_height[-count:]}


def _keys(line: Line) -> Iterator[str]:
    """Yield what stays the same if ``line`` runs on: its text, also with a number counted from the page's."""
    text = line.text.lower()
    yield text
    for number in islice(re.finditer(r"\d{1,4}", text), _MOST_NUMBERS):
        yield f"{text[: number.start()]}{_COUNTED}{int(number[0]) - line.page}{_COUNTED}{text[number.end() :]}"
