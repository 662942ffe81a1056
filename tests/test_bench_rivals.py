"""The benchmark beside rivals: citechat really runs; the rivals' own packages are no part of the tests."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from evals.bench.rivals import OURS, PINNED, TORCH, Row, environment, main, row, table, task
from evals.bench.systems import RIVALS
from index.errors import InputError

TEXTS = {
    "ferry": "The ferry to Oller runs hourly. Its operator is Ana Ruiz.",
    "tower": "The clock tower was built in 1897. It is forty metres high.",
    "canteen": "The canteen opens at noon. It serves soup on Fridays.",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The set with three articles and three questions; of the last one nothing has the answer."""
    folder = tmp_path / "data" / "realtimeqa"
    folder.mkdir(parents=True)
    articles = [
        {"id": name, "url": f"https://news.example/{name}", "title": name, "publish_date": "2025/07/01", "text": text}
        for name, text in TEXTS.items()
    ]
    asked = {"Who operates the ferry to Oller?": ["ferry"], "When was the clock tower built?": ["tower"], "Why?": []}
    questions = [
        {"question": question, "urls_with_answer_string": [f"https://news.example/{name}" for name in names]}
        for question, names in asked.items()
    ]
    for kind, rows in (("articles", articles), ("questions", questions)):
        lines = "\n".join(map(json.dumps, rows))
        (folder / f"dev_2025h2.{kind}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return folder.parent


def test_citechat_is_measured_in_a_process_of_its_own(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "figures.json"
    assert main(["--data", str(data), "--systems", OURS, "--rounds", "2", "--json", str(written)]) == 0
    (figures,) = json.loads(written.read_text())
    assert (figures["system"], figures["passages"], figures["hit"], figures["read"]) == (OURS, 3, 1.0, 1.0)
    for name in ("passages_per_s", "tokens_per_s", "articles_per_s", "articles_per_cpu_s", "find_ms", "answer_ms"):
        assert figures[name] > 0
    assert figures["tokens_per_s"] > 10 * figures["passages_per_s"]
    printed = capsys.readouterr().out
    assert printed.startswith("3 articles, 2 questions\n")
    assert "1.00" in printed


def test_only_questions_that_the_articles_answer_are_asked(data: Path) -> None:
    work = task(data, 1)
    assert list(work.articles) == ["ferry.txt"]
    assert work.questions == {"Who operates the ferry to Oller?": frozenset({"ferry.txt"})}
    with pytest.raises(InputError, match="None of the questions"):
        task(data, 0)


def test_rivals_need_a_folder(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(data), "--systems", "txtai"]) == InputError.exit_code
    assert "--venv" in capsys.readouterr().err
    assert main(["--data", str(data / "nowhere"), "--systems", OURS]) == InputError.exit_code


def test_an_environment_that_is_complete_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "installed").write_text("\n".join((TORCH, *PINNED)), encoding="utf-8")
    assert environment(tmp_path) == tmp_path / "bin" / "python"
    assert [path.name for path in tmp_path.iterdir()] == ["installed"]
    assert all("==" in package for package in (TORCH, *PINNED))


def test_rounds_are_summed_up_by_their_middle(data: Path) -> None:
    rounds = [
        {
            "ingest_s": seconds,
            "ingest_cpu_s": 2 * seconds,
            "passages": 6,
            "tokens": 300,
            "cut_off": 100,
            "found": [["tower.txt", "ferry.txt"], ["ferry.txt"]],
            "find_ms": [seconds, 2 * seconds],
            "answer_ms": [],
        }
        for seconds in (1.0, 3.0, 2.0)
    ]
    assert row("txtai", "default", task(data, 3), rounds) == Row(
        system="txtai",
        settings="default",
        passages=6,
        passages_per_s=3.0,
        tokens_per_s=150.0,
        articles_per_s=1.5,
        articles_per_cpu_s=0.75,
        read=0.75,
        find_ms=2.5,
        hit=0.5,
        answer_ms=None,
    )


def test_the_table_shows_ratios_to_citechat() -> None:
    ours = Row(OURS, "default", 9, 90.0, 9000.0, 6.0, 3.0, 1.0, 8.0, 0.9, 40.0)
    theirs = Row("txtai", "tuned", 5, 20.0, 4000.0, 4.0, 1.0, 0.5, 6.0, 0.7, None)
    text = table([ours, theirs])
    shown = ["20.0", "4.50", "4.00", "1.50", "3.00", "4,000", "50%", "6.0", "0.70"]
    assert text.splitlines()[2].split() == ["txtai", "tuned", *shown]
    assert text.endswith("40.0 ms at the median")
    assert "ratio" in table([theirs])
    assert set(RIVALS) == {"langchain", "llamaindex", "haystack", "txtai"}
