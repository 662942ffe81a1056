from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from math import log2
from pathlib import Path
from typing import Any

import pytest

from evals.cases.format import Case, Evidence, Suite
from evals.reports.report import render_json
from evals.reports.summary import Report
from evals.running.run import CaseResult, run_suite
from evals.scoring.measures import COSTS, MEANS
from evals.scoring.metrics import wilson
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
    values = {name: value for name, value in report.metrics.items() if name not in COSTS}
    assert values == pytest.approx(
        {
            "pass_rate": 2 / 5,
            "answer_recall": (1 / 2 + 1 + 0) / 3,
            "answer_precision": 1.0,
            "citation_precision": 1.0,
            "evidence_precision": 1.0,
            "exact_match": 0.0,
            "normalised_match": 0.0,
            "token_f1": (2 * 2 / (6 + 2) + 0) / 2,
            "ndcg@10": ((1 + 1 / log2(4)) / (1 + 1 / log2(3)) + 1 + 1 / log2(4)) / 3,
            "calibration_error": (abs(1 - 1.0) + abs(1 - 0.8) + abs(0 - 0.5) + abs(1 - 0.0)) / 5,
            "evidence_recall": (1 / 2 + 0) / 2,
            "quote_verbatim": 1.0,
            "claim_support": 1.0,
            "claim_grounding": 1.0,
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
    assert set(data) == {"format", "metrics", "intervals", "counts", "by_tag", "repeats", "stale", "settings", "cases"}
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
        "ordered": False,
        "numbers": [],
        "dates": [],
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


class Slow(SmallPipeline):
    """Opens for a while before the first question; says itself how long each took."""

    def ask(self, *asked: Any, **more: Any) -> Answer:  # noqa: ANN401  # those of SmallPipeline.ask
        time.sleep(0.02)
        return replace(super().ask(*asked, **more), timings_ms={"total": 1.5})


def test_a_latency_is_what_the_pipeline_says_that_a_question_took() -> None:
    assert run_suite([SUITE], lambda _: Slow(TEXTS)).metrics["latency_p95_ms"] == 1.5


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


def test_ids_are_checked_across_suites() -> None:
    located = replace(WHOLE, where="b.yaml:7")
    with pytest.raises(InputError, match=r"b\.yaml:7: the id 'whole' is taken"):
        run_suite([SUITE, Suite(Path("b.yaml"), cases=(located,))], lambda _: SmallPipeline(TEXTS))


def test_a_question_that_cannot_be_asked_fails_alone() -> None:
    blank = replace(WHOLE, id="blank", question=" ", where="b.yaml:7")
    report = run_suite([Suite(Path("b.yaml"), cases=(blank, WHOLE))], lambda _: SmallPipeline(TEXTS))
    assert report.cases[0].reasons == ("asking failed: b.yaml:7: The question is empty.",)
    assert [result.passed for result in report.cases] == [False, True]


class Crashing(SmallPipeline):
    """Falls over one question."""

    def ask(self, question: str, history: Sequence[Turn] = (), filter: Filter | None = None) -> Answer:  # noqa: A002
        if "draft" in question:
            raise RuntimeError("no such tensor")
        return super().ask(question, history, filter)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_case_that_crashes_the_pipeline_has_failed_with_its_trace(workers: int) -> None:
    report = run_suite([SUITE], lambda _: Crashing(TEXTS), workers=workers)
    half = report.cases[0]
    assert (half.case.id, half.reasons) == ("half", ("asking failed: RuntimeError: no such tensor",))
    assert 'raise RuntimeError("no such tensor")' in half.error
    assert (half.metrics["answer_recall"], half.metrics["false_refusal_rate"]) == (0.0, 1.0)
    assert report.as_json()["cases"][0]["status"] == "error"
    assert (report.counts["cases"], report.counts["passed"], report.counts["failed_to_ask"]) == (5, 2, 1)


def test_several_at_a_time_give_the_same_report_in_the_same_order() -> None:
    alone, together = (run_suite([SUITE], lambda _: SmallPipeline(TEXTS), workers=n) for n in (1, 4))
    assert [result.case.id for result in together.cases] == ["half", "whole", "refused", "fooled", "missed"]
    assert {name: together.metrics[name] for name in MEANS} == {name: alone.metrics[name] for name in MEANS}


def test_a_case_goes_on_from_the_answer_that_the_one_before_it_got() -> None:
    first = Case("first", "Who prepared the draft?", answer=(("Rubio",),))
    second = Case("second", "How many points?", answer=(("28",),), follows="first")
    suite = Suite(Path("s.yaml"), cases=(first, second))
    report = run_suite([suite], lambda _: SmallPipeline(TEXTS), only={"second"})
    assert [result.case.id for result in report.cases] == ["second"]
    assert report.cases[0].answer.standalone_question == "Who prepared the draft? How many points?"


def test_a_case_counts_as_much_as_it_weighs() -> None:
    heavy = replace(MISSED, weight=3.0)
    report = run_suite([Suite(Path("s.yaml"), cases=(WHOLE, heavy))], lambda _: SmallPipeline(TEXTS))
    assert report.metrics["pass_rate"] == 1 / 4
    assert report.intervals["pass_rate"] == pytest.approx(wilson(1 / 4, 4**2 / (1 + 9)))


def test_what_should_be_asked_back_is_neither_refused_nor_answered() -> None:
    vague = Case("vague", "Who prepared the draft?", ambiguous=True)
    report = run_suite([Suite(Path("s.yaml"), cases=(vague,))], lambda _: SmallPipeline(TEXTS))
    assert report.cases[0].reasons == ("the status is answered, not clarify",)
    assert (report.metrics["false_answer_rate"], report.metrics["false_refusal_rate"]) == (None, None)


def test_evidence_that_no_document_holds_is_told() -> None:
    gone = replace(WHOLE, id="gone", where="b.yaml:1", evidence=(Evidence("rules.txt"),))
    elsewhere = replace(WHOLE, id="elsewhere", where="b.yaml:5", evidence=(Evidence("old/leave.txt", "25"),))
    altered = replace(WHOLE, id="altered", where="b.yaml:9", evidence=(Evidence("leave.txt", "26 days"),))
    wrapped = replace(WHOLE, id="wrapped", evidence=(Evidence("leave.txt", "get 25\n days  of"),))
    report = run_suite(
        [Suite(Path("b.yaml"), cases=(gone, elsewhere, altered, wrapped))], lambda _: SmallPipeline(TEXTS)
    )
    assert report.stale == (
        "b.yaml:1: the evidence of 'gone' is out of date: there is no document rules.txt",
        "b.yaml:5: the evidence of 'elsewhere' is out of date: there is no document old/leave.txt, "
        "did you mean 'leave.txt'?",
        "b.yaml:9: the evidence of 'altered' is out of date: leave.txt does not say '26 days'",
    )
