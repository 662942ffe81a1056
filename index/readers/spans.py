"""Merged cells of HTML tables, written out: one cell per row and column."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_WIDEST = 100
_MOST_CELLS = 20_000


def write_out_spans(tree: _Element) -> None:
    """Replace, in place, every merged cell below ``tree`` by single ones.

    A heading cell is repeated in each column it spans, and any cell in each row; else columns stay empty.
    """
    for table in tree.iter("table"):
        if any(cell.get("rowspan") or cell.get("colspan") for cell in table.iter("td", "th")):
            rows = [row for row in table.iter("tr") if next(row.iterancestors("table"), None) is table]
            _write_out(rows)


def _write_out(rows: list[_Element]) -> None:
    below: dict[int, tuple[int, _Element]] = {}
    budget = _MOST_CELLS
    for row in rows:
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        grid: list[_Element] = []
        while (cells or len(grid) in below) and len(grid) < _WIDEST and budget > 0:
            column = len(grid)
            budget -= 1
            if column in below:
                left, cell = below.pop(column)
                grid.append(deepcopy(cell))
                if left > 1:
                    below[column] = (left - 1, cell)
                continue
            cell = cells.pop(0)
            rowspan, colspan = _span(cell, "rowspan"), _span(cell, "colspan")
            for offset in range(min(colspan, _WIDEST - column)):
                copy = deepcopy(cell) if not offset or cell.tag == "th" else cell.makeelement(cell.tag)
                copy.tail = None
                grid.append(copy)
                if rowspan > 1:
                    below[column + offset] = (rowspan - 1, copy)
        if budget > 0:
            row[:] = grid


def _span(cell: _Element, name: str) -> int:
    """Return how many rows or columns ``cell`` takes up, and forget it."""
    value = cell.attrib.pop(name, "1").strip()
    return int(value) if value.isdecimal() and 0 < int(value) < 1000 else 1
