"""The SQLite file: connections, transactions, and errors told as what they mean."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from index.errors import IndexDamaged, InputError
from index.store import listing
from index.store.rows import Row
from index.store.sound import MEND_OR_ANEW

SCHEMA = 5
"""Version of the tables."""

_SCRIPTS = {3: "schema.sql", 4: "log.sql", 5: "listing.sql"}
"""What brings a file to a version, from the one before."""

WRITE_WAIT = 30.0
"""Seconds that a writer waits for another one before it gives up."""

READER_WAIT = 1.0
"""Seconds that a writer waits for who still reads what was there before, where that can be left for later."""


_KEEP_HISTORY = """INSERT OR REPLACE INTO history
    SELECT (SELECT value FROM meta WHERE key = 'revision'), (SELECT value FROM meta WHERE key = 'state')"""

_BROKEN = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What SQLite and its binding raise on a damaged file."""

_UNUSABLE = {
    "SQLITE_BUSY": (
        f"has been written to by another process for {WRITE_WAIT:.0f} seconds.",
        "Let it finish, then try again.",
    ),
    "SQLITE_FULL": (
        "cannot grow: the disk is full. Nothing of the last document was stored.",
        "Free some space and run the command again: what is stored already is kept.",
    ),
    "SQLITE_IOERR": (
        "cannot be read or written: the disk reports an error, or that it is full.",
        "Check the disk and run the command again: what is stored already is kept.",
    ),
    "SQLITE_READONLY": ("is read-only.", "Change its permissions or choose another --home."),
    "SQLITE_CANTOPEN": ("cannot be opened or made.", "Check the permissions of its folder or choose another --home."),
}
"""Errors of SQLite, by the beginning of their names, that say nothing against the index: problem and remedy."""


class Database:
    """The file, with a connection for each thread."""

    def __init__(self, path: Path, made_with: Mapping[str, str]) -> None:
        """Open the file, or make it; ``made_with`` is kept in it.

        Raises:
            IndexDamaged: the file is no citechat index.
            InputError: it cannot be written.
        """
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        try:
            self._create({"schema": str(SCHEMA), "revision": "0", "state": "new", **made_with})
        except _BROKEN as error:
            self.close()
            raise self._unusable(error) from error

    def meta(self) -> dict[str, str]:
        """Return what the file says of itself."""
        return dict(self.read("SELECT key, value FROM meta"))

    def revision(self) -> int:
        """Return a number that grows with every change."""
        ((value,),) = self.read("SELECT value FROM meta WHERE key = 'revision'")
        return int(value)

    def state(self) -> str:
        """Return a name of the present content that no other content of any file has."""
        ((value,),) = self.read("SELECT value FROM meta WHERE key = 'state'")
        return str(value)

    def read(self, statement: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Row]:
        """Return the rows of a statement."""
        try:
            return self._connection().execute(statement, values).fetchall()
        except _BROKEN as error:
            raise self._unusable(error) from error

    def has_been(self, revision: int, state: str) -> bool:
        """Tell whether the latest content has come of this state, whatever state this thread sees."""
        connection = sqlite3.connect(self._path, WRITE_WAIT)
        try:
            known = "SELECT 1 FROM history WHERE revision = ? AND state = ?"
            return connection.execute(known, (revision, state)).fetchone() is not None
        except _BROKEN as error:
            raise self._unusable(error) from error
        finally:
            connection.close()

    def checkpoint(self, wait: float = READER_WAIT) -> bool:
        """Move the log into the file and empty it, so that no former content is left there; tell whether it is.

        It is not while somebody reads former content, which is waited for ``wait`` seconds at most.
        """
        self.read(f"PRAGMA busy_timeout = {wait * 1000:.0f}")
        try:
            ((busy, _, _),) = self.read("PRAGMA wal_checkpoint (TRUNCATE)")
        finally:
            self.read(f"PRAGMA busy_timeout = {WRITE_WAIT * 1000:.0f}")
        return not busy

    def vacuum(self, tell: Callable[[str], None]) -> None:
        """Write the file anew without unused space, and empty the log; ``tell`` hears that a reader is waited for.

        Raises:
            InputError: somebody reads the former content all the time.
        """
        self.read("VACUUM")
        if self.checkpoint():
            return
        tell(f"Another process still reads {self._path} as it was; waiting for it.")
        if not self.checkpoint(WRITE_WAIT):
            raise InputError(
                f"The log of {self._path} cannot be emptied while another process reads it.",
                "Run the command again when it is done.",
            )

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Show one state of the file to all that this thread reads, whatever others write meanwhile."""
        connection = self._connection()
        if connection.in_transaction:
            yield connection  # the state that is shown already
            return
        try:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")
        except _BROKEN as error:
            raise self._unusable(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        """Hold the one write transaction; commit at the end, or change nothing."""
        connection = self._connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                cursor = connection.cursor()
                yield cursor
                cursor.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")
                cursor.execute("UPDATE meta SET value = lower(hex(randomblob(16))) WHERE key = 'state'")
                cursor.execute(_KEEP_HISTORY)
        except _BROKEN as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
            self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, WRITE_WAIT, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            with self._lock:
                self._connections.append(connection)
            self._local.connection = connection
        return connection

    def _create(self, meta: Mapping[str, str]) -> None:
        connection = self._connection()
        if not _missing(connection):
            return  # so that whoever only reads never waits for a writer
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            scripts = _missing(connection)
            for script in scripts:
                for statement in statements(script):
                    connection.execute(statement)
                if script == "schema.sql":
                    connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
            if scripts:
                listing.make(connection)
                connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA),))
                connection.execute(_KEEP_HISTORY)

    def _unusable(self, error: Exception) -> IndexDamaged | InputError:
        name = getattr(error, "sqlite_errorname", "")
        for beginning, (problem, remedy) in _UNUSABLE.items():
            if name.startswith(beginning):
                return InputError(f"The index {self._path} {problem}", remedy)
        return IndexDamaged(f"The index {self._path} is damaged: {error}.", f"{MEND_OR_ANEW}.")


def _missing(connection: sqlite3.Connection) -> list[str]:
    """Return the scripts that the file still needs: all of a new one, none of one that is of no known version."""
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return list(_SCRIPTS.values())
    found = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    known = [version for version in _SCRIPTS if found and found[0] == str(version)]
    return [script for version, script in _SCRIPTS.items() if known and version > known[0]]


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script beside this file; a trigger holds semicolons of its own."""
    statement = ""
    for line in Path(__file__).with_name(script).read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
