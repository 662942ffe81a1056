from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evals.cases.format import Case, Evidence, Suite
from evals.reports.compare import compare
from evals.reports.continuous import render_junit, render_markdown
from evals.reports.page import percent, render_html, render_page
from evals.reports.plots import (
    HEIGHT,
    WIDTH,
    calibration_points,
    confidence_bars,
    latency_histogram,
    risk_coverage_curve,
)
from evals.reports.stored import slim
from evals.reports.summary import Report
from evals.running.run import run_suite
from evals.scoring.metrics import wilson
from evals.scoring.text import printable, shorten
from index.errors import InputError
from rag.types import Answer, Remark, Turn
from tests.small_pipeline import SmallPipeline

HOSTILE = "<script>alert(1)</script><img src=//evil.example/x onerror=alert(2)> {{99*8363}} \x00\u202e]]>&amp; </style>"


def hostile_report() -> Report:
    """Return a report with hostile text in every place where text can be."""
    pipeline = SmallPipeline({f"{HOSTILE}.txt": f"The oracle {HOSTILE} says yes."})
    case = Case(
        id=HOSTILE,
        question=f"What says the oracle {HOSTILE}",
        answer=((HOSTILE, "yes"), (HOSTILE * 2,)),
        history=(Turn("user", HOSTILE),),
        forbidden=(HOSTILE,),
        evidence=(Evidence(HOSTILE, HOSTILE),),
        tags=(HOSTILE,),
    )
    never = replace(case, id="never", question=f"Weather? {HOSTILE * 3}", history=())
    return run_suite([Suite(Path(HOSTILE.replace("/", "")), cases=(case, never))], lambda _: pipeline)


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.style = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            self.style += data
        else:
            self.text += data


def test_hostile_text_is_only_text() -> None:
    html = render_html(hostile_report())
    page = Page(html)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "iframe", "object", "embed", "link", "form", "a", "base", "foreignobject"}
    attributes = {name for _, attrs in page.tags for name in attrs}
    assert not {name for name in attributes if name.startswith("on")} | attributes & {"href", "src", "style", "action"}
    assert page.text.count("<script>alert(1)</script><img src=//evil.example/x onerror=alert(2)> {{99*8363}}") > 10
    assert "\x00" not in html
    assert str(99 * 8363) not in page.text


def test_the_policy_admits_the_style_sheet_and_nothing_else() -> None:
    page = Page(render_html(hostile_report()))
    policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and attrs.get("http-equiv") is not None)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_the_page_shows_each_case_and_why_it_failed() -> None:
    pipeline = SmallPipeline({"leave.txt": "Staff get 25 days of leave."})
    cases = (
        Case("good", "How many days of leave do staff get?", answer=(("25",),), tags=("handbook",)),
        Case("bad", "Where is Vladivostok?", answer=(("Russia",),)),
    )
    page = Page(render_html(run_suite([Suite(Path("s.yaml"), cases=cases)], lambda _: pipeline)))
    assert "1 of 2 cases passed" in page.text
    assert "the status is not_found, not answered" in page.text
    assert [attrs["class"] for tag, attrs in page.tags if tag == "details" and "case" in str(attrs["class"])] == [
        "case passed tag-0",
        "case failed",
    ]
    choices = [attrs["id"] for tag, attrs in page.tags if tag == "input"]
    assert choices == ["show-all", "show-failed", "show-passed", "tag-all", "tag-0"]
    assert [attrs["for"] for tag, attrs in page.tags if tag == "label"] == choices
    assert "#tag-0:checked ~ .cases > :not(.tag-0) { display: none; }" in page.style
    headings = [tag for tag, _ in page.tags if tag in ("h1", "h2")]
    assert headings == ["h1", *["h2"] * (len(headings) - 1)]
    assert all("aria-label" in attrs or "aria-hidden" in attrs for tag, attrs in page.tags if tag == "svg")


def test_junit_has_a_test_for_each_case() -> None:
    suite = ElementTree.fromstring(render_junit(hostile_report()))  # noqa: S314  # our own output
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    names = [test.get("name") for test in suite.iter("testcase")]
    assert names == [printable(HOSTILE), "never"]
    reasons = [result.reasons[0] for result in hostile_report().cases]
    assert [failure.get("message") for failure in suite.iter("failure")] == [printable(reason) for reason in reasons]


