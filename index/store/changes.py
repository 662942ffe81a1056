"""What a change does to the rows, inside the one write transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from index.store import rows
from index.store.base import Origin, SourceTaken, StoredPassage
from index.types import Document

REMOVED = "removed"
"""Key in ``meta`` while words of removed documents may still be on disk."""


def put(cursor: sqlite3.Cursor, document: Document, origin: Origin, passages: Sequence[StoredPassage]) -> None:
    """Store a document and point its origin to it; see `Store.put`."""
    if not cursor.execute("SELECT 1 FROM documents WHERE id = ?", (document.id,)).fetchone():
        cursor.execute(*rows.insertion("documents", rows.document_row(document)))
        for stored in passages:
            cursor.execute(*rows.insertion("passages", rows.passage_row(stored)))
    cursor.execute("DELETE FROM origins WHERE location = ?", (origin.location,))
    _point(cursor, origin)
    _delete_orphans(cursor)


def move(cursor: sqlite3.Cursor, location: str, origin: Origin) -> bool:
    """Move an origin whose content is unchanged; see `Store.move`."""
    known = "DELETE FROM origins WHERE location = ? AND digest = ? AND document_id = ?"
    if not cursor.execute(known, (location, origin.digest, origin.document_id)).rowcount:
        return False
    _point(cursor, origin)
    return True


def drop(cursor: sqlite3.Cursor, locations: Sequence[str]) -> None:
    """Remove origins, and the documents that no other origin points to."""
    cursor.execute("DELETE FROM origins WHERE location IN (SELECT value FROM json_each(?))", (json.dumps(locations),))
    _delete_orphans(cursor)


def delete(cursor: sqlite3.Cursor, document_ids: Sequence[str]) -> None:
    """Remove documents with all that belongs to them."""
    if not document_ids:
        return
    doomed = json.dumps(list(document_ids))
    for table, column in (("origins", "document_id"), ("passages", "document_id"), ("documents", "id")):
        cursor.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (doomed,))
    cursor.execute("INSERT OR REPLACE INTO meta VALUES (?, 'not forgotten yet')", (REMOVED,))


def forget(cursor: sqlite3.Cursor) -> None:
    """Merge the lexical index, which only marks words as removed."""
    cursor.execute("INSERT INTO passages_fts (passages_fts) VALUES ('optimize')")
    cursor.execute("DELETE FROM meta WHERE key = ?", (REMOVED,))


def _point(cursor: sqlite3.Cursor, origin: Origin) -> None:
    if cursor.execute("SELECT 1 FROM origins WHERE source = ?", (origin.source,)).fetchone():
        raise SourceTaken(
            f"Another file has just been added as {origin.source}.", "Run the command again for a longer name."
        )
    cursor.execute(*rows.insertion("origins", rows.origin_row(origin)))


def _delete_orphans(cursor: sqlite3.Cursor) -> None:
    orphans = cursor.execute("SELECT id FROM documents WHERE id NOT IN (SELECT document_id FROM origins)").fetchall()
    delete(cursor, [id_ for (id_,) in orphans])
