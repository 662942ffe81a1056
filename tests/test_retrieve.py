from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.corpus import Corpus, find_files
from index.filters import Filter, parse_filter
from index.terms import stem
from rag.retrieve import Found, fuse, inverse_frequencies, retrieve, search_words
from tests.conftest import MakeCorpus

SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-1, 30).map(lambda score: round(score, 3)), max_size=8)


def reference(dense: dict[str, float], lexical: dict[str, float], weight: float) -> dict[str, float]:
    """The fused score by its definition: the weighted mean of z-scores, a missing score being zero."""
    ids = {*dense, *lexical}

    def standardised(scores: dict[str, float]) -> dict[str, float]:
        values = [scores.get(id_, 0.0) for id_ in ids]
        mean, deviation = statistics.fmean(values), statistics.pstdev(values)
        return {id_: (scores.get(id_, 0.0) - mean) / deviation if deviation > 1e-6 else 0.0 for id_ in ids}

    normal_dense, normal_lexical = standardised(dense), standardised(lexical)
    return {id_: weight * normal_dense[id_] + (1 - weight) * normal_lexical[id_] for id_ in ids}


@given(SCORES, SCORES, st.floats(0, 1))
def test_fusion_is_the_weighted_mean_of_z_scores(
    dense: dict[str, float], lexical: dict[str, float], weight: float
) -> None:
    fused = fuse(dense, lexical, weight)
    assert set(fused) == {*dense, *lexical}
    if len(fused) > 1:
        assert fused == pytest.approx(reference(dense, lexical, weight), abs=1e-4)


def test_fusion_by_hand() -> None:
    assert fuse({"a": 1.0, "b": 0.0}, {"b": 4.0}, 0.75) == pytest.approx({"a": 0.5, "b": -0.5})
    assert fuse({}, {}, 0.5) == {}


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Who prepared the draft?", ["prepared", "draft"]),
        ("What is it?", ["What", "is", "it"]),
        ("Who said “peace in our time”?", ["peace", "time", "peace in our time"]),
        ("", []),
    ],
)
def test_all_words_but_the_stop_words_are_looked_for(question: str, words: list[str]) -> None:
    assert search_words(question) == words


DOCUMENTS = {
    "clock.md": "# The clock\n\nThe old clock in the tall church tower of Leeds was built by Jane Roe in 1897.",
    "copy.md": "# A copy\n\nThe old clock in the tall church tower of Leeds was built by Jane Roe in 1898.",
    "bridge.md": (
        "---\npublished: 2025-11-03\noutlet: Gazette\n---\n\n# The bridge\n\n"
        "The bridge over the river was closed in spring."
    ),
    "leave.md": (
        "---\npublished: 2024-01-05\noutlet: Herald\n---\n\n# Leave\n\nStaff of the bridge get many days of leave."
    ),
}


@pytest.fixture
def filled(tmp_path: Path, make_corpus: MakeCorpus) -> Corpus:
    corpus = make_corpus()
    fill(corpus, tmp_path / "documents", DOCUMENTS)
    return corpus


def fill(corpus: Corpus, folder: Path, documents: Mapping[str, str]) -> None:
    folder.mkdir()
    for name, text in documents.items():
        (folder / name).write_text(text, encoding="utf-8")
    corpus.add(find_files([folder]))


def ask(corpus: Corpus, question: str, where: Filter | None = None, dense_weight: float = 0.5) -> list[Found]:
    query = corpus.embedder.embed_query(question)
    return retrieve(corpus, question, query, candidates=10, dense_weight=dense_weight, limit=20, where=where)


def sources(corpus: Corpus, found: list[Found]) -> list[str]:
    return [corpus.document(each.stored.passage.document_id).source for each in found]


def test_the_passage_with_the_words_comes_first(filled: Corpus) -> None:
    found = ask(filled, "When was the bridge over the river closed?")
    assert sources(filled, found)[0] == "bridge.md"
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert found[0].lexical > 0


