"""The vectors of many passages: a trained index in a file, and the passages since then, searched exactly.

The file (see `index.store.ivf`) is not touched by a change. What was added since it was made is the *tail*, in memory,
read from the database when the store is opened; what was removed since is left out of what is found. When the tail has
grown past a share, it goes into the file. When the file has grown by half since it was trained, or what came lies
farther from the centroids than what it was trained on, it is trained anew. What is found is put in order by the stored
vectors, so every score is exact.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.store import rows
from index.store.database import Database
from index.store.ivf import LEARNT_FROM, IvfIndex, lists_for
from index.store.log import Moment, RowLog
from index.store.vectors import Rows
from index.types import Matrix, Vector

TAIL_SHARE = 0.02
"""The tail goes into the file when it is larger than this share of it..."""
TAIL_LEAST = 1000
"""...and than this."""

GROWN = 1.5
"""A file that holds so many times what it was trained on is trained anew."""
DRIFTED = 1.15
"""So is one whose vectors are so many times as far from their centroids as when it was trained."""

_OVERFETCH = 2
"""Candidates for each passage wanted; their scores by stored vectors put them in order."""
_LEAST = 100
"""Candidates at least. As few passages that pass a filter are compared one by one."""
_READ = 20_000

Tell = Callable[[str], None]


class TrainedVectors:
    """The trained index and its tail, as of the state that the calling thread sees. Not thread-safe."""

    def __init__(self, path: Path, database: Database, dimension: int, log: RowLog) -> None:
        self._path = path
        self._database = database
        self._dimension = dimension
        self._log = log
        self._index: IvfIndex | None = None
        self._tail_rows = np.zeros(0, np.int64)
        self._tail = np.zeros((0, dimension), np.float32)

    # --- keeping in step ---------------------------------------------------------------------------------------

    def open(self, now: Moment) -> bool:
        """Open the file, if it is of the history that is seen; tell whether there is one."""
        if self._index is None:
            index = IvfIndex.open(self._path, self._dimension)
            if index is not None and self._log.is_past(index.mark.moment):
                self._take(index)
        elif self._index.mark.revision <= now.revision and not self._log.is_past(self._index.mark.moment):
            self.close()
            return self.open(now)
        return self._index is not None

    def is_there(self) -> bool:
        """Tell whether there is a file, or an index in memory."""
        return self._index is not None or self._path.exists()

    def is_late(self) -> bool:
        """Tell whether the file is sound, but of a later state than is seen."""
        mark = IvfIndex.marked(self._path)
        return mark is not None and self._log.is_to_come(mark.moment)

    def count(self, now: Moment) -> int:
        """Return how many passages the state has, those left out that a later state removed."""
        index = self._opened()
        self._follow(now)
        hidden = self._log.removed(index.mark.revision, now.revision)
        return len(index) - int((hidden <= index.mark.last).sum()) + len(self._shown_tail(now, None)[0])

    def is_behind(self, now: Moment) -> bool:
        """Tell whether the tail is too long."""
        index = self._opened()
        self._follow(now)
        return len(self._tail_rows) > max(TAIL_LEAST, TAIL_SHARE * len(index))

    def make(self, now: Moment, tell: Tell) -> None:
        """Train an index on what is stored, and write it."""
        all_rows = np.array([row for (row,) in self._database.read("SELECT row FROM passages ORDER BY row")], np.int64)
        tell(f"Training the vector index on {len(all_rows):,} passages. Once is enough for long.")
        wanted = LEARNT_FROM * lists_for(len(all_rows))
        index = IvfIndex.train(self._stored(_spread(all_rows, wanted))[1], len(all_rows), now)
        for chunk in np.array_split(all_rows, -(-len(all_rows) // _READ)):
            index.add(*self._range(int(chunk[0]), int(chunk[-1])))
        self._put_in_place(index)

    def grow(self, now: Moment, tell: Tell) -> None:
        """Let the tail go into the file; train anew where it has grown or drifted too far."""
        index = self._opened()
        fresh = IvfIndex.open(self._path, self._dimension, mapped=False)
        if fresh is not None and self._log.is_to_come(fresh.mark.moment):
            return  # another process has seen more
        if fresh is None or not self._log.is_past(fresh.mark.moment) or fresh.mark.last < index.mark.last:
            self.make(now, tell)
            return
        self._take(fresh)  # another process may have let its tail go into the file
        if not self.is_behind(now):
            return
        mark, before = fresh.mark, len(fresh)
        total = before + len(self._tail_rows)
        error = (mark.error_now * before + fresh.error(self._tail) * len(self._tail_rows)) / total
        if total > GROWN * mark.trained_on or error > DRIFTED * mark.error:
            tell(
                f"The vector index was trained on {mark.trained_on:,} passages; {total:,} are there now, "
                f"{error / (mark.error or 1):.2f} times as far from its centres."
            )
            self.make(now, tell)
            return
        fresh.add(self._tail_rows, self._tail)
        fresh.mark = replace(mark, error_now=error)
        self._rewrite(fresh, now)

    def erase(self, now: Moment) -> None:
        """Leave nothing of removed passages in the file."""
        fresh = IvfIndex.open(self._path, self._dimension, mapped=False)
        if fresh is None or not self._log.is_past(fresh.mark.moment):
            self.drop()
            return
        gone = self._log.removed(fresh.mark.revision, now.revision)
        if len(gone):
            self._take(fresh)
            self._rewrite(fresh, replace(now, last=fresh.mark.last))

    def drop(self) -> None:
        """Let go of what is in memory and on disk."""
        self.close()
        for file in (self._path, self._path.with_suffix(".ivf-new")):
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of what is in memory."""
        self._index = None
        self._cut_tail(0)

    def _rewrite(self, fresh: IvfIndex, now: Moment) -> None:
        fresh.remove(self._log.removed(fresh.mark.revision, now.revision))
        fresh.mark = replace(fresh.mark, revision=now.revision, state=now.state, last=now.last)
        self._put_in_place(fresh)

    def _put_in_place(self, index: IvfIndex) -> None:
        try:
            index.save(self._path)
        except OSError:
            # Only a cache of what the database holds; without it the next start makes it again.
            self.drop()
            self._take(index)
            return
        self._take(IvfIndex.open(self._path, self._dimension) or index)

    def _take(self, index: IvfIndex) -> None:
        """Use an index, and keep of the tail what is neither in it nor was gone before it was made."""
        self._index = index
        gone = self._log.removed(-1, index.mark.revision)
        kept = (self._tail_rows > index.mark.last) & ~np.isin(self._tail_rows, gone)
        self._tail_rows, self._tail = self._tail_rows[kept], self._tail[kept]

    def _cut_tail(self, length: int) -> None:
        self._tail_rows, self._tail = self._tail_rows[:length], self._tail[:length]

    def _follow(self, now: Moment) -> None:
        """Read what was added since; what is in memory already stays, for readers of earlier states."""
        last = int(self._tail_rows[-1]) if len(self._tail_rows) else self._opened().mark.last
        if last < now.last:
            numbers, vectors = self._range(last + 1, now.last)
            self._tail_rows = np.concatenate([self._tail_rows, numbers])
            self._tail = np.concatenate([self._tail, vectors])

    # --- searching ---------------------------------------------------------------------------------------------

    def search(self, now: Moment, query: Vector, k: int, among: Rows | None) -> list[tuple[int, float]]:
        """Return the ``min(k, candidates)`` best rows with their inner products, best first, ties by row."""
        index = self._opened()
        self._follow(now)
        if among is not None and len(among) <= max(_LEAST, _OVERFETCH * k):
            return _best(*self._stored(among), query, k)
        extra, extra_vectors = self._back_again(index, now, among)
        tail, tail_vectors = self._shown_tail(now, among)
        proposed = self._proposed(index, now, query, max(_LEAST, _OVERFETCH * k), among)
        found, vectors = self._stored(proposed)
        numbers = np.concatenate([found, tail, extra])
        return _best(numbers, np.concatenate([vectors, tail_vectors, extra_vectors]), query, k)

    def _proposed(self, index: IvfIndex, now: Moment, query: Vector, k: int, among: Rows | None) -> Rows:
        """Return the rows of the file to compare, at least ``min(k, those that may be shown)``."""
        mark = index.mark
        hidden = self._log.removed(mark.revision, now.revision)
        bits, probes, there = None, index.probes, len(index)
        if among is not None:
            inside = among[: np.searchsorted(among, mark.last, "right")]
            bits, there = _bits(inside, mark.last), len(inside)
            # As many passages are to be looked at as without a filter.
            probes = -(-probes * len(index) // max(there, 1))
        elif len(hidden) or now.last < mark.last:
            bits = _bits_without(hidden[hidden <= mark.last], now.last, mark.last)
            there -= int((hidden <= mark.last).sum())
        found = index.search(query, k, bits, probes)
        return found if len(found) >= min(k, there) else index.search_all(query, k, bits)

    def _shown_tail(self, now: Moment, among: Rows | None) -> tuple[Rows, Matrix]:
        end = np.searchsorted(self._tail_rows, now.last, "right")
        numbers, vectors = self._tail_rows[:end], self._tail[:end]
        if not len(numbers):
            return numbers, vectors
        if among is not None:
            shown = np.isin(numbers, among[np.searchsorted(among, numbers[0]) :], assume_unique=True)
        else:
            hidden = self._log.removed(self._opened().mark.revision, now.revision)
            if not len(hidden):
                return numbers, vectors
            shown = ~np.isin(numbers, hidden, assume_unique=True)
        return numbers[shown], vectors[shown]

    def _back_again(self, index: IvfIndex, now: Moment, among: Rows | None) -> tuple[Rows, Matrix]:
        """Return what a later state removed before it was read into memory, and the state that is seen still has."""
        later = self._log.removed(now.revision, self._log.seen)
        later = later[(later > index.mark.last) & ~np.isin(later, self._tail_rows)]
        back = np.union1d(self._log.removed(now.revision, index.mark.revision), later)
        back = back[back <= now.last]
        if among is not None and len(back):
            back = np.intersect1d(back, among)
        return self._stored(back)

    def scan(self, query: Vector, k: int, among: Rows | None, now: Moment) -> list[tuple[int, float]]:
        """Search the stored vectors themselves: slow, and right where the file is of a later state than is seen."""
        best: list[tuple[int, float]] = []
        for first in range(1, now.last + 1, _READ):
            numbers, vectors = self._range(first, first + _READ - 1)
            if among is not None:
                shown = np.isin(numbers, among, assume_unique=True)
                numbers, vectors = numbers[shown], vectors[shown]
            best += _best(numbers, vectors, query, k)
        return sorted(best, key=lambda hit: (-hit[1], hit[0]))[:k]

    # --- reading -----------------------------------------------------------------------------------------------

    def compared(self, now: Moment) -> Iterator[tuple[Rows, npt.NDArray[np.bool_], Rows]]:
        """Compare what the state shows with what is stored, some rows at a time.

        Yields rows that are stored, whether each is here as it is stored, and rows that are not stored.
        """
        index = self._opened()
        self._follow(now)
        hidden = self._log.removed(index.mark.revision, now.revision)
        for number, numbers, codes in index.lists():
            shown = ~np.isin(numbers, hidden) & (numbers <= now.last)
            order = np.argsort(numbers[shown])
            numbers, codes = numbers[shown][order], codes[shown][order]
            there, vectors = self._stored(numbers)
            held = np.isin(numbers, there)
            yield there, (codes[held] == index.codes(vectors, number)).all(axis=1), numbers[~held]
        numbers, own = self._shown_tail(now, None)
        there, vectors = self._stored(numbers)
        held = np.isin(numbers, there)
        yield there, (own[held] == vectors).all(axis=1), numbers[~held]

    def is_whole(self) -> bool:
        """Tell whether the file is what was written, byte by byte."""
        return IvfIndex.is_whole(self._path)

    def _opened(self) -> IvfIndex:
        if self._index is None:
            raise AssertionError("open it first")
        return self._index

    def _stored(self, wanted: Rows) -> tuple[Rows, Matrix]:
        """Return those of these rows that are stored, in order, with their vectors."""
        found = self._database.read(
            "SELECT row, vector FROM passages WHERE row IN (SELECT value FROM json_each(?)) ORDER BY row",
            (json.dumps(wanted.tolist()),),
        )
        return self._decoded(found)

    def _range(self, first: int, last: int) -> tuple[Rows, Matrix]:
        found = self._database.read(
            "SELECT row, vector FROM passages WHERE row BETWEEN ? AND ? ORDER BY row", (first, last)
        )
        return self._decoded(found)

    def _decoded(self, found: Sequence[rows.Row]) -> tuple[Rows, Matrix]:
        numbers = np.array([row for row, _ in found], np.int64)
        return numbers, rows.matrix([stored for _, stored in found], self._dimension)


def _best(numbers: Rows, vectors: Matrix, query: Vector, k: int) -> list[tuple[int, float]]:
    scores = vectors @ query.astype(np.float32)
    if len(scores) > 4 * k:
        likely = np.argpartition(-scores, k - 1)[: 2 * k]
        edge = scores[likely[:k]].min()
        likely = np.flatnonzero(scores >= edge)
        numbers, scores = numbers[likely], scores[likely]
    order = np.lexsort((numbers, -scores))[:k]
    return [(int(numbers[place]), float(scores[place])) for place in order]


def _bits(shown: Rows, last: int) -> npt.NDArray[np.uint8]:
    mask = np.zeros(last + 8, bool)
    mask[shown] = True
    return np.packbits(mask, bitorder="little")


def _bits_without(hidden: Rows, until: int, last: int) -> npt.NDArray[np.uint8]:
    mask = np.ones(last + 8, bool)
    mask[hidden] = False
    mask[until + 1 :] = False
    return np.packbits(mask, bitorder="little")


def _spread(numbers: Rows, count: int) -> Rows:
    """Return so many of these rows at most, spread evenly."""
    count = min(count, len(numbers))
    return numbers[np.arange(count) * len(numbers) // max(count, 1)]
