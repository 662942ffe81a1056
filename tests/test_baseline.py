"""Our own suite is answered as well as when the baselines were made (``make baseline``), in each configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from evals.cases.format import load_cases
from evals.reports.compare import compare
from evals.reports.gate import dropped
from evals.reports.stored import StoredReport, read_report
from evals.running.homes import SuitePipelines
from evals.running.run import run_suite
from rag.settings import load_settings

EVALS = Path(__file__).parents[1] / "evals"
SUITES = [load_cases(path) for path in sorted((EVALS / "suite").glob("*.yaml"))]
CONFIGURATIONS: Mapping[str, Mapping[str, float]] = {
    "baseline.json": {},
    "baseline-strict.json": {"max_false_answers": 0.05},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home folder: the configurations share its indexes."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_nothing_dropped_by_more_than_chance(home: Path, name: str) -> None:
    baseline = read_report(EVALS / name)
    with SuitePipelines(load_settings(home, **CONFIGURATIONS[name])) as pipeline_for:
        report = run_suite(SUITES, pipeline_for)
    comparison = compare(baseline, report.as_json(), common=True)
    assert comparison.cases >= 0.9 * len(report.cases), "The baseline lacks cases: make baseline"
    assert dropped(comparison) == []
    assert report.metrics["quote_verbatim"] == 1
    assert report.stale == ()


def test_the_configurations_are_told_apart_and_whole() -> None:
    usual, strict = (read_report(EVALS / name) for name in CONFIGURATIONS)
    assert _thresholds(usual) < _thresholds(strict)
    assert strict["metrics"]["false_answer_rate"] < usual["metrics"]["false_answer_rate"]
    tags = {tag for suite in SUITES for case in suite.cases for tag in case.tags}
    covered = {tag for suite in SUITES for case in suite.cases if case.id in _ids(usual) for tag in case.tags}
    assert covered == tags


def _thresholds(baseline: StoredReport) -> float:
    (threshold,) = {suite["threshold"] for suite in baseline["settings"]["suites"]}
    return float(threshold)


def _ids(baseline: StoredReport) -> set[str]:
    return {case["id"] for case in baseline["cases"]}
