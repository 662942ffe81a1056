"""The FAISS index: exact cosine search over passage vectors, derived from the store and never trusted over it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.types import Matrix, Vector

Rows = npt.NDArray[np.int64]


class VectorIndex:
    """Vectors under integer ids ("rows"), searched by inner product. Not thread-safe."""

    def __init__(self, dimension: int) -> None:
        import faiss

        self._faiss: Any = faiss
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))

    def rows(self) -> set[int]:
        """Return the ids that are indexed."""
        return set(self._faiss.vector_to_array(self._index.id_map).tolist())

    def add(self, rows: Sequence[int], vectors: Matrix) -> None:
        """Add vectors, shape ``(len(rows), dimension)``."""
        if len(rows):
            self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), np.asarray(rows, np.int64))

    def remove(self, rows: Iterable[int]) -> None:
        """Remove ids; unknown ones are ignored."""
        doomed = np.fromiter(rows, np.int64)
        if len(doomed):
            self._index.remove_ids(self._faiss.IDSelectorBatch(doomed))

    def vector(self, row: int) -> Vector:
        """Return the vector under an id that is indexed."""
        found: Vector = self._index.reconstruct(row)
        return found

    def search(self, query: Vector, k: int, among: Rows | None = None) -> list[tuple[int, float]]:
        """Return the ``min(k, candidates)`` best rows with their inner products, best first, ties by row."""
        count = self._index.ntotal if among is None else len(among)
        k = min(k, count)
        if k == 0:
            return []
        parameters = None
        if among is not None:
            parameters = self._faiss.SearchParameters(sel=self._faiss.IDSelectorBatch(among))
        scores, rows = self._index.search(query[np.newaxis].astype(np.float32), k, params=parameters)
        found = [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def save(self, path: Path, stamp: str) -> None:
        """Write the index, replacing the file in one step; ``stamp`` says which state of the store it shows."""
        data = self._faiss.serialize_index(self._index)
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(_header(stamp, data))
            file.write(data)
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path, dimension: int, stamp: str) -> VectorIndex | None:
        """Read an index written for the same stamp; ``None`` if there is none or it is not as it was written."""
        try:
            content = np.fromfile(path, np.uint8)
        except OSError:
            return None
        data = content[_HEADER_BYTES:]
        if content[:_HEADER_BYTES].tobytes() != _header(stamp, data):
            return None
        loaded = cls(dimension)
        loaded._index = loaded._faiss.deserialize_index(data)
        return loaded


_HEADER_BYTES = 64


def _header(stamp: str, data: npt.NDArray[np.uint8]) -> bytes:
    """Return the SHA-256 that proves a file whole, written for ``stamp``, and no other file."""
    digest = hashlib.sha256(f"{stamp}\n".encode())
    digest.update(data.data)
    return digest.hexdigest().encode()
