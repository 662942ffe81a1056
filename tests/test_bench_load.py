"""The load benchmark, against a small server."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evals.bench.load import main
from tests.web import LexicalPipeline, running, settings


def test_every_client_is_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(LexicalPipeline(delay=0.001), settings(tmp_path)) as address:
        load = ["--clients", "20", "--chats", "5", "--rounds", "2", "--spread", "0.1"]
        assert main([address, *load, "--process", str(os.getpid()), "--json"]) == 0
        figures = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (figures["widget_answers"], figures["chat_answers"], figures["errors"]) == (40, 10, {})
        for reader in ("widget", "chat"):
            first = figures[f"{reader}_first_evidence_p50_s"], figures[f"{reader}_first_evidence_p95_s"]
            assert 0 < first[0] <= first[1] <= figures[f"{reader}_whole_p95_s"]
        assert figures["memory_after_mib"] > 10


def test_the_questions_of_case_files_are_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = tmp_path / "cases.jsonl"
    texts = ("When does the canteen open?", "Which portal shows the days left?")
    lines = (json.dumps({"id": str(n), "question": text, "answer": [["noon"]]}) for n, text in enumerate(texts))
    cases.write_text("\n".join(lines), encoding="utf-8")
    pipeline = LexicalPipeline()
    with running(pipeline, settings(tmp_path)) as address:
        assert main([address, "--clients", "4", "--rounds", "1", "--cases", str(cases)]) == 0
    assert sorted(question for question, _ in pipeline.asked[1:]) == sorted([*texts, *texts])  # after a first one
    assert "widget_first_evidence_p95_s" in capsys.readouterr().out


def test_refusals_are_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(LexicalPipeline(), settings(tmp_path, requests_per_minute=3)) as address:
        assert main([address, "--clients", "5", "--rounds", "1", "--json"]) == 1
        figures = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert figures["errors"] == {"429": 3}
