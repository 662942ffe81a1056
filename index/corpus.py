"""The documents of one home folder: the only way in, and the way to what was stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal

from index.embedder import Embedder, PassageVectors
from index.errors import InputError, ReadError, StoreUnavailable
from index.files import digest_of
from index.originals import Originals
from index.passages import lead, split_document
from index.readers.worker import ReaderProcess, Reading
from index.removal import Removal, remove
from index.sources import FoundFile, Sources, Visit, location_of, within
from index.store.base import (
    UNSETTLED,
    Compaction,
    DocumentInfo,
    Origin,
    SourceTaken,
    StaleVersion,
    Store,
    StoredPassage,
    Totals,
)
from index.types import Document, Matrix, Passage, Vector

BATCH_PASSAGES = 256
"""Documents are embedded together until they have this many passages: full batches, little lost to a Ctrl-C."""

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
class _Pending:
    """A document that was read and waits to be embedded and stored."""

    document: Document
    origin: Origin
    passages: list[Passage]
    status: AddStatus
    note: str


@dataclass(frozen=True, slots=True)
class _Complete:
    """Every document of the file at ``location`` is stored, or waits before this: ``origins`` is all there is."""

    location: str
    origins: list[Origin]


@dataclass(frozen=True, slots=True)
class _Embedding:
    """Passages that are being embedded, by digest."""

    digests: tuple[str, ...]
    coming: Future[list[PassageVectors]]

    def vectors(self) -> dict[str, tuple[Vector, Matrix]]:
        """Wait for them."""
        embedded = ((each.passage, each.sentences) for each in self.coming.result())
        return dict(zip(self.digests, embedded, strict=True))


@dataclass(frozen=True, slots=True)
class _Batch:
    """Documents that are stored together; ``known`` are vectors of their passages, the other ones come."""

    waiting: Sequence[_Pending | _Complete]
    known: Mapping[str, tuple[Vector, Matrix]]
    own: _Embedding | None
    before: _Embedding | None

    def vectors(self) -> dict[str, tuple[Vector, Matrix]]:
        """Wait for all vectors of the passages, by digest."""
        vectors = dict(self.known)
        for embedding in (self.before, self.own):
            if embedding is not None:
                vectors |= embedding.vectors()
        return vectors


_Waiting = tuple[int, _Pending | _Complete]
"""What waits to be stored, with the number of the file that it comes from."""


class Corpus(AbstractContextManager["Corpus"]):
    """Documents, searchable. Reading is thread-safe; one thread adds at a time."""

    def __init__(
        self, store: Store, embedder: Embedder, passage_tokens: int, originals: Originals | None = None
    ) -> None:
        """``passage_tokens`` bounds a passage with its context; the embedder's own limit bounds it too.

        Where there are ``originals``, the file of each document that is added is kept there as long as the document.
        """
        self.store = store
        self.embedder = embedder
        self._originals = originals
        self._left: set[str] = set()
        self._passage_tokens = passage_tokens
        self._ahead = ThreadPoolExecutor(1, "embedding")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self._ahead.shutdown(cancel_futures=True)
        if self._originals is not None:
            self._originals.close()
        self.store.close()

    def add(
        self, files: Sequence[FoundFile], progress: Callable[[AddResult], None] | None = None, password: str = ""
    ) -> list[AddResult]:
        """Add files, or bring them up to date; ``progress`` hears of each document as soon as it is stored.

        A container (an archive, a mailbox, a letter with attachments) gives several documents, each with a result of
        its own; those of members that are gone are removed. A file or member that cannot be read fails alone, and
        what was stored of it before stays. ``password`` opens encrypted ones; it is kept nowhere.

        While documents are embedded, the next ones are read and those before are stored.
        """
        results: list[AddResult] = []

        def report(result: AddResult) -> None:
            if result.status == "failed" and result.source in known:
                result = replace(result, reason=f"{result.reason} {KEPT}")
            results.append(result)
            if progress is not None:
                progress(result)

        with self.store.changing(), ReaderProcess() as reader:
            waiting: list[_Pending | _Complete] = []
            begun: _Batch | None = None
            origins = self.store.origins()
            known = {origin.source for origin in origins.values()}
            sources = Sources(origins)
            for file in files:
                for outcome in self._examine(file, sources, reader, password):
                    if isinstance(outcome, AddResult):
                        report(outcome)
                        continue
                    waiting.append(outcome)
                    if _size(waiting) >= BATCH_PASSAGES:
                        begun = self._turn(begun, waiting, report)
                        waiting = []
            self._turn(self._turn(begun, waiting, report), [], report)
            self.forget()
        return results

    def add_beside(
        self, files: Iterable[FoundFile], origins: Mapping[str, Origin], reader: ReaderProcess
    ) -> list[list[AddResult] | StaleVersion | SourceTaken]:
        """Add files, or bring them up to date, while others add other files; return what became of each, in order.

        Nobody is kept out but while a document is stored. ``origins`` are those of these files, and those of the names
        that they might get. A file that was added elsewhere meanwhile, or whose name was given away, has the error;
        another attempt settles it. The caller calls `forget` once in a while.
        """
        results: list[list[AddResult] | StaleVersion | SourceTaken] = []
        waiting: list[_Waiting] = []

        def store() -> None:
            vectors = self._begin([outcome for _, outcome in waiting], None).vectors()
            for number, outcome in waiting:
                told = results[number]
                if not isinstance(told, list):
                    continue
                try:
                    if isinstance(outcome, _Complete):
                        self.store.settle(outcome.location, outcome.origins)
                    else:
                        known = origins.get(outcome.origin.location)
                        told.append(self._put(outcome, vectors, known.document_id if known else ""))
                except (StaleVersion, SourceTaken) as error:
                    results[number] = error
            waiting.clear()

        sources = Sources(origins)
        for number, file in enumerate(files):
            told: list[AddResult] = []
            results.append(told)
            for outcome in self._examine(file, sources, reader, ""):
                if isinstance(outcome, AddResult):
                    told.append(outcome)
                    continue
                waiting.append((number, outcome))
                if _size(each for _, each in waiting) >= BATCH_PASSAGES:
                    store()
        store()
        return results

    def remove(self, names: Sequence[str]) -> list[Removal]:
        """Remove documents, named by id, source or the container that they lie in.

        Returns what went, with the proof; see `index.removal`.

        Raises:
            InputError: one of them is not in the index; nothing is removed then.
        """
        doomed = [named for name in names for named in self._named(name)]
        if self._originals is not None:
            ids = {info.id for _, info in doomed}
            self._left |= {each.digest for each in self.store.origins().values() if each.document_id in ids}
        removed = remove(self.store, doomed)
        self._let_go()
        return removed

    def drop(self, origins: Sequence[Origin]) -> None:
        """Remove these origins, and the documents that no other origin points to."""
        self.store.drop([origin.location for origin in origins])
        self._left |= {origin.digest for origin in origins}
        self._let_go()

    def forget(self) -> None:
        """Erase what is left of documents that were replaced."""
        self.store.forget()
        self._let_go()

    def compact(self) -> Compaction:
        """Give unused space back, so that no byte of removed text is left in the files of the index."""
        return self.store.compact()

    def repair(self) -> list[str]:
        """Mend what can be mended without embedding; return what was, in words. `verify` tells what is left."""
        return self.store.repair()

    def find(self, name: str) -> DocumentInfo:
        """Return the document with this id or source.

        Raises:
            InputError: there is none.
        """
        for info in self.store.documents():
            if name == info.id or name in info.sources:
                return info
        raise InputError(f"No document {name!r} in the index.", "See: citechat index list")

    def _named(self, name: str) -> list[tuple[str, DocumentInfo]]:
        """Return the document with this id or source, or those that lie in the container (or folder) called so.

        Each comes with its id or the source that was meant.
        """
        infos = self.store.documents()
        found = [(name, info) for info in infos if name == info.id or name in info.sources]
        found += [(source, info) for info in infos for source in info.sources if source.startswith(f"{name}/")]
        return found or [(name, self.find(name))]

    def document(self, document_id: str) -> Document:
        """Return a document by id.

        Raises:
            InputError: there is none.
        """
        document = self.store.document(document_id)
        if document is None:
            raise InputError(f"No document {document_id!r} in the index.", "See: citechat index list")
        return document

    def documents(self) -> list[DocumentInfo]:
        """List the documents, by source."""
        return self.store.documents()

    def original(self, document_id: str) -> Path | None:
        """Return a file that a document came from, if there is one that still has the same bytes.

        It is looked for where it was, then among the originals, of which it is a copy that is gone after a while.
        """
        own = [origin for origin in self.store.origins().values() if origin.document_id == document_id]
        for origin in own:
            path = Path(origin.location)
            if path.is_file() and path.stat().st_size == origin.size and digest_of(path) == origin.digest:
                return path
        if self._originals is not None:
            with suppress(StoreUnavailable):  # the text of the document is there all the same
                for digest in {origin.digest for origin in own if origin.digest.startswith(document_id)}:
                    if copy := self._originals.fetch(digest):
                        return copy
        return None

    def verify(self) -> list[str]:
        """Check the index against itself; return the problems in words, none if it is sound."""
        return self.store.verify()

    def stats(self) -> Totals:
        """Count what is indexed."""
        return self.store.totals()

    def _examine(
        self, file: FoundFile, sources: Sources, reader: ReaderProcess, password: str
    ) -> Iterator[_Pending | _Complete | AddResult]:
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
            self._left |= {each.digest for each in before.values()}
            held: list[_Pending | AddResult] = []
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
        if isinstance(only, _Pending) and visit.is_one_document:
            # Most files are: one transaction stores them, whole.
            yield replace(only, origin=origins[0])
            return
        yield only
        if "" not in visit.failed:
            yield _Complete(location, origins)

    def _outcome(self, visit: Visit, reading: Reading) -> _Pending | AddResult:
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
        budget = min(self._passage_tokens, self.embedder.max_tokens)
        passages = split_document(document, self.embedder.count_tokens, budget)
        if not passages:
            visit.failed.append(reading.member)
            return AddResult(source, "failed", reason="There is no text in it. Check the file.")
        origin = visit.origin(reading.member, UNSETTLED, "")
        return _Pending(document, origin, passages, "replaced" if known else "added", note)

    def _turn(
        self, begun: _Batch | None, waiting: Sequence[_Pending | _Complete], report: Callable[[AddResult], None]
    ) -> _Batch:
        """Begin to embed what is new in ``waiting``; meanwhile store what was begun before."""
        batch = self._begin(waiting, begun)
        try:
            if begun is not None:
                self._store(begun, report)
        except BaseException:
            if batch.own is not None:
                batch.own.coming.cancel()
            raise
        return batch

    def _begin(self, waiting: Sequence[_Pending | _Complete], before: _Batch | None) -> _Batch:
        """Look up which passages have vectors, also in the batch ``before``, and begin to embed the others."""
        passages = {
            _digest(passage): passage
            for pending in waiting
            if isinstance(pending, _Pending)
            for passage in pending.passages
        }
        known = self.store.embedded(list(passages))
        lender = before.own if before else None
        coming = set(lender.digests) if lender else set()
        fresh = {digest: each for digest, each in passages.items() if digest not in known and digest not in coming}
        own = None
        if fresh:  # so that bringing an unchanged folder up to date loads no model
            own = _Embedding(tuple(fresh), self._ahead.submit(self.embedder.embed_passages, list(fresh.values())))
        return _Batch(waiting, known, own, lender if coming & passages.keys() else None)

    def _store(self, batch: _Batch, report: Callable[[AddResult], None]) -> None:
        """Wait for the vectors of a batch and store each of its documents in a transaction of its own."""
        vectors = batch.vectors()
        for each in batch.waiting:
            if isinstance(each, _Complete):
                self.store.settle(each.location, each.origins)
            else:
                report(self._put(each, vectors))

    def _put(
        self, pending: _Pending, vectors: Mapping[str, tuple[Vector, Matrix]], expected: str | None = None
    ) -> AddResult:
        texts = [lead(passage.context) + passage.text for passage in pending.passages]
        stored = [
            StoredPassage(passage, _digest(passage), tokens, *vectors[_digest(passage)])
            for passage, tokens in zip(pending.passages, self.embedder.count_tokens(texts), strict=True)
        ]
        origin = pending.origin
        if self._originals is not None and origin.digest:
            self._originals.keep(Path(origin.location), origin.digest)
        self.store.put(pending.document, origin, stored, expected=expected)
        return AddResult(pending.origin.source, pending.status, pending.document.id, len(stored), pending.note)

    def _let_go(self) -> None:
        """Remove the originals of what was replaced or removed, unless another document came from the same bytes."""
        left, self._left = self._left, set()
        if self._originals is not None and left:
            self._originals.drop(left - {"", *(origin.digest for origin in self.store.origins().values())})


def _size(waiting: Iterable[_Pending | _Complete]) -> int:
    """Return how many passages wait."""
    return sum(len(each.passages) for each in waiting if isinstance(each, _Pending))


def _digest(passage: Passage) -> str:
    """Name what a passage's vectors depend on: its context, its text, and where its sentences lie in it."""
    spans = [(span.start - passage.start, span.end - passage.start) for span in passage.sentences]
    return hashlib.sha256(repr((passage.context, passage.text, spans)).encode()).hexdigest()
