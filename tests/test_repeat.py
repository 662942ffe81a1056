from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import stdev

import pytest

from evals.cases.format import Case, Suite
from evals.reports.report import render_text
from evals.running.repeat import combine
from evals.running.run import run_suite
from index.filters import Filter
from rag.types import Answer, Turn
from tests.small_pipeline import SmallPipeline

SUITE = Suite(
    Path("s.yaml"),
    cases=(Case("steady", "Who leads?", answer=(("Ada",),)), Case("shaky", "Who follows?", answer=(("Bo",),))),
)


class Moody(SmallPipeline):
    """Answers one question every other time it is asked."""

    asked = 0

    def ask(self, question: str, history: Sequence[Turn] = (), filter: Filter | None = None) -> Answer:  # noqa: A002
        self.asked += "follows" in question
        return super().ask("Nothing?" if "follows" in question and self.asked % 2 else question, history, filter)


def test_repeats_give_means_and_how_far_they_vary() -> None:
    pipeline = Moody({"a.txt": "Ada leads. Bo follows."})
    runs = [run_suite([SUITE], lambda _: pipeline) for _ in range(4)]
    report = combine(runs)
    assert [run.metrics["answer_recall"] for run in runs] == [0.5, 1.0, 0.5, 1.0]
    assert report.metrics["answer_recall"] == 0.75
    assert report.repeats["runs"] == 4
    assert report.repeats["unstable"] == ["shaky"]
    deviation = report.repeats["deviation"]
    assert isinstance(deviation, dict)
    assert deviation["answer_recall"] == pytest.approx(stdev([0.5, 1, 0.5, 1]))
    assert "exact_match" in deviation
    printed = render_text(report).splitlines()
    assert printed[2].endswith(f"n=2  sd {deviation['answer_recall']:.3f}")
    assert printed[-1].startswith("Asked 4 times; the outcome was not always the same: shaky.")
    assert "latency_p50_ms" not in deviation
    shaky = report.cases[1]
    assert (shaky.passed, shaky.metrics["answer_recall"]) == (False, 0.5)
    assert shaky.reasons == ("the status is not_found, not answered",)


def test_one_run_is_itself() -> None:
    run = run_suite([SUITE], lambda _: SmallPipeline({"a.txt": "Ada leads."}))
    assert combine([run]) is run
