"""One writer at a time, on any number of hosts: an advisory lock, which the server releases if its holder is gone."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import Connection

from index.errors import StoreUnavailable
from index.store.lock import WAIT, queue
from index.store.postgres.problems import told

if TYPE_CHECKING:
    from index.store.postgres.server import Server

_NAME = "citechat "
"""How the names begin under which processes are known to the server."""


def lock_key(purpose: str, schema: str) -> int:
    """Return the number of the lock for a purpose in a schema; a signed 64-bit integer."""
    digest = hashlib.sha256(f"citechat {purpose} {schema}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class WriterLock:
    """The lock of one schema, for one store of this process. A thread that holds it may take it again.

    Whoever holds it writes through the connection that holds it: where that breaks, nothing more is written.
    """

    def __init__(self, server: Server) -> None:
        self.wait = WAIT
        self.tell: Callable[[str], None] | None = None
        self._server = server
        self._key = lock_key("writer", server.schema)
        self._threads = threading.RLock()
        self._connection: Connection | None = None
        self._held = False

    @contextmanager
    def held(self) -> Iterator[Connection]:
        """Hold the lock, and lend the connection to write through.

        Raises:
            InputError: another writer has not finished within ``wait`` seconds.
            StoreUnavailable: the server is not there.
        """
        with self._threads:
            if self._held and self._connection is not None:
                yield self._connection
                return
            connection = self._acquired()
            self._held = True
            try:
                yield connection
            finally:
                self._held = False
                self._release(connection)

    def close(self) -> None:
        """Close the connection."""
        with self._threads:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _acquired(self) -> Connection:
        connection = self._alive()
        try:
            with told(self._server.shown):
                queue(
                    lambda: self._locked(connection),
                    lambda: self._holder(connection),
                    self._server.shown,
                    self.wait,
                    self.tell,
                )
        except StoreUnavailable:
            self.close()
            raise
        return connection

    def _alive(self) -> Connection:
        """Return the connection of the last time, if it still stands, or a new one."""
        if self._connection is not None:
            try:
                self._connection.execute("SELECT 1")
            except psycopg.Error:
                self.close()
        if self._connection is None:
            self._connection = self._server.connect()
        return self._connection

    def _release(self, connection: Connection) -> None:
        with suppress(psycopg.Error):
            connection.execute("SELECT pg_advisory_unlock(%s)", (self._key,))
        if connection.broken or connection.closed:
            self.close()

    def _locked(self, connection: Connection) -> bool:
        return connection.execute("SELECT pg_try_advisory_lock(%s)", (self._key,)).fetchone() == (True,)

    def _holder(self, connection: Connection) -> str:
        """Return in words which process holds the lock, as far as the server says so."""
        found = connection.execute(
            """SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid)
               WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database
                   WHERE datname = current_database())
               AND (classid::bigint << 32 | objid::bigint) = %s AND objsubid = 1""",
            (self._key,),
        ).fetchone()
        name = str(found[0] or "") if found else ""
        return f" ({name.removeprefix(_NAME)})" if name.startswith(_NAME) else ""
