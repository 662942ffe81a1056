"""Mending what can be made again from what is proved sound. Nothing is embedded, and nothing is guessed."""

from __future__ import annotations

import re
import shlex
import sqlite3
from collections.abc import Callable, Iterator

from index.store import listing
from index.store.database import Database
from index.store.rows import COLUMNS, checksum
from index.store.sound import restored
from index.store.verify import integrity, text_of, verify_lexical

_UNUSED = re.compile("free space corruption|Freelist|is never used|Fragmentation")
"""What SQLite says of the unused parts of its file."""


def repair_database(database: Database, tell: Callable[[str], None]) -> list[str]:
    """Mend indexes, leftovers, passages that their document proves, and the lexical index; return what was mended.

    ``tell`` hears that a reader is waited for.
    """
    return [*_unused_space(database, tell), *_rows(database)]


def _unused_space(database: Database, tell: Callable[[str], None]) -> Iterator[str]:
    """Write the file anew where only its unused parts are damaged."""
    with database.snapshot() as connection:
        damage = integrity(connection)
    if damage and all(_UNUSED.search(line) for line in damage):
        database.vacuum(tell)
        yield "The file of SQLite was written anew."


def _rows(database: Database) -> list[str]:
    mended: list[str] = []
    with database.writing() as cursor:
        if integrity(cursor.connection):
            cursor.execute("REINDEX")
            mended.append("The indexes of SQLite were made again.")
        if verify_lexical(cursor.connection):
            # Rows cannot be deleted, nor changed, while it is broken.
            cursor.execute("INSERT INTO passages_fts (passages_fts) VALUES ('rebuild')")
            mended.append("The lexical index was made again from the passages.")
        if number := cursor.execute("DELETE FROM removed WHERE row IN (SELECT row FROM passages)").rowcount:
            mended.append(f"{number} passages were listed as removed, and are no more.")
        changed = [*_leftovers(cursor), *_passages(cursor)]
        if changed:
            cursor.execute("INSERT INTO passages_fts (passages_fts) VALUES ('rebuild')")
        if listing.verify_listing(cursor.connection):
            listing.make(cursor)
            changed.append("The listing of the documents was made again.")
        return mended + changed


def _leftovers(cursor: sqlite3.Cursor) -> Iterator[str]:
    """Delete rows of documents that are not there: no search shows them, and nothing else can be made of them."""
    lost = "WHERE document_id NOT IN (SELECT id FROM documents)"
    for (location,) in cursor.execute(f"SELECT location FROM origins {lost} ORDER BY location").fetchall():
        yield f"The document of {location} is lost. Add the file again: citechat index add {shlex.quote(location)}"
    cursor.execute(f"DELETE FROM origins {lost}")
    if number := cursor.execute(f"DELETE FROM passages {lost}").rowcount:
        yield f"{number} passages that belonged to no document were deleted."


def _passages(cursor: sqlite3.Cursor) -> Iterator[str]:
    """Give passages the text that stands in their document, where their checksum proves that it was theirs."""
    found = cursor.execute(f"SELECT row, checksum, {COLUMNS['passages']} FROM passages").fetchall()
    for row, expected, *values in found:
        if checksum(values) == expected:
            continue
        text = restored(text_of(cursor.connection, values[1]), values, expected)
        if text is not None:
            cursor.execute("UPDATE passages SET text = ? WHERE row = ?", (text, row))
            yield f"Passage {values[0]} was given the text of its document again."
