from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from index.corpus import Corpus
from index.files import find_files
from index.filters import Filter, parse_filter
from index.terms import stem, stems
from rag.query.rewrite import Background
from rag.retrieval.distinct import Found
from rag.retrieval.fusion import fusion_model, query_features
from rag.retrieval.retrieve import TERM_SHARE, inverse_frequencies, retrieve, search, search_words, sought
from tests.conftest import MakeCorpus


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


def search_for(
    corpus: Corpus, question: str, candidates: int, dense_weight: float | None = None, where: Filter | None = None
) -> list[Found]:
    query, weights = corpus.embedder.embed_query(question), inverse_frequencies(corpus, question)
    return retrieve(
        corpus, question, query, weights, candidates=candidates, limit=20, dense_weight=dense_weight, where=where
    )


def ask(corpus: Corpus, question: str, where: Filter | None = None, dense_weight: float | None = None) -> list[Found]:
    return search_for(corpus, question, candidates=10, dense_weight=dense_weight, where=where)


def sources(corpus: Corpus, found: list[Found]) -> list[str]:
    return [corpus.document(each.stored.passage.document_id).source for each in found]


def test_the_passage_with_the_words_comes_first(filled: Corpus) -> None:
    found = ask(filled, "When was the bridge over the river closed?")
    assert sources(filled, found)[0] == "bridge.md"
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert found[0].lexical > 0


@pytest.mark.parametrize("dense_weight", [None, 0.3])
def test_scores_are_the_fused_scores_of_the_searches(filled: Corpus, dense_weight: float | None) -> None:
    question = "When was the bridge closed?"
    query, weights = filled.embedder.embed_query(question), inverse_frequencies(filled, question)
    searched = search(filled, sought(filled, question, query, weights), 10)
    model = fusion_model()
    share = dense_weight or model.dense_weight(query_features(searched.dense, searched.lexical))
    bm25 = dict(filled.store.lexical(["bridge", "closed"], 10))
    for each in ask(filled, question, dense_weight=dense_weight):
        passage = each.stored.passage
        held = {stem(word) for word in ("bridge", "closed")} & stems(f"{passage.context} {passage.text}")
        covered = sum(weights[word] for word in held) / (weights[stem("bridge")] + weights[stem("closed")])
        likenesses = [each.stored.vector @ query, (each.stored.sentence_vectors @ query).max(), covered]
        assert each.score == pytest.approx(model.scores(np.array([likenesses]), share)[0], abs=1e-4)
        assert each.dense == pytest.approx(likenesses[0], abs=1e-5)
        assert each.lexical == pytest.approx(bm25.get(passage.id, 0.0), abs=1e-5)


def test_a_passage_that_only_the_words_found_has_its_cosine(filled: Corpus) -> None:
    question = "bridge staff leave"
    query = filled.embedder.embed_query(question)
    for each in search_for(filled, question, candidates=1):
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


def test_what_was_asked_before_turns_the_search(filled: Corpus) -> None:
    weights = inverse_frequencies(filled, "Who built it?")
    query = filled.embedder.embed_query("Who built it?")
    before = Background("Which clock is in the church tower?", 0.5)
    alone = sought(filled, "Who built it?", query, weights)
    turned = sought(filled, "Who built it?", query, weights, before)
    assert turned.words == alone.words == ["built"]
    assert np.linalg.norm(turned.vector) == pytest.approx(1, abs=1e-5)
    assert turned.vector @ filled.embedder.embed_query(before.text) > query @ filled.embedder.embed_query(before.text)
    assert turned.terms[stem("built")] == alone.terms[stem("built")]
    clock = inverse_frequencies(filled, "clock")[stem("clock")]
    assert turned.terms[stem("clock")] == pytest.approx(0.5 * TERM_SHARE * clock)
    assert set(turned.terms) - set(alone.terms) == {stem(word) for word in ("clock", "church", "tower")}
