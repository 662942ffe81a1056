from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from evals.pools import POOLS, Wanted
from evals.retrieval import main, z_scored

DATA = Path(__file__).parent.parent.parent / "shared" / "data"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"The public sets are not at {DATA}.")

PASSAGES = {
    "clock": ("The clock", "The old clock in the tower was built by Jane Roe in 1897."),
    "bridge": ("The bridge", "The bridge over the river was closed in spring."),
    "leave": ("Leave", "Staff get many days of leave in their first year."),
}
TURNS = ["Who built the clock in the tower?", "When was the bridge over the river closed?"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A conversation in the form of ``mtrag``: the second turn wants the bridge and one not there."""
    folder = tmp_path / "data" / "mtrag"
    tasks = folder / "mtrag-human" / "retrieval_tasks" / "cloud"
    (tasks / "qrels").mkdir(parents=True)
    (folder / "pooled_corpus").mkdir()
    rows = [{"_id": id_, "title": title, "text": text} for id_, (title, text) in PASSAGES.items()]
    lines = "\n".join(map(json.dumps, rows)).encode()
    (folder / "pooled_corpus" / "cloud.jsonl.gz").write_bytes(gzip.compress(lines))
    said = [f"|user|: {turn}" for turn in TURNS]
    for name, texts in (("questions", ["\n".join(said[: n + 1]) for n in range(2)]), ("rewrite", said)):
        rows = [{"_id": f"c<::>{n}", "text": text} for n, text in enumerate(texts)]
        (tasks / f"cloud_{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    judged = "query-id\tcorpus-id\tscore\nc<::>0\tclock\t1\nc<::>1\tbridge\t1\nc<::>1\tmissing\t1\n"
    (tasks / "qrels" / "dev.tsv").write_text(judged, encoding="utf-8")
    return tmp_path / "data"


def test_each_way_to_ask_and_rank_has_its_figures(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "figures.json"
    assert main(["mtrag-cloud", "--data", str(data), "--json", str(report)]) == 0
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert {(each["asked"], each["ranked"]) for each in figures} == {
        (asked, ranked)
        for asked in ("with history", "rewritten", "last turn", "all turns", "by a person")
        for ranked in ("dense", "lexical", "fixed", "ours")
    }
    last = next(each for each in figures if (each["asked"], each["ranked"]) == ("last turn", "ours"))
    assert last["questions"] == 2
    assert last["recall"] == [0.75, 0.75, 0.75]
    assert last["mrr"] == 1.0
    assert "last turn" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "problem"), [(["nowhere"], "no set"), (["nq", "--limit", "0"], "at least 1")])
def test_bad_arguments_are_told(
    arguments: list[str], problem: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--data", str(data)]) == 2
    assert problem in capsys.readouterr().err


def test_z_scores_by_hand() -> None:
    assert z_scored({"a": 1.0, "b": 0.0}, {"b": 4.0}, 0.75) == pytest.approx({"a": 0.5, "b": -0.5})
    assert z_scored({}, {}, 0.5) == {}


def test_a_wanted_passage_is_told_by_source_and_whole_words() -> None:
    wanted = Wanted("clock.txt", ("Jane Roe", "6"))
    assert wanted.matches(("clock.txt", "copy.txt"), "Built by Jane  Roe.")
    assert not wanted.matches(("copy.txt",), "Built by Jane Roe.")
    assert not wanted.matches(("clock.txt",), "16 days")
    assert Wanted(None, ("16",)).matches(("any.txt",), "16 days")


@needs_data
@pytest.mark.parametrize(
    ("name", "documents", "queries"),
    [
        ("nfcorpus", 3633, 324),
        ("mtrag-clapnq", 6004, 208),
        ("mtrag-cloud", 6221, 188),
        ("mtrag-fiqa", 6911, 180),
        ("doc2dial", 146, 270),
        ("chunking", 3, 276),
        ("squad", 1009, 4974),
        ("nq", 1365, 1365),
    ],
)
def test_every_text_and_question_is_taken(name: str, documents: int, queries: int) -> None:
    pools = list(POOLS[name](DATA))
    assert sum(len(pool.documents) for pool in pools) == documents
    assert sum(len(pool.queries) for pool in pools) == queries
    assert all(query.question and query.wanted for pool in pools for query in pool.queries)


@needs_data
def test_a_dialogue_is_told_from_its_first_turn_on() -> None:
    query = next(query for pool in POOLS["doc2dial"](DATA) for query in pool.queries if len(query.history) > 2)
    assert [turn.role for turn in query.history[:2]] == ["user", "assistant"]
