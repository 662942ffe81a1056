from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from index.types import Passage
from rag.models import locate
from rag.query.question import analyse
from rag.reader.cross_encoder import BASE, TRAINED, CrossEncoder, Scores
from rag.reader.linear import LinearModel
from rag.reader.read import Candidate
from rag.reader.rerank import FEATURES, rerank, rerank_model
from tests.handmade import found, read_all

SUM = LinearModel(np.array([1.0, 2.0]), 0.0, np.zeros(2), np.ones(2))


class Verdicts(CrossEncoder):
    """Log-odds that are given by the sentence, so that sums can be worked out on paper."""

    def __init__(self, verdicts: dict[str, float]) -> None:
        super().__init__(locate(BASE), locate(TRAINED))
        self.verdicts = verdicts
        self.read: list[str] = []

    def log_odds(self, question: str, passages: Sequence[Passage]) -> list[Scores]:  # noqa: ARG002
        self.read += [passage.text for passage in passages]
        return [
            np.array([self.verdicts[passage.text[span.start : span.end]] for span in passage.sentences])
            for passage in passages
        ]


def candidates() -> list[Candidate]:
    """Three passages of two sentences; the reader puts the museum's first and the weather last."""
    passages = [
        found(["It rained.", "It snowed."], document_id="weather", cosine=0.1),
        found(["The museum was opened.", "Roe opened it."], document_id="museum", cosine=0.9),
        found(["The mill was opened.", "It burned."], document_id="mill", cosine=0.5),
    ]
    return read_all(analyse("Who opened the museum?"), passages)


def test_scores_are_the_weighted_sum_and_order_what_was_read_twice() -> None:
    first = candidates()
    once = {each.text: each.score for each in first}
    verdicts = {"The museum was opened.": -3.0, "Roe opened it.": 4.0, "The mill was opened.": 0.5, "It burned.": -1.0}
    cross_encoder = Verdicts(verdicts)
    ranked = rerank("Who opened the museum?", first, cross_encoder, 2, model=SUM)
    assert {text.split(" ")[1] for text in cross_encoder.read} == {"museum", "mill"}
    assert ranked[0].text == "Roe opened it."
    for each in ranked[:4]:
        assert each.log_odds == verdicts[each.text]
        assert each.score == pytest.approx(once[each.text] + 2 * verdicts[each.text])
    assert [each.score for each in ranked] == sorted((each.score for each in ranked), reverse=True)


def test_what_is_read_once_comes_after_in_its_order() -> None:
    first = candidates()
    texts = [each.text for each in first]
    ranked = rerank("Who?", first, Verdicts({"The museum was opened.": -50.0, "Roe opened it.": -60.0}), 1, model=SUM)
    assert [each.text for each in ranked[:2]] == ["The museum was opened.", "Roe opened it."]
    assert [each.text for each in ranked[2:]] == [
        text for text in texts if text not in ranked[0].found.stored.passage.text
    ]
    assert all(each.score <= ranked[1].score for each in ranked[2:])
    assert all(each.log_odds == 0 for each in ranked[2:])


def test_nothing_to_read_stays_nothing() -> None:
    assert rerank("Who?", [], Verdicts({}), 4) == []


def test_the_cross_encoder_never_counts_against_a_sentence() -> None:
    model = rerank_model()
    assert (model.weights > 0).all()
    assert len(model.weights) == len(FEATURES)


def test_what_may_say_otherwise_elsewhere_is_read_again_too() -> None:
    passages = [
        found(["It opened in May.", "It snowed."], document_id="notice", cosines=[0.9, 0.1]),
        found(["It rained in May.", "It burned."], document_id="mill", cosines=[0.6, 0.5]),
        found(["It opened in June.", "It closed."], document_id="guide", cosines=[0.8, 0.0]),
        found(["It opened in July."], document_id="flyer", cosines=[0.8]),
    ]
    verdicts = {sentence.text: -1.0 for sentence in read_all(analyse("When?"), passages)}
    first = sorted(read_all(analyse("When?"), passages), key=lambda each: each.found is passages[0], reverse=True)
    cross_encoder = Verdicts(verdicts | {"It opened in May.": 3.0, "It opened in June.": 2.0})
    ranked = rerank("When?", first, cross_encoder, 1, rivals=1, model=SUM)
    assert cross_encoder.read == [passages[0].stored.passage.text, passages[2].stored.passage.text]
    assert [each.text for each in ranked[:2]] == ["It opened in May.", "It opened in June."]
    assert {each.text for each in ranked if each.log_odds} == {
        "It opened in May.",
        "It snowed.",
        "It opened in June.",
        "It closed.",
    }
