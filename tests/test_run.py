from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evals.cases import Case, Evidence, Suite
from evals.report import render_json
from evals.run import CaseResult, run_suite
from evals.summary import Report
from index.errors import InputError
from index.filters import Filter
from rag.types import Answer, Turn
from tests.small_pipeline import SmallPipeline

TEXTS = {
    "news/plan.txt": "Marco Rubio prepared the draft. The plan has 28 points.",
    "leave.txt": "Staff get 25 days of leave.",
    "oracle.txt": "The oracle says yes.",
}
HALF = Case(
    "half",
    "Who prepared the draft?",
    answer=(("Marco Rubio",), ("Steve Witkoff", "Witkoff")),
    evidence=(Evidence("plan.txt", "prepared the draft"), Evidence("leave.txt")),
    tags=("who",),
)
WHOLE = Case("whole", "How many days of leave do staff get?", answer=(("25 days",),), tags=("handbook",))
REFUSED = Case("refused", "What is the colour of Paris?", unanswerable=True, tags=("unanswerable",))
FOOLED = Case(
    "fooled", "Who prepared the budget?", unanswerable=True, forbidden=("Rubio",), tags=("unanswerable", "who")
)
MISSED = Case("missed", "Where is Vladivostok?", answer=(("Russia",),), evidence=(Evidence("leave.txt"),))
SUITE = Suite(Path("suite.yaml"), cases=(HALF, WHOLE, REFUSED, FOOLED, MISSED))


@pytest.fixture
def report() -> Report:
    pipeline = SmallPipeline(TEXTS)
    return run_suite([SUITE], lambda _: pipeline)


def test_every_metric_has_the_value_worked_out_by_hand(report: Report) -> None:
    values = {name: value for name, value in report.metrics.items() if not name.startswith("latency")}
    assert values == pytest.approx(
        {
            "pass_rate": 2 / 5,
            "answer_recall": (1 / 2 + 1 + 0) / 3,
            "evidence_recall": (1 / 2 + 0) / 2,
            "quote_verbatim": 1.0,
            "claim_support": 1.0,
            "false_answer_rate": 1 / 2,
            "false_refusal_rate": 1 / 3,
            "retrieval_hit@1": 2 / 3,
            "retrieval_hit@5": 1.0,
            "retrieval_hit@10": 1.0,
            "mrr": (1 + 1 + 1 / 3) / 3,
            "answerability_auc": 4.5 / 6,
        }
    )


def test_counts_and_intervals(report: Report) -> None:
    assert {name: report.counts[name] for name in ("cases", "passed", "answerable", "unanswerable")} == {
        "cases": 5,
        "passed": 2,
        "answerable": 3,
        "unanswerable": 2,
    }
    assert (report.counts["quote_verbatim"], report.counts["evidence_recall"]) == (3, 2)
    assert report.intervals["pass_rate"] == pytest.approx((0.117621, 0.769276), abs=1e-5)


def test_tags_have_metrics_of_their_own(report: Report) -> None:
    assert list(report.by_tag) == ["handbook", "unanswerable", "who"]
    assert report.by_tag["who"]["cases"] == 2
    assert report.by_tag["who"]["pass_rate"] == 0
    assert report.by_tag["unanswerable"]["false_answer_rate"] == 0.5
    assert report.by_tag["unanswerable"]["answer_recall"] is None


def test_failures_say_why(report: Report) -> None:
    assert {result.case.id: result.reasons for result in report.cases} == {
        "half": ("missing from the answer: Steve Witkoff or Witkoff",),
        "whole": (),
        "refused": (),
        "fooled": ("the status is answered, not not_found", "forbidden in the answer: Rubio"),
        "missed": ("the status is not_found, not answered",),
    }


