"""The plots of the operator's pages: who gets them, and what is drawn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from lxml import etree

from evals.cases.format import Case, Suite
from evals.running.run import run_suite
from tests.small_pipeline import SmallPipeline, answering
from tests.web import LexicalPipeline, running, settings
from ui.admin import plots
from ui.web.metrics import MINUTES, Metrics

ROOT = Path(__file__).parent.parent
TOKEN = "a token of the operator"
HOSTILE = "$\\frac{ <script>alert(1)</script> & [x](y)"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    (home / "reports").mkdir()
    for name, leader in (("first", "Ada"), ("second $\\frac{", "Bob")):
        suite = Suite(Path("s.yaml"), cases=(Case("leader", "Who leads?", answer=(("Ada",),)),))
        report = run_suite([suite], partial(answering, SmallPipeline({"a.txt": f"{leader} leads."})))
        (home / "reports" / f"{name}.json").write_text(json.dumps(report.as_json()), encoding="utf-8")
    with running(LexicalPipeline(), settings(home, admin_token=TOKEN)) as address:
        for question in ("leave days", "Quidditch?"):
            httpx.post(f"{address}/api/chat", json={"question": question})
        yield address


def words(svg: bytes) -> str:
    return " ".join(etree.fromstring(svg).itertext())


@pytest.mark.parametrize("look", ["light", "dark"])
def test_every_page_has_its_plots_and_says_what_they_show(address: str, look: str) -> None:
    pair = {"before": "first", "after": "second $\\frac{"}
    shown = {
        "answers": ({}, ["a minute", "answers"]),
        "latency": ({}, ["seconds", "first evidence, p95", "whole, p95"]),
        "gaps": ({}, ["questions", "without an answer", "answered"]),
        "runs": ({}, ["first", "second $\\frac{", "Answer recall"]),
        "changes": (pair, ["Answer recall", "95% interval"]),
    }
    with httpx.Client(base_url=address, timeout=60) as client:  # at first, fonts are looked for
        for name, (query, _) in shown.items():
            refused = client.get(f"/admin/plots/{name}.svg", params=query)
            assert (refused.status_code, refused.headers["location"]) == (303, "/admin/login")
        client.post("/admin/login", data={"password": TOKEN})
        for name, (query, expected) in shown.items():
            reply = client.get(f"/admin/plots/{name}.svg", params={**query, "look": look})
            assert (reply.status_code, reply.headers["content-type"]) == (200, "image/svg+xml")
            assert all(each in words(reply.content) for each in expected), words(reply.content)
        assert client.get("/admin/plots/changes.svg", params={"before": "first", "after": "none"}).status_code == 404
        for path, query, alternative in (
            ("", {}, "Answers in each minute; in the latest with any: 2"),
            ("/gaps", {}, "on the latest, 1 without an answer and 1 answered"),
            ("/evals", pair, "in the latest run: Passed 0.000"),
        ):
            page = client.get(f"/admin{path}", params=query).text
            assert f'alt="{alternative}' in page or alternative in page, page
            assert "<figcaption>" in page


def test_what_a_run_is_called_is_drawn_as_it_is() -> None:
    svg = plots.lines([HOSTILE, "b"], {HOSTILE: [0.5, None]}, "share", "light", top=1)
    assert HOSTILE in words(svg)
    assert f"{HOSTILE[:23]}…" in words(svg)
    assert b"<script" not in svg


def test_the_same_drawing_is_the_same_bytes() -> None:
    once, again = (plots.changes(["a"], [(0.1, 0.0, 0.2)], "dark") for _ in range(2))
    assert once == again


def test_two_plots_asked_for_at_once_are_drawn_before_anything_was_imported(tmp_path: Path) -> None:
    """As a browser does that opens a page with two."""
    script = """
import sys, threading
from ui.admin import plots
assert "matplotlib" not in sys.modules
drawn = []
calls = [lambda: plots.lines(["a"], {"a": [1.0]}, "s", "light"), lambda: plots.bars(["a"], {"a": [1]}, "s", "dark")]
threads = [threading.Thread(target=lambda call=call: drawn.append(call())) for call in calls * 2]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(drawn) == 4, drawn
"""
    environment = {**os.environ, "MPLCONFIGDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, cwd=ROOT, timeout=120)


def test_no_data_is_drawn_as_none() -> None:
    for svg in (
        plots.lines([], {}, "s", "dark"),
        plots.bars([], {"a": []}, "s", "dark"),
        plots.changes([], [], "dark"),
    ):
        assert etree.fromstring(svg).tag.endswith("svg")


def test_minutes_are_counted_and_forgotten() -> None:
    now = datetime(2026, 3, 1, 23, 58, 30, tzinfo=UTC)
    metrics = Metrics(lambda: now)
    assert metrics.minutes() == []
    metrics.count_evidence(0.1)
    metrics.count("answered", 0.5)
    metrics.count("not_found", 1.5)
    now += timedelta(minutes=3)
    metrics.count("not_found", 0.2)
    minutes = metrics.minutes()
    assert [minute.answers for minute in minutes] == [2, 0, 0, 1]
    assert minutes[0].percentiles() == {"first_p50": 0.1, "first_p95": 0.1, "whole_p95": 1.5}
    assert minutes[1].percentiles() == {"first_p50": None, "first_p95": None, "whole_p95": None}
    for _ in range(MINUTES + 5):
        now += timedelta(minutes=1)
        metrics.count("answered", 0.1)
    assert len(metrics.minutes()) == MINUTES
