"""The geometry of a report's plots, in the units of their SVG view boxes, from the cases as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log10
from typing import TYPE_CHECKING

from evals.scoring.metrics import percentile, risk_coverage, wilson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evals.reports.stored import StoredCase

WIDTH, HEIGHT = 560, 240
"""Size of the drawing area of a plot, without its labels."""

BINS = 20
CALIBRATION_BINS = 10
FAR_SLOWER = 2
"""Questions that took so many times as long as 95 of 100 are drawn together."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A position on an axis and what is written there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """The risk-coverage curve: an SVG path, the area below it, and its last point, where the system stands now."""

    path: str
    area: str
    end: tuple[float, float]
    coverage: float
    risk: float
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bin of confidences: answerable questions drawn above the middle line, unanswerable ones below."""

    x: float
    width: float
    above: float
    below: float
    label: str


@dataclass(frozen=True, slots=True)
class Point:
    """A share with its 95% interval, drawn as a dot and a whisker; ``top`` and ``bottom`` are those of the whisker."""

    x: float
    y: float
    top: float
    bottom: float
    label: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often questions took how long: bars (x, y, width, height, label) and (x, label) of ticks below.

    ``open_ended`` says that the last bar has all that took longer.
    """

    bars: tuple[tuple[float, float, float, float, str], ...]
    x_ticks: tuple[tuple[float, str], ...]
    open_ended: bool


def risk_coverage_curve(cases: Sequence[StoredCase]) -> Curve | None:
    """Draw how often answers are wrong when only the most confident questions are answered; ``None`` without any."""
    answered = [(case["confidence"], case["passed"]) for case in cases if case["status"] == "answered"]
    points = risk_coverage(answered, len(cases))
    if not points:
        return None
    top = next(limit for limit in (0.05, 0.1, 0.2, 0.5, 1.0) if limit >= max(risk for _, risk in points))
    path, last = [], (0.0, _y(points[0][1], top))
    for coverage, risk in points:
        x, y = coverage * WIDTH, _y(risk, top)
        path.append(f"L{last[0]:.1f} {y:.1f}L{x:.1f} {y:.1f}")
        last = (x, y)
    line = f"M0 {_y(points[0][1], top):.1f}" + "".join(path)
    ticks = tuple(Tick(_y(top * part / 4, top), f"{top * part * 25:g}%") for part in range(5))
    coverage, risk = points[-1]
    return Curve(line, f"{line}L{last[0]:.1f} {HEIGHT}L0 {HEIGHT}Z", last, coverage, risk, ticks)


def _y(share: float, top: float = 1.0) -> float:
    return HEIGHT * (1 - share / top)


def confidence_bars(cases: Sequence[StoredCase]) -> tuple[Bar, ...]:
    """Draw how confidence is spread over answerable and unanswerable questions, each as shares of its kind."""
    judged = _judged(cases)
    shares = [_spread([confidence for confidence, can in judged if can is kind]) for kind in (True, False)]
    tallest = max(*shares[0], *shares[1])
    scale = (HEIGHT / 2 - 4) / tallest if tallest else 0
    return tuple(
        Bar(
            x=number * WIDTH / BINS + 2,
            width=WIDTH / BINS - 4,
            above=above * scale,
            below=below * scale,
            label=f"{number / BINS:.0%} to {(number + 1) / BINS:.0%}: {above:.0%} of answerable, {below:.0%} of others",
        )
        for number, (above, below) in enumerate(zip(*shares, strict=True))
    )


def _judged(cases: Sequence[StoredCase]) -> list[tuple[float, bool]]:
    """Return the confidence of every question that is answerable or not, and which it is."""
    known = [case for case in cases if case["status"] != "error" and case["expected"]["status"] != "clarify"]
    return [(case["confidence"], case["expected"]["status"] == "answered") for case in known]


def _spread(confidences: Sequence[float]) -> list[float]:
    bins = [min(int(value * BINS), BINS - 1) for value in confidences]
    return [bins.count(number) / max(1, len(bins)) for number in range(BINS)]


def calibration_points(cases: Sequence[StoredCase]) -> tuple[Point, ...]:
    """Draw, for each tenth of confidence that occurs, how often the documents did answer, over the mean confidence."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for each in _judged(cases):
        bins.setdefault(min(int(each[0] * CALIBRATION_BINS), CALIBRATION_BINS - 1), []).append(each)
    points = []
    for _, members in sorted(bins.items()):
        confidence = sum(value for value, _ in members) / len(members)
        share = sum(can for _, can in members) / len(members)
        low, high = wilson(share, len(members))
        label = f"confidence {confidence:.0%}: answerable {share:.0%} of {len(members)}"
        points.append(Point(confidence * WIDTH, _y(share), _y(high), _y(low), label))
    return tuple(points)


def latency_histogram(cases: Sequence[StoredCase]) -> Histogram:
    """Draw how long questions took, up to the slowest; where few took far longer than the rest, the last bar has those.

    A first question may load models: 95 of 100 questions would be crowded into one bar beside it.
    """
    latencies = [case["latency_ms"] for case in cases]
    usual = FAR_SLOWER * (percentile(latencies, 95) or 0.0)
    cut = max(latencies) > usual > 0
    longest = usual if cut else max(latencies)
    step = _round_step(longest / BINS)
    bins = max(1, ceil(longest / step))
    counts = [0] * bins
    for value in latencies:
        counts[min(int(value // step), bins - 1)] += 1
    scale, width = HEIGHT / max(counts), WIDTH / bins
    bars = (
        (
            *(number * width + 1, HEIGHT - count * scale, width - 2, count * scale),
            _took(number, step, count, open_ended=cut and number == bins - 1),
        )
        for number, count in enumerate(counts)
    )
    ticks = ((width * number, f"{step * number}") for number in range(0, bins + 1, 5 if bins > BINS / 2 else 2))
    return Histogram(tuple(bars), tuple(ticks), cut)


def _round_step(least: float) -> int:
    """Return the least of 1, 2, 5, 10, 20, 50, ... that is not below ``least``."""
    power = 10 ** max(0, ceil(log10(least)) - 1) if least > 1 else 1
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)


def _took(number: int, step: int, count: int, *, open_ended: bool) -> str:
    span = f"{number * step} ms and longer" if open_ended else f"{number * step} to {(number + 1) * step} ms"
    return f"{span}: {count} questions"


def tag_points(by_tag: Mapping[str, Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Return the 95% Wilson interval of each tag's share of passed cases."""
    return {tag: wilson(values["pass_rate"], values["cases"]) for tag, values in by_tag.items()}
