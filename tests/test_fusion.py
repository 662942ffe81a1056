from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.store.base import StoredPassage
from index.terms import stem
from index.types import Passage, Span
from rag.retrieval.fusion import FEATURES, LIKENESSES, Fusion, fusion_model, likenesses, query_features

SHARE = st.floats(0, 1)
COSINE = st.floats(-1, 1)


def parameters(**changed: object) -> dict[str, Any]:
    given_: dict[str, Any] = {
        "likenesses": {"passage": 1.0, "sentence": 2.0, "coverage": 4.0},
        "features": list(FEATURES),
        "weights": [-1.0, 2.0],
        "bias": 0.5,
    }
    return given_ | changed


def stored(text: str, context: str, vector: list[float], sentences: list[list[float]]) -> StoredPassage:
    spans = tuple(Span(0, len(text)) for _ in sentences)
    passage = Passage("p", "d", 0, 0, len(text), text, "", context, spans)
    return StoredPassage(
        passage, "", 0, np.array(vector, np.float32), np.array(sentences, np.float32).reshape(len(sentences), 2)
    )


def test_scores_by_hand() -> None:
    model = Fusion.parse(parameters())
    assert model.scores(np.array([[0.5, 0.25, 0.75]]), 0.25) == pytest.approx([0.25 * (0.5 + 0.5) + 0.75 * 3.0])


def test_the_dense_weight_by_hand() -> None:
    model = Fusion.parse(parameters())
    assert model.dense_weight([0.5, 0.0]) == pytest.approx(0.5)
    assert model.dense_weight([0.0, 0.5]) == pytest.approx(1 / (1 + np.exp(-1.5)))


@given(st.tuples(COSINE, COSINE, SHARE), st.integers(0, 2), st.floats(0, 1), st.tuples(SHARE, SHARE))
def test_more_likeness_never_counts_against_a_passage(
    row: tuple[float, float, float], which: int, more: float, features: tuple[float, float]
) -> None:
    model = fusion_model()
    better = [value + more * (number == which) for number, value in enumerate(row)]
    scores = model.scores(np.array([row, better]), model.dense_weight(features))
    assert scores[1] >= scores[0]


def test_features_tell_how_far_the_first_stands_out_and_how_the_lists_agree() -> None:
    lexical = [(name, score) for name, score in zip("abcdef", (8.0, 7.0, 6.0, 5.0, 2.0, 1.0), strict=True)]
    dense = [(name, 0.5) for name in "fexyz"]
    assert query_features(dense, lexical) == pytest.approx([0.75, 0.2])
    assert query_features(dense, lexical[:3]) == pytest.approx([1.0, 0.0])
    assert query_features(dense, []) == [0.0, 0.0]


def test_likenesses_are_those_of_passage_nearest_sentence_and_words() -> None:
    passages = [
        stored("The bridge was closed.", "Leeds", [0.6, 0.8], [[0.0, 1.0], [1.0, 0.0]]),
        stored("Nothing.", "", [1.0, 0.0], []),
    ]
    terms = {stem("bridges"): 0.2, stem("Leeds"): 0.3, stem("opened"): 0.5}
    rows = likenesses(passages, np.array([1.0, 0.0], np.float32), terms)
    assert rows == pytest.approx(np.array([[0.6, 1.0, 0.5], [1.0, 1.0, 0.0]]))
    assert likenesses(passages, np.array([1.0, 0.0], np.float32), {})[:, 2].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "changed",
    [{"features": ["agreement"]}, {"likenesses": dict.fromkeys(LIKENESSES, -1.0)}, {"likenesses": {"passage": 1.0}}],
)
def test_other_parameters_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"other features|against"):
        Fusion.parse(parameters(**changed))