def test_scores_are_the_fused_scores_of_the_searches(filled: Corpus) -> None:
    question = "When was the bridge closed?"
    query = filled.embedder.embed_query(question)
    dense = dict(filled.store.dense(query, 10))
    lexical = dict(filled.store.lexical(["bridge", "closed"], 10))
    expected = reference(dense, lexical, 0.3)
    for each in ask(filled, question, dense_weight=0.3):
        id_ = each.stored.passage.id
        assert each.score == pytest.approx(expected[id_], abs=1e-4)
        assert each.dense == pytest.approx(dense[id_], abs=1e-5)
        assert each.lexical == pytest.approx(lexical.get(id_, 0.0), abs=1e-5)


def test_a_passage_that_only_the_words_found_has_its_cosine(filled: Corpus) -> None:
    question = "bridge staff leave"
    query = filled.embedder.embed_query(question)
    for each in retrieve(filled, question, query, candidates=1, dense_weight=0.5, limit=20):
        assert each.dense == pytest.approx(float(each.stored.vector @ query), abs=1e-5)


@pytest.mark.parametrize(("year", "kept"), [("1897", "clock.md"), ("1898", "copy.md")])
def test_texts_that_differ_in_a_figure_are_no_duplicates(filled: Corpus, year: str, kept: str) -> None:
    names = sources(filled, ask(filled, f"Which clock in the tower was built by Jane Roe in {year}?"))
    assert names[0] == kept
    assert set(names) == {"clock.md", "copy.md", "bridge.md", "leave.md"}


@pytest.mark.parametrize(("word", "kept"), [("ancient", "clock.txt"), ("venerable", "copy.txt")])
def test_of_texts_that_differ_in_plain_words_the_better_is_kept(
    tmp_path: Path, corpus: Corpus, word: str, kept: str
) -> None:
    text = "The {} clock in the tall church tower of Leeds was built by Jane Roe, a watchmaker, for the city council."
    documents = {
        "clock.txt": text.format("ancient"),
        "copy.txt": text.format("venerable"),
        "bridge.txt": "The bridge over the river was closed in spring.",
    }
    fill(corpus, tmp_path / "documents", documents)
    found = ask(corpus, f"Who built the {word} clock in the tower?")
    assert sources(corpus, found) == [kept, "bridge.txt"]


def test_a_story_in_five_papers_is_found_once_and_names_all_five(tmp_path: Path, corpus: Corpus) -> None:
    story = "The ancient clock in the tall church tower of Leeds was built by Jane Roe, {} watchmaker, for the city."
    fill(
        corpus,
        tmp_path / "documents",
        {
            **{f"paper-{number}.txt": story.format(word) for number, word in enumerate("a the our one".split())},
            "copy-of-paper-3.txt": story.format("one"),
            "bridge.txt": "The bridge over the river was closed in spring.",
        },
    )
    first, other = ask(corpus, "Who built the ancient clock in the tower?")
    named = {corpus.document(id_).source for id_ in (first.stored.passage.document_id, *first.also)}
    assert named == {"copy-of-paper-3.txt", "paper-0.txt", "paper-1.txt", "paper-2.txt"}
    assert len(first.also) == 3
    assert other.also == ()


def test_only_what_passes_the_filter_is_found(filled: Corpus) -> None:
    question = "When was the bridge closed?"
    assert sources(filled, ask(filled, question, parse_filter("outlet=Herald"))) == ["leave.md"]
    assert sources(filled, ask(filled, question, parse_filter("published>=2025"))) == ["bridge.md"]
    assert ask(filled, question, parse_filter("outlet=Nobody")) == []


def test_weights_are_inverse_passage_frequencies_from_0_to_1(filled: Corpus) -> None:
    weights = inverse_frequencies(filled, "Is the bridge unicorn?")
    assert filled.store.count() == 4
    assert weights[stem("bridge")] == pytest.approx(math.log(1 + 2.5 / 2.5) / math.log(1 + 4.5 / 0.5))
    assert weights[stem("unicorn")] == 1.0


def test_an_empty_corpus_has_nothing(corpus: Corpus) -> None:
    assert ask(corpus, "Who built the clock?") == []
