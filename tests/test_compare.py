from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.cases.format import Case, Suite
from evals.reports.compare import compare, render_comparison
from evals.reports.gate import below, check_gates, dropped, must_pass
from evals.reports.report import render_baseline
from evals.reports.stored import read_report
from evals.reports.summary import Report
from evals.running.run import run_suite
from index.errors import InputError
from tests.small_pipeline import SmallPipeline


def entry(name: str, passed: bool, **metrics: float | None) -> dict[str, Any]:
    return {"id": name, "question": name, "passed": passed, "metrics": {"pass_rate": float(passed), **metrics}}


def report(*passed: bool, **extra: Any) -> dict[str, Any]:  # noqa: ANN401  # whatever a report holds
    return {"cases": [entry(f"c{number}", each) for number, each in enumerate(passed)], **extra}


def test_cases_are_told_apart_by_what_became_of_them() -> None:
    found = compare(report(True, True, False, False), report(True, False, True, False))
    assert (found.passed, found.broken, found.fixed, found.failed) == (("c0",), ("c1",), ("c2",), ("c3",))
    assert found.differences[0].delta == 0
    assert found.sentence.startswith("no difference that chance does not explain: +0.0 points, interval -")


def test_a_clear_gain_and_a_clear_loss_are_called_so() -> None:
    low, high = report(*[False] * 30, *[True] * 70), report(*[True] * 100)
    better, worse = compare(low, high), compare(high, low)
    assert (better.differences[0].verdict, worse.differences[0].verdict) == ("better", "worse")
    assert better.differences[0].delta == pytest.approx(0.3)
    # The share of fixed cases is binomial: 0.3 ± 1.96 * sqrt(0.3 * 0.7 / 100).
    assert (better.differences[0].low, better.differences[0].high) == pytest.approx((0.21, 0.39), abs=0.015)
    assert better.sentence.startswith("better: +30.0 points, interval +2")
    assert better.sentence.endswith(", 100 cases, 30 fixed, 0 broken")
    assert dropped(better) == []
    assert dropped(worse)[0].startswith("Passed (pass_rate) is worse than the baseline: 1.0000 to 0.7000")


def test_one_broken_case_of_many_may_be_chance() -> None:
    found = compare(report(*[True] * 100), report(False, *[True] * 99))
    assert found.differences[0].verdict == "no difference"
    assert dropped(found) == []


def made_by(**suites: dict[str, object]) -> dict[str, Any]:
    told = [{"suite": name, "cases": 1, "passage_tokens": 144, **more} for name, more in suites.items()]
    return report(True, settings={"citechat": "1", "suites": told})


def test_what_was_changed_is_told() -> None:
    before = made_by(a={"models": {"m": "0a"}, "threshold": 0.5}, b={"threshold": 0.5}, gone={})
    after = made_by(a={"models": {"m": "0b"}, "threshold": 0.93604}, b={"threshold": 0.93604, "llm": None}, new={})
    found = compare(before, after)
    assert found.settings == ("threshold: 0.5 → 0.936", "model m: 0a → 0b (a)")
    assert "\n  setting threshold: 0.5 → 0.936\n" in render_comparison(found)
    assert found.as_json()["settings"] == [*found.settings]
    assert compare(before, before).settings == compare(report(True), before).settings == ()


def test_the_documents_that_changed_are_named() -> None:
    before = made_by(a={"sources": {"old.md": "1", "same.md": "1", "turned.md": "1"}})
    after = made_by(a={"sources": {"new.md": "1", "same.md": "1", "turned.md": "2"}})
    told = ("document new.md: added", "document old.md: removed", "document turned.md: changed")
    assert compare(before, after).settings == told
    assert compare(made_by(a={}), after).settings == ()  # an older report does not name them
    many = made_by(a={"sources": {f"{n:02}.md": "1" for n in range(12)}})
    assert compare(made_by(a={"sources": {}}), many).settings[-2:] == ("document 09.md: added", "2 more documents")


def test_what_answers_cost_is_told_beside_what_they_are_worth() -> None:
    before, after = report(True, True, True), report(True, True, True)
    for run, time_ms, tokens in ((before, 100.0, 20.0), (after, 300.0, 30.0)):
        for case in run["cases"]:
            case |= {"latency_ms": time_ms, "metrics": case["metrics"] | {"answer_tokens": tokens}}
    found = compare(before, after)
    assert [(cost.metric, cost.before, cost.after) for cost in found.costs] == [
        ("answer_tokens", 20.0, 30.0),
        ("latency_p50_ms", 100.0, 300.0),
        ("latency_p95_ms", 100.0, 300.0),
    ]
    assert "latency_p50_ms          100.0    300.0   +200.0\n" in render_comparison(found)
    for case in before["cases"]:  # a baseline has no times
        del case["latency_ms"]
    assert [cost["metric"] for cost in compare(before, after).as_json()["costs"]] == ["answer_tokens"]


