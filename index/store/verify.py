"""Proof that a store is sound: every part is checked against the others."""

from __future__ import annotations

import itertools
import json
import shlex
import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from index.store.rows import COLUMNS, checksum
from index.store.vectors import VectorIndex

MEND = "Run: citechat index verify --repair"
ANEW = "if that is no help, restore the index from a backup, or remove it and add the documents again"

_TEXT = COLUMNS["passages"].split(", ").index("text")
_OWNERS = {"documents": 0, "origins": 5, "passages": 1}
"""The column of each table that names the document."""


def verify_database(connection: sqlite3.Connection, dimension: int) -> list[str]:
    """Return what is wrong in SQLite, in words, each with its remedy; an empty list is a sound store."""
    problems = [f"SQLite: {line}. {MEND}, or {ANEW}" for line in integrity(connection)]
    problems = problems or list(_checksums(connection))
    checks = (_references(connection), _pages(connection), _offsets(connection), _vectors(connection, dimension))
    return problems or list(itertools.chain(*checks))


def integrity(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite says against its file."""
    return [line for (line,) in connection.execute("PRAGMA integrity_check") if line != "ok"]


def verify_vectors(connection: sqlite3.Connection, vectors: VectorIndex) -> list[str]:
    """Return how FAISS differs from the stored vectors."""
    problems = []
    indexed = vectors.rows()
    stored = set()
    for row, id_, vector in connection.execute("SELECT row, id, vector FROM passages"):
        stored.add(row)
        if row in indexed and vectors.vector(row).tobytes() != vector:
            problems.append(f"Passage {id_}: FAISS holds another vector. {MEND}")
    if stored != indexed:
        problems.append(
            f"FAISS holds {len(indexed - stored)} passages too many and lacks {len(stored - indexed)}. {MEND}"
        )
    return problems


def verify_removed(connection: sqlite3.Connection) -> list[str]:
    """Return what the log of removed rows says against the passages."""
    ((number,),) = connection.execute("SELECT count(*) FROM passages WHERE row IN (SELECT row FROM removed)")
    return [f"{number} passages are listed as removed. {MEND}"] if number else []


def verify_lexical(connection: sqlite3.Connection) -> list[str]:
    """Return how the lexical index differs from the passages."""
    try:
        connection.execute("INSERT INTO passages_fts (passages_fts, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        return [f"The lexical index differs from the passages: {error}. {MEND}"]
    return []


def _checksums(connection: sqlite3.Connection) -> Iterator[str]:
    for table, columns in COLUMNS.items():
        for *values, expected in connection.execute(f"SELECT {columns}, checksum FROM {table}"):
            if checksum(values) != expected:
                mendable = table == "passages" and restored(connection, values, expected)
                remedy = MEND if mendable else _remedy(connection, values[_OWNERS[table]])
                yield f"{table.removesuffix('s').title()} {values[0]} is not what was stored. {remedy}"


def restored(connection: sqlite3.Connection, values: Sequence[object], expected: str) -> str | None:
    """Return the text that a passage (without its checksum) had, where its document has it and the checksum proves it.

    ``expected`` is the checksum of the row.
    """
    _, document, _, start, end, *_ = values
    found = connection.execute("SELECT text FROM documents WHERE id = ?", (document,)).fetchone()
    if not found or not isinstance(start, int) or not isinstance(end, int):
        return None
    text: str = found[0][start:end]
    return text if checksum([*values[:_TEXT], text, *values[_TEXT + 1 :]]) == expected else None


def _references(connection: sqlite3.Connection) -> Iterator[str]:
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"Row {row} of {table} belongs to nothing in {parent}. {MEND}"
    for (id_,) in connection.execute("SELECT id FROM documents WHERE id NOT IN (SELECT document_id FROM origins)"):
        yield f"Document {id_} has no source. {_remedy(connection, id_)}"
    for (id_,) in connection.execute("SELECT id FROM documents WHERE id NOT IN (SELECT document_id FROM passages)"):
        yield f"Document {id_} has no passages. {_remedy(connection, id_)}"
    rows = connection.execute(
        """SELECT document_id, count(*), max(ordinal), sum(id != document_id || '-' || ordinal) FROM passages
           GROUP BY document_id HAVING count(*) != max(ordinal) + 1 OR sum(id != document_id || '-' || ordinal)"""
    )
    for document, number, last, misnamed in rows:
        yield (
            f"Document {document} has {number} passages, numbered up to {last}, {misnamed} misnamed. "
            f"{_remedy(connection, document)}"
        )


def _pages(connection: sqlite3.Connection) -> Iterator[str]:
    for id_, length, pages in connection.execute("SELECT id, length(text), pages FROM documents WHERE pages != '[]'"):
        bounds = [place for _, *extent in json.loads(pages) for place in extent]
        if bounds != sorted(bounds) or bounds[0] != 0 or bounds[-1] != length:
            yield f"Document {id_}: its pages do not divide its text. {_remedy(connection, id_)}"


def _offsets(connection: sqlite3.Connection) -> Iterator[str]:
    rows = connection.execute(
        """SELECT p.id, p.document_id, p.start, p.end, p.sentences,
                  p.end = p.start + length(p.text) AND substr(d.text, p.start + 1, p.end - p.start) = p.text
           FROM passages p JOIN documents d ON d.id = p.document_id"""
    )
    for id_, document, start, end, sentences, same in rows:
        spans = json.loads(sentences)
        ordered = all(a < b for a, b in spans) and all(left[1] <= right[0] for left, right in itertools.pairwise(spans))
        if not same or not spans or not ordered or spans[0][0] < start or spans[-1][1] > end:
            yield f"Passage {id_}: its text or sentences are not at their offsets. {_remedy(connection, document)}"


def _vectors(connection: sqlite3.Connection, dimension: int) -> Iterator[str]:
    rows = connection.execute("SELECT id, document_id, sentences, vector, sentence_vectors FROM passages")
    for id_, document, sentences, vector, sentence_vectors in rows:
        if len(vector) != 4 * dimension or len(sentence_vectors) != 2 * dimension * len(json.loads(sentences)):
            yield f"Passage {id_}: its vectors have the wrong size. {_remedy(connection, document)}"
        elif not abs(float(np.linalg.norm(np.frombuffer(vector, np.float32))) - 1) < 1e-3:
            yield f"Passage {id_}: its vector is not of unit length. {_remedy(connection, document)}"
        elif not _unit_rows(np.frombuffer(sentence_vectors, np.float16).reshape(-1, dimension)):
            yield f"Passage {id_}: the vectors of its sentences are not of unit length. {_remedy(connection, document)}"


def _unit_rows(matrix: npt.NDArray[np.float16]) -> bool:
    lengths = np.linalg.norm(matrix.astype(np.float32), axis=1)
    return bool((np.abs(lengths - 1) < 1e-2).all())


def _remedy(connection: sqlite3.Connection, document: str) -> str:
    """Name the commands that mend a document: only its file can."""
    found = connection.execute("SELECT location FROM origins WHERE document_id = ? ORDER BY location", (document,))
    files = " ".join(shlex.quote(location) for (location,) in found)
    again = f", then add the file again: citechat index add {files}" if files else ""
    return f"Its file alone can mend it; remove it: citechat index remove {document}{again}"
