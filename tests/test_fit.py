from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from evals.fit import (
    FALSE_ANSWERS,
    OFTEN,
    RULES,
    SIGNED,
    Example,
    fit_gate,
    fit_reader,
    fit_rerank,
    report_reader,
    report_rerank,
)
from rag.reader import gate, read, rerank
from rag.reader.linear import LinearModel

Floats = npt.NDArray[np.float64]

SENTENCES = 6
TELLING = read.FEATURES.index("sentence_similarity")
MISLEADING = read.FEATURES.index("passage_score")
SHORT = read.FEATURES.index("brevity")
FOR = gate.FEATURES.index("log_odds")
AGAINST = gate.FEATURES.index("lacking_near")
WRONG = gate.FEATURES.index("names_covered")


def example(random: np.random.Generator, number: int, *, answerable: bool = True, kind: str = "set") -> Example:
    """A question with noise for features but for those above, and one answering sentence if it is answerable."""
    answering = np.arange(SENTENCES) == (random.integers(SENTENCES) if answerable else SENTENCES)
    sentences = random.normal(size=(SENTENCES, len(read.FEATURES)))
    sentences[:, TELLING] += 2 * answering
    sentences[:, [MISLEADING, SHORT]] -= 2 * answering[:, None]
    features = np.random.default_rng([number, 1]).normal(size=len(gate.FEATURES))  # its own: the rest stays as drawn
    features[FOR] += 1.5 * answerable
    features[[AGAINST, WRONG]] -= 1.5 * answerable
    log_odds = np.random.default_rng(number).normal(size=SENTENCES) + 2 * answering
    return Example(kind, f"group {number}", answerable, sentences, log_odds, answering, features)


@pytest.fixture
def found() -> list[Example]:
    random = np.random.default_rng(0)
    return [example(random, number, answerable=number % 2 == 0) for number in range(400)]


def reader_weights(found: Sequence[Example]) -> Floats:
    weights: Floats = np.array(fit_reader(found)["weights"])
    return weights


def test_the_reader_learns_which_feature_answers(found: list[Example]) -> None:
    weights = reader_weights(found)
    assert weights[TELLING] > 1
    assert {name for name, weight in zip(read.FEATURES, weights, strict=True) if weight < 0} == set(SIGNED)
    assert weights[MISLEADING] == pytest.approx(0, abs=1e-3)
    assert weights[SHORT] < -1


def test_what_is_too_rare_to_be_learned_has_its_least_weight(found: list[Example]) -> None:
    parameters = fit_reader(found)
    model = LinearModel.parse(parameters, read.FEATURES)
    for name, least in RULES.items():
        column = read.FEATURES.index(name)
        assert model.weights[column] / model.scale[column] == pytest.approx(least, abs=1e-3)


def test_the_reader_learns_nothing_from_held_out_questions(found: list[Example]) -> None:
    changed = [replace(each, answering=each.answering[::-1]) if each.held_out else each for each in found]
    assert {each.held_out for each in found} == {True, False}
    assert reader_weights(changed).tolist() == reader_weights(found).tolist()


def by_similarity() -> dict[str, object]:
    count = len(read.FEATURES)
    weights = [float(number == TELLING) for number in range(count)]
    return {
        "features": list(read.FEATURES),
        "weights": weights,
        "bias": 0.0,
        "mean": [0.0] * count,
        "scale": [1.0] * count,
    }


def two_sentences(group: str, *, answering: tuple[bool, bool], answerable: bool = True) -> Example:
    """A question whose first sentence is the more similar one."""
    sentences = np.zeros((2, len(read.FEATURES)))
    sentences[0, TELLING] = 1.0
    features = np.zeros(len(gate.FEATURES))
    return Example("set", group, answerable, sentences, np.array([1.0, 2.0]), np.array(answering), features)


def test_the_report_counts_held_out_questions_whose_best_sentence_answers() -> None:
    groups = [f"group {number}" for number in range(100)]
    held = [group for group in groups if two_sentences(group, answering=(True, False)).held_out]
    (seen, *_) = (group for group in groups if group not in held)
    found = [
        two_sentences(held[0], answering=(True, False)),
        two_sentences(held[1], answering=(True, True)),
        two_sentences(held[2], answering=(False, True)),
        two_sentences(held[3], answering=(False, False)),
        two_sentences(held[4], answering=(False, False), answerable=False),
        two_sentences(seen, answering=(False, True)),
    ]
    assert report_reader(found, by_similarity()).split() == "set 0.500 of 0.750 reachable, n=4".split()


