from __future__ import annotations

from collections import Counter

from evals.bench.sentences import Paragraph, measure
from index.embedder import SentenceTransformerEmbedder
from index.sentences import sentence_spans


def paragraph(text: str, *questions: tuple[str, str]) -> Paragraph:
    """A paragraph and its questions, each with the words that answer it."""
    asked = tuple((question, text.index(answer)) for question, answer in questions)
    return Paragraph(text, tuple(sentence_spans(text)), asked)


def test_the_ways_to_find_a_sentence_are_told_apart(embedder: SentenceTransformerEmbedder) -> None:
    village = paragraph(
        "The village lies on a hill. Sick pets are treated by the vet on Mondays. The bakery sells rye bread.",
        ("Who looks after ill animals?", "the vet"),  # in other words: only by vectors
        ("What does the bakery sell?", "rye bread"),
    )
    tower = paragraph(
        "The clock tower was built in 1897. It is forty metres high. Bells ring from it at noon.",
        ("When was the clock tower built?", "1897"),
        ("How tall is the clock tower?", "forty"),  # the sentence before says what is high: only in context
    )
    assert measure([village, tower], embedder) == Counter(
        {"lexical": 2, "alone": 3, "in context": 4, "alone + lexical": 3, "in context + lexical": 3}
    )
