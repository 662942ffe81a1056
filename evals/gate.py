"""Why a build should stop, in words: a metric below its bound, a drop since the baseline, a case that must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.measures import LESS_IS_BETTER, label
from index.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from evals.compare import Comparison
    from evals.summary import Report


def below(report: Report, thresholds: Sequence[tuple[str, float]]) -> list[str]:
    """Return the metrics that are worse than their bound or were not measured; for error rates the bound is the most.

    Raises ``InputError`` on a metric that does not exist.
    """
    failures = []
    for name, bound in thresholds:
        if name not in report.metrics:
            raise InputError(f"There is no metric {name!r}.", f"The metrics are {', '.join(report.metrics)}.")
        value = report.metrics[name]
        upper = name in LESS_IS_BETTER
        if value is None or not (value <= bound if upper else value >= bound):
            shown = "not measured" if value is None else f"{value:.4f}"
            failures.append(f"{name} is {shown}; {'at most' if upper else 'at least'} {bound} is wanted.")
    return failures


def must_pass(report: Report, named: Collection[str]) -> list[str]:
    """Return the cases that failed although they say that they must pass, or are ``named``.

    Raises ``InputError`` if a named case was not asked.
    """
    unknown = sorted({*named} - {result.case.id for result in report.cases})
    if unknown:
        raise InputError(f"The case {unknown[0]!r} must pass and was not asked.", "Check the id, and --filter.")
    failed = [result.case for result in report.cases if not result.passed]
    return [f"The case {case.id} must pass and failed." for case in failed if case.must_pass or case.id in named]


def dropped(comparison: Comparison) -> list[str]:
    """Return the metrics that are worse than the baseline by more than chance."""
    return [
        f"{label(each.metric)} ({each.metric}) is worse than the baseline: {each.before:.4f} to {each.after:.4f}, "
        f"95% interval of the change {each.low:+.4f} to {each.high:+.4f}."
        for each in comparison.worse
    ]
