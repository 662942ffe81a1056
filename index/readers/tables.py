"""Table rows that read well by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from index.readers.parsed import clean


def row_texts(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> list[str]:
    """Return each row as ``Header: cell; Header: cell``, or as ``cell | cell`` when there is no header.

    Without a header, two columns whose left cells all differ are taken for names and values: ``name: value``. Empty
    cells, and cells that repeat their neighbour because they were merged, are left out.
    """
    names = [clean(name) for name in header]
    cells = [[clean(cell) for cell in row] for row in rows]
    if any(names):
        texts = [_named(row, names) for row in cells]
        return [text for text in texts if text] or [" | ".join(filter(None, names))]
    if _is_key_value(cells):
        return [f"{row[0].rstrip(':')}: {row[1]}" if row[1] else row[0] for row in cells if row[0] or row[1]]
    return [text for row in cells if (text := " | ".join(_unmerged(row)))]


def _named(row: Sequence[str], names: Sequence[str]) -> str:
    parts = []
    for at, cell in enumerate(row):
        if cell and not (at and cell == row[at - 1] and at < len(names) and names[at] == names[at - 1]):
            name = names[at] if at < len(names) else ""
            parts.append(f"{name.rstrip(':')}: {cell}" if name else cell)
    return "; ".join(parts)


def _unmerged(row: Sequence[str]) -> list[str]:
    return [cell for at, cell in enumerate(row) if cell and (at == 0 or cell != row[at - 1])]


def _is_key_value(rows: Sequence[Sequence[str]]) -> bool:
    keys = [row[0] for row in rows if row]
    return (
        len(rows) > 0
        and all(len(row) == 2 for row in rows)
        and all(keys)
        and len(set(keys)) == len(keys)
        and all(len(key) <= 60 for key in keys)
    )
