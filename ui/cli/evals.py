"""``citechat eval``: whether answers are good, and good enough."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import InputError
from ui.cli.console import Console, Subparsers, add_command, add_group

if TYPE_CHECKING:
    from evals.summary import Report

BELOW_THRESHOLD = 1
STANDARD_OUTPUT = Path("-")
# For these a threshold is the most that is allowed, for all others the least.
_LESS_IS_BETTER = ("false_answer_rate", "false_refusal_rate", "latency_p50_ms", "latency_p95_ms")


def add_commands(commands: Subparsers) -> None:
    """Add ``eval`` and what belongs to it."""
    group = add_group(commands, "eval", "measure the answers")
    parser = add_command(
        group,
        "run",
        _run,
        "ask the cases and judge the answers",
        "citechat eval run evals/suite/dossier.yaml --html report.html --min answer_recall=0.9",
        own_json=True,
    )
    parser.add_argument("cases", nargs="+", type=Path, metavar="CASES", help="case files, YAML or JSON Lines")
    parser.add_argument(
        "--json",
        nargs="?",
        type=Path,
        const=STANDARD_OUTPUT,
        metavar="F",
        help="write the report as JSON (no F: print it)",
    )
    parser.add_argument("--html", type=Path, metavar="F", help="write the report as a page")
    parser.add_argument("--junit", type=Path, metavar="F", help="write the outcome as JUnit XML")
    parser.add_argument(
        "--min",
        action="append",
        default=[],
        type=_threshold,
        metavar="METRIC=VALUE",
        help="exit with 1 if a metric is worse (for error rates and latencies: greater); may be repeated",
    )
    parser = add_command(
        group,
        "calibrate",
        _calibrate,
        "fit the refusal to your own answerable and unanswerable cases",
        "citechat eval calibrate my-cases.yaml",
    )
    parser.add_argument("cases", nargs="+", type=Path, metavar="CASES")
    parser.add_argument(
        "--false-answers", type=float, metavar="RATE", help="accept at most this share of false answers, 0 to 1"
    )


def _threshold(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not METRIC=VALUE, such as answer_recall=0.9") from None


def _run(options: argparse.Namespace, console: Console) -> int:
    from tqdm import tqdm

    from evals.cases import load_cases
    from evals.homes import SuitePipelines
    from evals.report import render_html, render_json, render_junit, render_text
    from evals.run import CaseResult, run_suite
    from rag.settings import load_settings

    suites = [load_cases(path) for path in options.cases]
    total = sum(len(suite.cases) for suite in suites)
    with (
        SuitePipelines(load_settings(options.home)) as pipeline_for,
        tqdm(total=total, unit="case", disable=None) as bar,
    ):
        passed = 0

        def report_progress(result: CaseResult) -> None:
            nonlocal passed
            passed += result.passed
            bar.set_postfix(passed=passed, refresh=False)
            bar.update()

        report = run_suite(suites, pipeline_for, report_progress)
    failures = list(_failures(report, options.min))
    if options.json == STANDARD_OUTPUT:
        console.line(render_json(report).rstrip())
    else:
        console.line(render_text(report).rstrip())
    for path, render in ((options.json, render_json), (options.html, render_html), (options.junit, render_junit)):
        if path and path != STANDARD_OUTPUT:
            _write(path, render(report))
    for failure in failures:
        console.say(failure)
    return BELOW_THRESHOLD if failures else 0


def _failures(report: Report, thresholds: Sequence[tuple[str, float]]) -> list[str]:
    failures = []
    for name, bound in thresholds:
        if name not in report.metrics:
            raise InputError(f"There is no metric {name!r}.", f"The metrics are {', '.join(report.metrics)}.")
        value = report.metrics[name]
        upper = name in _LESS_IS_BETTER
        if value is None or (value > bound if upper else value < bound):
            shown = "not measured" if value is None else f"{value:.4f}"
            failures.append(f"{name} is {shown}; {'at most' if upper else 'at least'} {bound} is wanted.")
    return failures


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror}.", "Choose another file.") from error


def _calibrate(options: argparse.Namespace, console: Console) -> int:
    from evals.calibrate import fit_suites
    from evals.cases import load_cases
    from evals.homes import SuitePipelines
    from rag.abstain import FEATURES, FILE
    from rag.settings import load_settings

    settings = load_settings(options.home)
    with SuitePipelines(settings) as pipeline_for:
        calibration = fit_suites([load_cases(path) for path in options.cases], pipeline_for, options.false_answers)
    path = settings.home / FILE
    _write(path, json.dumps({"features": FEATURES, **calibration.parameters()}, indent=1) + "\n")
    console.result(
        {**asdict(calibration), "file": str(path)},
        f"{path} is in use from now on; remove it to go back.\n"
        f"On cases it was not fitted on: false answers {calibration.false_answer_rate:.1%}, "
        f"false refusals {calibration.false_refusal_rate:.1%}, AUC {calibration.auc:.3f}.",
    )
    return 0
