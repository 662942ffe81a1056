"""A complete little question answerer over documents in memory: it quotes the sentence that shares most words.

It follows ``evals.running.answerer.Answerer``, so that evals can be tested on answers that are worked out by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from evals.cases.format import Suite
from index.errors import InputError
from index.filters import Filter
from index.filters.fields import document_fields
from index.store.base import DocumentInfo
from index.types import Document
from rag.settings import Settings
from rag.types import Answer, Claim, Quote, Source, Turn

STOP_WORDS = frozenset("a an and by did do does has have how in is it of the to was were what where which who".split())


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) - STOP_WORDS


class WordEmbedder:
    fingerprint = "words"


class Shelf:
    """Documents by id."""

    embedder = WordEmbedder()

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._documents = {
            f"d{number}": Document(f"d{number}", source, source.removesuffix(".txt").title(), text)
            for number, (source, text) in enumerate(texts.items(), 1)
        }

    def document(self, document_id: str) -> Document:
        if document_id not in self._documents:
            raise InputError(f"No document {document_id!r}.")
        return self._documents[document_id]

    def documents(self) -> list[DocumentInfo]:
        return [
            DocumentInfo(each.id, each.title, (each.source,), each.metadata, len(each.text), 1)
            for each in self._documents.values()
        ]


class SmallPipeline:
    """Confidence is the share of the question's words in the best sentence; below one half it refuses."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.corpus = Shelf(texts)
        self.settings = Settings()
        self.threshold = 0.5

    def ask(self, question: str, history: Sequence[Turn] = (), filter: Filter | None = None) -> Answer:  # noqa: A002
        if not question.strip():
            raise InputError("The question is empty.")
        standalone = " ".join([*(turn.content for turn in history if turn.role == "user"), question])
        hits = sorted(self._sentences(words(standalone), filter), key=lambda hit: -hit.score)
        best = hits[0]
        if best.score < self.threshold:
            return Answer(
                question, standalone, "not_found", best.score, None, "Not in the documents.", (), tuple(hits), "words"
            )
        quote = Quote(1, best.document_id, best.source, best.title, None, best.start, best.end, best.text)
        claims = (Claim(best.text, "verbatim", (quote,)),)
        return Answer(
            question, standalone, "answered", best.score, None, f"{best.text} [1]", claims, tuple(hits), "words"
        )

    def _sentences(self, wanted: set[str], condition: Filter | None) -> list[Source]:
        return [
            Source(
                document_id=document.id,
                source=document.source,
                title=document.title,
                page=None,
                start=match.start(),
                end=match.end(),
                score=len(wanted & words(match[0])) / len(wanted),
                text=match[0],
            )
            for document in map(self.corpus.document, (info.id for info in self.corpus.documents()))
            if condition is None
            or condition.matches(document_fields(document.title, [document.source], document.metadata))
            for match in re.finditer(r"\S[^.]*\.", document.text)
        ]


def answering(pipeline: SmallPipeline, _: Suite) -> SmallPipeline:
    """Answer a suite with this pipeline, whatever it asks for: for ``run_suite``, with the pipeline bound."""
    return pipeline
