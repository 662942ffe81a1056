"""The cells of a spreadsheet -> the blocks of its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from index.readers.parsed import RawBlock, Unreadable, clean
from index.readers.tables import names_columns, row_texts

MOST_CELLS = 1_000_000
"""How many filled cells a file may have."""

_LONGEST_NAME = 80
_LONGEST_QUESTION = 300
"""The questions of a survey name columns too, where numbers stand below."""

_LONGEST_HEADING = 120
_MOST_CAPTIONS = 4
_MOST_PLACES = 5_000_000
_SAMPLE = 50
_NUMBER = re.compile(r"[\W_]*\d[\d\W_]*(?:[A-Za-z]{1,3})?[\W_]*")
_ADDRESS = re.compile(r"\S+@\S+|\w+://\S+")

Row = dict[int, str]
"""The filled cells of a row: column (from 0) -> text."""


@dataclass(slots=True)
class Grid:
    """A sheet's filled cells: row -> column -> text, both from 0; ``bold`` holds the rows that are bold throughout."""

    rows: dict[int, Row] = field(default_factory=dict)
    bold: set[int] = field(default_factory=set)
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    """First row, first column, last row, last column of the merged cells."""


def too_many_cells() -> Unreadable:
    """Return the verdict on a file with more than ``MOST_CELLS``."""
    return Unreadable(f"has more than {MOST_CELLS:,} filled cells.", "Split it into smaller files.")


def grid_blocks(grid: Grid, first_group: int = 0) -> Iterator[RawBlock]:
    """Yield the blocks of a sheet: each stretch between empty rows is a table, or goes on with the one before."""
    _write_out_merges(grid)
    header: Row = {}
    for group, stretch in enumerate(_stretches(grid), first_group + 1):
        rows = [grid.rows[number] for number in stretch]
        captions = _captions(rows)
        for row in rows[:captions]:
            yield from _caption(row, group)
        rows = rows[captions:]
        is_marked = stretch[captions] in grid.bold and stretch[-1] not in grid.bold
        height = _header_height(rows, is_marked, goes_on=bool(header) and not captions)
        if height:
            header = _joined(rows[:height])
        elif captions or not _fits(rows, header):
            header = {}
        if header or max(map(len, rows)) > 1:
            yield from _table(rows[height:], header, group)
        else:
            yield from (RawBlock("paragraph", next(iter(row.values()))) for row in rows)
        if not header and len(rows[-1]) > 2 and all(map(_is_name, rows[-1].values())):
            # Names alone, an empty row, then what they name.
            header = rows[-1] if len(rows) <= _MOST_CAPTIONS else {}


def _captions(rows: Sequence[Row]) -> int:
    """Return how many of the first rows stand over the table: one cell, or far fewer than the names that follow."""
    count = 0
    alone = next((number for number, row in enumerate(rows) if len(row) > 1), 0)
    if 1 < alone <= _MOST_CAPTIONS and _header_height(rows[alone:]):
        count = alone  # a title, its source, the day of the export, each on a line of its own
    while len(rows) > count + 1 and (
        len(rows[count]) == 1 < len(rows[count + 1])
        or (
            count < _MOST_CAPTIONS and 2 * len(rows[count]) < len(rows[count + 1]) and _header_height(rows[count + 1 :])
        )
    ):
        count += 1
    return count


def _caption(row: Row, group: int) -> Iterator[RawBlock]:
    text = " | ".join(row.values())
    if len(row) > 1:
        yield RawBlock("row", text, group=group)
    elif len(text) <= _LONGEST_HEADING and not _NUMBER.fullmatch(text):
        yield RawBlock("heading", text, level=3)
    else:
        yield RawBlock("paragraph", text)


def _fits(rows: Sequence[Row], header: Row) -> bool:
    """Tell whether ``header`` names the columns of ``rows``, but for the first, and rows there are."""
    columns = sorted({column for row in rows for column in row})
    return set(columns[1:]) <= header.keys() and not max(map(len, rows)) == 1 < len(header)


def _table(rows: Sequence[Row], header: Row, group: int) -> Iterator[RawBlock]:
    columns = sorted({column for row in (header, *rows) for column in row})
    if len(rows) * len(columns) > _MOST_PLACES:
        # So wide and so empty that its empty places would need more room than its cells.
        for row in rows:
            names = [header.get(column, "") for column in row] if header else ()
            yield from (RawBlock("row", text, group=group) for text in row_texts([list(row.values())], names))
        return
    cells = [[row.get(column, "") for column in columns] for row in rows]
    for text in row_texts(cells, [header.get(column, "") for column in columns] if header else ()):
        yield RawBlock("row", text, group=group)


