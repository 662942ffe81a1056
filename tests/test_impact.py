from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.cases.feedback import read_feedback
from evals.cases.format import Case, Suite
from evals.cases.impact import altered, cite, cited_by, cited_by_saved_answers, cited_in, counted, recall, remember
from evals.reports.summary import Report
from evals.running.run import run_suite
from index.errors import InputError
from tests.small_pipeline import Shelf, SmallPipeline

LEAVE = "Staff get 25 days of leave. Days that are left lapse in March."
CASES = (
    Case("days", "How many days of leave do staff get?", answer=(("25",),)),
    Case("lapse", "When do days lapse that are left?", answer=(("March",),)),
)


@pytest.fixture
def report() -> Report:
    return run_suite([Suite(Path("s.yaml"), cases=CASES)], lambda _: SmallPipeline({"leave.txt": LEAVE}))


def test_only_what_is_no_longer_said_is_listed(report: Report) -> None:
    cited = cited_by(report.cases)
    assert [each.case for each in cited] == ["days", "lapse"]
    assert altered(cited, Shelf({"leave.txt": LEAVE})) == []
    (impact,) = altered(cited, Shelf({"leave.txt": LEAVE.replace("25", "26")}))
    assert str(impact) == "case days: How many days of leave do staff get? (leave.txt does not say it any more)"


def test_words_that_only_moved_or_were_wrapped_anew_are_still_there(report: Report) -> None:
    moved = "New rules.\n\nDays that are left\nlapse in March! “Staff get 25\ndays of leave.”"
    assert altered(cited_by(report.cases), Shelf({"leave.txt": moved})) == []


def test_a_source_that_is_gone_is_told(report: Report) -> None:
    impacts = altered(cited_by(report.cases), Shelf({"other.txt": LEAVE}))
    assert [(each.case, each.gone) for each in impacts] == [("days", True), ("lapse", True)]
    assert counted(impacts) == "2 cases"


def test_a_run_is_remembered_without_its_words(report: Report, tmp_path: Path) -> None:
    remember(tmp_path, report.cases[:1])
    remember(tmp_path, report.cases)
    assert recall(tmp_path) == cited_by(report.cases) == cited_in(report.as_json())
    assert "25 days" not in next(tmp_path.rglob("cited.jsonl")).read_text(encoding="utf-8")
    assert recall(tmp_path / "nowhere") == []


def test_a_damaged_memory_is_told(tmp_path: Path) -> None:
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "cited.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="Remove it; the next eval run writes it anew"):
        recall(tmp_path)


def test_saved_answers_are_those_that_readers_judged(tmp_path: Path) -> None:
    quotes = [{"source": "leave.txt", "start": 0, "end": 1, "text": "Staff get 25 days of leave."}]
    entry = {"question": "How long?", "verdict": "up", "reason": "", "status": "answered", "quotes": quotes}
    (tmp_path / "feedback.jsonl").write_text(json.dumps(entry) + "\n" + json.dumps(entry)[:20])
    impacts = altered(cited_by_saved_answers(tmp_path), Shelf({"leave.txt": "Staff get nothing."}))
    assert counted(impacts) == "1 saved answer"
    assert str(impacts[0]).startswith("saved answer: How long?")


@pytest.mark.parametrize("line", ["{", "[]", '{"question": "q"}', "[" * 100_000])
def test_a_line_that_is_no_judgement_is_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "feedback.jsonl").write_text(f"\n{line}\n")
    with pytest.raises(InputError, match=r"feedback\.jsonl:2 is no judgement"):
        read_feedback(tmp_path / "feedback.jsonl")


WORDS = st.lists(st.sampled_from(["red", "green", "blue", "one", "two"]), min_size=1, max_size=6).map(" ".join)


@given(WORDS, WORDS, WORDS)
def test_a_quote_is_found_exactly_where_its_words_stand(before: str, quote: str, after: str) -> None:
    shelf = Shelf({"a.txt": f"{before}, {quote}.\n{after}", "b.txt": "something else"})
    assert altered([cite("c", "q", "a.txt", quote)], shelf) == []
    assert len(altered([cite("c", "q", "b.txt", quote)], shelf)) == 1
