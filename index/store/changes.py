"""What a change does to the rows, inside the one write transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from index.store import listing, rows
from index.store.base import UNSETTLED, Origin, SourceTaken, StaleVersion, StoredPassage
from index.store.rows import COLUMNS
from index.types import Document

REMOVED = "removed"
"""Key in ``meta`` while words of removed documents may still be on disk."""


def put(
    cursor: sqlite3.Cursor, document: Document, origin: Origin, passages: Sequence[StoredPassage], expected: str | None
) -> None:
    """Store a document and point its origin to it; see `Store.put`."""
    known = cursor.execute("SELECT document_id FROM origins WHERE location = ?", (origin.location,)).fetchone()
    refuse_stale(origin.location, known[0] if known else "", expected)
    if not cursor.execute("SELECT 1 FROM documents WHERE id = ?", (document.id,)).fetchone():
        cursor.execute(*rows.insertion("documents", rows.document_row(document)))
        for stored in passages:
            cursor.execute(*rows.insertion("passages", rows.passage_row(stored)))
        listing.insert(cursor, document, passages)
    before = _documents_at(cursor, [origin.location])
    cursor.execute("DELETE FROM origins WHERE location = ?", (origin.location,))
    _point(cursor, origin)
    _delete_orphans(cursor, before)


def refuse_stale(location: str, known: str, expected: str | None) -> None:
    """Compare what an origin points to with what it is expected to.

    Raises:
        StaleVersion: they differ.
    """
    if expected is not None and known != expected:
        raise StaleVersion(
            f"{location} has been changed by somebody else meanwhile.", "Read it again, then add what it is now."
        )


def move(cursor: sqlite3.Cursor, location: str, origin: Origin) -> bool:
    """Move an origin whose content is unchanged; see `Store.move`."""
    known = "DELETE FROM origins WHERE location = ? AND digest = ? AND document_id = ?"
    if not cursor.execute(known, (location, origin.digest, origin.document_id)).rowcount:
        return False
    _point(cursor, origin)
    return True


def settle(cursor: sqlite3.Cursor, location: str, origins: Sequence[Origin]) -> None:
    """Make these origins all that the file at ``location`` consists of; see `Store.settle`."""
    gone = cursor.execute(
        # "0" comes right after "/": between them lies what is called after a folder or a container.
        """DELETE FROM origins WHERE (location = ? OR location > ? AND location < ?)
           AND location NOT IN (SELECT value FROM json_each(?)) RETURNING document_id""",
        (location, f"{location}/", f"{location}0", json.dumps([origin.location for origin in origins])),
    ).fetchall()
    known = "DELETE FROM origins WHERE location = ? AND document_id = ?"
    there = [origin for origin in origins if cursor.execute(known, (origin.location, origin.document_id)).rowcount]
    for origin in there:
        settled = origin if len(there) == len(origins) else replace(origin, modified_ns=UNSETTLED)
        cursor.execute(*rows.insertion("origins", rows.origin_row(settled)))
    _delete_orphans(cursor, [id_ for (id_,) in gone])


def remove(cursor: sqlite3.Cursor, document_ids: Sequence[str]) -> None:
    """Remove documents with their origins; see `Store.remove`."""
    found = "SELECT location FROM origins WHERE document_id IN (SELECT value FROM json_each(?))"
    drop(cursor, [location for (location,) in cursor.execute(found, (json.dumps(list(document_ids)),)).fetchall()])
    delete(cursor, document_ids)


def drop(cursor: sqlite3.Cursor, locations: Sequence[str]) -> None:
    """Remove origins, and the documents that no other origin points to; see `Store.drop`."""
    _unsettle(cursor, locations)
    before = _documents_at(cursor, locations)
    cursor.execute("DELETE FROM origins WHERE location IN (SELECT value FROM json_each(?))", (json.dumps(locations),))
    _delete_orphans(cursor, before)


def delete(cursor: sqlite3.Cursor, document_ids: Sequence[str]) -> None:
    """Remove documents with all that belongs to them."""
    if not document_ids:
        return
    doomed = json.dumps(list(document_ids))
    tables = {"origins": "document_id", "passages": "document_id", "listing": "document_id", "documents": "id"}
    for table, column in tables.items():
        cursor.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (doomed,))
    cursor.execute("INSERT OR REPLACE INTO meta VALUES (?, 'not forgotten yet')", (REMOVED,))


def merge(cursor: sqlite3.Cursor) -> None:
    """Merge the lexical index, which only marks words as removed."""
    cursor.execute("INSERT INTO passages_fts (passages_fts) VALUES ('optimize')")


def forgotten(cursor: sqlite3.Cursor) -> None:
    """Note that no word of a removed document is left on disk."""
    cursor.execute("DELETE FROM meta WHERE key = ?", (REMOVED,))


def _point(cursor: sqlite3.Cursor, origin: Origin) -> None:
    if cursor.execute("SELECT 1 FROM origins WHERE source = ?", (origin.source,)).fetchone():
        raise taken(origin.source)
    cursor.execute(*rows.insertion("origins", rows.origin_row(origin)))


def taken(source: str) -> SourceTaken:
    """Return the error for a name that another origin has."""
    return SourceTaken(f"Another file has just been added as {source}.", "Run the command again for a longer name.")


def _documents_at(cursor: sqlite3.Cursor, locations: Sequence[str]) -> list[str]:
    found = "SELECT document_id FROM origins WHERE location IN (SELECT value FROM json_each(?))"
    return [id_ for (id_,) in cursor.execute(found, (json.dumps(list(locations)),))]


def _delete_orphans(cursor: sqlite3.Cursor, documents: Sequence[str]) -> None:
    """Delete those of these documents that no origin points to any more."""
    orphans = cursor.execute(
        """SELECT DISTINCT value FROM json_each(?)
           WHERE NOT EXISTS (SELECT 1 FROM origins WHERE document_id = value)""",
        (json.dumps(list(documents)),),
    ).fetchall()
    delete(cursor, [id_ for (id_,) in orphans])


def _unsettle(cursor: sqlite3.Cursor, locations: Sequence[str]) -> None:
    """Let the files that these locations lie in be read again when they are added again."""
    found = cursor.execute(
        f"""SELECT {COLUMNS["origins"]} FROM origins WHERE digest IN
            (SELECT digest FROM origins WHERE location IN (SELECT value FROM json_each(?)))""",
        (json.dumps(list(locations)),),
    ).fetchall()
    for origin in (replace(Origin(*row), modified_ns=UNSETTLED) for row in found):
        cursor.execute("DELETE FROM origins WHERE location = ?", (origin.location,))
        cursor.execute(*rows.insertion("origins", rows.origin_row(origin)))
