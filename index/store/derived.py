"""What is derived from SQLite, kept in step with it: caught up at the next search, made again where it is damaged.

Few passages have an exact FAISS index, and SQLite's lexical index ranks them itself. Many have a trained FAISS index
(`index.store.trained`) and files of postings (`index.store.words`), made when a writer is done, or at the next search.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from index.store import rows
from index.store.database import Database
from index.store.log import Moment, RowLog
from index.store.trained import TrainedVectors
from index.store.vectors import Rows, VectorIndex
from index.store.words import DerivedWords
from index.types import Vector

EXACT_PASSAGES = 50_000
"""Passages up to which every vector is compared with the question."""

STAYS = 0.8
"""Where passages are removed, the trained index stays until there are fewer than this share of that number."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trained:
    """The trained index as of one state; ``late`` where its file is of a later one, so that it cannot be used."""

    vectors: TrainedVectors
    now: Moment
    late: bool = False

    def search(self, query: Vector, k: int, among: Rows | None = None) -> list[tuple[int, float]]:
        """Return the ``min(k, candidates)`` best rows with their inner products, best first, ties by row."""
        if self.late:
            return self.vectors.scan(query, k, among, self.now)
        return self.vectors.search(self.now, query, k, among)


class Derived:
    """Vectors and words of the passages, as of the state of the database that the calling thread sees. Thread-safe."""

    def __init__(self, folder: Path, database: Database, dimension: int, exact_passages: int = EXACT_PASSAGES) -> None:
        self.tell: Callable[[str], None] = _log.info
        self._path = folder / "vectors.faiss"
        self._database = database
        self._dimension = dimension
        self._exact_passages = exact_passages
        self._lock = threading.RLock()
        self._row_log = RowLog(database)
        self._trained = TrainedVectors(folder / "vectors.ivf", database, dimension, self._row_log)
        self._words = DerivedWords(folder, database, self._row_log)
        self._vectors: VectorIndex | None = None
        self._state = ""
        self._counted: tuple[Moment, int] | None = None

    @contextmanager
    def vectors(self) -> Iterator[VectorIndex | Trained]:
        """Lend FAISS as of the present state; nobody else uses or changes it meanwhile."""
        with self._lock, self._database.snapshot():
            now = self._row_log.now()
            yield self._trained_now(now) if self._are_many(now) else self._exact(now.state)

    @contextmanager
    def words(self) -> Iterator[tuple[DerivedWords, Moment] | None]:
        """Lend the postings as of the present state; ``None`` where SQLite's lexical index is to rank by itself."""
        with self._lock, self._database.snapshot():
            now = self._row_log.now()
            if not self._are_many(now) or (not self._words.open() and self._words.is_late()):
                yield None
            else:
                if self._words.is_behind(now) and now.revision == self._row_log.seen:
                    self._words.grow(now, self.tell)
                yield self._words, now

    def count(self) -> int:
        """Return how many passages there are."""
        with self._lock, self._database.snapshot():
            return self._count(self._row_log.now())

    def are_many(self) -> bool:
        """Tell whether there are so many passages that files of postings and a trained index serve them."""
        with self._lock, self._database.snapshot():
            return self._are_many(self._row_log.now())

    def prepare(self) -> None:
        """Make what the next search would otherwise wait for, if it is much."""
        with self._lock, self._database.snapshot():
            if self._are_many(self._row_log.now()):
                with self.vectors(), self.words():
                    pass

    def erase(self) -> None:
        """Leave nothing of removed passages in the files."""
        with self._lock, self._database.snapshot():
            now = self._row_log.now()
            if self._are_many(now):
                self._drop_exact()
                self._trained.erase(now)
                self._words.erase(now)
            else:
                self.drop()

    def drop(self) -> None:
        """Let go of what is in memory and on disk; the next search makes both again."""
        with self._lock:
            self._drop_exact()
            self._trained.drop()
            self._words.drop()

    def close(self) -> None:
        """Let go of what is in memory."""
        with self._lock:
            self._vectors, self._state, self._counted = None, "", None
            self._trained.close()
            self._words.close()

    def _are_many(self, now: Moment) -> bool:
        limit = self._exact_passages
        return now.last > limit * STAYS and self._count(now) > limit * (STAYS if self._trained.is_there() else 1)

    def _count(self, now: Moment) -> int:
        """Count from where it was counted last: rows that came since, and rows that went."""
        before, count = self._counted or (None, 0)
        if before is None or before.revision > now.revision or not self._row_log.is_past(before):
            ((count,),) = self._database.read("SELECT count(*) FROM passages")
        elif before.revision < now.revision:
            gone = self._row_log.removed(before.revision, now.revision)
            ((fresh,),) = self._database.read("SELECT count(*) FROM passages WHERE row > ?", (before.last,))
            count += fresh - int((gone <= before.last).sum())
        self._counted = now, count
        return int(count)

    def _trained_now(self, now: Moment) -> Trained:
        if not self._trained.open(now):
            if self._trained.is_late():
                return Trained(self._trained, now, late=True)
            self._trained.make(now, self.tell)
            self._drop_exact()
        elif self._trained.is_behind(now) and now.revision == self._row_log.seen:
            self._trained.grow(now, self.tell)
        return Trained(self._trained, now)

    # --- few passages ------------------------------------------------------------------------------------------

    def _exact(self, state: str) -> VectorIndex:
        if self._vectors is None:
            self._vectors = VectorIndex.load(self._path, self._dimension, state)
            self._state = state if self._vectors else ""
            self._vectors = self._vectors or VectorIndex(self._dimension)
        if state != self._state:
            self._catch_up(self._vectors)
            self._state = state
            self._save(self._vectors)
        return self._vectors

    def _drop_exact(self) -> None:
        self._vectors, self._state = None, ""
        for file in (self._path, self._path.with_suffix(".new")):
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def _catch_up(self, vectors: VectorIndex) -> None:
        stored = {row for (row,) in self._database.read("SELECT row FROM passages")}
        indexed = vectors.rows()
        vectors.remove(indexed - stored)
        found = self._database.read(
            "SELECT row, vector FROM passages WHERE row IN (SELECT value FROM json_each(?)) ORDER BY row",
            (json.dumps(sorted(stored - indexed)),),
        )
        vectors.add([row for row, _ in found], rows.matrix([stored for _, stored in found], self._dimension))

    def _save(self, vectors: VectorIndex) -> None:
        try:
            vectors.save(self._path, self._state)
        except OSError:
            # Only a cache of what SQLite holds: without it the next start reads the vectors from there.
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