def _stretches(grid: Grid) -> Iterator[list[int]]:
    """Yield the numbers of the rows that stand together."""
    stretch: list[int] = []
    for number in sorted(grid.rows):
        if stretch and number > stretch[-1] + 1:
            yield stretch
            stretch = []
        stretch.append(number)
    if stretch:
        yield stretch


def _header_height(rows: Sequence[Row], is_bold: bool = False, goes_on: bool = False) -> int:
    """Return how many of ``rows`` name the columns: 0, 1, or 2 where the second row names parts of merged columns.

    What follows an empty row needs stronger signs, because the table before may go on there.
    """
    if len(rows) < 2:
        return 0
    columns = sorted({column for row in rows for column in row})
    first = rows[0]
    width = max(map(len, rows[1:]))
    stands_over_data = _stands_over_data(rows)
    longest = _LONGEST_QUESTION if stands_over_data else _LONGEST_NAME
    if len(first) < 2 or 2 * len(first) < width or not all(_is_name(text, longest) for text in first.values()):
        return 0
    second = rows[1]
    leftmost = min(columns)
    # The first column has no second name, or its name is merged downwards over both rows.
    has_parts = (
        len(rows[2]) > len(second)
        if len(rows) > 2 and leftmost not in second
        else second.get(leftmost) == first.get(leftmost) and second != first
    )
    is_double = len(rows) > 2 and has_parts and all(map(_is_name, second.values()))
    names = list(_joined(rows[:2]).values() if is_double else first.values())
    if len(set(names)) < len(names) and not (is_bold or stands_over_data):
        return 0
    if not is_double and not is_bold and _recurs(rows):
        return 0
    texts = [[row.get(column, "") for column in columns] for row in rows[:_SAMPLE]]
    if goes_on and not is_bold and not names_columns(texts):
        return 0
    return 1 + is_double


def _stands_over_data(rows: Sequence[Row]) -> bool:
    """Tell whether some column has a name first, and only numbers or addresses below."""
    for column, name in rows[0].items():
        below = [row[column] for row in rows[1:_SAMPLE] if column in row]
        if below and not _is_datum(name) and all(map(_is_datum, below)):
            return True
    return False


def _recurs(rows: Sequence[Row]) -> bool:
    """Tell whether a text of the first row stands below it again: then it is a value, unless the whole row does."""
    first = rows[0]
    return any(
        row != first and any(row.get(column) == text for column, text in first.items()) for row in rows[1:_SAMPLE]
    )


def _is_name(text: str, longest: int = _LONGEST_NAME) -> bool:
    return len(text) <= longest and not _is_datum(text)


def _is_datum(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text) and not re.fullmatch(r"(?:19|20)\d\d", text)) or bool(_ADDRESS.fullmatch(text))


def _joined(rows: Sequence[Row]) -> Row:
    """Return a header of several rows as one."""
    columns = sorted({column for row in rows for column in row})
    return {column: " ".join(dict.fromkeys(filter(None, (row.get(column, "") for row in rows)))) for column in columns}


def _write_out_merges(grid: Grid) -> None:
    """Repeat merged cells, in place, in the rows that they span, and in the columns where several columns are named."""
    budget = MOST_CELLS
    last_row = max(grid.rows, default=0)
    for top, left, bottom, right in grid.merges:
        text = grid.rows.get(top, {}).get(left, "")
        if not text:
            continue
        names_several = top == bottom and any(
            column in grid.rows.get(top + 1, {}) for column in range(left + 1, min(right, left + 500) + 1)
        )
        is_whole_row = len(grid.rows[top]) == 1
        if names_several and not is_whole_row:
            for column in range(left + 1, min(right, left + 500) + 1):
                grid.rows[top].setdefault(column, text)
        below = range(top + 1, min(bottom, last_row) + 1)[: max(0, budget)]
        budget -= len(below)
        for number in below:
            if number in grid.rows:
                grid.rows[number].setdefault(left, text)


def texts_of(rows: Sequence[Sequence[str]]) -> Mapping[int, Row]:
    """Return rows of texts as the rows of a ``Grid``. Raises ``Unreadable`` for too many filled cells."""
    found: dict[int, Row] = {}
    count = 0
    for number, cells in enumerate(rows):
        row = {column: text for column, cell in enumerate(cells) if (text := clean(cell))}
        count += len(row)
        if count > MOST_CELLS:
            raise too_many_cells()
        if row:
            found[number] = row
    return found
