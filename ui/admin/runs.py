"""Eval reports that lie in the home folder, as a table, a plot, and two of them side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = "reports"
SHOWN = ("pass_rate", "answer_recall", "false_answer_rate", "false_refusal_rate", "retrieval_hit@5", "latency_p50_ms")
PLOTTED = ("pass_rate", "answer_recall", "false_answer_rate")
WIDTH, HEIGHT = 600, 160


@dataclass(frozen=True, slots=True)
class Run:
    """A report that could be read. ``outcome`` maps a case's id to whether it passed."""

    name: str
    metrics: dict[str, float | None]
    counts: dict[str, int]
    outcome: dict[str, bool]
    questions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two runs: the metrics of both, and the cases whose outcome changed."""

    before: Run
    after: Run
    metrics: list[tuple[str, float | None, float | None]]
    fixed: list[str]
    broken: list[str]
    unmatched: int


def read_runs(home: Path) -> tuple[list[Run], list[str]]:
    """Return the runs in ``reports/`` by the time of their files, the latest last, and the files that are none."""
    runs, bad = [], []
    for path in sorted((home / FOLDER).glob("*.json"), key=lambda each: (each.stat().st_mtime_ns, each.name)):
        try:
            runs.append(_run(path.stem, json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            bad.append(path.name)
    return runs, bad


def _run(name: str, report: Any) -> Run:  # noqa: ANN401  # any JSON
    metrics = {key: report["metrics"].get(key) for key in report["metrics"]}
    if not all(value is None or isinstance(value, int | float) for value in metrics.values()):
        raise ValueError(name)
    outcome = {str(case["id"]): bool(case["passed"]) for case in report["cases"]}
    questions = {str(case["id"]): str(case["question"]) for case in report["cases"]}
    counts = {key: int(report["counts"][key]) for key in ("cases", "passed")}
    return Run(name, metrics, counts, outcome, questions)


def difference(before: Run, after: Run) -> Difference:
    """Compare two runs case by case."""
    both = before.outcome.keys() & after.outcome.keys()
    return Difference(
        before,
        after,
        [(name, before.metrics.get(name), after.metrics.get(name)) for name in after.metrics],
        sorted(case for case in both if after.outcome[case] and not before.outcome[case]),
        sorted(case for case in both if before.outcome[case] and not after.outcome[case]),
        len(before.outcome.keys() ^ after.outcome.keys()),
    )


def plot(runs: Sequence[Run]) -> list[tuple[str, str, list[tuple[float, float, str]]]]:
    """Return a line for each plotted metric: name, SVG points, and (x, y, value) of each run that measured it."""
    step = WIDTH / max(1, len(runs) - 1)
    lines = []
    for name in PLOTTED:
        dots = [
            (round(number * step, 1), round(HEIGHT * (1 - value), 1), f"{run.name}: {name} {value:.3f}")
            for number, run in enumerate(runs)
            if (value := run.metrics.get(name)) is not None
        ]
        lines.append((name, " ".join(f"{x},{y}" for x, y, _ in dots), dots))
    return lines
