"""What a store of documents must do, whatever the engine behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from index.errors import IndexDamaged, InputError
from index.filters import Filter
from index.types import Document, Matrix, Passage, Vector

UNSETTLED = 0
"""The time of an origin whose file is to be read again, whatever its own time says."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that a document came from, or the member of a container.

    ``location`` identifies it: the file's absolute path, a member's way appended (``/x/a.zip/inner/b.md``);
    ``source`` is the name shown. ``size`` (bytes) and ``modified_ns`` tell cheaply whether the file may have changed,
    ``digest`` (SHA-256 of the file's bytes) whether it has. As long as not everything in a container is stored,
    ``modified_ns`` is ``UNSETTLED``.
    """

    location: str
    source: str
    size: int
    modified_ns: int
    digest: str
    document_id: str


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document in a listing."""

    id: str
    title: str
    sources: tuple[str, ...]
    metadata: Mapping[str, str]
    characters: int
    passages: int


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with what was computed for it: ``digest`` names context and text, ``tokens`` counts both."""

    passage: Passage
    digest: str
    tokens: int
    vector: Vector
    sentence_vectors: Matrix


@dataclass(frozen=True, slots=True)
class Totals:
    """Sizes of a store."""

    documents: int
    sources: int
    passages: int
    sentences: int
    tokens: int
    characters: int


@dataclass(frozen=True, slots=True)
class Compaction:
    """Bytes of the store's files before and after."""

    before: int
    after: int


class SourceTaken(InputError):
    """Another origin has the name already."""


class StaleVersion(InputError):
    """The origin has got another version meanwhile."""


class DocumentAltered(IndexDamaged):
    """A document is not what was stored: somebody else has written into the store, or a disk has rotted.

    ``text`` is what stands there now.
    """

    def __init__(self, document_id: str, source: str, text: str) -> None:
        self.source = source
        self.text = text
        super().__init__(
            f"Document {document_id} ({source}) is not what was stored.",
            "Run: citechat index verify, which says how to mend it.",
        )


def check_embedder(meta: Mapping[str, str], made_with: Mapping[str, str], shown: str, again: str) -> None:
    """Compare the embedder that an index was made with to the one that is to be used.

    Raises:
        IndexDamaged: they differ; ``again`` is the remedy where the setting is right.
    """
    if any(meta.get(name) != made_with[name] for name in ("fingerprint", "dimension")):
        raise IndexDamaged(
            f"The index {shown} was made with another embedder "
            f"({meta.get('fingerprint')}, now {made_with['fingerprint']}).",
            "Set the embedder back in citechat.toml or CITECHAT_EMBEDDER. " + again,
        )


class Store(Protocol):
    """Documents with their passages; every change is all or nothing, also across processes."""

    def origins(self, document_ids: Sequence[str] | None = None) -> dict[str, Origin]:
        """Return every origin, or those of some documents, by its location."""

    def put(
        self, document: Document, origin: Origin, passages: Sequence[StoredPassage], *, expected: str | None = None
    ) -> None:
        """Store a document and point its origin to it, replacing what the origin pointed to before.

        A document that no origin points to any more is gone. Storing a document that is there only adds the origin.
        ``expected`` is the id of the document that the origin must still point to, ``""`` if there must be no such
        origin yet; by default nothing is expected.

        Raises:
            SourceTaken: another origin has this name; nothing is stored then.
            StaleVersion: the origin points to something else than expected; nothing is stored then.
        """

    def settle(self, location: str, origins: Sequence[Origin]) -> None:
        """Make ``origins`` all that the file at ``location`` consists of, now that every document of it is stored.

        Their sizes and times are updated where they still point to the same document; what else came from the file
        is removed, with documents that no origin points to any more.
        """

    def move(self, location: str, origin: Origin) -> bool:
        """Replace the origin at ``location`` by another of the same content, if it is there; tell whether it was.

        Raises:
            SourceTaken: another origin has this name; nothing is changed then.
        """

    def drop(self, locations: Sequence[str]) -> None:
        """Remove origins, and as `remove` does the documents that have no other; unknown ones are no error.

        What else came from the same files is unsettled: adding them again brings what was removed back.
        """

    def remove(self, document_ids: Sequence[str]) -> None:
        """Remove documents and drop their origins, and `forget`; unknown ids are no error."""

    def forget(self) -> None:
        """Erase what is left on disk of documents that were removed or replaced, where that is soon done.

        No search finds it in any case; `has_traces` tells whether some is left, which `compact` erases.
        """

    def has_traces(self) -> bool:
        """Tell whether words of documents that were removed or replaced may still be on disk."""

    def compact(self) -> Compaction:
        """Give unused space back to the disk, and leave no byte of removed documents in any file of the store."""

    def changing(self) -> AbstractContextManager[None]:
        """Keep other writers out for several changes; see `patience`.

        Raises:
            InputError: another writer did not finish in time.
        """

    def patience(self, seconds: float, tell: Callable[[str], None]) -> None:
        """Set how long a change waits for another writer at most, and who hears that it waits."""

    def reading(self) -> AbstractContextManager[object]:
        """Show one state of the store to all that this thread reads inside, whatever others change meanwhile."""

    def holding(self, texts: Sequence[str]) -> list[list[str]]:
        """Return for each text the ids of the documents that contain it, code point by code point, in order."""

    def sources(self, document_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the sources of documents by id, in order; unknown ids are left out."""

    def documents(self, document_ids: Sequence[str] | None = None) -> list[DocumentInfo]:
        """List the documents, or those of these ids, by their first source; unknown ids are left out."""

    def named(self, name: str) -> list[str]:
        """Return the ids of the documents with this id or source, or that lie in the folder or container so called."""

    def document(self, document_id: str) -> Document | None:
        """Return a document, or ``None``.

        Raises:
            DocumentAltered: it is not what was stored.
        """

    def embedded(self, digests: Sequence[str]) -> dict[str, tuple[Vector, Matrix]]:
        """Return vectors that are stored already, by passage digest."""

    def passages(self, passage_ids: Sequence[str]) -> dict[str, StoredPassage]:
        """Return passages by id; unknown ids are left out."""

    def dense(self, query: Vector, k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """Return the ids and cosine similarities of the ``min(k, matches)`` nearest passages, best first.

        Of equal ones the lower id comes first, here and in `lexical`.
        """

    def similarities(self, query: Vector, passage_ids: Sequence[str]) -> dict[str, float]:
        """Return the cosine similarity of each of these passages; unknown ids are left out."""

    def lexical(self, words: Sequence[str], k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """Return the ids and BM25 scores of the passages that hold any of the words or phrases, best first."""

    def frequencies(self, words: Sequence[str]) -> dict[str, int]:
        """Return in how many passages each word occurs (stemmed)."""

    def count(self) -> int:
        """Return how many passages there are."""

    def totals(self) -> Totals:
        """Count what is stored."""

    def revision(self) -> int:
        """Return a number that grows with every change."""

    def verify(self) -> list[str]:
        """Check the store against itself and return the problems, in words; none is a sound store."""

    def repair(self) -> list[str]:
        """Mend what can be made again from what is sound, without embedding; return what was mended, in words."""

    def close(self) -> None:
        """Release files and memory."""
