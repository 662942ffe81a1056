"""Mending what can be made again from what is proved sound. Nothing is embedded, and nothing is guessed."""

from __future__ import annotations

import re
import shlex
import sqlite3
from collections.abc import Callable, Iterator

from index.store import listing
from index.store.database import Database, statements
from index.store.rows import COLUMNS, checksum
from index.store.sound import restored
from index.store.verify import damage_of_lexical, integrity, text_of, verify_lexical

_UNUSED = re.compile("free space corruption|Freelist|is never used|Fragmentation")
"""What SQLite says of the unused parts of its file."""


def repair_database(database: Database, tell: Callable[[str], None]) -> list[str]:
    """Mend indexes, leftovers, passages that their document proves, and the lexical index; return what was mended.

    ``tell`` hears that a reader is waited for.
    """
    mended = [*_unused_space(database, tell), *_rows(database)]
    return [*mended, *_unused_space(database, tell)] if mended else []


def _unused_space(database: Database, tell: Callable[[str], None]) -> Iterator[str]:
    """Write the file anew where only its unused parts are damaged."""
    with database.snapshot() as connection:
        damage = _damage(connection)
    if damage and all(map(_UNUSED.search, damage)):
        database.vacuum(tell)
        yield "The file of SQLite was written anew."


def _damage(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite says against its file, line by line, without the headings."""
    return [line for lines in integrity(connection) for line in lines.splitlines() if not line.startswith("***")]


def _rows(database: Database) -> list[str]:
    mended: list[str] = []
    with database.snapshot() as connection:  # before anything is written: a check that fails would spoil that
        tables_are_damaged = bool(damage_of_lexical(connection))
    with database.writing() as cursor:
        # Rows cannot be deleted, nor changed, nor indexes made while it is broken.
        if tables_are_damaged:
            _make_lexical_tables(cursor)
        if _make_lexical(cursor) or tables_are_damaged:
            mended.append("The lexical index was made again from the passages.")
        if not all(map(_UNUSED.search, _damage(cursor.connection))):
            cursor.execute("REINDEX")
            mended.append("The indexes of SQLite were made again.")
        if number := cursor.execute("DELETE FROM removed WHERE row IN (SELECT row FROM passages)").rowcount:
            mended.append(f"{number} passages were listed as removed, and are no more.")
        changed = [*_leftovers(cursor), *_passages(cursor)]
        if changed:
            cursor.execute("INSERT INTO passages_fts (passages_fts) VALUES ('rebuild')")
        if listing.verify_listing(cursor.connection):
            listing.make(cursor)
            changed.append("The listing of the documents was made again.")
        return mended + changed


def _make_lexical(cursor: sqlite3.Cursor) -> bool:
    """Make the lexical index again from the passages where it differs from them, and tell whether it did."""
    if not verify_lexical(cursor.connection):
        return False
    rebuild = "INSERT INTO passages_fts (passages_fts) VALUES ('rebuild')"
    try:
        cursor.execute(rebuild)
    except sqlite3.DatabaseError:
        _make_lexical_tables(cursor)
        cursor.execute(rebuild)
    return True


def _make_lexical_tables(cursor: sqlite3.Cursor) -> None:
    """Make the tables of the lexical index anew, empty.

    SQLite cannot drop what it cannot open: they are struck from its schema, and their pages left to be cleared away.
    """
    cursor.execute("PRAGMA writable_schema = ON")
    try:
        cursor.execute("DELETE FROM sqlite_master WHERE sql LIKE '%passages_fts%'")
    finally:
        cursor.execute("PRAGMA writable_schema = RESET")
    for statement in statements("schema.sql"):
        if "passages_fts" in statement:
            cursor.execute(statement)


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