def test_the_tags_of_fixed_and_broken_cases_are_told() -> None:
    after = report(True, True, False, True)
    for case, tags in zip(after["cases"], (["who"], ["who", "list"], ["who"], ["when"]), strict=True):
        case["tags"] = tags
    found = compare(report(True, False, True, True), after)
    assert [(each.tag, each.cases, each.fixed, each.broken) for each in found.tags] == [
        ("list", 1, 1, 0),
        ("who", 3, 1, 1),
    ]
    assert "\n  tag who: 1 fixed, 1 broken of 3\n" in render_comparison(found)


def test_what_so_few_cases_cannot_tell_is_said() -> None:
    few = compare(report(*[True] * 20), report(False, False, *[True] * 18))
    assert few.differences[0].verdict == "no difference"
    half = (few.differences[0].high - few.differences[0].low) / 2
    needed = math.ceil(20 * (half / 0.05) ** 2)
    told = f"20 cases tell a change of about {100 * half:.0f} points from chance; for 5 points it takes about {needed}"
    assert few.resolution.startswith(told)
    assert few.resolution in render_comparison(few)
    assert compare(report(*[True] * 500), report(False, *[True] * 499)).resolution == ""
    assert compare(report(*[True] * 20), report(*[False] * 20)).resolution == ""


def test_more_errors_are_worse() -> None:
    before, after = ({"cases": [entry(str(n), True, false_answer_rate=rate) for n in range(40)]} for rate in (0.0, 1.0))
    assert [each.metric for each in compare(before, after).worse] == ["false_answer_rate"]


def test_the_same_run_twice_is_no_difference() -> None:
    found = compare(report(True, False), report(True, False))
    assert found.sentence == "no difference: every case ended as before, 2 cases"
    assert {(each.delta, each.low, each.high) for each in found.differences} == {(0.0, 0.0, 0.0)}


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_swapping_the_runs_turns_the_difference_round(outcomes: Sequence[tuple[bool, bool]]) -> None:
    one, other = (report(*[each[side] for each in outcomes]) for side in (0, 1))
    there, back = compare(one, other).differences[0], compare(other, one).differences[0]
    assert there.delta == pytest.approx(-back.delta)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.low - 1e-12 <= there.delta <= there.high + 1e-12


def test_intervals_hold_what_they_promise() -> None:
    """Two equal systems differ significantly in about one sample of twenty."""
    random = np.random.default_rng(7)
    called = [
        compare(report(*(random.random(60) < 0.7)), report(*(random.random(60) < 0.7))).differences[0].verdict
        for _ in range(100)
    ]
    assert called.count("no difference") >= 88


def test_weights_count() -> None:
    before, after = report(True, False), report(False, True)
    for each in (before, after):
        each["cases"][1]["weight"] = 3.0
    assert compare(before, after).differences[0].delta == pytest.approx((3 - 1) / 4)


def test_different_cases_are_refused_unless_told() -> None:
    one, other = report(True, True), report(True, True, False)
    other["cases"][1]["question"] = "another"
    with pytest.raises(InputError, match=r"0 only in the first, 1 only in the second, 1 changed \(c2, c1\).*--common"):
        compare(one, other)
    assert compare(one, other, common=True).passed == ("c0",)
    with pytest.raises(InputError, match="no case in common"):
        compare(one, {"cases": [entry("x", True)]}, common=True)


def small_run() -> Report:
    cases = (Case("good", "Who leads?", answer=(("Ada",),)), Case("bad", "Who sleeps?", answer=(("Bo",),)))
    pipeline = SmallPipeline({"a.txt": "Ada leads."})
    return run_suite(
        [Suite(Path("s.yaml"), cases=(*cases, replace(cases[1], id="vital", must_pass=True)))], lambda _: pipeline
    )


def test_a_case_that_must_pass_stops_a_build() -> None:
    assert must_pass(small_run(), ["good"]) == ["The case vital must pass and failed."]
    assert must_pass(small_run(), ["bad"])[0] == "The case bad must pass and failed."
    with pytest.raises(InputError, match="The case 'nope' must pass and is not asked"):
        check_gates([], ["good", "nope"], ["good", "bad"])


