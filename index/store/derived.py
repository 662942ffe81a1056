"""FAISS kept in step with SQLite: caught up at the next search, made again where its file is damaged."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from index.store import rows
from index.store.database import Database
from index.store.vectors import VectorIndex


class DerivedVectors:
    """The vectors of the passages, as of the state of the database that the calling thread sees. Thread-safe."""

    def __init__(self, path: Path, database: Database, dimension: int) -> None:
        self._path = path
        self._database = database
        self._dimension = dimension
        self._lock = threading.RLock()
        self._vectors: VectorIndex | None = None
        self._state = ""

    @contextmanager
    def current(self) -> Iterator[VectorIndex]:
        """Lend FAISS as of the present state; nobody else uses or changes it meanwhile."""
        with self._lock:
            state = self._database.state()
            if self._vectors is None:
                self._vectors = VectorIndex.load(self._path, self._dimension, state)
                self._state = state if self._vectors else ""
                self._vectors = self._vectors or VectorIndex(self._dimension)
            if state != self._state:
                self._catch_up(self._vectors)
                self._state = state
                self._save(self._vectors)
            yield self._vectors

    def drop(self) -> None:
        """Let go of what is in memory and on disk; the next search makes both again."""
        with self._lock:
            self.close()
            for file in (self._path, self._path.with_suffix(".new")):
                with suppress(OSError):
                    file.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of what is in memory."""
        with self._lock:
            self._vectors, self._state = None, ""

    def _catch_up(self, vectors: VectorIndex) -> None:
        stored = {row for (row,) in self._database.read("SELECT row FROM passages")}
        indexed = vectors.rows()
        vectors.remove(indexed - stored)
        found = self._database.read(
            "SELECT row, vector FROM passages WHERE row IN (SELECT value FROM json_each(?)) ORDER BY row",
            (json.dumps(sorted(stored - indexed)),),
        )
        decoded = self._database.decoded(lambda row: rows.vector(row[1], self._dimension), found)
        vectors.add([row for row, _ in found], np.array(decoded, np.float32))

    def _save(self, vectors: VectorIndex) -> None:
        try:
            vectors.save(self._path, self._state)
        except OSError:
            # Only a cache of what SQLite holds: without it the next start reads the vectors from there.
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
