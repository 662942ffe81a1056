"""Proof that a store is sound: every part is checked against the others."""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterator

import numpy as np

from index.store.vectors import VectorIndex

REMEDY = "Add the document again, or remove it."


def verify_database(connection: sqlite3.Connection, vectors: VectorIndex, dimension: int) -> list[str]:
    """Return what is wrong, in words, each with its remedy; an empty list is a sound store."""
    problems = [f"SQLite: {line}" for (line,) in connection.execute("PRAGMA integrity_check") if line != "ok"]
    if problems:
        return problems
    problems.extend(_foreign_keys(connection))
    problems.extend(_documents(connection))
    problems.extend(_passages(connection, vectors, dimension))
    problems.extend(_lexical(connection))
    return problems


def _foreign_keys(connection: sqlite3.Connection) -> Iterator[str]:
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"Row {row} of {table} belongs to nothing in {parent}. {REMEDY}"
    for (id_,) in connection.execute("SELECT id FROM documents WHERE id NOT IN (SELECT document_id FROM origins)"):
        yield f"Document {id_} has no source. {REMEDY}"


def _documents(connection: sqlite3.Connection) -> Iterator[str]:
    for id_, text, digest in connection.execute("SELECT id, text, text_digest FROM documents"):
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            yield f"Document {id_}: its text is not what was stored. {REMEDY}"
    rows = connection.execute(
        """SELECT p.id, p.start, p.end, p.sentences, substr(d.text, p.start + 1, p.end - p.start) = p.text
           FROM passages p JOIN documents d ON d.id = p.document_id"""
    )
    for id_, start, end, sentences, same in rows:
        spans = json.loads(sentences)
        ordered = all(a < b for a, b in spans) and all(left[1] <= right[0] for left, right in itertools.pairwise(spans))
        if not same or not spans or not ordered or spans[0][0] < start or spans[-1][1] > end:
            yield f"Passage {id_}: its text or sentences are not at their offsets. {REMEDY}"


def _passages(connection: sqlite3.Connection, vectors: VectorIndex, dimension: int) -> Iterator[str]:
    indexed = vectors.rows()
    stored = set()
    rows = connection.execute("SELECT row, id, sentences, vector, sentence_vectors FROM passages")
    for row, id_, sentences, vector, sentence_vectors in rows:
        stored.add(row)
        if len(vector) != 4 * dimension or len(sentence_vectors) != 2 * dimension * len(json.loads(sentences)):
            yield f"Passage {id_}: its vectors have the wrong size. {REMEDY}"
            continue
        numbers = np.frombuffer(vector, np.float32)
        if not abs(float(np.linalg.norm(numbers)) - 1) < 1e-3:
            yield f"Passage {id_}: its vector is not of unit length. {REMEDY}"
        if row in indexed and not np.array_equal(vectors.vector(row), numbers):
            yield f"Passage {id_}: FAISS holds another vector. Remove vectors.faiss; it is made again."
    if stored != indexed:
        yield (
            f"FAISS holds {len(indexed - stored)} passages too many and lacks {len(stored - indexed)}. "
            "Remove vectors.faiss; it is made again."
        )


def _lexical(connection: sqlite3.Connection) -> Iterator[str]:
    try:
        connection.execute("INSERT INTO passages_fts (passages_fts, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        yield f"The lexical index differs from the passages: {error}. {REMEDY}"
