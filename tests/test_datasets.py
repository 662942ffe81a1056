from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from statistics import mean

import pytest

from evals.cases.format import Case, Evidence
from evals.datasets import article_text, joined, kept_out, load
from evals.scoring.text import contains
from index.errors import InputError
from index.readers import read

DATA = Path(__file__).parent.parent.parent / "shared" / "data"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"The public question sets are not at {DATA}.")


@needs_data
@pytest.mark.parametrize(
    ("name", "collections", "documents", "answerable", "unanswerable"),
    [
        ("realtimeqa", 1, 2480, 179, 151),
        ("squad2", 18, 620, 3132, 3096),
        ("squad", 24, 1009, 4974, 0),
        ("clapnq", 1, 287, 141, 146),
        ("nq", 1, 1365, 1365, 0),
        ("qed", 1, 528, 528, 0),
        ("hotpot", 1, 994, 100, 0),
        ("squad-es", 18, 615, 2019, 1744),
        ("xquad", 5, 600, 2860, 0),
    ],
)
def test_every_case_and_document_is_taken(
    name: str, collections: int, documents: int, answerable: int, unanswerable: int
) -> None:
    loaded = load(name, DATA)
    cases = [case for collection in loaded for case in collection.cases]
    assert len(loaded) == collections
    assert sum(len(collection.documents) for collection in loaded) == documents
    assert sum(not case.unanswerable for case in cases) == answerable
    assert sum(case.unanswerable for case in cases) == unanswerable
    assert len({case.id for case in cases}) == len(cases)


@needs_data
@pytest.mark.parametrize("name", ["squad", "squad2", "clapnq", "nq", "qed", "hotpot", "squad-es", "xquad"])
def test_every_case_is_asked_of_a_document_that_holds_its_quotes(name: str) -> None:
    for collection in load(name, DATA):
        assert set(collection.asked_of) == {case.id for case in collection.cases}
        for case in collection.cases:
            assert collection.asked_of[case.id] in collection.documents
            assert all((item.quote or "") in collection.documents[item.source] for item in case.evidence)


@needs_data
def test_a_translated_article_is_kept_out_where_its_original_is() -> None:
    titles = {collection.article(case) for collection in load("squad2", DATA) for case in collection.cases}
    for collection in load("squad-es", DATA):
        assert {collection.article(case) for case in collection.cases} <= titles


@needs_data
@pytest.mark.parametrize("name", ["squad2", "clapnq", "xquad"])
def test_the_evidence_holds_the_answer(name: str) -> None:
    for collection in load(name, DATA):
        for case in collection.cases:
            texts = [collection.documents[item.source] for item in case.evidence]
            assert all((item.quote or "") in text for item, text in zip(case.evidence, texts, strict=True))
            assert case.unanswerable or any(wording in texts[0] for wording in case.answer[0])


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    """A folder with a small set of the same form: 2 articles, of each 1 paragraph and 4 questions, 2 unanswerable."""
    articles = [
        {
            "title": title,
            "paragraphs": [
                {
                    "context": "It flows\nnorth.",
                    "qas": [
                        {"id": f"{title}{n}", "question": " Where to? ", "answers": [], "is_impossible": True}
                        if n % 2
                        else {"id": f"{title}{n}", "question": "Where?", "answers": [{"text": "north"}] * 2}
                        for n in range(4)
                    ],
                }
            ],
        }
        for title in ("The_Rhine", "Warsaw")
    ]
    (tmp_path / "squad").mkdir()
    with gzip.open(tmp_path / "squad" / "squad_v2_dev.json.gz", "wt", encoding="utf-8") as file:
        json.dump({"data": articles}, file)
    return tmp_path


def test_each_squad_article_is_a_collection(squad: Path) -> None:
    rhine, warsaw = load("squad2", squad)
    assert (rhine.name, warsaw.name) == ("squad2-the-rhine", "squad2-warsaw")
    assert rhine.documents == {"the-rhine-001.txt": "The Rhine\n\nIt flows\nnorth.\n"}
    assert rhine.cases[:2] == (
        Case(
            id="squad2-The_Rhine0",
            question="Where?",
            answer=(("north",),),
            evidence=(Evidence("the-rhine-001.txt"),),
            tags=("answerable",),
        ),
        Case(id="squad2-The_Rhine1", question="Where to?", unanswerable=True, tags=("unanswerable",)),
    )


