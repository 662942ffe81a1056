"""Any set in the layout of BEIR is measured by name from a folder."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from evals.datasets.__main__ import main
from evals.pools import Wanted, beir
from index.errors import InputError

CORPUS = {
    "../clock": ("The clock", "The old clock in the tower was built by Jane Roe in 1897."),
    "bridge": ("", "The bridge over the river was closed in spring."),
    "leave": ("Leave", "Staff get many days of leave in their first year."),
}
QUERIES = {"q1": "Who built the clock in the tower?", "q2": "When was the bridge over the river closed?", "q3": "Why?"}
QRELS = "query-id\tcorpus-id\tscore\nq1\t../clock\t2\nq1\tleave\t0\nq2\tbridge\t1\nq2\tmissing\t1\n"


def rows(table: dict[str, dict[str, str]]) -> str:
    return "\n".join(json.dumps({"_id": id_, **fields}) for id_, fields in table.items())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one set: a graded judgement, one of irrelevance, and one of a document that is not there."""
    folder = tmp_path / "sets" / "small"
    (folder / "qrels").mkdir(parents=True)
    corpus = rows({id_: {"title": title, "text": text} for id_, (title, text) in CORPUS.items()})
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(corpus.encode()))
    (folder / "queries.jsonl").write_text(rows({id_: {"text": text} for id_, text in QUERIES.items()}))
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    (folder / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq3\tleave\t1\n")
    return tmp_path / "sets"


def test_the_layout_becomes_documents_and_judged_questions(data: Path) -> None:
    (pool,) = beir(data)
    assert pool.name == "small-test"
    assert [query.question for query in pool.queries] == [QUERIES["q1"], QUERIES["q2"]]
    clock, bridge = pool.queries
    assert clock.wanted == (Wanted("%2E.%2Fclock.txt", gain=2),)
    assert [item.source for item in bridge.wanted] == ["bridge.txt", "missing.txt"]
    assert pool.documents["bridge.txt"] == "The bridge over the river was closed in spring.\n"
    assert [each.name for each in beir(data / "small")] == ["small-test"]


def test_an_id_is_never_a_path(data: Path, tmp_path: Path) -> None:
    (pool,) = beir(data)
    folder = pool.write(tmp_path / "out")
    assert sorted(path.parent for path in (tmp_path / "out").rglob("*.txt")) == [folder] * 3


def test_the_command_prints_what_is_found(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["beir", "--data", str(data), "--json", str(tmp_path / "f.json")]) == 0
    ours = next(each for each in json.loads((tmp_path / "f.json").read_text()) if each["ranked"] == "ours")
    assert (ours["pool"], ours["questions"], ours["recall"], ours["mrr"]) == ("small-test", 2, [0.75, 0.75, 0.75], 1.0)
    assert 0 < ours["ndcg10"] < 1
    assert "small-test" in capsys.readouterr().out


def test_what_is_not_whole_is_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["beir", "--data", str(tmp_path / "none")]) == 2
    assert "No set in the layout of BEIR" in capsys.readouterr().err
    judged = data / "small" / "qrels" / "test.tsv"
    judged.write_text(f"{QRELS}q2 bridge 1\n")
    with pytest.raises(InputError, match=r"test\.tsv:6 is not a query"):
        list(beir(data))
    judged.write_text(f"{QRELS}q9\tbridge\t1\n")
    with pytest.raises(InputError, match="judges the query 'q9'"):
        list(beir(data))
    for path in (data / "small" / "qrels").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="has no qrels"):
        list(beir(data))
