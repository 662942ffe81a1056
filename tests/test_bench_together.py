"""The benchmark of questions that are embedded together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.bench.together import SIZES, main


def test_each_size_is_timed_and_compared_with_questions_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = tmp_path / "cases.jsonl"
    texts = ("When does the canteen open?", "Who?", "Which portal shows the days of leave that are left this year?")
    lines = (json.dumps({"id": str(n), "question": text, "answer": [["noon"]]}) for n, text in enumerate(texts))
    cases.write_text("\n".join(lines), encoding="utf-8")
    assert main([str(cases), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [int(size) for size in found] == [1, *SIZES]
    assert all(each["ms"] > 0 for each in found.values())
    assert found["1"]["equal"] == len(texts)
    assert main([str(cases)]) == 0
    assert "16 at a time" in capsys.readouterr().out
