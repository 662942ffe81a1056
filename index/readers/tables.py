"""Table rows that read well by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from index.readers.parsed import clean

_LONGEST_KEY = 60


def row_texts(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> list[str]:
    """Return each row as ``Header: cell; Header: cell``, or as ``cell | cell`` when there is no header.

    Without a header, two columns whose left cells all differ are taken for names and values: ``name: value``. Rows
    and columns without text are left out; so are empty cells where each cell names its column.
    """
    cells = [[clean(cell) for cell in row] for row in (header, *rows)]
    used = [any(column) for column in zip_longest(*cells, fillvalue="")]
    names, *cells = [[cell for cell, keep in zip(row, used, strict=False) if keep] for row in cells]
    if any(names):
        return [text for row in cells if (text := _named(row, names))] or [" | ".join(names)]
    if _is_key_value(cells):
        return [f"{row[0].rstrip(': ')}: {row[1]}" if row[1] else row[0] for row in cells]
    return [clean(" | ".join(row)).strip(" |") for row in cells if any(row)]


def names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first of ``rows`` names the columns: different short names without digits, above numbers."""
    if len(rows) < 2 or not looks_like_names(rows[0]):
        return False
    columns = list(zip_longest(*rows[1:], fillvalue=""))[1:]
    return any(all(any(map(str.isdigit, cell)) for cell in column if cell.strip()) for column in columns)


def looks_like_names(row: Sequence[str]) -> bool:
    """Tell whether ``row`` could be the names of three columns or more."""
    names = [clean(name) for name in row]
    return (
        len([name for name in names if name]) > 2
        and len(set(names)) == len(names)
        and all(len(name) <= _LONGEST_KEY and not name.endswith(":") for name in names)
        and not any(map(str.isdigit, "".join(names)))
    )


def _named(row: Sequence[str], names: Sequence[str]) -> str:
    padded = [*names, *[""] * (len(row) - len(names))]
    pairs = ((name.rstrip(": "), cell) for name, cell in zip(padded, row, strict=False) if cell)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs)


def _is_key_value(rows: Sequence[Sequence[str]]) -> bool:
    keys = [row[0] for row in rows if row]
    return (
        bool(rows)
        and all(len(row) == 2 for row in rows)
        and all(any(map(str.isalpha, key)) and len(key) <= _LONGEST_KEY for key in keys)
        and len(set(keys)) == len(keys)
    )
