"""What was made of the index and is kept, until the index changes, in whichever process."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import Connection, sql

from index.errors import CitechatError
from index.store.postgres.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from index.intake import AddResult
    from index.sources import FoundFile
    from index.store.base import DocumentInfo
    from index.types import Document, Original
    from ui.web.stream import Library, Totals

CHECK_S = 2.0
"""Seconds after which the version is looked at, should a notice have been lost."""
_CHANNEL = 63
"""Characters of a channel's name, at most."""


class Changes:
    """Follows the version of the index: is told of changes, and looks for itself now and then."""

    def __init__(self, server: Server, check_s: float = CHECK_S) -> None:
        """Listen on a connection of its own, in a thread of its own."""
        self._server = server
        self._check_s = check_s
        self._ended = threading.Event()
        self.version = _unknown()
        """Names the content of the index; a name that was never there while the server is away."""
        self._thread = threading.Thread(target=self._follow, name="changes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._ended.is_set():
            with suppress(CitechatError, psycopg.Error), self._server.connect() as connection:
                self._listen(connection)
            self.version = _unknown()
            self._ended.wait(self._check_s)

    def _listen(self, connection: Connection) -> None:
        channel = f"citechat_{self._server.schema}"[:_CHANNEL]
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        while not self._ended.is_set():
            ((name,),) = connection.execute("SELECT name FROM state").fetchall()
            self.version = str(name)
            looked = time.monotonic()
            while not self._ended.is_set() and time.monotonic() - looked < self._check_s:
                for notice in connection.notifies(timeout=0.2, stop_after=1):
                    self.version = notice.payload


class CachedLibrary:
    """A `Library` that counts and lists its documents once for each version. Documents are always read anew."""

    def __init__(self, library: Library, changes: Changes) -> None:
        """Keep what ``library`` says as long as ``changes`` name the same version."""
        self._library = library
        self._changes = changes
        self._lock = threading.Lock()
        self._documents: tuple[str, list[DocumentInfo]] = ("", [])
        self._stats: tuple[str, Totals | None] = ("", None)

    def document(self, document_id: str) -> Document:
        """See `Library`."""
        return self._library.document(document_id)

    def sources(self, document_id: str) -> tuple[str, ...]:
        """See `Library`."""
        return self._library.sources(document_id)

    def original(self, document_id: str) -> Original | None:
        """See `Library`."""
        return self._library.original(document_id)

    def add(self, files: Sequence[FoundFile]) -> list[AddResult]:
        """See `Library`."""
        return self._library.add(files)

    def documents(self) -> list[DocumentInfo]:
        """See `Library`."""
        version = self._changes.version  # before it is read: what changes meanwhile is read again
        with self._lock:
            if self._documents[0] != version:
                self._documents = version, self._library.documents()
            return self._documents[1]

    def stats(self) -> Totals:
        """See `Library`."""
        version = self._changes.version
        with self._lock:
            kept = self._stats[1] if self._stats[0] == version else None
            if kept is None:
                kept = self._library.stats()
                self._stats = version, kept
            return kept


def _unknown() -> str:
    return f"unknown {secrets.token_hex(8)}"