def test_a_bound_is_the_least_or_of_errors_the_most() -> None:
    bounds = [("pass_rate", 0.5), ("false_refusal_rate", 0.5), ("mrr", 0.1), ("false_answer_rate", 1.0)]
    assert below(small_run(), bounds) == [
        "pass_rate is 0.3333; at least 0.5 is wanted.",
        "false_refusal_rate is 0.6667; at most 0.5 is wanted.",
        "false_answer_rate is not measured; at most 1.0 is wanted.",
    ]
    check_gates([(name, 1.0) for name in small_run().metrics], [], [])
    with pytest.raises(InputError, match=r"no metric 'answer_recal'\. Did you mean 'answer_recall'"):
        check_gates([("answer_recal", 1)], [], [])
    with pytest.raises(InputError, match=r"no metric 'beauty'\. The metrics are pass_rate"):
        check_gates([("beauty", 1)], [], [])


def test_ten_thousand_cases_take_seconds() -> None:
    random = np.random.default_rng(1)
    names = ("answer_recall", "evidence_recall", "quote_verbatim", "claim_support", "mrr", "ndcg@10", "token_f1")
    values = random.random((2, 10_000, len(names)))
    before, after = (
        {
            "cases": [
                entry(str(n), bool(row[0] > 0.3), **dict(zip(names, row, strict=True))) for n, row in enumerate(run)
            ]
        }
        for run in values
    )
    begun = time.process_time()
    assert compare(before, after).cases == 10_000
    assert time.process_time() - begun < 5  # of processor time: other work on the machine counts nothing


def test_it_is_printed_with_its_cases() -> None:
    text = render_comparison(compare(report(True, False), report(False, True)))
    assert "  fixed   c1\n  broken  c0\n" in text
    assert text.splitlines()[4].startswith("pass_rate")


def test_metrics_that_did_not_move_are_counted_not_listed() -> None:
    one, other = ({"cases": [entry("a", passed, mrr=1.0, token_f1=1.0), entry("b", True)]} for passed in (True, False))
    text = render_comparison(compare(one, other))
    assert "mrr" not in text
    assert "\n2 other metrics are as before, case by case.\n" in text
    assert render_comparison(compare(one, one)).endswith("\n3 metrics are as before, case by case.")


# --- stored reports --------------------------------------------------------------------------------------------------


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    suite = Suite(Path("s.yaml"), cases=(Case("c", "Who leads?", answer=(("Ada",),)),))
    made = run_suite([suite], lambda _: SmallPipeline({"a.txt": "Ada leads."})).as_json()
    (tmp_path / "r.json").write_text(json.dumps(made))
    assert read_report(tmp_path / "r.json") == made
    assert compare(made, read_report(tmp_path / "r.json")).passed == ("c",)


def test_a_baseline_holds_what_a_comparison_needs_and_no_answer(tmp_path: Path) -> None:
    made = small_run()
    (tmp_path / "b.json").write_text(render_baseline(made))
    baseline = read_report(tmp_path / "b.json")
    found = compare(baseline, made.as_json())
    assert (found.passed, found.failed, found.fixed) == (("good",), ("bad", "vital"), ())
    assert {each.delta for each in found.differences} == {0.0}
    assert "Ada leads" not in (tmp_path / "b.json").read_text()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is no report"),
        ("[" * 100_000, "is no report"),
        ("[]", "no list of cases"),
        ('{"cases": []}', "without cases"),
        ('{"cases": [{}]}', "case 1 has no id"),
        ('{"cases": [{"id": "a"}]}', "does not say whether it passed"),
        ('{"format": 99, "cases": [{"id": "a", "passed": true, "metrics": {}}]}', "has the format 99; this version"),
        (
            '{"cases": [{"id": "a", "passed": true, "metrics": {"mrr": NaN}}]}',
            r"\('a'\): mrr is nan, which is no number",
        ),
        ('{"cases": [{"id": "a", "passed": true, "metrics": {"mrr": "x"}}]}', "mrr is 'x'"),
        ('{"cases": [{"id": "a", "passed": true, "metrics": {}, "weight": null}]}', "weight is None"),
        ('{"cases": [{"id": "a", "passed": true, "metrics": {}, "weight": 0}]}', "weight is 0"),
        ('{"cases": [{"id": "a", "passed": true, "metrics": {}, "expected": "x"}]}', "what was expected"),
        ('{"cases": [{"id": "a", "passed": true, "metrics": {}}], "metrics": []}', "its metrics are no table"),
        ('{"cases": [{"id": "a", "passed": true, "metrics": {}}], "metrics": {"mrr": "x"}}', "mrr is 'x'"),
        ('{"cases": [{"id": "a", "passed": true, "metrics": {}}, {"id": "a"}]}', "is there twice"),
    ],
)
def test_what_is_no_report_is_told(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(InputError, match=problem):
        read_report(path)


def test_a_report_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read: No such file"):
        read_report(tmp_path / "none.json")
