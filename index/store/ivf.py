"""A FAISS index for many vectors: clustered into lists, a byte a dimension, memory-mapped.

It only proposes: what it finds is put in order by the stored vectors. A search looks into the ``probes`` lists that are
nearest to the question. Training finds the centroids (spherical k-means) and each dimension's range, and then sets
``probes`` so that it finds what exact search finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.store import marked
from index.store.log import Moment
from index.store.vectors import Rows
from index.types import Matrix, Vector

FORMAT = 1

LEARNT_FROM = 64
"""Vectors for each list that training reads."""

RECALL = 0.99
"""Share of the ten nearest that a search must find in training; then it looks into twice as many lists."""

_ROUNDS = 10
_NEAREST = 10
_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class IvfMark:
    """What the file says of itself.

    It holds the passages of a state up to the row ``last``. ``trained_on`` is how many it held when it was trained, and
    ``error`` the mean squared distance of a vector from its centroid then; ``error_now`` is that of all it holds.
    """

    revision: int
    state: str
    last: int
    trained_on: int
    error: float
    error_now: float
    probes: int
    format: int = FORMAT

    @property
    def moment(self) -> Moment:
        """The state that the file was made of."""
        return Moment(self.revision, self.state, self.last)


class IvfIndex:
    """Vectors under row numbers. Searching is thread-safe, changing is not."""

    def __init__(self, index: Any, mark: IvfMark) -> None:  # noqa: ANN401
        import faiss

        self._faiss: Any = faiss
        self._index: Any = index
        self.mark = mark

    def __len__(self) -> int:
        """Return how many vectors there are."""
        return int(self._index.ntotal)

    @classmethod
    def train(cls, sample: Matrix, count: int, moment: Moment) -> IvfIndex:
        """Return an empty index for ``count`` vectors like those of the sample."""
        import faiss

        lists = lists_for(count)
        index: Any = faiss.index_factory(sample.shape[1], f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        index.by_residual = False  # a vector's code then depends on the vector alone, so that it can be verified
        index.cp.niter, index.cp.seed, index.cp.spherical = _ROUNDS, 1, True
        index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, LEARNT_FROM
        index.train(np.ascontiguousarray(sample, np.float32))
        made = cls(index, IvfMark(moment.revision, moment.state, moment.last, count, 0.0, 0.0, 1))
        error = made.error(sample)
        made.mark = IvfMark(moment.revision, moment.state, moment.last, count, error, error, 1)
        return made

    def error(self, vectors: Matrix) -> float:
        """Return the mean squared distance of vectors from their centroids: 0 to 4 for unit length."""
        if not len(vectors):
            return 0.0
        nearest, lists = self._index.quantizer.search(np.ascontiguousarray(vectors, np.float32), 1)
        centroids = self._index.quantizer.reconstruct_batch(lists[:, 0])
        return float((1 - 2 * nearest[:, 0] + (centroids**2).sum(1)).mean())

    def add(self, rows: Rows, vectors: Matrix) -> None:
        """Add vectors, shape ``(len(rows), dimension)``."""
        if len(rows):
            self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), rows)

    def remove(self, rows: Rows) -> None:
        """Remove rows; unknown ones are ignored."""
        if len(rows):
            self._index.remove_ids(self._faiss.IDSelectorBatch(rows))

    def probes_for(self, queries: Matrix, nearest: Rows) -> int:
        """Return the number of lists to look into, given the nearest rows of each query, shape ``(queries, 10)``."""
        probes = 1
        while probes < self._index.nlist:
            found = [self.search(query, _CANDIDATES, None, probes) for query in queries]
            share = np.mean([np.isin(expected, rows).mean() for expected, rows in zip(nearest, found, strict=True)])
            if share >= RECALL:
                return min(2 * probes, int(self._index.nlist))
            probes *= 2
        return int(self._index.nlist)

    def search(self, query: Vector, k: int, among: npt.NDArray[np.uint8] | None, probes: int) -> Rows:
        """Return at most ``k`` rows, those likely to be nearest; ``among`` has a bit for each row that may be found."""
        parameters = self._faiss.SearchParametersIVF(nprobe=min(probes, self._index.nlist))
        if among is not None:
            parameters.sel = selector = self._faiss.IDSelectorBitmap(among)
            parameters.referenced_objects = [selector]
        _, rows = self._index.search(query[np.newaxis].astype(np.float32), k, params=parameters)
        found: Rows = rows[0][rows[0] >= 0]
        return found

    def search_all(self, query: Vector, k: int, among: npt.NDArray[np.uint8] | None) -> Rows:
        """Return the ``min(k, those that may be found)`` nearest rows by their codes: looks into every list."""
        return self.search(query, k, among, self._index.nlist)

    def lists(self) -> Iterator[tuple[Rows, npt.NDArray[np.uint8]]]:
        """Yield the rows and codes of each list."""
        inverted = self._index.invlists
        for number in range(self._index.nlist):
            size = inverted.list_size(number)
            if size:
                ids = self._faiss.rev_swig_ptr(inverted.get_ids(number), size).copy()
                codes = self._faiss.rev_swig_ptr(inverted.get_codes(number), size * self._index.code_size)
                yield ids, codes.reshape(size, -1).copy()

    def codes(self, vectors: Matrix) -> npt.NDArray[np.uint8]:
        """Return the codes that vectors have here."""
        codes: npt.NDArray[np.uint8] = self._index.sq.compute_codes(np.ascontiguousarray(vectors, np.float32))
        return codes

    def save(self, path: Path) -> None:
        """Write the file, replacing it in one step."""
        fresh = path.with_suffix(".ivf-new")
        try:
            self._faiss.write_index(self._index, str(fresh))
        except RuntimeError as error:
            raise OSError(str(error)) from error
        marked.finish(fresh, path, asdict(self.mark))

    @classmethod
    def open(cls, path: Path, dimension: int, *, mapped: bool = True) -> IvfIndex | None:
        """Map a file into memory, or read it; ``None`` if there is none or it is not as it was written."""
        import faiss

        mark = cls.marked(path)
        if mark is None:
            return None
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP if mapped else 0)
        except RuntimeError:
            return None
        return cls(index, mark) if index.d == dimension else None

    @staticmethod
    def marked(path: Path) -> IvfMark | None:
        """Return what a file says of itself; ``None`` if there is none or it is not as long as it was."""
        mark = marked.read_mark(path)
        if mark is None or mark.get("format") != FORMAT:
            return None
        return IvfMark(**{name: mark[name] for name in IvfMark.__slots__})

    @staticmethod
    def is_whole(path: Path) -> bool:
        """Tell whether the whole file is what was written."""
        mark = marked.read_mark(path)
        return mark is not None and marked.is_whole(path, mark)


def lists_for(count: int) -> int:
    """Return how many lists so many vectors are clustered into: the power of two nearest to ``2 * sqrt(count)``."""
    return max(1, 2 ** round(float(np.log2(2 * np.sqrt(max(count, 1))))))
