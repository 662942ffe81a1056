"""Which passages hold which words, how often: a stretch of rows as arrays, in memory or mapped from a file.

The words are the lexical index's own stems, cut by its own tokenizer. A passage's context counts half, so weights are
stored doubled: 1 for each time that a word stands in the context, 2 for each time in the text.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.store import marked
from index.store.log import Moment
from index.store.vectors import Rows
from index.terms import Cutter

FORMAT = 1

_ARRAYS = {
    "names": np.uint8,  # the words, one after another, in the order of their bytes
    "name_ends": np.int64,
    "ends": np.int64,  # where the postings of each word end
    "places": np.uint32,  # rows, counted from the first of the stretch
    "weights": np.uint16,
    "lengths": np.uint32,  # words of each row, context and text
}
_REMEMBERED = 5000
"""Words whose place among the others is remembered: a question's are looked up several times."""
_HEAVIEST = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True)
class PostingsMark:
    """What a file says of itself: the rows from ``first`` to ``last`` that a state had; bytes of each array."""

    revision: int
    state: str
    first: int
    last: int
    sizes: dict[str, int]
    format: int = FORMAT

    @property
    def moment(self) -> Moment:
        """The state that the file was made of."""
        return Moment(self.revision, self.state, self.last)


class Postings:
    """The words of the passages from one row to another."""

    def __init__(self, first: int, last: int, arrays: dict[str, npt.NDArray[Any]]) -> None:
        self.first = first
        self.last = last
        self.lengths: npt.NDArray[np.uint32] = arrays["lengths"]
        self.words = int(self.lengths.sum(dtype=np.int64))
        self._arrays = arrays
        self._names = memoryview(np.ascontiguousarray(arrays["names"]).data)
        self._known: dict[str, slice] = {}

    def __len__(self) -> int:
        """Return how many rows the stretch has, with those that were never there or are gone."""
        return len(self.lengths)

    @classmethod
    def of_texts(cls, first: int, last: int, texts: Iterable[tuple[int, str, str]], cutter: Cutter) -> Postings:
        """Make postings of rows, each with its context and its text; rows grow."""
        numbers: dict[str, int] = {}
        flat: list[int] = []
        weights: list[tuple[int, int]] = []
        places: list[tuple[int, int]] = []
        lengths = np.zeros(last - first + 1, np.uint32)
        for row, *columns in texts:
            for weight, column in zip((1, 2), columns, strict=True):
                stems = cutter.stems(column)
                flat.extend([numbers.setdefault(stem, len(numbers)) for stem in stems])
                weights.append((weight, len(stems)))
                places.append((row - first, len(stems)))
                lengths[row - first] += len(stems)
        names = list(numbers)
        order = sorted(range(len(names)), key=lambda number: names[number].encode())
        rank = np.empty(len(names), np.int64)
        rank[order] = np.arange(len(names))
        return cls(first, last, {"lengths": lengths, **_named([names[number].encode() for number in order])}).filled(
            rank[np.array(flat, np.int64)] if flat else np.zeros(0, np.int64), _repeated(places), _repeated(weights)
        )

    @classmethod
    def joined(cls, parts: Sequence[Postings]) -> Postings:
        """Return stretches that follow one another as one."""
        first, last = parts[0].first, parts[-1].last
        names = sorted({name for part in parts for name in part.names()})
        numbers = {name: number for number, name in enumerate(names)}
        lengths = np.zeros(last - first + 1, np.uint32)
        words, places, weights = [], [], []
        for part in parts:
            lengths[part.first - first : part.last - first + 1] = part.lengths
            own = np.array([numbers[name] for name in part.names()], np.int64)
            words.append(np.repeat(own, part.counts()))
            places.append(part._arrays["places"].astype(np.int64) + (part.first - first))
            weights.append(part._arrays["weights"].astype(np.int64))
        joined = cls(first, last, {"lengths": lengths, **_named(names)})
        return joined.filled(*(np.concatenate(each) for each in (words, places, weights)))

    def without(self, gone: Rows) -> Postings:
        """Return the stretch without some of its rows, and without the words that only they held."""
        keep = np.ones(len(self), bool)
        keep[gone - self.first] = False
        kept = keep[self._arrays["places"]]
        until = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])[np.concatenate([[0], self._arrays["ends"]])]
        counts = np.diff(until)  # what is left of each word
        held = counts > 0
        sizes = np.diff(self._arrays["name_ends"], prepend=0)
        arrays = {
            "names": np.asarray(self._arrays["names"])[np.repeat(held, sizes)],
            "name_ends": np.cumsum(sizes[held], dtype=np.int64),
            "ends": np.cumsum(counts[held], dtype=np.int64),
            "places": self._arrays["places"][kept],
            "weights": self._arrays["weights"][kept],
            "lengths": np.where(keep, self.lengths, 0).astype(np.uint32),
        }
        return Postings(self.first, self.last, arrays)

    def filled(
        self, words: npt.NDArray[np.int64], places: npt.NDArray[np.int64], weights: npt.NDArray[np.int64]
    ) -> Postings:
        """Return the stretch with these postings, each a word's number, a place and a weight; the same ones add up."""
        keys = words * len(self) + places
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        added = np.add.reduceat(weights[order], starts) if len(starts) else weights
        held, places = np.divmod(keys[starts], len(self))
        ends = np.searchsorted(held, np.arange(len(self._arrays["name_ends"])), "right")
        arrays = {
            **self._arrays,
            "ends": ends.astype(np.int64),
            "places": places.astype(np.uint32),
            "weights": np.minimum(added, _HEAVIEST).astype(np.uint16),
        }
        return Postings(self.first, self.last, arrays)

    def names(self) -> Iterator[bytes]:
        """Yield the words, in the order of their bytes."""
        begin = 0
        for end in self._arrays["name_ends"].tolist():
            yield bytes(self._names[begin:end])
            begin = end

    def counts(self) -> npt.NDArray[np.int64]:
        """Return in how many rows each word stands."""
        return np.diff(self._arrays["ends"], prepend=0)

    def of(self, stem: str) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16]]:
        """Return the places that hold a word, in order, with its weights there."""
        extent = self._known.get(stem)
        if extent is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            extent = self._known[stem] = self._extent(stem)
        return self._arrays["places"][extent], self._arrays["weights"][extent]

    def _extent(self, stem: str) -> slice:
        wanted, ends = stem.encode("utf-8", "surrogatepass"), self._arrays["name_ends"]

        def name(number: int) -> bytes:
            return bytes(self._names[ends[number - 1] if number else 0 : ends[number]])

        number = bisect.bisect_left(range(len(ends)), wanted, key=name)
        if number == len(ends) or name(number) != wanted:
            return slice(0)
        begin = int(self._arrays["ends"][number - 1]) if number else 0
        return slice(begin, int(self._arrays["ends"][number]))

    def same_as(self, other: Postings) -> bool:
        """Tell whether two stretches hold the same."""
        return all(np.array_equal(self._arrays[name], other._arrays[name]) for name in _ARRAYS)

    def save(self, path: Path, moment: Moment) -> None:
        """Write a file, replacing it in one step."""
        fresh = path.with_suffix(".words-new")
        arrays = {name: np.ascontiguousarray(self._arrays[name], kind) for name, kind in _ARRAYS.items()}
        with fresh.open("wb") as file:
            for array in arrays.values():
                file.write(array.tobytes())
                file.write(bytes(-array.nbytes % 8))
        sizes = {name: array.nbytes for name, array in arrays.items()}
        mark = PostingsMark(moment.revision, moment.state, self.first, self.last, sizes)
        marked.finish(fresh, path, asdict(mark))

    @classmethod
    def open(cls, path: Path) -> tuple[Postings, PostingsMark] | None:
        """Map a file into memory; ``None`` if it is not as it was written."""
        mark = cls.marked(path)
        if mark is None:
            return None
        try:
            body = np.memmap(path, np.uint8, "r")
        except OSError:
            return None
        arrays, place = {}, 0
        for name, kind in _ARRAYS.items():
            arrays[name] = body[place : place + mark.sizes[name]].view(kind).view(np.ndarray)
            place += mark.sizes[name] + -mark.sizes[name] % 8
        return cls(mark.first, mark.last, arrays), mark

    @staticmethod
    def marked(path: Path) -> PostingsMark | None:
        """Return what a file says of itself; ``None`` if it is not as long as it was."""
        fields = marked.read_mark(path)
        if fields is None or fields.get("format") != FORMAT:
            return None
        return PostingsMark(**{name: fields[name] for name in PostingsMark.__slots__})

    @staticmethod
    def is_whole(path: Path) -> bool:
        """Tell whether the whole file is what was written."""
        mark = marked.read_mark(path)
        return mark is not None and marked.is_whole(path, mark)


def _named(names: Sequence[bytes]) -> dict[str, npt.NDArray[Any]]:
    return {
        "names": np.frombuffer(b"".join(names), np.uint8),
        "name_ends": np.cumsum([len(name) for name in names], dtype=np.int64),
        "ends": np.zeros(len(names), np.int64),
        "places": np.zeros(0, np.uint32),
        "weights": np.zeros(0, np.uint16),
    }


def _repeated(pairs: Sequence[tuple[int, int]]) -> npt.NDArray[np.int64]:
    values, times = np.array(pairs, np.int64).reshape(-1, 2).T
    return np.repeat(values, times)
