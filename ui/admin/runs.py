"""Eval reports that lie in the home folder: the table, the plot, and what changed from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from evals.reports.compare import Comparison, Difference, compare
from evals.reports.page import render_body
from evals.reports.stored import StoredReport, read_report
from evals.scoring.measures import label
from index.errors import InputError
from ui.admin import plots
from ui.admin.plots import Look

FOLDER = "reports"
SHOWN = ("pass_rate", "answer_recall", "false_answer_rate", "false_refusal_rate", "retrieval_hit@5", "latency_p50_ms")
PLOTTED = ("pass_rate", "answer_recall", "false_answer_rate")


@dataclass(frozen=True, slots=True)
class Run:
    """A report that could be read, by the name of its file."""

    name: str
    report: StoredReport

    @property
    def metrics(self) -> dict[str, float | None]:
        """The metrics of the whole run."""
        return dict(self.report.get("metrics", {}))

    @property
    def questions(self) -> dict[str, str]:
        """What each case asks, by its id."""
        return {case["id"]: str(case.get("question", "")) for case in self.report["cases"]}

    @property
    def numbers(self) -> dict[str, int]:
        """Which case of the report each is, by its id; the first is 1."""
        return {case["id"]: number for number, case in enumerate(self.report["cases"], 1)}

    @property
    def passed(self) -> int:
        """How many cases passed."""
        return sum(case["passed"] for case in self.report["cases"])


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs and what changed; ``apart`` counts the cases that only one has, or that ask something else now."""

    before: Run
    after: Run
    comparison: Comparison
    apart: int


def read_runs(folder: Path) -> tuple[list[Run], list[str]]:
    """Return the runs in a folder by the time of their files, the latest last, and what is wrong with others."""
    runs, problems = [], []
    for path in _files(folder):
        try:
            runs.append(Run(path.stem, read_report(path)))
        except InputError as error:
            problems.append(error.problem)
    return runs, problems


def names(folder: Path) -> list[str]:
    """Return what the reports in a folder are called, by the time of their files, the latest last."""
    return [path.stem for path in _files(folder)]


def read_run(folder: Path, name: str) -> Run:
    """Return the run of a name that is one of `names`.

    Raises:
        InputError: it is no report.
    """
    return Run(name, read_report(folder / f"{name}.json"))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"), key=lambda each: (each.stat().st_mtime_ns, each.name))


def side_by_side(before: Run, after: Run) -> Pair:
    """Compare what two runs have in common.

    Raises:
        InputError: they have no case in common.
    """
    comparison = compare(before.report, after.report, common=True)
    return Pair(before, after, comparison, len(before.questions.keys() | after.questions.keys()) - comparison.cases)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows of a run: the ``body`` of its report, and ``apart`` as in `Pair`."""

    body: Markup
    apart: int = 0


def whole_report(folder: Path, name: str, before: str = "") -> Shown:
    """Return the whole report of a run, against the run ``before`` it if one is named; both are of `names`.

    Raises:
        InputError: one of them is no report, or lacks what a page shows; or they have no case in common.
    """
    run = read_run(folder, name)
    if not before:
        return Shown(render_body(run.report))
    pair = side_by_side(read_run(folder, before), run)
    return Shown(render_body(run.report, pair.before.report, pair.comparison), pair.apart)


def plot(runs: Sequence[Run], look: Look) -> bytes:
    """Draw the plotted metrics from run to run."""
    series = {label(name): [run.metrics.get(name) for run in runs] for name in PLOTTED}
    return plots.lines([run.name for run in runs], series, "share", look, top=1.02)


def plot_changes(pair: Pair, look: Look) -> bytes:
    """Draw what changed between two runs, of the metrics that are shares."""
    shown = shares(pair)
    return plots.changes([label(each.metric) for each in shown], [(e.delta, e.low, e.high) for e in shown], look)


def shares(pair: Pair) -> list[Difference]:
    """Return the differences that are of shares: times would dwarf them."""
    return [each for each in pair.comparison.differences if not each.metric.endswith("_ms")]
