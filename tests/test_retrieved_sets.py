"""Sets that say what is to be found are measured by name from a folder: BEIR's layout, SummHay, MTRAG."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from evals.datasets.__main__ import main
from evals.pools import Wanted, beir, summhay
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
    page = ("--html", str(tmp_path / "f.html"))
    assert main(["beir", "--data", str(data), "--json", str(tmp_path / "f.json"), *page]) == 0
    shown = (tmp_path / "f.html").read_text()
    assert "<h2>small-test</h2>" in shown
    assert '<th scope="row">ours</th><td class="number">0.750</td>' in shown
    assert "<script" not in shown
    ours = next(each for each in json.loads((tmp_path / "f.json").read_text()) if each["ranked"] == "ours")
    assert (ours["pool"], ours["questions"], ours["recall"], ours["mrr"]) == ("small-test", 2, [0.75, 0.75, 0.75], 1.0)
    assert 0 < ours["ndcg10"] < 1
    assert "small-test" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["beir", "--data", str(data), "--html", str(tmp_path / "none" / "f.html")])
    assert "make it, or name another file" in capsys.readouterr().err


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


def test_a_query_wants_the_articles_with_its_insights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no topic"):
        list(summhay(tmp_path))
    (tmp_path / "summhay_news").mkdir()
    topic = {
        "subtopics": [{"query": "What of fuel?", "insights": [{"insight_id": "a"}, {"insight_id": "b"}]}],
        "documents": [
            {"document_id": "x", "document_text": " Fuel. ", "insights_included": ["b", "a", "c"]},
            {"document_id": "y", "document_text": "Tyres.", "insights_included": ["c"]},
            {"document_id": "z", "document_text": "More fuel.", "insights_included": ["a"]},
        ],
    }
    (tmp_path / "summhay_news" / "topic_news1.json").write_text(json.dumps(topic))
    (pool,) = summhay(tmp_path)
    assert pool.name == "summhay-topic_news1"
    assert pool.documents == {"x.txt": "Fuel.\n", "y.txt": "Tyres.\n", "z.txt": "More fuel.\n"}
    assert pool.queries[0].wanted == (Wanted("x.txt", gain=2), Wanted("z.txt", gain=1))


@pytest.mark.parametrize("name", ["beir", "mtrag", "summhay"])
def test_a_folder_without_the_set_is_an_error(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--data", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
