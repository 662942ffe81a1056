"""A FAISS index for many vectors: clustered into lists, two bits a dimension (RaBitQ), memory-mapped.

It only proposes: what it finds is put in order by the stored vectors. A search looks into the lists that are nearest to
the question. Training finds their centroids (spherical k-means); a code tells a vector's difference from its centroid
(RaBitQ: Gao and Long, SIGMOD 2024; with several bits a dimension: Gao et al., SIGMOD 2025).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
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

PROBED = 12
"""A search looks into so many times the square root of the number of lists.

Questions lie far from all passages, and what is nearest to them is in many lists. How many, the passages do not tell:
queries made of them, by noise or by the difference of two others, find all in an eighth of 512 lists, questions do not.
"""

_ROUNDS = 8


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
    format: int = FORMAT

    @property
    def moment(self) -> Moment:
        """The state that the file was made of."""
        return Moment(self.revision, self.state, self.last)


class IvfIndex:
    """Vectors under row numbers. Searching is thread-safe, changing is not."""

    def __init__(self, index: Any, mark: IvfMark) -> None:  # noqa: ANN401
        import faiss

        index.parallel_mode = 1  # a question's lists are divided among the cores
        self._faiss: Any = faiss
        self._index: Any = index
        self.mark = mark

    @property
    def probes(self) -> int:
        """How many lists a search looks into."""
        return min(math.ceil(PROBED * math.sqrt(self._index.nlist)), int(self._index.nlist))

    def __len__(self) -> int:
        """Return how many vectors there are."""
        return int(self._index.ntotal)

    @classmethod
    def train(cls, sample: Matrix, count: int, moment: Moment) -> IvfIndex:
        """Return an empty index for ``count`` vectors like those of the sample."""
        import faiss

        lists = lists_for(count)
        index: Any = faiss.index_factory(sample.shape[1], f"IVF{lists},RaBitQ2", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter, index.cp.seed, index.cp.spherical = _ROUNDS, 1, True
        index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, LEARNT_FROM
        index.train(np.ascontiguousarray(sample, np.float32))
        made = cls(index, IvfMark(moment.revision, moment.state, moment.last, count, 0.0, 0.0))
        error = made.error(sample)
        made.mark = replace(made.mark, error=error, error_now=error)
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

    def lists(self) -> Iterator[tuple[int, Rows, npt.NDArray[np.uint8]]]:
        """Yield the number, the rows and the codes of each list that has any."""
        inverted = self._index.invlists
        for number in range(self._index.nlist):
            size = inverted.list_size(number)
            if size:
                ids = self._faiss.rev_swig_ptr(inverted.get_ids(number), size).copy()
                codes = self._faiss.rev_swig_ptr(inverted.get_codes(number), size * self._index.code_size)
                yield number, ids, codes.reshape(size, -1).copy()

    def codes(self, vectors: Matrix, number: int) -> npt.NDArray[np.uint8]:
        """Return the codes that vectors have in a list."""
        vectors = np.ascontiguousarray(vectors, np.float32)
        codes = np.zeros((len(vectors), self._index.code_size), np.uint8)
        lists = np.full(len(vectors), number, np.int64)
        self._index.encode_vectors(len(vectors), *map(self._faiss.swig_ptr, (vectors, lists, codes)))
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
    return 1 << max(0, round(math.log2(2 * math.sqrt(max(count, 1)))))
