"""Merged cells of HTML tables, written out: one cell per row and column."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_WIDEST = 100
_MOST_CELLS = 50_000


def write_out_spans(tree: _Element) -> None:
    """Replace, in place, every merged cell below ``tree`` by single ones.

    A heading cell is repeated in each column it spans, and any cell in each row; else columns stay empty. Past a sane
    number of cells, merged ones count as single.
    """
    budget = _MOST_CELLS
    for table in tree.iter("table"):
        if any(cell.get("rowspan") or cell.get("colspan") for cell in table.iter("td", "th")):
            below: dict[int, tuple[int, _Element]] = {}
            for row in [row for row in table.iter("tr") if next(row.iterancestors("table"), None) is table]:
                cells = [(cell, _span(cell, "rowspan"), _span(cell, "colspan")) for cell in row if _is_cell(cell)]
                if budget > 0:
                    row[:] = _written_out(cells, below)
                    budget -= len(row)


def _written_out(cells: list[tuple[_Element, int, int]], below: dict[int, tuple[int, _Element]]) -> list[_Element]:
    """Return the single cells of a row; ``below``: column -> rows left and cell of those from above."""
    row: list[_Element] = []
    coming = iter(cells)
    while len(row) < _WIDEST:
        column = len(row)
        if column in below:
            left, cell = below.pop(column)
            row.append(deepcopy(cell))
            if left > 1:
                below[column] = (left - 1, cell)
            continue
        cell, rowspan, colspan = next(coming, (None, 1, 1))
        if cell is None:
            break
        for offset in range(min(colspan, _WIDEST - column)):
            copy = deepcopy(cell) if not offset or cell.tag == "th" else cell.makeelement(cell.tag)
            copy.tail = None
            row.append(copy)
            if rowspan > 1:
                below[column + offset] = (rowspan - 1, copy)
    return row


def _is_cell(element: _Element) -> bool:
    return element.tag in ("td", "th")


def _span(cell: _Element, name: str) -> int:
    """Return how many rows or columns ``cell`` takes up, and forget it."""
    value = cell.attrib.pop(name, "1").strip()
    return int(value) if value.isdecimal() and 0 < int(value) < 1000 else 1
