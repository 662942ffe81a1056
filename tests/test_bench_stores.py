"""The benchmark of both stores fills them so that nothing tells how."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from evals.bench import stores
from evals.bench.synthetic import PASSAGES, Real
from tests.embedding import HashingEmbedder
from tests.stores import Place, both

WORDS = " ".join("ab"[n % 2] * (n // 7) + f"word{n % (1 + n // 3)}" for n in range(300))


@both
def test_a_store_that_is_filled_at_once_is_sound(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = HashingEmbedder()
    vectors = np.random.default_rng(1).standard_normal((20, embedder.dimension)).astype(np.float32)
    real = Real(WORDS, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), ())
    monkeypatch.setattr(stores, "SCHEMA", place.schema)
    monkeypatch.setattr(stores, "LAST", 3)
    monkeypatch.setattr(stores, "BATCH", 4)
    figures = stores.filled(place.folder, place.url, embedder, real, 120)
    assert figures["ingest_passages_per_s"] > 0
    assert stores.filled(place.folder, place.url, embedder, real, 100) == {}
    with closing(place.open(embedder.fingerprint)) as store:
        assert store.verify() == []
        assert store.count() == 100
        assert len(store.documents()) * PASSAGES == store.count()
