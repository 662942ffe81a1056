"""The store in one folder: SQLite holds the truth, FAISS is derived from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from index.errors import IndexDamaged, InputError
from index.store import changes
from index.store.base import Compaction, Origin, StoredPassage, check_embedder
from index.store.database import SCHEMA, Database
from index.store.derived import EXACT_PASSAGES, Derived, Trained
from index.store.lock import WriterLock
from index.store.reading import StoredReading
from index.store.repair import repair_database
from index.store.sound import ANEW
from index.store.verify import verify_database, verify_lexical, verify_removed, verify_vectors
from index.store.verify_derived import verify_trained, verify_words
from index.types import Document

_OWN_FILES = ("index.sqlite3", "vectors.", "words-")


class EmbeddedStore(StoredReading):
    """A `Store` in a folder. Any number of processes may read; one writes at a time, the others wait.

    Thread-safe: each thread has a connection of its own.
    """

    def __init__(self, folder: Path, fingerprint: str, dimension: int, *, exact_passages: int = EXACT_PASSAGES) -> None:
        """Open the store, or make it; more than ``exact_passages`` are searched by a trained index.

        Raises:
            IndexDamaged: the file is no citechat index, or was made by another embedder or version.
            InputError: the folder cannot be written.

        """
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"Cannot write to {folder}: {error.strerror}.", "Choose another --home.") from error
        if _was_emptied(folder / "index.sqlite3"):
            raise IndexDamaged(f"The index {folder / 'index.sqlite3'} is empty, and was not.", f"{ANEW.capitalize()}.")
        made_with = {"fingerprint": fingerprint, "dimension": str(dimension)}
        database = Database(folder / "index.sqlite3", made_with)
        super().__init__(database, Derived(folder, database, dimension, exact_passages), dimension)
        self._lock = WriterLock(folder / "writer.lock")
        try:
            _check(self._database.meta(), made_with, folder / "index.sqlite3")
        except BaseException:
            self._database.close()
            raise

    def verify(self) -> list[str]:
        """See `Store`; also compares FAISS with the stored vectors, row by row."""
        try:
            with self._database.snapshot() as connection:
                problems = verify_database(connection, self._dimension)
                problems = problems or verify_removed(connection) or self._derived_problems(connection)
            return problems or verify_lexical(connection)
        except IndexDamaged as error:
            return [str(error)]

    def _derived_problems(self, connection: sqlite3.Connection) -> list[str]:
        with self._derived.vectors() as vectors:
            if isinstance(vectors, Trained):
                problems = verify_trained(connection, vectors)
            else:
                problems = verify_vectors(connection, vectors)
        with self._derived.words() as lent:
            return problems + (verify_words(*lent) if lent else [])

    def close(self) -> None:
        """See `Store`."""
        self._database.close()
        self._derived.close()

    # --- writing -----------------------------------------------------------------------------------------------

    def patience(self, seconds: float, tell: Callable[[str], None]) -> None:
        """See `Store`."""
        self._lock.wait, self._lock.tell = seconds, tell
        self._derived.tell = tell

    @contextmanager
    def changing(self) -> Iterator[None]:
        """See `Store`; at the end, much that the next search would make is made."""
        with self._lock.held():
            yield
            if self._lock.is_outermost:
                self._derived.prepare()

    def put(
        self, document: Document, origin: Origin, passages: Sequence[StoredPassage], *, expected: str | None = None
    ) -> None:
        """See `Store`."""
        with self._lock.held(), self._database.writing() as cursor:
            changes.put(cursor, document, origin, passages, expected)

    def settle(self, location: str, origins: Sequence[Origin]) -> None:
        """See `Store`."""
        with self._lock.held(), self._database.writing() as cursor:
            changes.settle(cursor, location, origins)

    def move(self, location: str, origin: Origin) -> bool:
        """See `Store`."""
        with self._lock.held(), self._database.writing() as cursor:
            return changes.move(cursor, location, origin)

    def drop(self, locations: Sequence[str]) -> None:
        """See `Store`."""
        with self._lock.held():
            with self._database.writing() as cursor:
                changes.drop(cursor, locations)
            self.forget()

    def remove(self, document_ids: Sequence[str]) -> None:
        """See `Store`."""
        with self._lock.held():
            with self._database.writing() as cursor:
                changes.remove(cursor, document_ids)
            self.forget()

    def forget(self) -> None:
        """See `Store`: merges the lexical index, and empties SQLite's log unless somebody reads what was there before.

        Merging takes as long as the whole index is large, so that of many passages it is left to `compact`.
        """
        if not self.has_traces() or self._derived.are_many():
            return
        with self._lock.held():
            with self._database.writing() as cursor:
                changes.merge(cursor)
            self._derived.erase()
            if self._database.checkpoint():
                with self._database.writing() as cursor:
                    changes.forgotten(cursor)

    def has_traces(self) -> bool:
        """See `Store`."""
        return changes.REMOVED in self._database.meta()

    def compact(self) -> Compaction:
        """See `Store`."""
        with self._lock.held():
            before = self._bytes()
            with self._database.writing() as cursor:
                changes.merge(cursor)
            self._database.vacuum(self._derived.tell)
            self._derived.erase()
            with self._database.writing() as cursor:
                changes.forgotten(cursor)
            self._database.checkpoint()
            with self._derived.vectors(), self._derived.words():
                pass
            return Compaction(before, self._bytes())

    def repair(self) -> list[str]:
        """See `Store`."""
        with self._lock.held():
            differs = self._derived_differs()
            mended = repair_database(self._database, self._derived.tell)
            if differs:
                self._derived.drop()
                mended.append("The FAISS file was made again from the stored vectors.")
            return mended

    def _derived_differs(self) -> bool:
        try:
            with self._database.snapshot() as connection:
                return bool(self._derived_problems(connection))
        except IndexDamaged:
            return True  # it was made of rows that are damaged

    def _bytes(self) -> int:
        total = 0
        for file in self._folder.iterdir():
            with suppress(FileNotFoundError):  # a reader put what it had made in its place meanwhile
                total += file.stat().st_size if file.name.startswith(_OWN_FILES) else 0
        return total


def _was_emptied(database: Path) -> bool:
    """Tell whether a database has lost all that was in it: it is there without a byte, and what was made of it too."""
    return database.is_file() and not database.stat().st_size and any(database.parent.glob("vectors.*"))


def _check(meta: Mapping[str, str], made_with: Mapping[str, str], path: Path) -> None:
    """Compare what an index was made with to what is to be used.

    Raises:
        IndexDamaged: they differ.
    """
    again = f"Remove {path} and add the documents again, or choose another --home."
    if meta.get("schema") != str(SCHEMA):
        raise IndexDamaged(f"The index {path} has schema {meta.get('schema')}, not {SCHEMA}.", again)
    check_embedder(meta, made_with, str(path), again)
