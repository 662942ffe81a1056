"""Why a build should stop, in words: a metric below its bound, a drop since the baseline, a case that must pass."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from evals.scoring.measures import COSTS, LESS_IS_BETTER, MEASURES, label
from index.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from evals.reports.compare import Comparison
    from evals.reports.summary import Report


METRICS = (*(each.metric for _, group in MEASURES for each in group), *COSTS)


def check_gates(thresholds: Sequence[tuple[str, float]], named: Collection[str], asked: Collection[str]) -> None:
    """See to it, before anything is asked, that there is all that a build is to stop by.

    Raises ``InputError`` on a metric that does not exist, and on a case that must pass and is none of those ``asked``.
    """
    for name, _ in thresholds:
        if name not in METRICS:
            near = get_close_matches(name, METRICS, 1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise InputError(f"There is no metric {name!r}.{meant}", f"The metrics are {', '.join(METRICS)}.")
    unknown = sorted({*named} - {*asked})
    if unknown:
        raise InputError(f"The case {unknown[0]!r} must pass and is not asked.", "Check the id, and --filter.")


def below(report: Report, thresholds: Sequence[tuple[str, float]]) -> list[str]:
    """Return the metrics that are worse than their bound or not measured; for error rates the bound is the most."""
    failures = []
    for name, bound in thresholds:
        value = report.metrics[name]
        upper = name in LESS_IS_BETTER
        if value is None or not (value <= bound if upper else value >= bound):
            shown = "not measured" if value is None else f"{value:.4f}"
            failures.append(f"{name} is {shown}; {'at most' if upper else 'at least'} {bound} is wanted.")
    return failures


def must_pass(report: Report, named: Collection[str]) -> list[str]:
    """Return the cases that failed although they say that they must pass, or are ``named``."""
    failed = [result.case for result in report.cases if not result.passed]
    return [f"The case {case.id} must pass and failed." for case in failed if case.must_pass or case.id in named]


def dropped(comparison: Comparison) -> list[str]:
    """Return the metrics that are worse than the baseline by more than chance."""
    return [
        f"{label(each.metric)} ({each.metric}) is worse than the baseline: {each.before:.4f} to {each.after:.4f}, "
        f"95% interval of the change {each.low:+.4f} to {each.high:+.4f}."
        for each in comparison.worse
    ]
