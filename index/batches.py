"""Documents on their way into the store: each batch is embedded while the one before is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from index.embedder import Embedder, PassageVectors
from index.intake import AddResult, Complete, Pending
from index.originals import Originals
from index.passages import lead
from index.store.base import Store, StoredPassage
from index.types import Matrix, Passage, Vector

BATCH_PASSAGES = 256
"""Documents are embedded together until they have this many passages: full batches, little lost to a Ctrl-C."""

FIRST_PASSAGES = 32
"""The first batch, so that something is stored soon; each is twice as large as the one before."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Passages that are being embedded, by digest."""

    digests: tuple[str, ...]
    coming: Future[list[PassageVectors]]

    def vectors(self) -> dict[str, tuple[Vector, Matrix]]:
        """Wait for them."""
        embedded = ((each.passage, each.sentences) for each in self.coming.result())
        return dict(zip(self.digests, embedded, strict=True))


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents that are stored together; ``known`` are vectors of their passages, the other ones come."""

    waiting: Sequence[Pending | Complete]
    known: Mapping[str, tuple[Vector, Matrix]]
    own: Embedding | None
    before: Embedding | None

    def vectors(self) -> dict[str, tuple[Vector, Matrix]]:
        """Wait for all vectors of the passages, by digest."""
        vectors = dict(self.known)
        for embedding in (self.before, self.own):
            if embedding is not None:
                vectors |= embedding.vectors()
        return vectors


class Batches:
    """Embeds documents, in a thread of its own, and stores them."""

    def __init__(self, store: Store, embedder: Embedder, originals: Originals | None) -> None:
        self._store = store
        self._embedder = embedder
        self._originals = originals
        self._ahead = ThreadPoolExecutor(1, "embedding")

    def close(self) -> None:
        """Let go of the thread; what has not begun is not embedded."""
        self._ahead.shutdown(cancel_futures=True)

    def turn(
        self, begun: Batch | None, waiting: Sequence[Pending | Complete], report: Callable[[AddResult], None]
    ) -> Batch:
        """Begin to embed what is new in ``waiting``; meanwhile store what was begun before."""
        batch = self.begin(waiting, begun)
        try:
            if begun is not None:
                self._store_batch(begun, report)
        except BaseException:
            if batch.own is not None:
                batch.own.coming.cancel()
            raise
        return batch

    def begin(self, waiting: Sequence[Pending | Complete], before: Batch | None) -> Batch:
        """Look up which passages have vectors, also in the batch ``before``, and begin to embed the others."""
        passages = {
            _digest(passage): passage
            for pending in waiting
            if isinstance(pending, Pending)
            for passage in pending.passages
        }
        known = self._store.embedded(list(passages))
        lender = before.own if before else None
        coming = set(lender.digests) if lender else set()
        fresh = {digest: each for digest, each in passages.items() if digest not in known and digest not in coming}
        own = None
        if fresh:  # so that bringing an unchanged folder up to date loads no model
            own = Embedding(tuple(fresh), self._ahead.submit(self._embedder.embed_passages, list(fresh.values())))
        return Batch(waiting, known, own, lender if coming & passages.keys() else None)

    def _store_batch(self, batch: Batch, report: Callable[[AddResult], None]) -> None:
        """Wait for the vectors of a batch and store each of its documents in a transaction of its own."""
        vectors = batch.vectors()
        for each in batch.waiting:
            if isinstance(each, Complete):
                self.settle(each)
            else:
                report(self.put(each, vectors))

    def put(
        self, pending: Pending, vectors: Mapping[str, tuple[Vector, Matrix]], expected: str | None = None
    ) -> AddResult:
        """Store a document with its vectors, those of its passages by digest; see `Store.put`."""
        texts = [lead(passage.context) + passage.text for passage in pending.passages]
        stored = [
            StoredPassage(passage, _digest(passage), tokens, *vectors[_digest(passage)])
            for passage, tokens in zip(pending.passages, self._embedder.count_tokens(texts), strict=True)
        ]
        origin = pending.origin
        self._keep(origin.location, origin.digest)
        self._store.put(pending.document, origin, stored, expected=expected)
        return AddResult(origin.source, pending.status, pending.document.id, len(stored), pending.note)

    def settle(self, complete: Complete) -> None:
        """Keep a file of several documents as an original, and settle what it consists of; see `Store.settle`."""
        self._keep(complete.location, complete.digest)
        self._store.settle(complete.location, complete.origins)

    def _keep(self, location: str, digest: str) -> None:
        """Keep a file as an original; one without a digest is kept once it was read to its end."""
        if self._originals is not None and digest:
            self._originals.keep(Path(location), digest)


def size(waiting: Iterable[Pending | Complete]) -> int:
    """Return how many passages wait."""
    return sum(len(each.passages) for each in waiting if isinstance(each, Pending))


def _digest(passage: Passage) -> str:
    """Name what a passage's vectors depend on: its context, its text, and where its sentences lie in it."""
    spans = [(span.start - passage.start, span.end - passage.start) for span in passage.sentences]
    return hashlib.sha256(repr((passage.context, passage.text, spans)).encode()).hexdigest()
