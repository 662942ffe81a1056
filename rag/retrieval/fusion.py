"""How what two searches found becomes one order.

A passage has two likenesses to the question. The *dense* one is a weighted sum of two cosines: of the passage, and of
its sentence that is nearest. The *lexical* one is its coverage: the share of the question's words that it holds, title
and headings counted, each word by its idf. The score is their weighted mean, times a constant:

    score = dense_weight * (passage * cosine + sentence * best cosine) + (1 - dense_weight) * coverage * covered

``dense_weight`` follows the query: the logistic function of a weighted sum of two numbers from 0 to 1. ``lexical_gap``
is how far BM25's best passage stands above its fifth, as a share of it; ``agreement`` is the share of the ten best of
one search that are among the ten best of the other. Nothing else depends on the other candidates: unlike z-scores,
coverage and cosine do not grow when a list is flat, so a search that tells its passages apart badly changes little.

No weight of a likeness is negative: to be more like the question never counts against a passage. The parameters are
data (``fusion.json``), fitted by ``python -m evals.fusion`` on public sets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from index.store.base import StoredPassage
from index.terms import stems_held
from index.types import Vector

FEATURES = ("lexical_gap", "agreement")
LIKENESSES = ("passage", "sentence", "coverage")
FILE = "fusion.json"

_GAP_TO = 5
_LEADERS = 10

Likenesses = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fusion:
    """The fitted parameters: how much each likeness counts, and what the dense weight follows."""

    likenesses: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    bias: float

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Fusion:
        """Read parameters, which must be for these likenesses and features in this order, else ``ValueError``."""
        if data["features"] != list(FEATURES) or list(data["likenesses"]) != list(LIKENESSES):
            raise ValueError("fitted on other features")
        likenesses = np.array([data["likenesses"][name] for name in LIKENESSES], np.float64)
        if (likenesses < 0).any():
            raise ValueError("a likeness counts against a passage")
        return cls(likenesses, np.array(data["weights"], np.float64), float(data["bias"]))

    def dense_weight(self, features: Sequence[float]) -> float:
        """Return the share of the dense likeness for a query with these `FEATURES`, between 0 and 1."""
        return float(1 / (1 + np.exp(-(self.bias + self.weights @ np.asarray(features)))))

    def scores(self, rows: Likenesses, dense_weight: float) -> npt.NDArray[np.float64]:
        """Return the score of each row of likenesses, shape ``(rows, 3)`` to ``(rows,)``."""
        shares = np.array([dense_weight, dense_weight, 1 - dense_weight])
        scores: npt.NDArray[np.float64] = rows @ (self.likenesses * shares)
        return scores


@lru_cache(maxsize=1)
def fusion_model() -> Fusion:
    """Return the fitted parameters that the package carries."""
    return Fusion.parse(json.loads(resources.files("rag.retrieval").joinpath(FILE).read_text(encoding="utf-8")))


def query_features(dense: Sequence[tuple[str, float]], lexical: Sequence[tuple[str, float]]) -> list[float]:
    """Return the `FEATURES` of what the two searches found, best first each."""
    best = lexical[0][1] if lexical else 0.0
    fifth = lexical[_GAP_TO - 1][1] if len(lexical) >= _GAP_TO else 0.0
    both = {id_ for id_, _ in dense[:_LEADERS]} & {id_ for id_, _ in lexical[:_LEADERS]}
    return [(best - fifth) / best if best > 0 else 0.0, len(both) / _LEADERS]


def likenesses(passages: Sequence[StoredPassage], query: Vector, terms: Mapping[str, float]) -> Likenesses:
    """Return the `LIKENESSES` of each passage, shape ``(passages, 3)``; ``terms`` are the question's, with their idf.

    Without terms, nothing is covered.
    """
    total = sum(terms.values()) or 1.0
    rows = np.zeros((len(passages), len(LIKENESSES)))
    texts = (f"{stored.passage.context} {stored.passage.text}" for stored in passages)
    for row, stored, held in zip(rows, passages, stems_held(texts, terms), strict=True):
        cosine = float(stored.vector @ query)
        best = float((stored.sentence_vectors @ query).max()) if len(stored.sentence_vectors) else cosine
        row[:] = cosine, best, sum(terms[stem] for stem in held) / total
    return rows
