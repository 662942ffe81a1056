"""Fit the abstention model: a logistic regression of "the documents answer this", and where to draw the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evals.scoring.metrics import auc
from index.errors import InputError
from index.filters import parse_filter
from rag.query.rewrite import background, standalone
from rag.reader.gate import SIGNS, Risk
from rag.reader.linear import LinearModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from evals.cases.format import Suite
    from evals.running.homes import SuitePipeline

    Floats = NDArray[np.float64]
    Booleans = NDArray[np.bool_]

FOLDS = 5
PENALTY = 1.0
STEPS = 100
FEW = 30
"""Questions of a kind below which a rate measured on them says little: 5 of 30 has an interval from 7 to 34%."""
CURVE_POINTS = 200
"""Points of a curve, at most."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The parameters of the abstention model and its cross-validated errors.

    The probability of features x is ``1 / (1 + exp(-(bias + sum(weights * (x - mean) / scale))))``; citechat answers
    when it is at least ``threshold``. The rates, the area under the ROC curve and ``curve`` (what each threshold
    costs, in ascending order) are of questions in groups that the model did not see; ``answerable`` and
    ``unanswerable`` count them.
    """

    weights: tuple[float, ...]
    bias: float
    threshold: float
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    false_answer_rate: float
    false_refusal_rate: float
    auc: float
    curve: tuple[Risk, ...] = ()
    answerable: int = 0
    unanswerable: int = 0

    def parameters(self) -> dict[str, object]:
        """Return what the model needs to decide, also where a target rate is set."""
        return {
            "weights": list(self.weights),
            "bias": self.bias,
            "threshold": self.threshold,
            "mean": list(self.mean),
            "scale": list(self.scale),
            "curve": [[risk.threshold, risk.false_answers, risk.false_refusals] for risk in self.curve],
        }

    @property
    def doubt(self) -> str:
        """Say of which kind there were too few questions to draw a line by, if there were."""
        few = [
            f"{count} {kind}"
            for count, kind in ((self.answerable, "with an answer"), (self.unanswerable, "without"))
            if count < FEW
        ]
        return f"Too few to rely on: {' and '.join(few)}, of each some {FEW} are needed." if few else ""

    def covered(self, risk: Risk) -> tuple[float, float]:
        """Return what share of the questions is answered at a point of the curve, and what share of those falsely."""
        right, wrong = (1 - risk.false_refusals) * self.answerable, risk.false_answers * self.unanswerable
        answered = right + wrong
        return answered / (self.answerable + self.unanswerable), wrong / answered if answered else 0.0


def fit_suites(
    suites: Sequence[Suite], pipeline_for: Callable[[Suite], SuitePipeline], false_answer_rate: float | None = None
) -> Calibration:
    """Fit the model to the answerable and unanswerable cases of some suites, each case a group of its own.

    Left out are drafts, which nobody has accepted yet; cases that follow another, or that are to be asked back;
    questions for which no passage is found or that cannot be asked alone (they are refused or asked back whatever the
    model says), and questions that are two in one. ``false_answer_rate`` and errors are those of ``fit``.
    """
    rows, labels, groups = [], [], []
    for suite in suites:
        pipeline = pipeline_for(suite)
        for case in suite.cases:
            question = standalone(case.question, case.history)
            if question is None or case.draft or case.ambiguous or case.follows:
                continue
            where = parse_filter(case.filter) if case.filter else None
            readings = pipeline.readings(question, where, background(case.question, case.history))
            if len(readings) == 1 and readings[0].features is not None:
                rows.append(readings[0].features)
                labels.append(not case.unanswerable)
                groups.append(f"{suite.path}:{case.id}")
    return fit(np.array(rows).reshape(len(rows), -1), np.array(labels), groups, false_answer_rate, SIGNS)


def fit(
    features: Floats,
    labels: NDArray[np.generic],
    groups: Sequence[str],
    false_answer_rate: float | None = None,
    signs: Sequence[int] | None = None,
) -> Calibration:
    """Fit the model to questions of known answerability.

    ``features`` has shape (n, d), all finite; ``labels`` (n,) is true where the documents answer; ``groups`` names
    for each question what it shares with others (its data set or article), and cross-validation never splits a group.
    The threshold minimises false_answer_rate + false_refusal_rate or, if ``false_answer_rate`` (0..1) is given, is
    the lowest at which no more than that share of the unanswerable questions is answered. ``signs`` (d,) says which
    way each feature may count: 1 only for, -1 only against an answer, 0 either way (the default).

    Raises ``InputError`` if the shapes differ, a value is not finite, there is one group or one kind of question
    only, or a training fold lacks a kind.
    """
    x, y = _checked(features, labels, groups)
    allowed = np.zeros(x.shape[1]) if signs is None else np.array(signs, float)
    model = _fit_signed(x, y, allowed)
    probability, answered = np.empty(len(y)), np.empty(len(y), dtype=bool)
    for held_out in _folds(groups):
        fold = _fit_signed(x[~held_out], y[~held_out], allowed)
        line = _threshold(_probability(fold, x[~held_out]), y[~held_out], false_answer_rate)
        probability[held_out] = _probability(fold, x[held_out])
        answered[held_out] = probability[held_out] >= line
    threshold = _threshold(_probability(model, x), y, false_answer_rate)
    return _calibration(model, threshold, y, probability, answered)


def redraw(
    model: LinearModel,
    features: Floats,
    labels: NDArray[np.generic],
    groups: Sequence[str],
    false_answer_rate: float | None = None,
) -> Calibration:
    """Keep a model as it was fitted, and find its threshold and its curve on these questions.

    The other arguments and the errors are those of `fit`.
    """
    x, y = _checked(features, labels, groups)
    probability = _probability(model, x)
    threshold = _threshold(probability, y, false_answer_rate)
    return _calibration(model, threshold, y, probability, probability >= threshold)


def _calibration(
    model: LinearModel, threshold: float, y: Booleans, probability: Floats, answered: Booleans
) -> Calibration:
    """Return a model with its threshold and what that costs: ``y`` says what should have been ``answered``."""
    return Calibration(
        weights=tuple(model.weights.tolist()),
        bias=model.bias,
        threshold=threshold,
        mean=tuple(model.mean.tolist()),
        scale=tuple(model.scale.tolist()),
        false_answer_rate=float(answered[~y].mean()),
        false_refusal_rate=float((~answered[y]).mean()),
        auc=auc(probability[y].tolist(), probability[~y].tolist()) or 0.0,
        curve=tuple(_curve(probability, y)),
        answerable=int(y.sum()),
        unanswerable=int((~y).sum()),
    )


def _checked(features: Floats, labels: NDArray[np.generic], groups: Sequence[str]) -> tuple[Floats, Booleans]:
    x, y = np.asarray(features, dtype=np.float64), np.asarray(labels).astype(bool)
    if x.ndim != 2 or y.shape != (len(x),) or len(groups) != len(x):
        raise InputError(f"Features {x.shape}, labels {y.shape} and groups ({len(groups)},) do not belong together.")
    if not np.isfinite(x).all():
        raise InputError("A feature is not a finite number.")
    if y.all() or not y.any():
        raise InputError(
            "All questions are of one kind.", "Calibrate on answerable and unanswerable questions together."
        )
    if len(set(groups)) < 2:
        raise InputError("All questions are of one group.", "Calibrate on two case files or more.")
    return x, y


def _fit_signed(x: Floats, y: Booleans, signs: Floats) -> LinearModel:
    """Fit, leave out the features that count the wrong way, and fit again until none does."""
    used = np.ones(x.shape[1], bool)
    while True:
        model = _fit(np.where(used, x, 0.0), y)
        wrong = used & (model.weights * signs < 0)
        if not wrong.any():
            return LinearModel(np.where(used, model.weights, 0.0), model.bias, x.mean(axis=0), model.scale)
        used &= ~wrong


def _fit(x: Floats, y: Booleans) -> LinearModel:
    """Maximise the log likelihood less ``PENALTY / 2 * |weights|^2`` on standardised features (Newton's method)."""
    if y.all() or not y.any():
        raise InputError(
            "Without one of the groups, all questions are of one kind.",
            "Let more groups hold answerable and unanswerable questions.",
        )
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale < 1e-12] = 1.0
    design = np.column_stack([(x - mean) / scale, np.ones(len(x))])
    penalty = np.full(design.shape[1], PENALTY)
    penalty[-1] = 0.0
    beta = np.zeros(design.shape[1])
    for _ in range(STEPS):
        p = _sigmoid(design @ beta)
        gradient = design.T @ (y - p) - penalty * beta
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        # Full Newton steps overshoot far from the optimum; a bounded one cannot.
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    return LinearModel(beta[:-1], float(beta[-1]), mean, scale)


