"""Comma-, semicolon-, tab- and bar-separated values -> rows that name their columns."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from index.readers.decode import decode
from index.readers.grid import Grid, grid_blocks, texts_of
from index.readers.parsed import Parsed, Unreadable

_DELIMITERS = (",", ";", "\t", "|", "^")
_SAMPLE_ROWS = 200
_SAMPLE = 1 << 18
_LONGEST_FIELD = 1 << 20
_MOST_LINES = 200
_DECLARED = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


def parse(data: bytes) -> Parsed:
    """Read a table. Raises ``Unreadable`` for binary data and absurd fields."""
    text = decode(data).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    declared = _DECLARED.match(text)
    delimiter = declared[1] if declared else _delimiter(text[:_SAMPLE])
    rows = _rows(text[declared.end() :] if declared else text, delimiter)
    return Parsed(list(grid_blocks(Grid(dict(texts_of(rows))))), labelled=True)


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """Return the cells; where a quotation mark that never closes would swallow the rest, marks mean nothing."""
    try:
        rows = list(_read(text, delimiter))
    except csv.Error:
        rows = []
    if not rows or any(cell.count("\n") > _MOST_LINES for row in rows for cell in row):
        try:
            return list(_read(text, delimiter, csv.QUOTE_NONE))
        except csv.Error:
            raise Unreadable(
                f"has a field of more than {_LONGEST_FIELD // 2**20} MiB.", "Check its quotation marks."
            ) from None
    return rows


def _read(text: str, delimiter: str, quoting: Literal[0, 3] = csv.QUOTE_MINIMAL) -> Iterator[list[str]]:
    csv.field_size_limit(_LONGEST_FIELD)
    # A blank after a delimiter belongs to the layout, and a quotation mark may follow it.
    yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, skipinitialspace=True)


def _delimiter(sample: str) -> str:
    """Return the delimiter with which most rows have the same number of cells, more than one; a comma if none."""
    scores = {delimiter: _evenness(sample, delimiter) for delimiter in _DELIMITERS}
    best = max(scores, key=lambda delimiter: scores[delimiter])
    # Text of a single column may have commas in it; then no delimiter occurs that is in no text.
    return best if scores[best][0] > 0 else "\x1f"


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    """Return the share of rows with the commonest number of cells, 0 unless half have it, and that number."""
    try:
        widths = Counter(len(row) for row in islice(_read(sample, delimiter), _SAMPLE_ROWS) if any(map(str.strip, row)))
    except csv.Error:
        return 0.0, 0
    if not widths:
        return 0.0, 0
    width, count = widths.most_common(1)[0]
    share = count / sum(widths.values())
    return (share, width) if width > 1 and share >= 0.5 else (0.0, 0)
