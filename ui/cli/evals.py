"""``citechat eval``: whether answers are good, good enough, and better than they were."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from ui.cli.console import Console, Subparsers, add_command, add_group, printable
from ui.cli.eval_run import add_command_run, write


def add_commands(commands: Subparsers) -> None:
    """Add ``eval`` and what belongs to it."""
    group = add_group(commands, "eval", "measure the answers")
    add_command_run(group)
    parser = add_command(
        group, "compare", _compare, "compare two reports, case by case", "citechat eval compare before.json after.json"
    )
    parser.add_argument("before", type=Path, metavar="A.json", help="a report that eval run --json wrote")
    parser.add_argument("after", type=Path, metavar="B.json", help="a later one")
    parser.add_argument("--html", type=Path, metavar="F", help="write the later report as a page, with what changed")
    parser.add_argument("--common", action="store_true", help="compare only the cases that both have")
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


def _compare(options: argparse.Namespace, console: Console) -> int:
    from evals.compare import compare, render_comparison
    from evals.stored import read_report

    before, after = read_report(options.before), read_report(options.after)
    comparison = compare(before, after, common=options.common)
    if options.html:
        from evals.report import render_page

        write(options.html, render_page(after, before, comparison))
    console.result(comparison.as_json(), printable(render_comparison(comparison)))
    return 0


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
    write(path, json.dumps({"features": FEATURES, **calibration.parameters()}, indent=1) + "\n")
    console.result(
        {**asdict(calibration), "file": str(path)},
        f"{path} is in use from now on; remove it to go back.\n"
        f"On cases it was not fitted on: false answers {calibration.false_answer_rate:.1%}, "
        f"false refusals {calibration.false_refusal_rate:.1%}, AUC {calibration.auc:.3f}.",
    )
    return 0
