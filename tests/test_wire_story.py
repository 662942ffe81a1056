"""The story that five papers print, each cut at other places, is found once, and every fact names all that have it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from index.embedder import SentenceTransformerEmbedder
from index.files import find_files
from rag.pipeline import Pipeline
from tests.test_pipeline import opened
from tests.wire_story import SENTENCES, documents


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("papers")
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
    with opened(tmp_path_factory.mktemp("home"), embedder) as pipeline:
        pipeline.corpus.add(find_files([folder]))
        yield pipeline


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("How long is the crack in the Marlow Dam?", SENTENCES[1]),
        ("By how much will the reservoir be lowered?", SENTENCES[3]),
        ("How many people get drinking water from the dam?", SENTENCES[5]),
        ("How much will the repair of the Marlow Dam cost?", SENTENCES[7]),
        ("What compensation has the farmers' union asked for?", SENTENCES[9]),
    ],
)
def test_a_fact_is_told_once_with_all_its_sources(pipeline: Pipeline, question: str, fact: str) -> None:
    answer = pipeline.ask(question)
    papers = {name for name, text in documents().items() if fact in text}
    assert len(papers) >= 4
    (quote,) = (quote for quote in answer.quotes if fact in quote.text)
    assert {quote.source, *quote.also_in} == papers


def test_each_sentence_of_the_story_is_read_once(pipeline: Pipeline) -> None:
    (reading,) = pipeline.readings("What is known about the crack in the wall of the Marlow Dam?")
    read: list[str] = []
    for found in reading.found:
        passage = found.stored.passage
        text = pipeline.corpus.document(passage.document_id).text
        assert passage.text == text[passage.start : passage.end]
        assert (passage.sentences[0].start, passage.sentences[-1].end) == (passage.start, passage.end)
        assert len(found.stored.sentence_vectors) == len(passage.sentences)
        read += [text[span.start : span.end] for span in passage.sentences]
    assert {sentence: read.count(sentence) for sentence in SENTENCES} == dict.fromkeys(SENTENCES, 1)
    own = (
        "Drivers who cross the valley",
        "The repair is expected to cost 24 million pounds and to go on",
        "The crack is three",
    )
    for beginning in own:  # what one paper alone has is found as well
        assert sum(sentence.startswith(beginning) for sentence in read) == 1


def test_another_story_on_the_same_topic_stays(pipeline: Pipeline) -> None:
    answer = pipeline.ask("How long is the crack at the Penrose Dam?")
    assert [(quote.source, quote.also_in) for quote in answer.quotes] == [("coast.md", ())]
    (hit,) = (hit for hit in answer.hits if hit.source == "coast.md")
    assert hit.also_in == ()
    assert all("coast.md" not in other.also_in for other in answer.hits)
