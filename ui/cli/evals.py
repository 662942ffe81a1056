"""``citechat eval``: whether answers are good, good enough, and better than they were."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import InputError
from ui.cli.console import Console, Subparsers, add_command, add_group, one_line, printable
from ui.cli.eval_run import add_command_run, positive, write
from ui.cli.opening import open_corpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evals.cases.draft import Draft, Propose
    from evals.cases.impact import Citation, Impact
    from evals.reports.summary import Report
    from rag.settings import Settings


def add_commands(commands: Subparsers) -> None:
    """Add ``eval`` and what belongs to it."""
    group = add_group(commands, "eval", "measure the answers")
    for add in (add_command_run, _add_compare, _add_impact, _add_draft, _add_sweep, _add_calibrate):
        add(group)


def _add_compare(group: Subparsers) -> None:
    parser = add_command(
        group, "compare", _compare, "compare two reports, case by case", "citechat eval compare before.json after.json"
    )
    parser.add_argument("before", type=Path, metavar="A.json", help="a report that eval run --json wrote")
    parser.add_argument("after", type=Path, metavar="B.json", help="a later one")
    parser.add_argument("--html", type=Path, metavar="F", help="write the later report as a page, with what changed")
    parser.add_argument("--common", action="store_true", help="compare only the cases that both have")


def _add_impact(group: Subparsers) -> None:
    parser = add_command(
        group,
        "impact",
        _impact,
        "list the cases and saved answers that cited what a document no longer says",
        "citechat eval impact --report report.json",
    )
    parser.add_argument(
        "cases", nargs="*", type=Path, metavar="CASES", help="case files with documents of their own (none: the index)"
    )
    parser.add_argument(
        "--report", action="append", default=[], type=Path, metavar="F", help="cases of this report (default: last run)"
    )


def _add_draft(group: Subparsers) -> None:
    parser = add_command(
        group,
        "draft",
        _draft,
        "propose cases from documents, or from what readers said of answers",
        "citechat eval draft reports/ --out drafts.yaml",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="documents (none: readers' feedback)")
    parser.add_argument("--out", type=Path, metavar="F", help="write them to this case file (default: print it)")
    parser.add_argument("--limit", type=positive, default=20, metavar="N", help="from documents at most (default 20)")
    parser.add_argument(
        "--llm",
        metavar="NAME",
        help="language model that writes the questions, as in `citechat ask`; none: by rules",
    )
    parser.add_argument("--llm-url", metavar="URL", help="its server (both: default the settings')")


def _add_sweep(group: Subparsers) -> None:
    parser = add_command(
        group,
        "sweep",
        _sweep,
        "try a small grid of settings on your cases, half of them held out",
        "citechat eval sweep grid.yaml my-cases.yaml --metric answer_recall",
    )
    parser.add_argument("grid", type=Path, metavar="GRID", help="YAML, such as passage_tokens: [96, 144]")
    parser.add_argument("cases", nargs="+", type=Path, metavar="CASES")
    parser.add_argument("--metric", default="pass_rate", help="what to choose by (default pass_rate)")
    parser.add_argument("--write", action="store_true", help="set what proved better in citechat.toml")
    parser.add_argument("--fresh", action="store_true", help="ask all again, so that all times are of now")


def _add_calibrate(group: Subparsers) -> None:
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
    from evals.reports.compare import compare, render_comparison
    from evals.reports.stored import read_report

    before, after = read_report(options.before), read_report(options.after)
    comparison = compare(before, after, common=options.common)
    if options.html:
        from evals.reports.page import render_page

        write(options.html, render_page(after, before, comparison))
    console.result(comparison.as_json(), printable(render_comparison(comparison)))
    return 0


def _impact(options: argparse.Namespace, console: Console) -> int:
    from evals.cases.impact import cited_in, counted
    from evals.reports.stored import read_report

    reported = [citation for path in options.report for citation in cited_in(read_report(path))]
    cited, found = (_impact_on_suites if options.cases else _impact_on_index)(options, console, reported)
    lines = [one_line(str(each)) for each in found]
    if cited:
        checked = f"{cited} citation{'s' if cited > 1 else ''} compared"
        lines.append(f"{counted(found)} cited altered text; {checked}." if found else f"Nothing altered; {checked}.")
    else:
        lines.append("Nothing has been cited yet: no eval run over these documents, no answer that a reader judged.")
        if not options.cases:
            lines.append("For cases with documents of their own: citechat eval impact CASES")
    console.result([asdict(each) for each in found], "\n".join(lines))
    return 0


def _impact_on_index(
    options: argparse.Namespace, console: Console, reported: list[Citation]
) -> tuple[int, list[Impact]]:
    from evals.cases.feedback import saved_feedback
    from evals.cases.impact import altered, cited_by_judged, recall
    from rag.settings import load_settings

    settings = load_settings(options.home)
    citations = reported if options.report else recall(settings.home)
    citations += cited_by_judged(saved_feedback(settings))
    with open_corpus(options.home, console) as corpus:
        return len(citations), altered(citations, corpus)


def _impact_on_suites(options: argparse.Namespace, _: Console, reported: list[Citation]) -> tuple[int, list[Impact]]:
    from evals.cases.format import load_cases
    from evals.cases.impact import altered, recall
    from evals.running.homes import SuitePipelines
    from rag.settings import load_settings

    suites = [load_cases(path) for path in options.cases]
    cited, found = 0, []
    with SuitePipelines(load_settings(options.home)) as pipeline_for:
        for suite in suites:
            pipeline = pipeline_for(suite)
            asked = {case.id for case in suite.cases}
            known = reported if options.report else recall(pipeline.settings.home)
            citations = [each for each in known if each.case in asked]
            cited += len(citations)
            found += altered(citations, pipeline.corpus)
    return cited, found


def _draft(options: argparse.Namespace, console: Console) -> int:
    from evals.cases.draft import from_feedback, render_drafts
    from evals.cases.feedback import saved_feedback
    from rag.settings import load_settings

    if options.paths:
        drafts = _from_documents(options)
    else:
        drafts = list(from_feedback(saved_feedback(load_settings(options.home))))
    if not drafts:
        console.result([], "Nothing to propose: no plain statement that citechat finds again, no feedback.")
        return 0
    text = render_drafts(drafts, options.out.parent if options.out else Path(), options.paths)
    if options.out is None:
        console.result([draft.entry for draft in drafts], printable(text))
        return 0
    if options.out.exists():
        raise InputError(f"{options.out} is there already.", "Name another file, so that no accepted case is lost.")
    write(options.out, text)
    shown = "\n".join(f"{one_line(each.entry['question'])}\n  {one_line(' '.join(each.quotes))}" for each in drafts)
    console.result(
        [draft.entry for draft in drafts],
        f"{shown}\n{len(drafts)} drafts in {options.out}. They count once you have removed their 'draft: true'.",
    )
    return 0


def _from_documents(options: argparse.Namespace) -> list[Draft]:
    from tqdm import tqdm

    from evals.cases.draft import TRIED, from_documents
    from evals.cases.questions import Questioner
    from evals.running.homes import SuitePipelines
    from evals.types import Suite
    from index.files import find_files
    from rag.settings import load_settings
    from rag.suggest.phrasing import questions_of
    from rag.writer.llm import open_llm

    find_files(options.paths)  # tells of a path that is not there before a model is loaded
    suite = Suite(Path("drafts"), tuple(path.resolve() for path in options.paths))
    llm = open_llm(load_settings(options.home, llm=options.llm, llm_url=options.llm_url))
    propose: Propose = questions_of if llm is None else Questioner(llm, options.limit * TRIED)
    quoting = load_settings(options.home, llm="none")
    with SuitePipelines(quoting) as pipeline_for, tqdm(unit="question", disable=None) as bar:
        return list(from_documents(pipeline_for(suite), options.limit, bar.update, propose))


def _sweep(options: argparse.Namespace, console: Console) -> int:
    from tqdm import tqdm

    from evals.cases.choose import choose
    from evals.cases.format import load_cases
    from evals.running.homes import SuitePipelines
    from evals.running.memory import AnswerMemory
    from evals.running.run import run_suite
    from evals.running.sweep import proved, read_grid, render_trials, sweep, with_settings
    from rag.settings import load_settings

    suites = [load_cases(path) for path in options.cases]
    only = choose(suites)
    grid = read_grid(options.grid, suites)
    for choice in grid:
        load_settings(options.home, **choice)  # tells of a value that is none before anything is asked
    settings = load_settings(options.home)
    with tqdm(total=(len(grid) + 1) * len(only), unit="case", disable=None) as bar:

        def run(changed: dict[str, Any]) -> Report:
            with SuitePipelines(load_settings(options.home, **changed)) as pipeline_for:
                return run_suite(
                    suites,
                    pipeline_for,
                    lambda _: bar.update(),
                    only=only,
                    memory_for=lambda answerer, system: AnswerMemory(
                        answerer.settings.home, system, fresh=options.fresh
                    ),
                )

        trials = sweep(grid, run, options.metric)
    best = proved(trials)
    lines = [render_trials(trials, options.metric, {name: getattr(settings, name) for name in grid[0]})]
    if best is not None and options.write:
        path = settings.home / "citechat.toml"
        write(path, with_settings(path.read_text(encoding="utf-8") if path.exists() else "", best.settings))
        lines += [f"Set in {path}.", *_still_to_do(best.settings, load_settings(options.home))]
    console.result({"trials": [asdict(trial) for trial in trials], "better": best and best.settings}, "\n".join(lines))
    return 0


def _still_to_do(chosen: Mapping[str, Any], now: Settings) -> Iterator[str]:
    """Yield what keeps settings that were written from taking effect."""
    from evals.running.sweep import INDEXED

    for name, value in chosen.items():
        if getattr(now, name) != value:
            yield f"The variable CITECHAT_{name.upper()} still says otherwise, and counts: unset it."
        if name in INDEXED:
            yield f"{name} holds for what is indexed from now on: index your documents anew, into a new home folder."


def _calibrate(options: argparse.Namespace, console: Console) -> int:
    from evals.calibrate import fit_suites, render_curve
    from evals.cases.format import load_cases
    from evals.running.homes import SuitePipelines
    from rag.reader.gate import FEATURES, FILE
    from rag.settings import load_settings

    settings = load_settings(options.home)
    with SuitePipelines(settings) as pipeline_for:
        target = settings.max_false_answers if options.false_answers is None else options.false_answers
        calibration = fit_suites([load_cases(path) for path in options.cases], pipeline_for, target)
    path = settings.home / FILE
    write(path, json.dumps({"features": FEATURES, **calibration.parameters()}, indent=1) + "\n")
    if calibration.doubt:
        console.say(calibration.doubt)
    console.result(
        {**asdict(calibration), "file": str(path)},
        f"{path} is in use from now on; remove it to go back.\n"
        f"On cases it was not fitted on: false answers {calibration.false_answer_rate:.1%}, "
        f"false refusals {calibration.false_refusal_rate:.1%}, AUC {calibration.auc:.3f}.\n\n"
        f"What the setting max_false_answers would cost on them ({calibration.answerable} with an answer, "
        f"{calibration.unanswerable} without):\n{render_curve(calibration)}",
    )
    return 0
