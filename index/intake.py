"""What becomes of a file: the documents in it, split and ready to be embedded, or why there are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from index.embedder import Embedder
from index.errors import ReadError
from index.files import digest_of
from index.passages import split_document
from index.readers.worker import ReaderProcess, Reading
from index.sources import FoundFile, Sources, Visit, location_of, within
from index.store.base import UNSETTLED, Origin
from index.types import Document, Passage

AddStatus = Literal["added", "replaced", "moved", "deleted", "unchanged", "failed"]
"""``moved`` and ``deleted`` come of bringing a whole folder up to date: see `index.sync`."""

KEPT = "The version that was indexed before is kept."


@dataclass(frozen=True, slots=True)
class AddResult:
    """What became of one file, or of a member of one. ``document_id`` is ``None`` where it failed.

    ``reason`` says why it failed, or what of it could not be read. ``before`` is the name of a moved file until then.
    """

    source: str
    status: AddStatus
    document_id: str | None = None
    passages: int = 0
    reason: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A document that was read and waits to be embedded and stored."""

    document: Document
    origin: Origin
    passages: list[Passage]
    status: AddStatus
    note: str


@dataclass(frozen=True, slots=True)
class Complete:
    """Every document of the file at ``location`` is stored, or waits before this: ``origins`` is all there is."""

    location: str
    origins: list[Origin]
    digest: str


Outcome = Pending | Complete | AddResult


class Intake:
    """Reads files and splits their documents into passages."""

    def __init__(self, embedder: Embedder, passage_tokens: int) -> None:
        """``passage_tokens`` bounds a passage with its context; the embedder's own limit bounds it too."""
        self._embedder = embedder
        self._passage_tokens = passage_tokens

    def examine(self, file: FoundFile, sources: Sources, reader: ReaderProcess, password: str) -> Iterator[Outcome]:
        """Yield what becomes of a file and of each file that lies in it."""
        location = location_of(file.path)
        before = sources.before(location)
        name = sources.name(file, before)
        try:
            stat = file.path.stat()
            if before and {(stat.st_size, stat.st_mtime_ns)} == {(o.size, o.modified_ns) for o in before.values()}:
                yield from (AddResult(o.source, "unchanged", o.document_id) for o in before.values())
                return
            visit = Visit(location, name, before, stat.st_size, stat.st_mtime_ns)
            held: list[Pending | AddResult] = []
            for reading in reader.unpack(file.path, name, password):
                yield from held
                held = [self._outcome(visit, reading)]
            digest = digest_of(file.path) if visit.found else ""
            again = file.path.stat()
        except OSError as error:
            yield AddResult(name, "failed", reason=f"{error.strerror}. Check that the file is there and readable.")
            return
        if (again.st_size, again.st_mtime_ns) != (stat.st_size, stat.st_mtime_ns) or not visit.is_of(digest):
            yield AddResult(name, "failed", reason="It changed while it was read. Add it again.")
            return
        origins = visit.origins(digest)
        (only,) = held
        if isinstance(only, Pending) and visit.is_one_document:
            # Most files are: one transaction stores them, whole.
            yield replace(only, origin=origins[0])
            return
        yield only
        if "" not in visit.failed:
            yield Complete(location, origins, digest)

    def _outcome(self, visit: Visit, reading: Reading) -> Pending | AddResult:
        """Return what is to be done about a document that was read, or what is to be said of it."""
        source = within(visit.name, reading.member)
        document = reading.outcome
        if isinstance(document, ReadError):
            visit.failed.append(reading.member)
            return AddResult(source, "failed", reason=str(document))
        note = document.metadata.get("unread", "")
        known = visit.before.get(reading.member)
        visit.found[reading.member] = document.id
        if known and known.document_id == document.id:
            return AddResult(source, "unchanged", document.id, reason=note)
        budget = min(self._passage_tokens, self._embedder.max_tokens)
        passages = split_document(document, self._embedder.count_tokens, budget)
        if not passages:
            visit.failed.append(reading.member)
            return AddResult(source, "failed", reason="There is no text in it. Check the file.")
        origin = visit.origin(reading.member, UNSETTLED, "")
        return Pending(document, origin, passages, "replaced" if known else "added", note)
