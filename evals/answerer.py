"""What evals need of the thing they evaluate, and how a report names it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from index.filters import Filter
    from index.store.base import DocumentInfo
    from index.types import Document
    from rag.settings import Settings
    from rag.types import Answer, Turn

ANSWERING = {"passage_tokens", "dense_weight", "candidates", "read_passages", "max_claims", "llm"}
"""The settings that answers depend on, besides the embedder and the threshold."""


class Named(Protocol):
    """An embedder, as far as a report names it."""

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on."""


class Library(Protocol):
    """The documents that answers quote."""

    @property
    def embedder(self) -> Named:
        """What embedded them."""

    def document(self, document_id: str) -> Document:
        """Return a stored document; raise ``InputError`` if there is none of that id."""

    def documents(self) -> list[DocumentInfo]:
        """List the documents."""


class Answerer(Protocol):
    """``rag.pipeline.Pipeline``, or anything that answers in the same way."""

    @property
    def corpus(self) -> Library:
        """The documents that answers quote."""

    @property
    def settings(self) -> Settings:
        """The settings it was opened with."""

    @property
    def threshold(self) -> float:
        """Confidence below which the documents are said not to answer."""

    def ask(self, question: str, history: Sequence[Turn] = (), filter: Filter | None = None) -> Answer:  # noqa: A002
        """Answer one question."""


def describe(answerer: Answerer) -> Mapping[str, object]:
    """Return what the answers depend on, by name: the embedder, the documents, the settings."""
    listing = answerer.corpus.documents()
    indexed = sorted((info.id, list(info.sources), info.passages) for info in listing)
    return {
        "embedder": answerer.corpus.embedder.fingerprint,
        "index": hashlib.sha256(json.dumps(indexed).encode()).hexdigest()[:16],
        "documents": len(listing),
        "passages": sum(info.passages for info in listing),
        "threshold": answerer.threshold,
        **answerer.settings.model_dump(include=ANSWERING),
    }
