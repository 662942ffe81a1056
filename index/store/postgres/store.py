"""The store in a schema of a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from psycopg import Connection

from index.errors import IndexDamaged, InputError
from index.store.base import Compaction, Origin, StoredPassage, check_embedder
from index.store.postgres import changes
from index.store.postgres.locks import WriterLock
from index.store.postgres.migrations import newer, newest
from index.store.postgres.problems import told
from index.store.postgres.reading import PostgresReading
from index.store.postgres.repair import repair
from index.store.postgres.rights import sees_a_part
from index.store.postgres.server import Server
from index.store.postgres.verify import verify
from index.types import Document

_TABLES = ("documents", "origins", "passages", "listing", "terms", "postings", "fields", "meta")

_WITHIN_A_PAGE = 1024
"""Dimensions up to which vectors stand in the table itself, where comparing them needs no further look-up."""


class PostgresStore(PostgresReading):
    """A `Store` in PostgreSQL. Any number of processes on any hosts may read; one writes at a time, the others wait.

    Thread-safe. ``server`` also serves what else is kept in the same schema.
    """

    def __init__(self, server: Server, fingerprint: str, dimension: int) -> None:
        """Open the store, or make it.

        Raises:
            IndexDamaged: it was made by another embedder.
            InputError: the role may not make it.
        """
        super().__init__(server, dimension)
        self.server = server
        self._lock = WriterLock(server)
        made_with = {"fingerprint": fingerprint, "dimension": str(dimension)}
        meta = self._meta()
        if "fingerprint" not in meta:
            with server.transaction() as connection:
                for item in made_with.items():
                    connection.execute("INSERT INTO meta VALUES (%s, %s) ON CONFLICT DO NOTHING", item)
                if dimension <= _WITHIN_A_PAGE:
                    connection.execute("ALTER TABLE passages ALTER vector SET STORAGE PLAIN")
            meta = self._meta()
        again = f"Drop the schema {server.schema} and add the documents again, or choose another store_schema."
        check_embedder(meta, made_with, server.shown, again)

    def verify(self) -> list[str]:
        """See `Store`."""
        try:
            with self._server.snapshot() as connection:
                if sees_a_part(connection):
                    raise InputError(
                        "This role reads a part of the index, and only the whole can be verified.",
                        "Run it as the role that owns the tables.",
                    )
                return verify(connection, self._dimension)
        except IndexDamaged as error:
            return [str(error)]

    def close(self) -> None:
        """See `Store`."""
        self._lock.close()
        self._server.close()

    # --- writing -----------------------------------------------------------------------------------------------

    def patience(self, seconds: float, tell: Callable[[str], None]) -> None:
        """See `Store`."""
        self._lock.wait, self._lock.tell = seconds, tell

    @contextmanager
    def changing(self) -> Iterator[None]:
        """See `Store`."""
        with self._lock.held():
            yield

    def put(
        self, document: Document, origin: Origin, passages: Sequence[StoredPassage], *, expected: str | None = None
    ) -> None:
        """See `Store`."""
        with self._writing() as connection:
            changes.put(connection, document, origin, passages, expected)

    def settle(self, location: str, origins: Sequence[Origin]) -> None:
        """See `Store`."""
        with self._writing() as connection:
            changes.settle(connection, location, origins)

    def move(self, location: str, origin: Origin) -> bool:
        """See `Store`."""
        with self._writing() as connection:
            return changes.move(connection, location, origin)

    def drop(self, locations: Sequence[str]) -> None:
        """See `Store`."""
        with self.changing():
            with self._writing() as connection:
                changes.drop(connection, locations)
            self.forget()

    def remove(self, document_ids: Sequence[str]) -> None:
        """See `Store`."""
        with self.changing():
            with self._writing() as connection:
                changes.remove(connection, document_ids)
            self.forget()

    def forget(self) -> None:
        """See `Store`; also builds the graph of the dense search once there are passages enough for it.

        Rows are overwritten in the tables. What the server's log, its replicas and backups keep is up to its operator.
        """
        if not self.has_traces() and not self._dense.wanted():
            return
        with self._lock.held() as connection, told(self._server.shown):
            self._dense.index(connection)
            if connection.execute("SELECT 1 FROM meta WHERE key = %s", (changes.REMOVED,)).fetchone():
                self._unused_terms(connection)
                for table in _TABLES:
                    # Indexes hold no words but those of terms and names; they are cleaned in the server's own time.
                    indexes = "on" if table in ("terms", "origins", "fields") else "off"
                    connection.execute(f"VACUUM (INDEX_CLEANUP {indexes}, TRUNCATE off) {table}")

    def has_traces(self) -> bool:
        """See `Store`; of the server's files only tables count."""
        return changes.REMOVED in self._meta()

    def compact(self) -> Compaction:
        """See `Store`; needs free space for a copy of the largest table."""
        with self._lock.held() as connection, told(self._server.shown):
            before = _bytes(connection)
            self._unused_terms(connection)
            self._dense.renew(connection)
            with self._dense.building(connection):  # it is made anew with its table
                for table in _TABLES:
                    connection.execute(f"VACUUM (FULL, ANALYZE) {table}")
                    connection.execute(f"VACUUM {table}")  # only now is a page known to be visible to all
            self._dense.index(connection)
            return Compaction(before, _bytes(connection))

    def repair(self) -> list[str]:
        """See `Store`."""
        with self._lock.held() as connection, told(self._server.shown):
            with self._writing():
                mended = repair(connection)
            if self._dense.index(connection):
                mended.append("The graph of the dense search was built.")
            return mended

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Hold the lock and a transaction; commit at the end, or change nothing."""
        with self._lock.held() as connection, told(self._server.shown), connection.transaction():
            ((version,),) = connection.execute("SELECT max(version) FROM migrations").fetchall()
            if version > newest():  # by a program that was started after this one
                raise newer(version, self._server.shown)
            yield connection
            connection.execute("UPDATE state SET revision = revision + 1, name = gen_random_uuid()")

    def _meta(self) -> dict[str, str]:
        return dict(self._server.read("SELECT key, value FROM meta"))

    def _unused_terms(self, connection: Connection) -> None:
        with connection.transaction():
            connection.execute("DELETE FROM terms WHERE passages = 0")
            connection.execute("DELETE FROM meta WHERE key = %s", (changes.REMOVED,))


def _bytes(connection: Connection) -> int:
    """Return what the tables take with their indexes, in bytes."""
    sizes = connection.execute(
        "SELECT sum(pg_total_relation_size(to_regclass(name))) FROM unnest(%s::text[]) AS name", (list(_TABLES),)
    )
    ((total,),) = sizes.fetchall()
    return int(total)
