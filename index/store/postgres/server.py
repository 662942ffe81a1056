"""One database: connections, snapshots and transactions, and what must be so before anything is asked of it."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from index.errors import Busy, IndexDamaged, InputError
from index.store.postgres.migrations import migrate
from index.store.postgres.problems import ADDRESS, first_line, refused, told
from index.store.postgres.requirements import checked

Row = tuple[Any, ...]
Value = TypeVar("Value")

CONNECT_SECONDS = 10
WAIT_SECONDS = 30.0
"""Seconds that a thread waits for one of the process's connections."""
RECONNECT_SECONDS = 1.0
"""Seconds that the pool tries by itself; then the next thread that wants a connection tries at once. By itself it would
pause longer and longer, and find a server that is back only minutes later."""
PATIENCE_SECONDS = 2.0
"""Seconds after which it looks whether there is a server at all."""

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_DEFAULTS = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds: a cut network is noticed
}
_SESSION = {
    "hnsw.iterative_scan": "relaxed_order",  # without it a filter leaves too few rows
    "hnsw.ef_search": "300",
    "hnsw.max_scan_tuples": "200000",
    "hnsw.scan_mem_multiplier": "2",
    "work_mem": "64MB",  # what passes a filter is kept as a hash
    "jit": "off",  # it costs more than these statements take
    "random_page_cost": "1.1",  # the index is in memory or on flash
    # The server notices a client whose network is cut, and frees its locks; by itself it takes two hours.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class Server:
    """Connections to one schema of one database. Thread-safe.

    A statement outside of `snapshot` and `transaction` is a transaction of its own. A connection that broke while it
    was idle is replaced unnoticed.
    """

    def __init__(self, url: str, schema: str = "citechat", connections: int = 10) -> None:
        """Connect, and make or bring forward the tables; ``connections`` is how many are open at most.

        Raises:
            StoreUnavailable: the server is not there, or lets us not in.
            InputError: it is too old, lacks pgvector, or the role may not make the tables.
            IndexDamaged: the tables are of a later version than this program knows.
        """
        if not _SCHEMA.fullmatch(schema):
            raise InputError(f"{schema!r} is no name for a schema.", "Use a-z, 0-9 and _ in store_schema.")
        try:
            given = conninfo_to_dict(url)
        except psycopg.Error as error:
            raise InputError(
                f"The address of the database cannot be read: {first_line(error)}.",
                f"Write {ADDRESS} as postgresql://USER@HOST:5432/DATABASE.",
            ) from error
        self.schema = schema
        self.shown = _shown(given)
        name = f"citechat {socket.gethostname()} process {os.getpid()}"
        parameters: dict[str, Any] = {**_DEFAULTS, "application_name": name, **given}
        self._conninfo = make_conninfo(**parameters)
        self._path = schema
        self._local = threading.local()
        with self._connected() as connection, told(self.shown):
            self._path = f"{schema}, {checked(connection, self.shown)}"
            self._configure(connection)
            migrate(connection, schema, self.shown)
        self._pool = ConnectionPool(
            self._conninfo,
            kwargs={"autocommit": True, "prepare_threshold": None},
            configure=self._configure,
            check=ConnectionPool.check_connection,
            min_size=1,
            max_size=max(1, connections),
            reconnect_timeout=RECONNECT_SECONDS,
            open=True,
        )

    def read(self, statement: str, values: Sequence[object] | dict[str, object] = ()) -> list[Row]:
        """Return the rows of a statement."""
        with self.connection() as connection:
            return connection.execute(statement, values, binary=True).fetchall()

    def decoded(self, decode: Callable[[Row], Value], found: Sequence[Row]) -> list[Value]:
        """Decode rows; what is stored and cannot be decoded is damage."""
        try:
            return [decode(row) for row in found]
        except (ValueError, TypeError) as error:
            raise IndexDamaged(
                f"The index {self.shown} is damaged: {error}.", "Run: citechat index verify --repair"
            ) from error

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection: that of this thread's snapshot, or one of the pool."""
        held: Connection | None = getattr(self._local, "connection", None)
        if held is not None:
            with told(self.shown):
                yield held
            return
        with self._lent() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Show one state of the database to all that this thread reads, whatever others write meanwhile."""
        held: Connection | None = getattr(self._local, "connection", None)
        if held is not None:
            yield held  # the state that is shown already
            return
        with self._lent() as connection:
            connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
            try:
                with connection.transaction():
                    self._local.connection = connection
                    yield connection
            finally:
                self._local.connection = None
                if not connection.closed:
                    connection.isolation_level = connection.read_only = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend a connection in a transaction; commit at the end, or change nothing."""
        with self._lent() as connection, connection.transaction():
            yield connection

    def connect(self) -> Connection:
        """Return a connection of one's own, outside of the pool: for locks that are held, and for listening.

        Raises:
            StoreUnavailable: the server is not there.
        """
        connection = self._connected()
        try:
            with told(self.shown):
                self._configure(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        connection = self._free()
        try:
            with told(self.shown):
                yield connection
        finally:
            self._pool.putconn(connection)

    def _free(self) -> Connection:
        """Take a connection of the pool, which has proved that it is alive."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return self._pool.getconn(PATIENCE_SECONDS)
            except PoolTimeout as error:
                self._connected().close()  # tells it where there is none to be had
                if time.monotonic() >= deadline:
                    raise Busy(
                        f"No connection to {self.shown} is free.", "Raise the setting store_connections."
                    ) from error

    def _connected(self) -> Connection:
        try:
            return psycopg.connect(self._conninfo, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            raise refused(error, self.shown) from error

    def _configure(self, connection: Connection) -> None:
        """Set what every connection works with. Set here and not by the server, so that an operator need not."""
        names = {"search_path": self._path, **_SESSION}
        marks = ", ".join(["set_config(%s, %s, false)"] * len(names))
        values = [part for pair in names.items() for part in pair]
        connection.execute(f"SELECT {marks}", values)


def _shown(given: dict[str, Any]) -> str:
    """Return where a database is, without user and password."""
    host = given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST") or "localhost"
    port = given.get("port") or os.environ.get("PGPORT") or "5432"
    name = given.get("dbname") or os.environ.get("PGDATABASE") or given.get("user") or ""
    return f"postgresql://{host}:{port}/{name}"
