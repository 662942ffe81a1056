"""OpenDocument spreadsheets (.ods) -> a section a sheet, a block a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from index.readers.grid import MOST_CELLS, Grid, grid_blocks, too_many_cells
from index.readers.odf import annotation_text, attribute, body, cell_text, opened, properties
from index.readers.opc import local
from index.readers.parsed import Parsed, RawBlock

if TYPE_CHECKING:
    from lxml.etree import _Element

_GROUPS_PER_SHEET = 1_000_000
_MOST_REPEATS = 1000
"""Filled cells that claim to repeat more often are written so often at most."""


def parse(data: bytes) -> Parsed:
    """Read a spreadsheet. Raises ``Unreadable`` for bombs, encrypted and damaged files."""
    package = opened(data)
    title, fields = properties(package)
    sheets = [each for each in body(package, "spreadsheet") if local(each) == "table"]
    blocks: list[RawBlock] = []
    left = MOST_CELLS
    for number, sheet in enumerate(sheets):
        grid = Grid()
        for row, cells in _rows(sheet):
            left -= len(cells)
            if left < 0:
                raise too_many_cells()
            grid.rows[row] = cells
        group = number * _GROUPS_PER_SHEET
        comments = (RawBlock("row", text, group=group) for text in _comments(sheet))
        if found := [*grid_blocks(grid, group), *comments]:
            blocks += (RawBlock("heading", attribute(sheet, "name"), level=2), *found)
    return Parsed(blocks, title, fields, labelled=True)


def _rows(sheet: _Element) -> Iterator[tuple[int, dict[int, str]]]:
    """Yield the rows with text and their numbers; repeated empty ones are only counted."""
    number = 0
    for row in (each for each in sheet.iter() if local(each) == "table-row"):
        cells = _cells(row)
        repeats = _count(row, "number-rows-repeated")
        for offset in range(min(repeats, _MOST_REPEATS) if cells else 0):
            yield number + offset, dict(cells)
        number += repeats


def _cells(row: _Element) -> dict[int, str]:
    found: dict[int, str] = {}
    column = 0
    for cell in (each for each in row if local(each) in ("table-cell", "covered-table-cell")):
        repeats = _count(cell, "number-columns-repeated")
        if text := cell_text(cell):
            found.update(dict.fromkeys(range(column, column + min(repeats, _MOST_REPEATS)), text))
        column += repeats
    return found


def _comments(sheet: _Element) -> Iterator[str]:
    """Yield the comments on a sheet's cells."""
    number = 0
    for row in (each for each in sheet.iter() if local(each) == "table-row"):
        column = 0
        for cell in (each for each in row if local(each) in ("table-cell", "covered-table-cell")):
            for annotation in (each for each in cell if local(each) == "annotation"):
                if text := annotation_text(annotation, f"{_letters(column)}{number + 1}"):
                    yield text
            column += _count(cell, "number-columns-repeated")
        number += _count(row, "number-rows-repeated")


def _letters(column: int) -> str:
    """Return the name of a column, numbered from 0: A to Z, then AA."""
    rest, last = divmod(column, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("A") + last)


def _count(element: _Element, name: str) -> int:
    value = attribute(element, name)
    return max(1, int(value)) if value.isdecimal() and len(value) < 10 else 1
