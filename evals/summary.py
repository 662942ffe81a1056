"""From the judgements of single cases to the figures of a report."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from evals.metrics import auc, mean, percentile, wilson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evals.run import CaseResult

MEANS = (
    "pass_rate",
    "answer_recall",
    "evidence_recall",
    "quote_verbatim",
    "claim_support",
    "false_answer_rate",
    "false_refusal_rate",
    "retrieval_hit@1",
    "retrieval_hit@5",
    "retrieval_hit@10",
    "mrr",
)
"""The metrics that are the mean of a case's value over the cases that have one."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an eval run.

    ``metrics`` maps a name to its value (``None``: nothing to measure it on), ``intervals`` to its 95% Wilson interval
    over cases, ``counts`` to how many cases it is a mean of (and ``cases``, ``passed``, ``answerable``,
    ``unanswerable``). Only ``latency_*``, ``latency_ms`` and ``timings_ms`` depend on the clock.
    """

    metrics: Mapping[str, float | None]
    intervals: Mapping[str, tuple[float, float]]
    counts: Mapping[str, int]
    by_tag: Mapping[str, Mapping[str, float | None]]
    cases: Sequence[CaseResult]
    settings: Mapping[str, object]

    def as_json(self) -> dict[str, object]:
        """Return the report in the shape of its JSON file."""
        return {
            "metrics": dict(self.metrics),
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
            "counts": dict(self.counts),
            "by_tag": {tag: dict(values) for tag, values in self.by_tag.items()},
            "settings": dict(self.settings),
            "cases": [case.as_json() for case in self.cases],
        }


def summarise(results: Sequence[CaseResult], settings: Sequence[Mapping[str, object]]) -> Report:
    """Sum up judged cases; ``settings`` describes what answered them, suite by suite."""
    values = {name: _values(results, name) for name in MEANS}
    tags = sorted({tag for result in results for tag in result.case.tags})
    tagged = {tag: [result for result in results if tag in result.case.tags] for tag in tags}
    return Report(
        metrics=_metrics(results),
        intervals={name: wilson(sum(given) / len(given), len(given)) for name, given in values.items() if given},
        counts=_counts(results) | {name: len(given) for name, given in values.items()},
        by_tag={tag: {"cases": len(some), **_metrics(some)} for tag, some in tagged.items()},
        cases=tuple(results),
        settings={"citechat": version("citechat"), "suites": [dict(suite) for suite in settings]},
    )


def _values(results: Sequence[CaseResult], name: str) -> list[float]:
    return [value for result in results if (value := result.metrics.get(name)) is not None]


def _metrics(results: Sequence[CaseResult]) -> dict[str, float | None]:
    latencies = [result.latency_ms for result in results]
    return {
        **{name: mean(_values(results, name)) for name in MEANS},
        "answerability_auc": auc(_confidences(results, False), _confidences(results, True)),
        "latency_p50_ms": percentile(latencies, 50),
        "latency_p95_ms": percentile(latencies, 95),
    }


def _confidences(results: Sequence[CaseResult], unanswerable: bool) -> list[float]:
    return [result.answer.confidence for result in results if result.case.unanswerable == unanswerable]


def _counts(results: Sequence[CaseResult]) -> dict[str, int]:
    unanswerable = sum(result.case.unanswerable for result in results)
    return {
        "cases": len(results),
        "passed": sum(result.passed for result in results),
        "answerable": len(results) - unanswerable,
        "unanswerable": unanswerable,
    }
