"""The operator's pages: feedback and gaps become eval cases; runs are listed and compared."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from evals.cases.draft import from_feedback
from evals.cases.feedback import read_feedback
from evals.cases.format import Case, Suite, load_cases
from evals.reports.page import render_body
from evals.reports.stored import slim
from evals.running.run import run_suite
from tests.operator_pages import Operator
from tests.small_pipeline import SmallPipeline, answering
from ui.admin.cases import Cases
from ui.kept.conversations import Exchange
from ui.kept.feedback import FeedbackLog, judgement

HOSTILE = "<img src=x> </style>"
PLAN = b"# The plan\n\nThe bridge opens on 4 May. The mayor cuts the ribbon."


def test_a_thumb_down_becomes_a_case(operator: Operator) -> None:
    done = operator.ask("soup on Fridays?")
    verdict = {"message_id": done["message_id"], "value": "down", "reason": "<b>stale</b>"}
    assert operator.client.post("/api/feedback", json=verdict).status_code == 200
    operator.log_in()
    assert "&lt;b&gt;stale&lt;/b&gt;" in operator.page("/feedback")
    page = operator.send("/cases", message_id=done["message_id"])
    draft = re.search(r'action="/admin/cases/([^"]+)"', page)
    assert draft
    assert "Say either" in operator.send(f"/cases/{draft[1]}", expected="  ")
    page = operator.send(f"/cases/{draft[1]}", expected="soup | broth\nFriday")
    assert "No drafts." in page
    case = load_cases(operator.home / "cases" / "cases.jsonl").cases[0]
    assert (case.question, case.answer) == ("soup on Fridays?", (("soup", "broth"), ("Friday",)))


def test_a_follow_up_becomes_a_case_as_it_was_understood_and_under_its_filter(tmp_path: Path) -> None:
    answer = replace(
        SmallPipeline({"a.txt": "Soup is served."}).ask("And on Fridays?"), standalone_question="Soup when?"
    )
    exchange = Exchange("m-1", "And on Fridays?", "complete", answer.text, answer=answer, where="outlet=AP")
    cases = Cases(tmp_path)
    draft = cases.draft(judgement(exchange, "down", ""), "feedback")
    cases.finish(draft["id"], "Friday", unanswerable=False)
    (case,) = load_cases(tmp_path / "cases" / "cases.jsonl").cases
    assert (case.question, case.filter) == ("Soup when?", "outlet=AP")
    FeedbackLog(tmp_path / "feedback.jsonl").append(exchange, "down")
    (proposed,) = from_feedback(read_feedback(tmp_path / "feedback.jsonl"))
    assert (proposed.entry["question"], proposed.entry["filter"]) == ("Soup when?", "outlet=AP")


def test_the_gap_list_and_the_trace(operator: Operator) -> None:
    for question in ("Quidditch?", "Quidditch?", "<i>Snitch</i>?", "When does the canteen open?"):
        operator.ask(question)
    operator.log_in()
    gaps = operator.page("/gaps")
    assert re.search(r"<td>2</td><td[^>]*>\d{4}-\d\d-\d\d</td>\s*<td><a [^>]+>Quidditch\?</a>", gaps)
    assert "&lt;i&gt;Snitch" in gaps
    assert "canteen open" not in gaps
    missed = re.findall(r'name="message_id" value="([^"]+)"', gaps)
    page = operator.send("/cases", message_id=missed[0])
    assert "A draft was made" in page
    draft = re.search(r'action="/admin/cases/(gap-[^"]+)"', page)
    assert draft
    operator.send(f"/cases/{draft[1]}", unanswerable="on")
    case = load_cases(operator.home / "cases" / "cases.jsonl").cases[-1]
    assert (case.question, case.unanswerable, case.tags) == ("Quidditch?", True, ("gap",))
    for unknown in ("none", operator.ask("When does the canteen open?")["message_id"]):
        assert "no such gap" in operator.send("/cases", message_id=unknown)
    trace = operator.page(re.findall(r'href="/admin(/answers/[^"]+)"', operator.page("/conversations"))[0])
    assert "canteen.txt 0" in trace
    assert re.search(r'<p class="soft">\d{4}-\d\d-\d\d \d\d:\d\d UTC', trace)
    assert "verbatim" in trace


def test_eval_runs_are_listed_and_compared(operator: Operator) -> None:
    folder = operator.home / "reports"
    folder.mkdir()
    cases = tuple(Case(number, f"Who leads {number}?", answer=(("Ada",),)) for number in ("one", "two", "<i>"))
    for name, texts, asked in (
        ("first", {"a.txt": "Ada leads."}, cases[:2]),
        ("second", {"a.txt": "Bob leads."}, cases),
        ("third", {"a.txt": "Ada leads."}, cases[2:]),
    ):
        report = run_suite([Suite(Path("s.yaml"), cases=asked)], partial(answering, SmallPipeline(texts)))
        (folder / f"{name}.json").write_text(json.dumps(report.as_json()), encoding="utf-8")
    (folder / "broken.json").write_text("[]", encoding="utf-8")
    operator.log_in()
    page = operator.page("/evals?before=first&after=second")
    assert "2 of 2" in page
    assert "worse: -100.0 points, interval -100.0 to -100.0, 2 cases, 0 fixed, 2 broken" in page
    assert '<li><a href="/admin/evals/second?before=first#case-1">one</a>: Who leads one?</li>' in page
    assert "Left out: 1 that only one of them has" in page
    assert '<td class="whole">-1.000 to -1.000</td><td>2</td><td class="whole">worse</td>' in page
    assert re.findall(r'name="(\w+)" value="(\w+)"[^>]* checked', page) == [("before", "first"), ("after", "second")]
    assert "broken.json is no report" in page
    plots = re.findall(r'src="(/admin/plots/[^"]+)"', page)
    assert [plot.split("?")[0] for plot in plots] == ["/admin/plots/runs.svg", "/admin/plots/changes.svg"]
    for plot in plots:
        assert operator.client.get(html.unescape(plot), timeout=60).headers["content-type"] == "image/svg+xml"
    page = operator.page("/evals?before=second&after=third")
    assert "1 fixed, 0 broken" in page
    assert '#case-1">&lt;i&gt;</a>: Who leads &lt;i&gt;?</li>' in page
    assert "no case in common" in operator.page("/evals?before=first&after=third")


def always(pipeline: SmallPipeline) -> Callable[[Suite], SmallPipeline]:
    return lambda _: pipeline


def test_a_run_shows_its_whole_report(operator: Operator) -> None:
    folder = operator.home / "reports"
    folder.mkdir(exist_ok=True)
    cases = tuple(Case(number, f"Who leads {number}?", answer=(("Ada",),)) for number in ("one", "two"))
    reports = {}
    for name, leader, asked in (("calm", "Ada", cases), ("50%?", "Bob", cases), ("lone", "Ada", cases[:1])):
        text = f"{HOSTILE} Nobody else does. {leader} leads one and two."
        report = run_suite([Suite(Path("s.yaml"), cases=asked)], always(SmallPipeline({"a.txt": text})))
        reports[name] = report.as_json()
        (folder / f"{name}.json").write_text(json.dumps(reports[name]), encoding="utf-8")
    (folder / "slim.json").write_text(json.dumps(slim(reports["calm"])), encoding="utf-8")
    for path in ("/evals/calm", "/report.css"):
        assert operator.client.get(f"/admin{path}").headers["location"] == "/admin/login"
    operator.log_in()
    address = re.search(r'href="/admin(/evals/50[^"]+)"', operator.page("/evals"))
    assert address
    page = operator.page(address[1])
    assert "<h1>0 of 2 cases passed</h1>" in page
    assert page.count("<h1>") == 1
    assert "missing from the answer: Ada" in page
    assert "<mark>Bob leads one and two.</mark>" in page
    assert "&lt;img src=x&gt;" in page
    assert "<img" not in page
    assert "Since the baseline" not in page
    assert render_body(reports["50%?"]) in page
    against = operator.page(f"{address[1]}?before=calm")
    assert "worse: -100.0 points, interval -100.0 to -100.0, 2 cases, 0 fixed, 2 broken" in against
    assert "In the baseline: passed" in against
    assert "<option selected>calm</option>" in against
    assert "Not compared: 1 that only one" in operator.page("/evals/calm?before=lone")
    assert "The report lacks what a page shows" in operator.page("/evals/slim")
    for missing in ("/evals/none", "/evals/calm?before=none", "/evals/..%2Fevals", "/evals/calm.json"):
        assert operator.client.get(f"/admin{missing}").status_code == 404
    style = operator.client.get("/admin/report.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "#tag-39:checked" in style.text