def test_cases_share_the_title_of_the_article_they_are_asked_of(squad: Path) -> None:
    rhine, warsaw = load("squad2", squad)
    assert {rhine.article(case) for case in rhine.cases} == {"the-rhine"}
    assert {warsaw.article(case) for case in warsaw.cases} == {"warsaw"}


def test_a_fifth_of_the_articles_is_kept_out_of_training(squad: Path) -> None:
    titles = [f"article {number}" for number in range(2000)]
    assert 0.17 < sum(map(kept_out, titles)) / 2000 < 0.23
    unlearned = load("squad2", squad, unlearned=True)
    assert [each.name for each in unlearned] == [f"squad2-{name}" for name in ("the-rhine", "warsaw") if kept_out(name)]


def test_collections_are_joined(squad: Path) -> None:
    whole = joined("both", load("squad2", squad))
    assert set(whole.documents) == {"the-rhine-001.txt", "warsaw-001.txt"}
    assert [whole.article(case) for case in whole.cases] == ["the-rhine"] * 4 + ["warsaw"] * 4


def test_a_limit_spreads_over_the_set(squad: Path) -> None:
    ids = [[case.id[-1] for case in collection.cases] for collection in load("squad2", squad, limit=3)]
    assert ids == [["0", "2"], ["1"]]
    assert [len(collection.cases) for collection in load("squad2", squad, limit=1)] == [1]
    assert sum(len(collection.cases) for collection in load("squad2", squad, limit=99)) == 8


def test_documents_are_written_once(squad: Path, tmp_path: Path) -> None:
    collection = load("squad2", squad)[0]
    suite = collection.write(tmp_path / "out")
    assert suite.corpus == (tmp_path / "out" / "squad2-the-rhine",)
    assert suite.cases == collection.cases
    written = suite.corpus[0] / "the-rhine-001.txt"
    assert written.read_bytes() == b"The Rhine\n\nIt flows\nnorth.\n"
    before = written.stat().st_mtime_ns
    collection.write(tmp_path / "out")
    assert written.stat().st_mtime_ns == before


def test_an_article_begins_with_title_and_date() -> None:
    article = {"title": "Orcas give gifts", "publish_date": "2025/07/01", "text": "They do."}
    assert article_text(article) == "Orcas give gifts\n\nDate: 2025-07-01\n\nThey do.\n"


def test_unusable_requests_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The sets are realtimeqa, squad2"):
        load("trivia", tmp_path)
    with pytest.raises(InputError, match=r"clapnq/dev_answerable\.jsonl\.gz is not there\. See .*clapnq/README\.md"):
        load("clapnq", tmp_path)
    with pytest.raises(InputError, match="at least 1"):
        load("clapnq", tmp_path, limit=0)


def test_our_own_texts_hold_every_quote_and_answer(tmp_path: Path) -> None:
    collections = load("own", Path())
    cases = [case for collection in collections for case in collection.cases]
    assert len({case.id for case in cases}) == len(cases)
    assert 0.25 < sum(case.unanswerable for case in cases) / len(cases) < 0.35
    for collection in collections:
        stored: dict[str, str] = {}
        for source, text in collection.documents.items():
            (tmp_path / source).write_text(text, encoding="utf-8")
            stored[source] = read(tmp_path / source, source).text
        for case in collection.cases:
            assert all(contains(stored[item.source], item.quote or "") for item in case.evidence), case.id
            assert all(any(words in (item.quote or "") for item in case.evidence) for (words,) in case.answer)


@pytest.mark.parametrize("sign", [r"\?$", "^[a-z]", "(?i)how m(any|uch)", "(?i)^why", r"(?i)^who\b"])
def test_the_look_of_our_own_questions_does_not_tell_which_have_no_answer(sign: str) -> None:
    cases = [case for collection in load("own", Path()) for case in collection.cases]
    found = {
        kind: [bool(re.search(sign, case.question)) for case in cases if case.unanswerable == kind]
        for kind in (True, False)
    }
    assert abs(mean(found[True]) - mean(found[False])) < 0.04


def test_documents_that_resemble_each_other_are_kept_out_together() -> None:
    kept = {each.name: {kept_out(each.article(case)) for case in each.cases} for each in load("own", Path())}
    assert all(len(states) == 1 for states in kept.values())
    assert {state for states in kept.values() for state in states} == {True, False}
