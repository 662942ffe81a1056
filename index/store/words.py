"""Lexical search over many passages: SQLite's BM25 by its formula, over postings in memory-mapped files.

SQLite's own lexical index ranks every passage that holds any of the words, and counts them all anew for each question:
beyond some ten thousand passages that takes too long. It stays the index that changes in one transaction with the rest,
and finds phrases. The files hold stretches of rows; what came since is the *tail*, in memory, made of the stored texts.
What was removed since a file was made is left out of what is found.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.store.database import Database
from index.store.log import Moment, RowLog
from index.store.postings import Postings
from index.store.vectors import Rows
from index.terms import Cutter

TAIL_LEAST = 2000
"""Rows of the tail beyond which it becomes a file."""

_STRETCH = 200_000
"""Rows of a file at most. Of two files that follow one another, a later one that is larger than a quarter is joined."""
_READ = 20_000
_TAIL_PARTS = 8

K1, B = 1.2, 0.75
"""SQLite's constants (sqlite.org/fts5.html#the_bm25_function)."""
_LEAST_IDF = 1e-6

Tell = Callable[[str], None]

Phrase = tuple[Rows, npt.NDArray[np.float64]]
"""Rows that hold a phrase, in order, and what it adds to their scores."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of rows, as of the revision that it was made of; where it lies if it is a file."""

    postings: Postings
    revision: int
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A stretch as one state shows it. ``shown`` tells of each row whether it is there; ``None`` if all are."""

    postings: Postings
    shown: npt.NDArray[np.bool_] | None

    def frequency(self, stem: str) -> int:
        """Return how many rows hold a word."""
        places, _ = self.postings.of(stem)
        return len(places) if self.shown is None else int(self.shown[places].sum())

    def words(self) -> int:
        """Return how many words there are in all rows."""
        if self.shown is None:
            return self.postings.words
        return int(self.postings.lengths[self.shown].sum(dtype=np.int64))


class DerivedWords:
    """The postings of the passages, as of the state that the calling thread sees. Not thread-safe."""

    def __init__(self, folder: Path, database: Database, log: RowLog) -> None:
        self._folder = folder
        self._database = database
        self._log = log
        self._cutter = Cutter()
        self._files: list[Part] = []
        self._tail: list[Part] = []

    # --- keeping in step ---------------------------------------------------------------------------------------

    def open(self) -> bool:
        """Open the files that are of the history that is seen; tell whether there are any."""
        if not self._files:
            self._files = list(_following(self._found()))
        return bool(self._files)

    def is_late(self) -> bool:
        """Tell whether there are sound files of a later state than is seen."""
        marks = (mark for path in self._paths() if (mark := Postings.marked(path)))
        return any(self._log.is_to_come(mark.moment) for mark in marks)

    def is_behind(self, now: Moment) -> bool:
        """Tell whether the tail is too long."""
        return now.last - self._filed() > TAIL_LEAST

    def grow(self, now: Moment, tell: Tell) -> None:
        """Write what is not in files yet, and join files."""
        if self.is_late():
            return  # another process has seen more
        self._files = list(_following(self._found()))
        if not self._files:
            tell(f"Making the word index of {now.last:,} passages.")
        waiting: list[Part] = []
        while self._filed() + sum(len(part.postings) for part in waiting) < now.last:
            first = self._filed() + sum(len(part.postings) for part in waiting) + 1
            waiting.append(self._read(first, min(first + _READ - 1, now.last), now))
            if waiting[-1].postings.last == now.last or len(waiting) * _READ >= _STRETCH:
                self._files.append(self._written(waiting, now))
                waiting = []
        while len(self._files) > 1 and _are_to_be_joined(*self._files[-2:]):
            self._files[-2:] = [self._written(self._files[-2:], now)]
        self._tail = [part for part in self._tail if part.postings.first > self._filed()]
        self._tidy()

    def erase(self, now: Moment) -> None:
        """Leave nothing of removed passages in the files."""
        self._files = [
            self._written([part], now) if len(self._gone(part, now)) else part for part in _following(self._found())
        ]
        self._tidy()

    def drop(self) -> None:
        """Let go of what is in memory and on disk."""
        self.close()
        self._tidy()

    def close(self) -> None:
        """Let go of what is in memory."""
        self._files, self._tail = [], []

    def files(self) -> list[Part]:
        """Return the stretches that are in files."""
        return self._files

    def made_again(self, part: Part, now: Moment) -> tuple[Postings, Postings]:
        """Return a stretch without what is gone, and the same made of the stored texts."""
        fresh = self._read(part.postings.first, part.postings.last, now)
        return part.postings.without(self._gone(part, now)), fresh.postings

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("words-*.postings"))

    def _found(self) -> Iterator[Part]:
        for path in self._paths():
            opened = Postings.open(path)
            if opened is not None and self._log.is_past(opened[1].moment):
                yield Part(opened[0], opened[1].revision, path)

    def _tidy(self) -> None:
        """Delete files that no stretch is in: of another history, damaged, or joined to others."""
        used = {part.path for part in self._files}
        for path in [*self._paths(), *self._folder.glob("words-*.words-new")]:
            if path not in used:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _filed(self) -> int:
        return self._files[-1].postings.last if self._files else 0

    def _written(self, parts: Sequence[Part], now: Moment) -> Part:
        """Return parts as one file, without what is gone by now; in memory alone where it cannot be written."""
        kept = [part.postings.without(gone) if len(gone := self._gone(part, now)) else part.postings for part in parts]
        postings = Postings.joined(kept) if len(kept) > 1 else kept[0]
        path = self._folder / f"words-{postings.first}-{postings.last}.postings"
        with suppress(OSError):
            postings.save(path, now)
            opened = Postings.open(path)
            if opened is not None:
                return Part(opened[0], now.revision, path)
        return Part(postings, now.revision)

    def _gone(self, part: Part, now: Moment) -> Rows:
        return _within(self._log.removed(part.revision, now.revision), part.postings)

    def _read(self, first: int, last: int, now: Moment) -> Part:
        found = self._database.read(
            "SELECT row, context, text FROM passages WHERE row BETWEEN ? AND ? ORDER BY row", (first, last)
        )
        return Part(self._made(first, last, found), now.revision)

    def _made(self, first: int, last: int, found: Sequence[tuple[int, str, str]]) -> Postings:
        self._cutter.learn([text for _, *columns in found for text in columns])
        return Postings.of_texts(first, last, found, self._cutter)

    def _follow(self, now: Moment) -> None:
        covered = self._tail[-1].postings.last if self._tail else self._filed()
        if covered < now.last:
            self._tail.append(self._read(covered + 1, now.last, now))
        if len(self._tail) > _TAIL_PARTS:
            oldest = max(part.revision for part in self._tail)
            if oldest <= now.revision:
                first, last = self._tail[0].postings.first, self._tail[-1].postings.last
                self._tail = [self._read(first, last, now)]

    # --- searching ---------------------------------------------------------------------------------------------

    def views(self, now: Moment) -> list[View]:
        """Return all stretches as the state shows them."""
        self._follow(now)
        return [view for part in (*self._files, *self._tail) for view in self._shown(part, now)]

    def _shown(self, part: Part, now: Moment) -> Iterator[View]:
        postings = part.postings
        if postings.first > now.last:
            return
        gone = self._gone(part, now)
        back = _within(self._log.removed(now.revision, part.revision), postings)
        back = back[back <= now.last]
        shown = None
        if len(gone) or len(back) or postings.last > now.last:
            shown = np.ones(len(postings), bool)
            shown[gone - postings.first] = False
            shown[back - postings.first] = False
            shown[now.last - postings.first + 1 :] = False
        yield View(postings, shown)
        if len(back):  # was removed after the state that is seen, and before the stretch was made
            found = self._database.read(
                "SELECT row, context, text FROM passages WHERE row IN (SELECT value FROM json_each(?)) ORDER BY row",
                (json.dumps(back.tolist()),),
            )
            again = self._made(int(back[0]), int(back[-1]), found)
            yield View(again, _mask(back, again))

    def search(
        self, now: Moment, stems: Sequence[str], phrases: Sequence[Phrase], k: int, total: int, among: Rows | None
    ) -> list[tuple[int, float]]:
        """Return the best ``k`` rows with their BM25 scores, best first, ties by row.

        ``total`` is how many passages there are, whatever passes the filter.
        """
        views = self.views(now)
        average = sum(view.words() for view in views) / max(total, 1)
        idf = {stem: _idf(total, sum(view.frequency(stem) for view in views)) for stem in set(stems)}
        found: list[tuple[Rows, npt.NDArray[np.float64]]] = []
        edge = 0.0
        for view in views:
            scores = _scores(view.postings, stems, idf, average)
            for phrase in phrases:
                _add_phrase(scores, view.postings, phrase)
            if view.shown is not None:
                scores[~view.shown] = 0.0
            if among is not None:
                scores = np.where(_mask(among, view.postings), scores, 0.0)
            places = np.flatnonzero(scores >= edge) if edge else np.flatnonzero(scores)
            if len(places) > k:
                edge = float(np.partition(scores[places], -k)[-k])
                places = places[scores[places] >= edge]
            found.append((places + view.postings.first, scores[places]))
        rows = np.concatenate([rows for rows, _ in found]) if found else np.zeros(0, np.int64)
        scores = np.concatenate([scores for _, scores in found]) if found else np.zeros(0)
        order = np.lexsort((rows, -scores))[:k]
        return [(int(rows[place]), float(scores[place])) for place in order]


def _following(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the stretches that cover the rows from the first without a gap, the longest where several begin alike."""
    longest: dict[int, Part] = {}
    for part in parts:
        other = longest.get(part.postings.first)
        if other is None or other.postings.last < part.postings.last:
            longest[part.postings.first] = part
    following = longest.get(1)
    while following is not None:
        yield following
        following = longest.get(following.postings.last + 1)


