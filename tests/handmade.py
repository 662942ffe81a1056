"""Passages made by hand, so that what the reader computes can be worked out on paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.store.base import StoredPassage
from index.types import Matrix, Passage, Span, Vector
from rag.query.question import Question
from rag.reader.read import Candidate, read
from rag.retrieval.distinct import Found
from rag.retrieval.likeness import Likeness
from tests.embedding import HashingEmbedder

QUERY: Vector = np.array([1, 0], np.float32)
"""The question's vector: a sentence with the cosine c has the vector `towards(c)`."""


class DistinctWords(HashingEmbedder):
    """Different words have nothing in common."""

    def word_vectors(self, words: Sequence[str]) -> Matrix:
        numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
        return np.eye(max(1, len(numbers)), dtype=np.float32)[[numbers[word] for word in words]]


def towards(cosine: float) -> Vector:
    return np.array([cosine, (1 - cosine**2) ** 0.5], np.float32)


def found(
    sentences: Sequence[str],
    *,
    document_id: str = "d",
    context: str = "",
    separator: str = " ",
    score: float = 0.0,
    cosine: float = 0.5,
    cosines: Sequence[float] = (),
    start: int = 0,
) -> Found:
    """A passage of these sentences, ``separator`` between them, the first at ``start`` of its document."""
    spans: list[Span] = []
    for sentence in sentences:
        begin = spans[-1].end + len(separator) if spans else start
        spans.append(Span(begin, begin + len(sentence)))
    text = separator.join(sentences)
    passage = Passage(
        f"{document_id}-{start}", document_id, 0, start, start + len(text), text, "", context, tuple(spans)
    )
    vectors = np.array([towards(each) for each in cosines or [cosine] * len(sentences)], np.float32)
    return Found(StoredPassage(passage, "", 0, towards(cosine), vectors), score, cosine, 0.0)


def read_all(question: Question, passages: Sequence[Found]) -> list[Candidate]:
    """The candidates of these passages, best first."""
    return read(question, QUERY, passages, likeness(question, passages))


def likeness(question: Question, passages: Sequence[Found]) -> Likeness:
    return Likeness(question, passages, DistinctWords())