def test_curve_and_bars_are_drawn_to_scale() -> None:
    pipeline = SmallPipeline({"a.txt": "One two three four."})
    cases = (
        Case("sure", "one two three four", answer=(("One",),)),
        Case("unsure", "one two three five", answer=(("Five",),)),
        Case("refused", "six", unanswerable=True),
        Case("also", "seven", unanswerable=True),
    )
    results = run_suite([Suite(Path("s.yaml"), cases=cases)], lambda _: pipeline).as_json()["cases"]
    curve = risk_coverage_curve(results)
    assert curve is not None
    assert (curve.coverage, curve.risk, curve.end) == (0.5, 0.5, (WIDTH / 2, 0.0))
    assert curve.path == "M0 240.0L0.0 240.0L140.0 240.0L140.0 0.0L280.0 0.0"
    assert [tick.label for tick in curve.y_ticks] == ["0%", "12.5%", "25%", "37.5%", "50%"]
    bars = confidence_bars(results)
    assert (bars[0].above, bars[0].below) == (0, HEIGHT / 2 - 4)
    assert (bars[15].above, bars[19].above) == (HEIGHT / 4 - 2, HEIGHT / 4 - 2)
    assert risk_coverage_curve(results[2:]) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.0, "0%"), (1.0, "100%"), (0.123, "12.3%"), (0.7, "70%"), (0.9999, ">99.9%"), (1e-5, "<0.1%")],
)
def test_percent(value: float | None, shown: str) -> None:
    assert percent(value) == shown


def test_shorten() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("ab cd", 4) == "ab…"


