"""From the judgements of single cases to the figures of a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from evals.scoring.measures import MEANS
from evals.scoring.metrics import auc, calibration_error, effective_count, mean, percentile, weighted_mean, wilson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evals.scoring.judge import CaseResult
    from evals.scoring.opinion import Opinion

FORMAT = 2
"""The shape of a report's JSON; a reader of one with a greater number says so."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an eval run.

    ``metrics`` maps a name to its value (``None``: nothing to measure it on), ``intervals`` to its 95% Wilson interval
    over cases, ``counts`` to how many cases it is a mean of (and ``cases``, ``passed``, ``answerable``,
    ``unanswerable``). Means are weighted by ``Case.weight``. ``repeats`` says, where cases were asked several times,
    how often, the standard deviation of each metric, and the ids whose outcome was not always the same. ``stale`` says
    in words which evidence the documents do not hold. ``opinion`` is a model's, and no
    metric. Only ``latency_*``, ``latency_ms`` and ``timings_ms`` depend on the clock.
    """

    metrics: Mapping[str, float | None]
    intervals: Mapping[str, tuple[float, float]]
    counts: Mapping[str, int]
    by_tag: Mapping[str, Mapping[str, float | None]]
    cases: Sequence[CaseResult]
    settings: Mapping[str, object]
    repeats: Mapping[str, Any] = field(default_factory=dict)
    stale: Sequence[str] = ()
    opinion: Opinion | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the report in the shape of its JSON file."""
        judged = {} if self.opinion is None else {"judge": self.opinion.as_json()}
        return {
            "format": FORMAT,
            "metrics": dict(self.metrics),
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
            "counts": dict(self.counts),
            "by_tag": {tag: dict(values) for tag, values in self.by_tag.items()},
            "repeats": dict(self.repeats),
            "stale": list(self.stale),
            **judged,
            "settings": dict(self.settings),
            "cases": [case.as_json() for case in self.cases],
        }


def summarise(results: Sequence[CaseResult], settings: Sequence[Mapping[str, object]]) -> Report:
    """Sum up judged cases; ``settings`` describes what answered them, suite by suite."""
    tags = sorted({tag for result in results for tag in result.case.tags})
    tagged = {tag: [result for result in results if tag in result.case.tags] for tag in tags}
    metrics = _metrics(results)
    weights = {name: [result.case.weight for result in _having(results, name)] for name in MEANS}
    return Report(
        metrics=metrics,
        intervals={
            name: wilson(value, effective_count(weights[name]))
            for name in MEANS
            if (value := metrics[name]) is not None
        },
        counts=_counts(results) | {name: len(given) for name, given in weights.items()},
        by_tag={tag: {"cases": len(some), **_metrics(some)} for tag, some in tagged.items()},
        cases=tuple(results),
        settings={"citechat": version("citechat"), "suites": [dict(suite) for suite in settings]},
    )


def _having(results: Sequence[CaseResult], name: str) -> list[CaseResult]:
    return [result for result in results if result.metrics.get(name) is not None]


def _mean(results: Sequence[CaseResult], name: str) -> float | None:
    having = _having(results, name)
    return weighted_mean([result.metrics[name] or 0.0 for result in having], [result.case.weight for result in having])


def _metrics(results: Sequence[CaseResult]) -> dict[str, float | None]:
    latencies = [result.latency_ms for result in results]
    sure = [
        (result.answer.confidence, not result.case.unanswerable)
        for result in results
        if not (result.error or result.case.ambiguous)
    ]
    return {
        **{name: _mean(results, name) for name in MEANS},
        "answerability_auc": auc([value for value, can in sure if can], [value for value, can in sure if not can]),
        "calibration_error": calibration_error(sure),
        "answer_tokens": mean([result.metrics["answer_tokens"] or 0.0 for result in _having(results, "answer_tokens")]),
        "latency_p50_ms": percentile(latencies, 50),
        "latency_p95_ms": percentile(latencies, 95),
    }


def _counts(results: Sequence[CaseResult]) -> dict[str, int]:
    return {
        "cases": len(results),
        "passed": sum(result.passed for result in results),
        "failed_to_ask": sum(bool(result.error) for result in results),
        "answerable": sum(result.case.status == "answered" for result in results),
        "unanswerable": sum(result.case.unanswerable for result in results),
    }
