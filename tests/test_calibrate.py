from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from evals.calibrate import CURVE_POINTS, fit, render_curve
from index.errors import InputError
from rag.reader.gate import FEATURES, FILE, Risk, load_gate

GROUPS = [f"g{i % 10}" for i in range(400)]


def questions(distance: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """400 questions with three features: one that tells, one that is noise, one that is constant."""
    random = np.random.default_rng(seed)
    labels = random.random(400) < 0.5
    telling = random.normal(size=400) + distance * labels
    return np.column_stack([telling * 100 + 7, random.normal(size=400), np.full(400, 3.0)]), labels


def probability(features: np.ndarray, model: object) -> np.ndarray:
    weights, bias, mean, scale = (np.array(getattr(model, name)) for name in ("weights", "bias", "mean", "scale"))
    return np.asarray(1 / (1 + np.exp(-(bias + ((features - mean) / scale) @ weights))))


def test_separable_questions_are_told_apart() -> None:
    features, labels = questions(20.0)
    model = fit(features, labels, GROUPS)
    assert (model.false_answer_rate, model.false_refusal_rate, model.auc) == (0.0, 0.0, 1.0)
    assert np.array_equal(probability(features, model) >= model.threshold, labels)
    assert model.weights[0] > 1
    assert abs(model.weights[1]) < 0.3
    assert model.weights[2] == 0.0


def test_the_weights_maximise_the_penalised_likelihood() -> None:
    features, labels = questions(1.0)
    model = fit(features, labels, GROUPS)
    residual = labels - probability(features, model)
    standard = (features - np.array(model.mean)) / np.array(model.scale)
    assert standard.T @ residual == pytest.approx(np.array(model.weights), abs=1e-7)
    assert residual.sum() == pytest.approx(0.0, abs=1e-7)


def test_a_wanted_false_answer_rate_is_kept() -> None:
    features, labels = questions(1.0)
    model = fit(features, labels, GROUPS, false_answer_rate=0.05)
    answered = probability(features, model) >= model.threshold
    assert 0.03 < answered[~labels].mean() <= 0.05
    assert model.false_answer_rate == pytest.approx(0.05, abs=0.03)
    assert model.false_refusal_rate > fit(features, labels, GROUPS).false_refusal_rate


def test_no_refusal_is_better_than_noise_says() -> None:
    features, labels = questions(0.0)
    model = fit(features, labels, GROUPS)
    assert model.auc == pytest.approx(0.5, abs=0.08)
    assert model.false_answer_rate + model.false_refusal_rate == pytest.approx(1.0, abs=0.12)


def test_the_parameters_are_plain_data() -> None:
    model = fit(*questions(1.0), GROUPS)
    data = json.loads(json.dumps(model.parameters()))
    assert set(data) == {"weights", "bias", "threshold", "mean", "scale", "curve"}
    assert (tuple(data["weights"]), data["threshold"]) == (model.weights, model.threshold)


def test_the_same_questions_give_the_same_parameters() -> None:
    features, labels = questions(1.0)
    assert fit(features, labels, GROUPS) == fit(features, labels, GROUPS)


@pytest.mark.parametrize(("sign", "kept"), [(1, True), (0, True), (-1, False)])
def test_a_feature_that_would_count_the_wrong_way_is_left_out(sign: int, kept: bool) -> None:
    features, labels = questions(1.0)
    free = fit(features, labels, GROUPS)
    assert free.weights[0] > 0
    without = features.copy()
    without[:, 0] = 0.0
    signed = fit(features, labels, GROUPS, signs=(sign, 0, 0))
    assert signed.weights == (free if kept else fit(without, labels, GROUPS)).weights
    assert signed.auc == pytest.approx(free.auc if kept else 0.5, abs=0.08)
    assert (signed.weights[0] == 0.0) is not kept


@pytest.mark.parametrize("labels", [np.zeros(400), np.ones(400)])
def test_one_kind_of_question_is_an_error(labels: np.ndarray) -> None:
    with pytest.raises(InputError, match="one kind"):
        fit(questions(1.0)[0], labels, GROUPS)


def test_groups_that_cannot_be_held_out_are_an_error() -> None:
    features, labels = questions(1.0)
    with pytest.raises(InputError, match="Without one of the groups"):
        fit(features, labels, ["yes" if label else "no" for label in labels])
    with pytest.raises(InputError, match="of one group"):
        fit(features, labels, ["all"] * 400)


def test_unusable_features_are_an_error() -> None:
    features, labels = questions(1.0)
    with pytest.raises(InputError, match="do not belong together"):
        fit(features[:5], labels, GROUPS)
    features[3, 1] = np.nan
    with pytest.raises(InputError, match="not a finite number"):
        fit(features, labels, GROUPS)


def test_the_curve_says_what_each_threshold_costs() -> None:
    features, labels = questions(1.0)
    model = fit(features, labels, GROUPS)
    assert (model.answerable, model.unanswerable) == (int(labels.sum()), int((~labels).sum()))
    assert len(model.curve) <= CURVE_POINTS
    assert model.curve[0] == Risk(0.0, 1.0, 0.0)
    assert model.curve[-1].false_answers == 0.0
    for one, other in pairwise(model.curve):
        assert one.threshold < other.threshold
        assert one.false_answers > other.false_answers
        assert one.false_refusals <= other.false_refusals


def test_the_curve_of_few_questions_by_hand() -> None:
    """One feature, so that the model keeps its order whatever it learns: u a u a a in both groups."""
    features = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]] * 2)
    labels = np.array([False, True, False, True, True] * 2)
    model = fit(features, labels, ["one"] * 5 + ["two"] * 5)
    assert [(risk.false_answers, risk.false_refusals) for risk in model.curve] == [
        (1.0, 0.0),
        (0.5, 0.0),
        (0.0, pytest.approx(1 / 3)),
    ]
    coverage, falsely = model.covered(model.curve[1])
    assert [coverage, falsely] == pytest.approx([0.8, 0.25])
    assert model.covered(Risk(1.1, 0.0, 1.0)) == (0.0, 0.0)


def test_the_printed_curve_keeps_its_targets() -> None:
    features, labels = questions(2.0)
    model = fit(features, labels, GROUPS)
    rows = [line.split() for line in render_curve(model).splitlines()[1:]]
    assert [row[0] for row in rows] == ["1%", "2%", "5%", "10%", "20%", "30%", "50%"]
    for target, _, false_answers, *_ in rows:
        assert float(false_answers[:-1]) <= float(target[:-1])
    coverage = [float(row[4][:-1]) for row in rows]
    assert coverage == sorted(coverage)


def test_so_few_questions_that_a_rate_says_little_are_told() -> None:
    features, labels = questions(2.0)
    model = fit(features, labels, GROUPS)
    assert model.doubt == ""
    few = replace(model, unanswerable=2)
    assert few.doubt == "Too few to rely on: 2 without, of each some 30 are needed."


def test_the_curve_travels_with_the_parameters(tmp_path: Path) -> None:
    features, labels = questions(1.0)
    wide = np.pad(features, ((0, 0), (0, len(FEATURES) - features.shape[1])))
    model = fit(wide, labels, GROUPS)
    (tmp_path / FILE).write_text(json.dumps({"features": FEATURES, **model.parameters()}))
    gate = load_gate(tmp_path)
    assert gate.curve == model.curve
    for target in (0.0, 0.05, 0.3, 1.0):
        line = gate.threshold_for(target)
        chosen = next(risk for risk in model.curve if risk.threshold == line)
        assert chosen.false_answers <= target
        assert all(risk.false_answers > target for risk in model.curve if risk.threshold < line)
