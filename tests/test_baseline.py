"""Our own suite is answered as well as it was when ``evals/baseline.json`` was made (``make baseline``)."""

from __future__ import annotations

from pathlib import Path

from evals.cases import load_cases
from evals.compare import compare
from evals.gate import dropped
from evals.homes import SuitePipelines
from evals.run import run_suite
from evals.stored import read_report
from rag.settings import load_settings

EVALS = Path(__file__).parents[1] / "evals"


def test_nothing_dropped_by_more_than_chance(tmp_path: Path) -> None:
    suites = [load_cases(path) for path in sorted((EVALS / "suite").glob("*.yaml"))]
    with SuitePipelines(load_settings(tmp_path)) as pipeline_for:
        report = run_suite(suites, pipeline_for)
    comparison = compare(read_report(EVALS / "baseline.json"), report.as_json(), common=True)
    assert comparison.cases > 100
    assert dropped(comparison) == []
    assert report.metrics["quote_verbatim"] == 1
    assert report.stale == ()
