"""Proof that a store is sound: every part is checked against the others."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator

from index.store.listing import verify_listing
from index.store.rows import COLUMNS, checksum
from index.store.sound import (
    CUT_SHORT,
    MEND,
    MEND_OR_ANEW,
    OWNERS,
    end_of_blocks,
    fault_of_vectors,
    miscounted,
    pages_divide,
    remedy,
    restored,
    sentences_lie_within,
)
from index.store.vectors import VectorIndex

_OF_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
"""What checking a damaged file may end with, besides a list of the damage."""
_LOST_WORDS = """
SELECT count(*) FROM passages_vocabulary AS listed
WHERE NOT EXISTS (SELECT 1 FROM passages_vocabulary AS found WHERE found.term = listed.term)
"""


def verify_database(connection: sqlite3.Connection, dimension: int) -> list[str]:
    """Return what is wrong in SQLite, in words, each with its remedy; an empty list is a sound store."""
    problems = [f"SQLite: {line}. {MEND_OR_ANEW}" for line in integrity(connection)]
    problems = problems or list(_checksums(connection))
    checks = (_references(connection), _pages(connection), _offsets(connection), _vectors(connection, dimension))
    return problems or list(itertools.chain(*checks)) or verify_listing(connection)


def integrity(connection: sqlite3.Connection, table: str | None = None) -> list[str]:
    """Return what SQLite says against its file, or against a table of it."""
    try:
        found = connection.execute(f"PRAGMA integrity_check {f'({table})' if table else ''}").fetchall()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in _OF_DAMAGE:
            raise
        return [str(error)]
    return [line for (line,) in found if line != "ok"]


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
    """Return how the lexical index differs from the passages.

    SQLite's own check reads the index from one end to the other. A search looks a word up in a table of the pages where
    words begin (``passages_fts_idx``), which that check does not read: each word is looked up once besides.
    """
    try:
        connection.execute("INSERT INTO passages_fts (passages_fts, rank) VALUES ('integrity-check', 1)")
        ((lost,),) = connection.execute(_LOST_WORDS)
    except sqlite3.DatabaseError as error:
        return [f"The lexical index differs from the passages: {error}. {MEND}"]
    return (
        [f"The lexical index differs from the passages: it does not find {lost} of its words. {MEND}"] if lost else []
    )


def damage_of_lexical(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite says against the tables that the lexical index is kept in."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'passages_fts_*'")
    return [line for (table,) in tables.fetchall() for line in integrity(connection, table)]


def _checksums(connection: sqlite3.Connection) -> Iterator[str]:
    for table, columns in COLUMNS.items():
        for *values, expected in connection.execute(f"SELECT {columns}, checksum FROM {table}"):
            if checksum(values) != expected:
                mendable = table == "passages" and restored(text_of(connection, values[1]), values, expected)
                means = MEND if mendable else _remedy(connection, values[OWNERS[table]])
                yield f"{table.removesuffix('s').title()} {values[0]} is not what was stored. {means}"


def text_of(connection: sqlite3.Connection, document: object) -> str | None:
    """Return the text of a document, ``None`` for one that is not there."""
    found = connection.execute("SELECT text FROM documents WHERE id = ?", (document,)).fetchone()
    return str(found[0]) if found else None


def _references(connection: sqlite3.Connection) -> Iterator[str]:
    lost = "WHERE document_id NOT IN (SELECT id FROM documents)"
    for (location,) in connection.execute(f"SELECT location FROM origins {lost} ORDER BY location"):
        yield f"The document of {location} is lost. {MEND}"
    for (id_,) in connection.execute(f"SELECT id FROM passages {lost}"):
        yield f"Passage {id_} belongs to no document. {MEND}"
    for (id_,) in connection.execute("SELECT id FROM documents WHERE id NOT IN (SELECT document_id FROM origins)"):
        yield f"Document {id_} has no source. {_remedy(connection, id_)}"
    for (id_,) in connection.execute("SELECT id FROM documents WHERE id NOT IN (SELECT document_id FROM passages)"):
        yield f"Document {id_} has no passages. {_remedy(connection, id_)}"
    rows = connection.execute(
        """SELECT document_id, count(*), max(ordinal), sum(id != document_id || '-' || ordinal) FROM passages
           GROUP BY document_id HAVING count(*) != max(ordinal) + 1 OR sum(id != document_id || '-' || ordinal)"""
    )
    for document, number, last, misnamed in rows:
        yield f"Document {document} {miscounted(number, last, misnamed)}. {_remedy(connection, document)}"
    reached = connection.execute(
        "SELECT d.id, d.blocks, max(p.end) FROM documents d JOIN passages p ON p.document_id = d.id GROUP BY d.id"
    )
    for document, blocks, end in reached:
        if end < end_of_blocks(blocks):
            yield f"Document {document} {CUT_SHORT}. {_remedy(connection, document)}"


def _pages(connection: sqlite3.Connection) -> Iterator[str]:
    for id_, length, pages in connection.execute("SELECT id, length(text), pages FROM documents WHERE pages != '[]'"):
        if not pages_divide(length, pages):
            yield f"Document {id_}: its pages do not divide its text. {_remedy(connection, id_)}"


def _offsets(connection: sqlite3.Connection) -> Iterator[str]:
    rows = connection.execute(
        """SELECT p.id, p.document_id, p.start, p.end, p.sentences,
                  p.end = p.start + length(p.text) AND substr(d.text, p.start + 1, p.end - p.start) = p.text
           FROM passages p JOIN documents d ON d.id = p.document_id"""
    )
    for id_, document, start, end, sentences, same in rows:
        if not same or not sentences_lie_within(start, end, sentences):
            yield f"Passage {id_}: its text or sentences are not at their offsets. {_remedy(connection, document)}"


def _vectors(connection: sqlite3.Connection, dimension: int) -> Iterator[str]:
    rows = connection.execute("SELECT id, document_id, sentences, vector, sentence_vectors FROM passages")
    for id_, document, sentences, vector, sentence_vectors in rows:
        if fault := fault_of_vectors(sentences, vector, sentence_vectors, dimension):
            yield f"Passage {id_}: {fault}. {_remedy(connection, document)}"


def _remedy(connection: sqlite3.Connection, document: str) -> str:
    """Name the commands that mend a document: only its file can."""
    found = connection.execute("SELECT location FROM origins WHERE document_id = ? ORDER BY location", (document,))
    return remedy(document, [location for (location,) in found])
