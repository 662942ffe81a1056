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
        assert main([address, "--clients", "20", "--rounds", "2", "--process", str(os.getpid()), "--json"]) == 0
        figures = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (figures["answers"], figures["errors"]) == (40, {})
        assert 0 < figures["first_evidence_p50_s"] <= figures["first_evidence_p95_s"] <= figures["whole_p95_s"]
        assert figures["memory_after_mib"] > 10


def test_refusals_are_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(LexicalPipeline(), settings(tmp_path, requests_per_minute=3)) as address:
        assert main([address, "--clients", "5", "--rounds", "1", "--json"]) == 1
        figures = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert figures["errors"] == {"429": 3}
