"""``citechat eval run``: ask the cases, judge the answers, write the reports, stop a build."""

from __future__ import annotations

import argparse
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import InputError
from ui.cli.console import Console, Subparsers, add_command, one_line

if TYPE_CHECKING:
    from tqdm import tqdm

    from evals.cases.impact import Impact
    from evals.reports.compare import Comparison
    from evals.reports.stored import StoredReport
    from evals.reports.summary import Report
    from evals.running.answerer import Answerer
    from evals.running.memory import AnswerMemory
    from evals.running.run import CaseResult
    from evals.scoring.opinion import Judge
    from evals.types import Suite
    from rag.settings import Settings

BELOW_THRESHOLD = 1
FAILED_SHOWN = 20
"""Cases that a run names, at most, because they failed."""
ANSWER_SHOWN = 160
"""Characters of the answer to such a case, at most."""
IMPACTS_SHOWN = 20
"""Cases that a run names, at most, because the documents no longer say what they cited."""
STANDARD_OUTPUT = Path("-")


def add_command_run(group: Subparsers) -> None:
    """Add ``eval run``."""
    parser = add_command(
        group,
        "run",
        _run,
        "ask the cases and judge the answers",
        "citechat eval run evals/suite/dossier.yaml --html report.html --min answer_recall=0.9",
        own_json=True,
    )
    parser.add_argument("cases", nargs="+", type=Path, metavar="CASES", help="case files: YAML, JSON Lines or CSV")
    _add_reports(parser)
    _add_gates(parser)
    _add_choice(parser)
    _add_manner(parser)


def _add_reports(parser: argparse.ArgumentParser) -> None:
    reports = parser.add_argument_group("reports")
    reports.add_argument(
        "--json",
        nargs="?",
        type=Path,
        const=STANDARD_OUTPUT,
        metavar="F",
        help="write the report as JSON (no F: print it)",
    )
    reports.add_argument("--html", type=Path, metavar="F", help="write the report as a page")
    reports.add_argument("--junit", type=Path, metavar="F", help="write the outcome as JUnit XML")
    reports.add_argument("--markdown", type=Path, metavar="F", help="write a summary for the page of a build")
    reports.add_argument(
        "--save-baseline", type=Path, metavar="F", help="write what a later --baseline needs, small enough to commit"
    )


