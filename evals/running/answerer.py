"""What evals need of the thing they evaluate, and how a report names it."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from functools import cache
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rag.models import CATALOGUE
from rag.reader.gate import FILE as CALIBRATION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from index.filters import Filter
    from index.store.base import DocumentInfo
    from index.types import Document
    from rag.settings import Settings
    from rag.types import Answer, Turn

ANSWERING = {
    *("passage_tokens", "dense_weight", "candidates", "read_passages", "reread_passages", "max_claims"),
    *("llm", "llm_url", "llm_context", "llm_quotes"),
}
"""The settings that answers depend on, besides the embedder and the threshold, which ``max_false_answers`` sets
too. A report holds no other: some are secret, the rest is about where things lie and how they are served."""

LISTED = 200
"""Documents that a report names one by one, at most; of more it has the digest of all alone."""

COMPUTING = ("faiss-cpu", "numpy", "tokenizers", "torch", "xllamacpp")
"""The packages whose versions may change what the same models and code give."""


class Named(Protocol):
    """An embedder, as far as a report names it."""

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on."""


class Documents(Protocol):
    """Documents that can be read."""

    def document(self, document_id: str) -> Document:
        """Return a stored document; raise ``InputError`` if there is none of that id."""

    def documents(self) -> list[DocumentInfo]:
        """List the documents."""


class Library(Documents, Protocol):
    """The documents that answers quote."""

    @property
    def embedder(self) -> Named:
        """What embedded them."""


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
        """Answer one question; with ``today=`` too, where a case says the day on which it is asked."""


def describe(answerer: Answerer) -> Mapping[str, object]:
    """Return what the answers depend on, by name: models, documents, settings, calibration, code, what computes."""
    listing = answerer.corpus.documents()
    indexed = sorted((info.id, list(info.sources), info.passages) for info in listing)
    sources = {source: info.id for info in listing for source in info.sources}
    settings = answerer.settings.model_dump(mode="json", include=ANSWERING)
    return {
        **settings,
        "embedder": answerer.corpus.embedder.fingerprint,
        "models": {model.name: digest[:16] for model in CATALOGUE for digest in model.files.values()},
        "index": hashlib.sha256(json.dumps(indexed).encode()).hexdigest()[:16],
        "documents": len(listing),
        "passages": sum(info.passages for info in listing),
        **({"sources": sources} if len(sources) <= LISTED else {}),
        "threshold": answerer.threshold,
        "calibration": _digest_of([own]) if (own := answerer.settings.home / CALIBRATION).is_file() else "as shipped",
        "code": code_digest(),
        "packages": _versions(),
    }


@cache
def code_digest() -> str:
    """Return a digest of everything in the packages ``index`` and ``rag``: code, models, parameters."""
    roots = [Path(str(resources.files(package))) for package in ("index", "rag")]
    return _digest_of(sorted(path for root in roots for path in root.rglob("*") if "__pycache__" not in path.parts))


@cache
def _versions() -> Mapping[str, str]:
    """Return the versions of the packages that compute with the models, as far as they are there."""
    found: dict[str, str] = {}
    for name in COMPUTING:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _digest_of(paths: Sequence[Path]) -> str:
    """Return the start of a SHA-256 over the names and contents of those paths that are files."""
    digest = hashlib.sha256()
    for path in (path for path in paths if path.is_file()):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
