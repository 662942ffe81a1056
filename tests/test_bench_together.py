"""The benchmark of questions that are embedded together."""

from __future__ import annotations

import json

import pytest

from evals.bench.together import SIZES, main


def test_each_size_is_timed_and_compared_with_questions_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--limit", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [int(size) for size in found] == [1, *SIZES]
    assert all(each["ms"] > 0 for each in found.values())
    assert found["1"]["equal"] == 3
    assert main(["--limit", "1"]) == 0
    assert "16 at a time" in capsys.readouterr().out