def _add_gates(parser: argparse.ArgumentParser) -> None:
    gates = parser.add_argument_group("gates (exit with 1)")
    gates.add_argument(
        "--min",
        action="append",
        default=[],
        type=_threshold,
        metavar="METRIC=VALUE",
        help="if a metric is worse (for error rates and latencies: greater); may be repeated",
    )
    gates.add_argument(
        "--baseline", type=Path, metavar="F", help="if a metric dropped, by more than chance, since this report"
    )
    gates.add_argument("--common", action="store_true", help="compare only the cases that the baseline has too")
    gates.add_argument(
        "--must-pass", action="append", default=[], metavar="ID", help="if this case fails; may be repeated"
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    which = parser.add_argument_group("which cases")
    which.add_argument(
        "--filter", action="append", default=[], metavar="COND", help="tag=who, tag!=who or id=draft-*; all must hold"
    )
    which.add_argument("--failed-from", type=Path, metavar="F", help="only those that failed in this report")
    which.add_argument("--drafts", action="store_true", help="drafts too")


def _add_manner(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how")
    how.add_argument("--workers", type=positive, default=1, metavar="N", help="conversations asked at a time")
    how.add_argument("--repeat", type=positive, default=1, metavar="N", help="ask N times, and tell the variance")
    how.add_argument("--fresh", action="store_true", help="ask again what an unchanged system has answered before")
    how.add_argument(
        "--judge", metavar="NAME", help="also ask a language model whether each answer is right; never in pass or fail"
    )
    how.add_argument(
        "--judge-url",
        metavar="URL",
        help="the judge's server (default: llm_url); the key of another server is CITECHAT_JUDGE_KEY",
    )
    how.add_argument("--watch", action="store_true", help="run again whenever a case file or a document changes")


def _threshold(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    with suppress(ValueError):
        if math.isfinite(bound := float(value)):
            return name, bound
    raise argparse.ArgumentTypeError(f"{text!r} is not METRIC=VALUE, such as answer_recall=0.9")


def positive(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def _run(options: argparse.Namespace, console: Console) -> int:
    if not options.watch:
        return _run_once(options, console)
    from evals.running.watch import state, wait_for_change

    watched = list(options.cases)
    while True:
        code = BELOW_THRESHOLD
        before = state(watched)  # so that what is saved while the cases are asked is not missed
        try:
            watched = _depends_on(options.cases)
            before = {**state(watched), **before}
            code = _run_once(options, console)
        except InputError as error:  # a file that is being edited may be broken for a while
            console.error(error)
        try:
            console.say("Waiting for a change; Ctrl-C ends.")
            wait_for_change(watched, before)
        except KeyboardInterrupt:
            return code


def _depends_on(cases: Sequence[Path]) -> list[Path]:
    """Return the case files, and the files and folders of their documents."""
    from evals.cases.format import load_cases

    return [*cases, *(path for each in cases for path in load_cases(each).corpus)]


def _run_once(options: argparse.Namespace, console: Console) -> int:
    from rag.models import check_ahead
    from rag.settings import load_settings

    settings = load_settings(options.home)
    check_ahead(settings.embedder)  # while the rest is imported and the cases are read
    from tqdm import tqdm

    from evals.cases.choose import choose, parse_condition
    from evals.cases.format import load_cases
    from evals.reports.compare import compare, render_comparison
    from evals.reports.gate import below, check_gates, dropped, must_pass
    from evals.reports.stored import read_report, same_cases
    from evals.scoring.judge import case_json

    suites = [load_cases(path) for path in options.cases]
    conditions = [parse_condition(text) for text in options.filter]
    failed_in = read_report(options.failed_from) if options.failed_from else None
    baseline = read_report(options.baseline) if options.baseline else None
    only = choose(suites, conditions, failed_in, options.drafts)
    check_gates(options.min, options.must_pass, only)
    if baseline is not None:  # a run takes long: what could not be compared is refused before
        asked = [case_json(case) for suite in suites for case in suite.cases if case.id in only]
        same_cases(baseline["cases"], asked, options.common)
    _check_places(options)
    judge = _judge(options)
    report = _asked(options, console, settings, suites, only)
    if judge is not None:
        with tqdm(total=judge.questions(report), desc="judge", unit="answer", disable=None) as bar:
            report = judge.asked_about(report, bar.update)
    comparison = None
    stops = below(report, options.min) + must_pass(report, options.must_pass)
    if baseline is not None:
        comparison = compare(baseline, report.as_json(), common=options.common)
        stops += dropped(comparison)
    for problem in report.stale:
        console.say(problem)
    for notice, answers in Counter(result.answer.notice for result in report.cases if result.answer.notice).items():
        console.say(one_line(f"{answers} answer{'s' if answers > 1 else ''}: {notice}"))
    _write_reports(options, console, report, baseline, comparison, stops)
    if comparison is not None:
        console.say(f"Against {options.baseline}: {render_comparison(comparison)}")
    for stop in stops:
        console.say(stop)
    return BELOW_THRESHOLD if stops else 0


def _judge(options: argparse.Namespace) -> Judge | None:
    """Open the judge before anything is asked: one that is not there should not cost a run."""
    if options.judge is None:
        if options.judge_url is not None:
            raise InputError("--judge-url names a server and no model.", "Add --judge NAME.")
        return None
    from evals.scoring.opinion import open_judge

    return open_judge(options.home, options.judge, options.judge_url, fresh=options.fresh)


def _asked(
    options: argparse.Namespace, console: Console, settings: Settings, suites: list[Suite], only: frozenset[str]
) -> Report:
    from tqdm import tqdm

    from evals.running.homes import SuitePipelines
    from evals.running.repeat import combine
    from evals.running.run import run_suite

    total = len(only) * options.repeat
    runs: list[Report] = []
    with (
        SuitePipelines(settings) as pipeline_for,
        tqdm(total=total, unit="case", disable=None) as bar,
    ):
        asking = _Asking(console, bar, fresh=options.fresh)
        try:
            for repetition in range(options.repeat):
                made = run_suite(
                    suites,
                    pipeline_for,
                    asking.progress,
                    only=only,
                    memory_for=partial(asking.memory_for, repetition),
                    after_suite=asking.after_suite,
                    workers=options.workers,
                )
                runs.append(made)
        except KeyboardInterrupt:
            again = "Run it again without --fresh" if options.fresh else "Run the same command again"
            console.say(
                f"The answers so far are kept. {again} to go on." if asking.judged else "Nothing was answered yet."
            )
            raise
    if known := asking.known:
        unchanged = "Nothing has changed" if known >= total else "The rest is as before"
        console.say(f"{unchanged}: {known} answers of an earlier run were used (--fresh asks again).")
    return combine(runs)


class _Asking:
    """What a run tells while it goes on: how many have passed, and whose citations of the run before are gone."""

    def __init__(self, console: Console, bar: tqdm[Any], *, fresh: bool) -> None:
        self._console = console
        self._bar = bar
        self._fresh = fresh
        self.judged = 0
        """How many cases were judged so far."""
        self._passed = 0
        self._memories: list[AnswerMemory] = []
        self._told: set[Path] = set()

    @property
    def known(self) -> int:
        """How many answers were those of an earlier run."""
        return sum(memory.found for memory in self._memories)

    def progress(self, result: CaseResult) -> None:
        """Count a case that was judged."""
        self.judged += 1
        self._passed += result.passed
        self._bar.update()
        self._bar.set_postfix_str(f"{self._passed} passed, {self._passed / self.judged:.0%}", refresh=False)

    def memory_for(self, repetition: int, answerer: Answerer, system: Mapping[str, object]) -> AnswerMemory:
        """Open what is known of a system, asked for the time ``repetition``, from 0."""
        from evals.running.memory import AnswerMemory

        self._memories.append(AnswerMemory(answerer.settings.home, system, repetition, fresh=self._fresh))
        return self._memories[-1]

    def after_suite(self, answerer: Answerer, results: Sequence[CaseResult]) -> None:
        """Tell which cases cited what the documents of a suite no longer say; keep what they cite now.

        Answers that are all known are over the very documents of the last run. Suites over the same documents share a
        home: what it recalls is of them all, and is said once.
        """
        from evals.cases.impact import altered, recall, remember

        home = answerer.settings.home
        if self._memories[-1].found < len(results) and home not in self._told:
            self._tell(altered(recall(home), answerer.corpus))
        self._told.add(home)
        remember(home, results)

    def _tell(self, changed: Sequence[Impact]) -> None:
        from evals.cases.impact import counted

        if changed:
            self._console.say(f"Since the last run, the documents no longer say what {counted(changed)} cited:")
        for each in changed[:IMPACTS_SHOWN]:
            self._console.say(f"  {each}")
        if len(changed) > IMPACTS_SHOWN:
            self._console.say(f"  and {len(changed) - IMPACTS_SHOWN} more")


def _check_places(options: argparse.Namespace) -> None:
    """See to it that reports can be written before anything is asked: a run takes long."""
    for path in (options.json, options.html, options.junit, options.markdown, options.save_baseline):
        if path is None or path == STANDARD_OUTPUT:
            continue
        there = path if path.exists() else next(parent for parent in path.absolute().parents if parent.exists())
        if path.is_dir() or not (there == path or there.is_dir()) or not os.access(there, os.W_OK):
            raise InputError(f"Cannot write {path}.", "Choose another file.")


def _write_reports(
    options: argparse.Namespace,
    console: Console,
    report: Report,
    baseline: StoredReport | None,
    comparison: Comparison | None,
    stops: list[str],
) -> None:
    from evals.reports.report import render_baseline, render_json, render_text

    if options.json == STANDARD_OUTPUT:
        console.line(render_json(report).rstrip())
    else:
        console.line(render_text(report).rstrip())
        _list_failed(console, [result for result in report.cases if not result.passed])
    if options.json and options.json != STANDARD_OUTPUT:
        write(options.json, render_json(report))
    if options.save_baseline:
        write(options.save_baseline, render_baseline(report))
    if options.html:
        from evals.reports.page import render_html

        write(options.html, render_html(report, baseline, comparison))
    if options.junit:
        from evals.reports.continuous import render_junit

        write(options.junit, render_junit(report, stops))
    if options.markdown:
        from evals.reports.continuous import render_markdown

        write(options.markdown, render_markdown(report, comparison, stops))


def _list_failed(console: Console, failed: Sequence[CaseResult]) -> None:
    from evals.scoring.text import shorten

    for result in failed[:FAILED_SHOWN]:
        console.line(one_line(f"  failed  {result.case.where}: {result.case.id}: {result.reasons[0]}"))
        if not result.error:
            answered = shorten(" ".join(result.answer.text.split()), ANSWER_SHOWN)
            console.line(one_line(f"          {result.case.question} -> {answered}"))
    if len(failed) > FAILED_SHOWN:
        console.line(f"  and {len(failed) - FAILED_SHOWN} more; --html F shows each with its answer")


def write(path: Path, text: str) -> None:
    """Write a file, its folder too; raise ``InputError`` if that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror}.", "Choose another file.") from error
