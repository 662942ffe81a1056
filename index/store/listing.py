"""What a listing shows of each document, and the sums of it: kept beside the documents, checked and made again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from index.store import rows
from index.store.base import StoredPassage
from index.store.sound import MEND
from index.types import Document

_COLUMNS = "document_id, title, metadata, characters, passages, sentences, tokens"

_MADE = """SELECT d.id, d.title, d.metadata, length(d.text), count(p.row),
        coalesce(sum(CASE WHEN json_valid(p.sentences) THEN json_array_length(p.sentences) ELSE 0 END), 0),
        coalesce(sum(p.tokens), 0)
    FROM documents d LEFT JOIN passages p ON p.document_id = d.id GROUP BY d.id"""
"""The listing, made of what is stored; whatever a damaged row says, it can be made."""

_COUNTED = """SELECT count(*), coalesce(sum(characters), 0), (SELECT count(*) FROM origins), coalesce(sum(passages), 0),
        coalesce(sum(sentences), 0), coalesce(sum(tokens), 0) FROM listing"""


def insert(cursor: sqlite3.Cursor, document: Document, passages: Sequence[StoredPassage]) -> None:
    """List a document that is stored with these passages."""
    id_, title, text, metadata, *_ = rows.document_row(document)
    sentences = sum(len(stored.passage.sentences) for stored in passages)
    tokens = sum(stored.tokens for stored in passages)
    cursor.execute(
        f"INSERT INTO listing ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (id_, title, metadata, len(text), len(passages), sentences, tokens),
    )


def make(connection: sqlite3.Connection | sqlite3.Cursor) -> None:
    """Make the listing and its sums of what is stored."""
    connection.execute("DELETE FROM listing")
    connection.execute("DELETE FROM totals")
    connection.execute(f"INSERT INTO listing ({_COLUMNS}) {_MADE}")  # while there is no row of totals, none is counted
    connection.execute(f"INSERT INTO totals {_COUNTED}")


def verify_listing(connection: sqlite3.Connection) -> list[str]:
    """Return how the listing and its sums differ from what is stored."""
    problems = []
    ((listed, stored),) = connection.execute(
        f"""WITH made AS ({_MADE}) SELECT
            (SELECT count(*) FROM (SELECT {_COLUMNS} FROM listing EXCEPT SELECT * FROM made)),
            (SELECT count(*) FROM (SELECT * FROM made EXCEPT SELECT {_COLUMNS} FROM listing))"""
    )
    if listed or stored:
        problems.append(f"The listing has {listed} documents that are not stored so, and lacks {stored}. {MEND}")
    if connection.execute("SELECT * FROM totals").fetchall() != connection.execute(_COUNTED).fetchall():
        problems.append(f"The totals are not the sums of the listing. {MEND}")
    return problems
