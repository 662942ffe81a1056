"""Rows of PostgreSQL and of SQLite are the same values with the same checksums; only vectors are written otherwise."""

from __future__ import annotations

import numpy as np

from index.store import rows
from index.store.rows import Row
from index.types import Vector

DOCUMENT = rows.COLUMNS["documents"]
ORIGIN = rows.COLUMNS["origins"]
_PASSAGE = rows.COLUMNS["passages"].replace(" end,", ' "end",')
PASSAGE = _PASSAGE.replace(" vector,", " vector_send(vector),")
"""The columns of a passage as `passage` takes them."""
PASSAGE_NAMES = _PASSAGE

_VECTOR = rows.COLUMNS["passages"].split(", ").index("vector")
_HEADER_BYTES = 4


def passage(row: Row) -> Row:
    """Return the row of a passage as SQLite has it, from one selected as ``PASSAGE``."""
    return (*row[:_VECTOR], blob(row[_VECTOR]), *row[_VECTOR + 1 :])


def blob(sent: bytes) -> bytes:
    """Return a vector as SQLite keeps it (float32) from what ``vector_send`` gives: big-endian after a header."""
    return np.frombuffer(sent, ">f4", offset=_HEADER_BYTES).astype("<f4").tobytes()


def written_passage(row: Row) -> list[object]:
    """Return the row of a passage as it is copied into the table."""
    return [*row[:_VECTOR], literal(np.frombuffer(row[_VECTOR], np.float32)), *row[_VECTOR + 1 :]]


def literal(vector: Vector) -> str:
    """Return a vector as pgvector reads it; every float32 is read back as it was."""
    return "[" + ",".join(map(repr, np.asarray(vector, np.float32).tolist())) + "]"
