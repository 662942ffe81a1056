"""Excel workbooks of before 2007 (.xls) -> a section a sheet, a block a row."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

from index.readers import ole
from index.readers.grid import MOST_CELLS, Grid, grid_blocks, too_many_cells
from index.readers.numfmt import BUILTIN, stored
from index.readers.parsed import Parsed, RawBlock, Unreadable, clean

_NAME = "Excel workbook"
_GROUPS_PER_SHEET = 1_000_000


def parse(data: bytes) -> Parsed:
    """Read a workbook's visible sheets. Raises ``Unreadable`` for encrypted and damaged files."""
    import xlrd

    file = ole.opened(data, _NAME)
    # Its own way through the container may go round in circles; what it prints of oddities goes nowhere.
    stream = ole.stream(file, "Workbook") or ole.stream(file, "Book")
    try:
        book = xlrd.open_workbook(file_contents=stream, logfile=io.StringIO(), formatting_info=True, ragged_rows=True)
        blocks = list(_blocks(book))
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            raise Unreadable("is encrypted with a password.", "Save it without a password and add it again.") from error
        raise ole.damaged(_NAME) from error
    except (ArithmeticError, LookupError, ValueError, TypeError, AttributeError, AssertionError, struct.error) as error:
        raise ole.damaged(_NAME) from error
    title, fields = ole.properties(file)
    return Parsed(blocks, title, fields, labelled=True)


def _blocks(book: Any) -> Iterator[RawBlock]:  # noqa: ANN401  (xlrd has no types)
    left = MOST_CELLS
    sheets = [sheet for sheet in book.sheets() if not sheet.visibility] or book.sheets()
    for number, sheet in enumerate(sheets):
        grid = _grid(book, sheet, left)
        left -= sum(map(len, grid.rows.values()))
        found = list(grid_blocks(grid, number * _GROUPS_PER_SHEET))
        if found:
            yield RawBlock("heading", sheet.name, level=2)
            yield from found


def _grid(book: Any, sheet: Any, most: int) -> Grid:  # noqa: ANN401
    merges = [(top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells]
    grid = Grid(merges=merges)
    for number in range(sheet.nrows):
        cells = {column: cell for column, cell in enumerate(sheet.row(number)) if cell.ctype not in (0, 6)}
        row = {column: text for column, cell in cells.items() if (text := clean(_shown(book, cell)))}
        most -= len(row)
        if most < 0:
            raise too_many_cells()
        if row:
            grid.rows[number] = row
            if all(book.font_list[book.xf_list[cells[column].xf_index].font_index].bold for column in row):
                grid.bold.add(number)
    return grid


def _shown(book: Any, cell: Any) -> str:  # noqa: ANN401
    """Return a cell's text as Excel shows it; of a formula, its stored value."""
    from xlrd.biffh import XL_CELL_BOOLEAN, XL_CELL_ERROR, XL_CELL_TEXT, error_text_from_code

    if cell.ctype == XL_CELL_TEXT:
        return str(cell.value)
    if cell.ctype == XL_CELL_BOOLEAN:
        return "TRUE" if cell.value else "FALSE"
    if cell.ctype == XL_CELL_ERROR:
        return str(error_text_from_code.get(cell.value, ""))
    number = book.xf_list[cell.xf_index].format_key
    code = BUILTIN.get(number) or book.format_map[number].format_str
    return stored(repr(cell.value), code, book.datemode == 1)
