"""The geometry of a report's plots, in the units of their SVG view boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.metrics import risk_coverage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evals.judge import CaseResult

WIDTH, HEIGHT = 560, 240
"""Size of the drawing area of a plot, without its labels."""

BINS = 20


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


def risk_coverage_curve(results: Sequence[CaseResult]) -> Curve | None:
    """Draw how often answers are wrong when only the most confident questions are answered; ``None`` without any."""
    answered = [(each.answer.confidence, each.passed) for each in results if each.answer.status == "answered"]
    points = risk_coverage(answered, len(results))
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


def _y(risk: float, top: float) -> float:
    return HEIGHT * (1 - risk / top)


def confidence_bars(results: Sequence[CaseResult]) -> tuple[Bar, ...]:
    """Draw how confidence is spread over answerable and unanswerable questions, each as shares of its kind."""
    kinds = [[each.answer.confidence for each in results if each.case.unanswerable == kind] for kind in (False, True)]
    shares = [_spread(kind) for kind in kinds]
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


def _spread(confidences: Sequence[float]) -> list[float]:
    bins = [min(int(value * BINS), BINS - 1) for value in confidences]
    return [bins.count(number) / max(1, len(bins)) for number in range(BINS)]