def test_a_summary_is_markdown_that_no_name_can_break() -> None:
    summary = render_markdown(hostile_report(), stops=["The case | must *pass*."])
    assert summary.startswith("### citechat eval: 0 of 2 cases passed\n\n- **The case \\| must \\*pass\\*\\.**\n")
    assert "<" not in summary
    rows = [line for line in summary.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {4}
    assert "| Passed | 0.000 | 0.000 to 0.658 |" in rows
    assert "never" in summary.splitlines()[-1]
    assert "\n**Failed: 2**\n\n- " in summary


def test_a_summary_says_why_each_case_that_broke_did() -> None:
    before, after = run_of("Staff get 25 days of leave. The canteen is blue."), run_of("The canteen is blue.")
    comparison = compare(before.as_json(), after.as_json())
    summary = render_markdown(after, comparison)
    assert f"- Against the baseline: {comparison.sentence}\n" in summary
    reason = next(case.reasons[0] for case in after.cases if case.case.id == "days")
    assert f"\n**Broken: 1**\n\n- days\\: {reason.replace('_', chr(92) + '_')}" in summary
    assert "Failed" not in summary


def test_a_page_says_what_was_before_and_where_the_evidence_stood() -> None:
    before, after = run_of("Staff get 25 days of leave. The canteen is blue."), run_of("The canteen is blue.")
    page = render_html(after, before.as_json(), compare(before.as_json(), after.as_json()))
    assert " ms in the baseline" in page
    assert "nearest passages; the first that holds what is wanted is number 1" in page
    assert "; nothing that was found holds what is wanted" in page
    assert "cases tell a change of about" in page


def test_a_gate_is_a_test_that_failed() -> None:
    suite = ElementTree.fromstring(render_junit(hostile_report(), ["worse"]))  # noqa: S314  # our own output
    assert (suite.get("tests"), suite.get("failures")) == ("3", "3")
    assert [test.get("name") for test in suite.iter("testcase")][-1] == "gate 1"


def run_of(text: str) -> Report:
    cases = (
        Case("days", "How many days of leave do staff get?", answer=(("25",),)),
        Case("colour", "What colour is the canteen?", answer=(("blue",),)),
    )
    return run_suite([Suite(Path("s.yaml"), cases=cases)], lambda _: SmallPipeline({"leave.txt": text}))


def test_the_page_shows_what_changed_since_the_baseline() -> None:
    before = run_of("Staff get 25 days of leave. Nothing else.").as_json()
    after = run_of("Staff get 26 days of leave. The canteen is blue.")
    comparison = compare(before, after.as_json())
    page = Page(render_html(after, before, comparison))
    assert f"Since the baseline: {comparison.sentence}." in page.text
    assert "Fixed 1, broken 1" in page.text
    assert "In the baseline: passed" in page.text
    assert "Staff get 25 days of leave. [1]" in page.text
    classes = [attrs["class"] for tag, attrs in page.tags if tag == "details" and "case" in str(attrs["class"])]
    assert classes == ["case failed changed", "case passed changed"]
    assert [attrs["id"] for tag, attrs in page.tags if tag == "input"][-1] == "show-changed"


def test_what_all_suites_share_is_said_once_and_what_was_changed_first() -> None:
    before, after = run_of("Staff get 25 days of leave.").as_json(), run_of("Staff get 25 days of leave.").as_json()
    (suite,) = after["settings"]["suites"]
    suite["threshold"] = 0.125
    page = Page(render_page(after, before, compare(before, after)))
    assert "threshold: 0.5 → 0.125" in page.text
    assert page.text.count("passage_tokens") == 1
    after["settings"]["suites"] = [suite, {**suite, "suite": "other.yaml", "documents": 7}]
    page = Page(render_page(after))
    assert page.text.count("passage_tokens") == 1
    assert re.search(r"suite\s*documents\s*s\.yaml\s*1\s*other\.yaml\s*7", page.text)


def test_a_quote_is_marked_in_its_context() -> None:
    html = render_html(run_of("The rules say it. Staff get 25 days of leave. Nothing else."))
    marked = '<span class="soft">The rules say it. </span><mark>Staff get 25 days of leave.</mark>'
    assert marked in html


def test_there_is_no_page_of_a_baseline_but_of_what_changed_since() -> None:
    report = run_of("Staff get 25 days of leave.")
    baseline = slim(report.as_json())
    page = Page(render_html(report, baseline, compare(baseline, report.as_json())))
    assert "It passed in the baseline." in page.text
    assert "as in the baseline" in page.text
    with pytest.raises(InputError, match=r"lacks what a page shows: .* Make it anew"):
        render_page(baseline)


def test_calibration_and_time_are_drawn_to_scale() -> None:
    report = run_of("Staff get 25 days of leave.").as_json()
    sure, unsure = calibration_points(report["cases"])
    assert (sure.x, sure.y, sure.label) == (0, 0, "confidence 0%: answerable 100% of 1")
    assert unsure.x == pytest.approx(0.8 * WIDTH)
    assert sure.bottom == pytest.approx(HEIGHT * (1 - wilson(1, 1)[0]))
    slow = [{"latency_ms": value} for value in (1.0, 99.0, 100.0)]
    drawn = latency_histogram(slow)
    assert [bar[3] for bar in drawn.bars] == [HEIGHT / 2, *[0] * 18, HEIGHT]
    assert [label for _, label in drawn.x_ticks] == ["0", "25", "50", "75", "100"]
    drawn = latency_histogram([{"latency_ms": value} for value in (10.0, 2160.0)])
    assert (len(drawn.bars), [label for _, label in drawn.x_ticks]) == (11, ["0", "1000", "2000"])
    assert [bar[3] for bar in latency_histogram([{"latency_ms": 0.0}]).bars] == [HEIGHT]
    drawn = latency_histogram([*[{"latency_ms": 50.0}] * 99, {"latency_ms": 14_000.0}])
    assert [label for _, label in drawn.x_ticks] == ["0", "25", "50", "75", "100"]
    assert (drawn.bars[10][3], drawn.bars[-1][3:]) == (HEIGHT, (HEIGHT / 99, "95 ms and longer: 1 questions"))


def test_a_trace_is_shown() -> None:
    class Broken(SmallPipeline):
        def ask(self, *_: object, **__: object) -> Answer:
            raise RuntimeError(f"no such tensor {HOSTILE}")

    suite = Suite(Path("s.yaml"), cases=(Case("c", "Who?", answer=(("Ada",),)),))
    report = run_suite([suite], lambda _: Broken({"a.txt": "Ada leads."}))
    page = Page(render_html(report))
    assert "Failed to ask" in page.text
    assert "RuntimeError: no such tensor <script>" in page.text
    junit = ElementTree.fromstring(render_junit(report))  # noqa: S314  # our own output
    assert (junit.get("failures"), junit.get("errors")) == ("0", "1")


def test_what_a_reader_was_told_besides_the_quotes_is_in_the_report() -> None:
    class Remarking(SmallPipeline):
        def ask(self, question: str, *_: object, **__: object) -> Answer:
            remarks = (Remark("differ", (1, 2), newest=2), Remark("missing", about=HOSTILE))
            return replace(super().ask(question), remarks=remarks, notice="Quoted alone.")

    suite = Suite(Path("s.yaml"), cases=(Case("c", "Who leads?", answer=(("Ada",),)),))
    report = run_suite([suite], lambda _: Remarking({"a.txt": "Ada leads."}))
    (case,) = report.as_json()["cases"]
    told = "The documents differ: [1] [2]. The newest is [2]."
    assert case["remarks"][0] == {"kind": "differ", "quotes": [1, 2], "newest": 2, "about": "", "text": told}
    page = Page(render_html(report))
    assert told in page.text
    assert "Not answered by the documents: <script>" in page.text
    assert "Quoted alone." in page.text
    (plain,) = run_suite([suite], lambda _: SmallPipeline({"a.txt": "Ada leads."})).as_json()["cases"]
    assert not {"remarks", "notice"} & plain.keys()