def test_json_has_the_documented_shape(report: Report) -> None:
    data = json.loads(render_json(report))
    assert set(data) == {"metrics", "intervals", "counts", "by_tag", "settings", "cases"}
    described = data["settings"]["suites"][0]
    assert (described["suite"], described["cases"], described["embedder"]) == ("suite.yaml", 5, "words")
    assert (described["documents"], described["threshold"], len(described["index"])) == (3, 0.5, 16)
    half = data["cases"][0]
    assert (half["id"], half["passed"], half["status"], half["confidence"]) == ("half", False, "answered", 1.0)
    assert half["answer"] == "Marco Rubio prepared the draft. [1]"
    assert half["claims"][0]["quotes"][0]["source"] == "news/plan.txt"
    assert (len(half["hits"]), half["hits"][0]["text"]) == (4, "Marco Rubio prepared the draft.")
    assert half["expected"] == {
        "status": "answered",
        "answer": [["Marco Rubio"], ["Steve Witkoff", "Witkoff"]],
        "forbidden": [],
        "evidence": [
            {"source": "plan.txt", "quote": "prepared the draft"},
            {"source": "leave.txt", "quote": None},
        ],
        "filter": None,
    }
    assert data["cases"][4]["metrics"]["mrr"] == pytest.approx(1 / 3)


def test_two_runs_differ_in_nothing_but_time() -> None:
    def timeless(report: Report) -> object:
        data = json.loads(render_json(report))
        tables = [data["metrics"], *data["by_tag"].values()]
        for table in tables:
            table["latency_p50_ms"] = table["latency_p95_ms"] = 0
        for case in data["cases"]:
            case["latency_ms"] = case["timings_ms"] = 0
        return data

    one, other = (run_suite([SUITE], lambda _: SmallPipeline(TEXTS)) for _ in range(2))
    assert timeless(one) == timeless(other)


class Forger(SmallPipeline):
    """Changes one character of what it quotes."""

    def ask(self, question: str, history: Sequence[Turn] = (), filter: Filter | None = None) -> Answer:  # noqa: A002
        answer = super().ask(question, history, filter)
        claims = tuple(
            replace(claim, quotes=tuple(replace(quote, text=quote.text[:-1] + "!") for quote in claim.quotes))
            for claim in answer.claims
        )
        return replace(answer, claims=claims)


def test_an_altered_quote_fails_a_right_answer() -> None:
    report = run_suite([Suite(Path("s.yaml"), cases=(WHOLE,))], lambda _: Forger(TEXTS))
    assert report.metrics["quote_verbatim"] == 0
    assert report.cases[0].reasons == ("quote 1 is not what leave.txt says at 0-27",)


def test_history_and_progress() -> None:
    case = Case("turn", "How many points?", history=(Turn("user", "Has the plan been drafted?"),), answer=(("28",),))
    seen: list[CaseResult] = []
    report = run_suite([Suite(Path("s.yaml"), cases=(case,))], lambda _: SmallPipeline(TEXTS), seen.append)
    assert seen == list(report.cases)
    assert report.cases[0].answer.standalone_question == "Has the plan been drafted? How many points?"


def test_each_suite_has_its_pipeline() -> None:
    other = Suite(Path("other.yaml"), cases=(replace(WHOLE, id="elsewhere"),))
    opened: list[Suite] = []

    def pipeline_for(suite: Suite) -> SmallPipeline:
        opened.append(suite)
        return SmallPipeline(TEXTS if suite is SUITE else {"x.txt": "Nothing here."})

    report = run_suite([SUITE, other], pipeline_for)
    assert opened == [SUITE, other]
    assert [result.passed for result in report.cases] == [False, True, True, False, False, False]


def test_ids_and_questions_are_checked_across_suites() -> None:
    located = replace(WHOLE, where="b.yaml:7")
    with pytest.raises(InputError, match=r"b\.yaml:7: the id 'whole' is taken"):
        run_suite([SUITE, Suite(Path("b.yaml"), cases=(located,))], lambda _: SmallPipeline(TEXTS))
    blank = Suite(Path("b.yaml"), cases=(replace(located, id="blank", question=" "),))
    with pytest.raises(InputError, match=r"b.yaml:7: The question is empty\."):
        run_suite([blank], lambda _: SmallPipeline(TEXTS))