def test_the_second_reading_learns_how_much_the_cross_encoder_counts(found: list[Example]) -> None:
    odds = rerank.FEATURES.index("log_odds")
    useful = np.array(fit_rerank(found)["weights"])
    random = np.random.default_rng(3)
    useless = np.array(
        fit_rerank([replace(each, log_odds=random.normal(size=len(each.log_odds))) for each in found])["weights"]
    )
    assert useful[odds] > 1
    assert useless[odds] < 0.2


def test_the_second_reading_learns_from_sentences_that_were_read_twice_only(found: list[Example]) -> None:
    half = [replace(each, log_odds=np.where(np.arange(SENTENCES) < 4, each.log_odds, 0.0)) for each in found]
    changed = [
        replace(each, sentences=np.where(np.arange(SENTENCES)[:, None] < 4, each.sentences, 9.0)) for each in half
    ]
    assert fit_rerank(changed) == fit_rerank(half)


def test_the_report_of_the_second_reading_tells_what_it_changes() -> None:
    held = [f"group {number}" for number in range(100)]
    held = [group for group in held if two_sentences(group, answering=(True, False)).held_out]
    found = [
        replace(two_sentences(held[0], answering=(False, True)), log_odds=np.array([-9.0, 9.0])),
        replace(two_sentences(held[1], answering=(True, False)), log_odds=np.array([-9.0, 9.0])),
        replace(two_sentences(held[2], answering=(False, True)), log_odds=np.array([1.0, 0.0])),
    ]
    parameters = {"features": list(rerank.FEATURES), "weights": [0.0, 1.0], "bias": 0, "mean": [0, 0], "scale": [1, 1]}
    lines = report_rerank(found, parameters).splitlines()
    assert lines[0] == "read once"
    assert lines[1].split() == "set 0.333 of 0.667 reachable, n=3".split()
    assert lines[2] == "read twice"
    assert lines[3].split() == "set 0.333 of 0.667 reachable, n=3".split()


def test_the_gate_lets_features_count_one_way_only(found: list[Example]) -> None:
    parameters, _ = fit_gate(found)
    model = LinearModel.parse(parameters, gate.FEATURES)
    assert (model.weights * gate.SIGNS >= 0).all()
    assert model.weights[FOR] > 0.5
    assert model.weights[AGAINST] < -0.5
    assert model.weights[WRONG] == 0.0


def test_a_gate_that_is_kept_only_gets_its_line_and_its_curve_anew(found: list[Example]) -> None:
    fitted, _ = fit_gate(found)
    kept = LinearModel.parse({**fitted, "bias": 0.7}, gate.FEATURES)
    parameters, _ = fit_gate(found, kept)
    assert {name: parameters[name] for name in ("weights", "mean", "scale")} == {
        name: fitted[name] for name in ("weights", "mean", "scale")
    }
    assert parameters["bias"] == 0.7
    threshold = parameters["threshold"]
    assert isinstance(threshold, float)
    assert threshold != fitted["threshold"]
    without = np.array([each.gate for each in found if not each.answerable])
    answered = 1 / (1 + np.exp(-kept.logits(without))) >= threshold
    assert FALSE_ANSWERS - 0.02 < answered.mean() <= FALSE_ANSWERS


def test_the_report_of_the_gate_has_both_errors(found: list[Example]) -> None:
    _, report = fit_gate(found)
    held = [each for each in found if each.held_out]
    refusals, answers = (line.split() for line in report.splitlines())
    assert (refusals[:3], answers[:3]) == (["set", "false", "refusals"], ["set", "false", "answers"])
    assert refusals[-1] == f"n={sum(each.answerable for each in held)}"
    assert answers[-1] == f"n={sum(not each.answerable for each in held)}"
    assert float(refusals[3].rstrip(",")) < 0.25
    assert float(answers[3].rstrip(",")) == pytest.approx(FALSE_ANSWERS, abs=0.1)


def test_the_gate_does_not_learn_from_questions_whose_answer_was_not_retrieved(found: list[Example]) -> None:
    random = np.random.default_rng(1)
    missed = [
        replace(example(random, number), answering=np.zeros(SENTENCES, bool), gate=np.full(len(gate.FEATURES), -9.0))
        for number in range(50)
    ]
    assert fit_gate([*found, *missed]) == fit_gate(found)


def test_cases_of_our_own_count_more_often(found: list[Example]) -> None:
    random = np.random.default_rng(2)
    own = [example(random, number, answerable=number % 2 == 0, kind="handbook") for number in range(10)]
    repeated = [replace(each, kind="set") for each in own for _ in range(OFTEN)]
    assert fit_gate([*found, *own])[0] == fit_gate([*found, *repeated])[0]