def _are_to_be_joined(one: Part, other: Part) -> bool:
    return len(one.postings) < 4 * len(other.postings) and len(one.postings) + len(other.postings) <= _STRETCH


def _within(rows: Rows, postings: Postings) -> Rows:
    begin, end = np.searchsorted(rows, (postings.first, postings.last + 1))
    return rows[begin:end]


def _mask(among: Rows, postings: Postings) -> npt.NDArray[np.bool_]:
    mask = np.zeros(len(postings), bool)
    mask[_within(among, postings) - postings.first] = True
    return mask


def _idf(total: int, holding: int) -> float:
    return max(math.log((total - holding + 0.5) / (holding + 0.5)), _LEAST_IDF)


def _scores(
    postings: Postings, stems: Sequence[str], idf: Mapping[str, float], average: float
) -> npt.NDArray[np.float64]:
    """Return the BM25 score of every row of a stretch; contexts count half."""
    scores = np.zeros(len(postings))
    for stem in stems:
        places, weights = postings.of(stem)
        frequency = weights * 0.5
        norm = postings.lengths[places] * (K1 * B / average) + K1 * (1 - B)
        scores[places] += idf[stem] * (K1 + 1) * frequency / (frequency + norm)
    return scores


def _add_phrase(scores: npt.NDArray[np.float64], postings: Postings, phrase: Phrase) -> None:
    rows, added = phrase
    begin, end = np.searchsorted(rows, (postings.first, postings.last + 1))
    scores[rows[begin:end] - postings.first] += added[begin:end]
