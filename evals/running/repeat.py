"""Several runs of one system as one report: for models that do not always answer the same."""

from __future__ import annotations

from dataclasses import replace
from statistics import stdev
from typing import TYPE_CHECKING

from evals.reports.summary import summarise
from evals.scoring.measures import COSTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evals.reports.summary import Report
    from evals.scoring.judge import CaseResult


def combine(runs: Sequence[Report]) -> Report:
    """Return the report of several runs of the same cases.

    A case has the mean of each metric over its runs. It passed if it passed every time, and shows the first answer
    that failed. The standard deviation is that of a whole run's metric, divided by n - 1.
    """
    if len(runs) == 1:
        return runs[0]
    by_case = list(zip(*(run.cases for run in runs), strict=True))
    suites = runs[0].settings["suites"]
    whole = summarise([_joined(results) for results in by_case], suites if isinstance(suites, list) else [])
    unstable = [results[0].case.id for results in by_case if len({result.passed for result in results}) > 1]
    repeats = {"runs": len(runs), "deviation": _deviations(runs), "unstable": unstable}
    return replace(whole, stale=runs[0].stale, repeats=repeats)


def _joined(results: Sequence[CaseResult]) -> CaseResult:
    shown = next((result for result in results if not result.passed), results[0])
    return replace(shown, metrics=_means([result.metrics for result in results]))


def _means(several: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    names = dict.fromkeys(name for values in several for name in values)
    given = {name: [value for values in several if (value := values.get(name)) is not None] for name in names}
    return {name: sum(values) / len(values) if values else None for name, values in given.items()}


def _deviations(runs: Sequence[Report]) -> dict[str, float]:
    table = {name: [run.metrics[name] for run in runs] for name in runs[0].metrics if name not in COSTS}
    whole = {name: [value for value in values if value is not None] for name, values in table.items()}
    return {name: stdev(values) for name, values in whole.items() if len(values) == len(runs)}
