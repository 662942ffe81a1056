"""Proof that a store is sound: every part is checked against the others."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator

import numpy as np

from index.store.rows import COLUMNS, checksum
from index.store.vectors import VectorIndex

REMEDY = "Add the document again, or remove it."
REBUILD = "Remove vectors.faiss; it is made again."


def verify_database(connection: sqlite3.Connection, dimension: int) -> list[str]:
    """Return what is wrong in SQLite, in words, each with its remedy; an empty list is a sound store."""
    problems = [f"SQLite: {line}" for (line,) in connection.execute("PRAGMA integrity_check") if line != "ok"]
    problems = problems or list(_checksums(connection))
    return problems or [*_references(connection), *_offsets(connection), *_vectors(connection, dimension)]


def verify_vectors(connection: sqlite3.Connection, vectors: VectorIndex) -> list[str]:
    """Return how FAISS differs from the stored vectors."""
    problems = []
    indexed = vectors.rows()
    stored = set()
    for row, id_, vector in connection.execute("SELECT row, id, vector FROM passages"):
        stored.add(row)
        if row in indexed and vectors.vector(row).tobytes() != vector:
            problems.append(f"Passage {id_}: FAISS holds another vector. {REBUILD}")
    if stored != indexed:
        problems.append(
            f"FAISS holds {len(indexed - stored)} passages too many and lacks {len(stored - indexed)}. {REBUILD}"
        )
    return problems


def verify_lexical(connection: sqlite3.Connection) -> list[str]:
    """Return how the lexical index differs from the passages."""
    try:
        connection.execute("INSERT INTO passages_fts (passages_fts, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        return [f"The lexical index differs from the passages: {error}. {REMEDY}"]
    return []


def _checksums(connection: sqlite3.Connection) -> Iterator[str]:
    for table, columns in COLUMNS.items():
        for *values, expected in connection.execute(f"SELECT {columns}, checksum FROM {table}"):
            if checksum(values) != expected:
                yield f"{table.removesuffix('s').title()} {values[0]} is not what was stored. {REMEDY}"


def _references(connection: sqlite3.Connection) -> Iterator[str]:
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"Row {row} of {table} belongs to nothing in {parent}. {REMEDY}"
    for (id_,) in connection.execute("SELECT id FROM documents WHERE id NOT IN (SELECT document_id FROM origins)"):
        yield f"Document {id_} has no source. {REMEDY}"


def _offsets(connection: sqlite3.Connection) -> Iterator[str]:
    rows = connection.execute(
        """SELECT p.id, p.start, p.end, p.sentences,
                  p.end = p.start + length(p.text) AND substr(d.text, p.start + 1, p.end - p.start) = p.text
           FROM passages p JOIN documents d ON d.id = p.document_id"""
    )
    for id_, start, end, sentences, same in rows:
        spans = json.loads(sentences)
        ordered = all(a < b for a, b in spans) and all(left[1] <= right[0] for left, right in itertools.pairwise(spans))
        if not same or not spans or not ordered or spans[0][0] < start or spans[-1][1] > end:
            yield f"Passage {id_}: its text or sentences are not at their offsets. {REMEDY}"


def _vectors(connection: sqlite3.Connection, dimension: int) -> Iterator[str]:
    rows = connection.execute("SELECT id, sentences, vector, sentence_vectors FROM passages")
    for id_, sentences, vector, sentence_vectors in rows:
        if len(vector) != 4 * dimension or len(sentence_vectors) != 2 * dimension * len(json.loads(sentences)):
            yield f"Passage {id_}: its vectors have the wrong size. {REMEDY}"
        elif not abs(float(np.linalg.norm(np.frombuffer(vector, np.float32))) - 1) < 1e-3:
            yield f"Passage {id_}: its vector is not of unit length. {REMEDY}"