def _probability(model: LinearModel, x: Floats) -> Floats:
    return _sigmoid(model.logits(x))


def _sigmoid(z: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def _threshold(probability: Floats, y: Booleans, false_answer_rate: float | None) -> float:
    """Return a line halfway between two neighbouring probabilities, so that it is not decided by rounding."""
    values = np.unique(probability)
    lines = np.concatenate([[0.0], (values[1:] + values[:-1]) / 2, [(values[-1] + 1.0) / 2 + 1e-9]])
    wrong = 1.0 - np.searchsorted(np.sort(probability[~y]), lines) / (~y).sum()
    refused = np.searchsorted(np.sort(probability[y]), lines) / y.sum()
    if false_answer_rate is not None:
        return float(lines[np.argmax(wrong <= false_answer_rate)])
    return float(lines[np.argmin(wrong + refused)])


def _curve(probability: Floats, y: Booleans) -> Iterator[Risk]:
    """Yield what thresholds cost: 0, and one above each question without an answer, `CURVE_POINTS` at most.

    A threshold lies halfway to the next higher probability, as in `_threshold`. The last one answers none falsely.
    """
    values = np.unique(probability)
    above = np.append((values[1:] + values[:-1]) / 2, (values[-1] + 1.0) / 2 + 1e-9)
    lines = np.append(0.0, above[np.isin(values, probability[~y])])
    count = min(CURVE_POINTS, len(lines))
    unanswerable, answerable = np.sort(probability[~y]), np.sort(probability[y])
    for line in lines[np.unique(np.linspace(0, len(lines) - 1, count).round().astype(int))].tolist():
        wrong = 1.0 - float(np.searchsorted(unanswerable, line)) / len(unanswerable)
        yield Risk(line, wrong, float(np.searchsorted(answerable, line)) / len(answerable))


TARGETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of false answers for which `render_curve` gives a line."""


def render_curve(calibration: Calibration) -> str:
    """Return the risk-coverage curve as a table: for some targets, what is answered and what goes wrong."""
    lines = ["false answers at most  threshold  false answers  false refusals  answered  of these falsely"]
    for target in TARGETS:
        risk = next(risk for risk in calibration.curve if risk.false_answers <= target)
        coverage, falsely = calibration.covered(risk)
        lines.append(
            f"{target:21.0%}  {risk.threshold:9.3f}  {risk.false_answers:13.1%}  {risk.false_refusals:14.1%}"
            f"  {coverage:8.1%}  {falsely:16.1%}"
        )
    return "\n".join(lines)


def _folds(groups: Sequence[str]) -> list[Booleans]:
    """Deal whole groups, the largest first, to the fold that is smallest so far."""
    names = np.array(groups)
    sizes = {name: int((names == name).sum()) for name in sorted(set(groups))}
    folds: list[list[str]] = [[] for _ in range(min(FOLDS, len(sizes)))]
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        min(folds, key=lambda fold: sum(sizes[member] for member in fold)).append(name)
    return [np.isin(names, fold) for fold in folds]
