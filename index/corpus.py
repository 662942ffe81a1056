"""The documents of one home folder: the only way in, and the way to what was stored."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal

from index.embedder import Embedder
from index.errors import InputError, ReadError
from index.passages import lead, split_document
from index.readers import SUFFIXES
from index.readers.worker import ReaderProcess
from index.removal import Removal, remove
from index.store.base import Compaction, DocumentInfo, Origin, Store, StoredPassage, Totals
from index.types import Document, Passage

BATCH_PASSAGES = 256
"""Documents are embedded together until they have this many passages: full batches, little lost to a Ctrl-C."""

AddStatus = Literal["added", "replaced", "moved", "deleted", "unchanged", "failed"]
"""``moved`` and ``deleted`` come of bringing a whole folder up to date: see `index.sync`."""

KEPT = "The version that was indexed before is kept."


@dataclass(frozen=True, slots=True)
class AddResult:
    """What became of one file. ``document_id`` is ``None`` and ``reason`` set where it failed.

    ``before`` is the name of a moved file until then.
    """

    source: str
    status: AddStatus
    document_id: str | None = None
    passages: int = 0
    reason: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to add: where it is, and its name relative to what the user named."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class _Pending:
    """A document that was read and waits to be embedded and stored."""

    document: Document
    origin: Origin
    passages: list[Passage]
    status: AddStatus


class Corpus(AbstractContextManager["Corpus"]):
    """Documents, searchable. Reading is thread-safe; one thread adds at a time."""

    def __init__(self, store: Store, embedder: Embedder, passage_tokens: int) -> None:
        """``passage_tokens`` bounds a passage with its context; the embedder's own limit bounds it too."""
        self.store = store
        self.embedder = embedder
        self._passage_tokens = passage_tokens

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self.store.close()

    def add(self, files: Sequence[FoundFile], progress: Callable[[AddResult], None] | None = None) -> list[AddResult]:
        """Add files, or bring them up to date; ``progress`` hears of each as soon as it is stored.

        A file that cannot be read fails alone, and what was stored of it before stays.
        """
        results: list[AddResult] = []

        def report(result: AddResult) -> None:
            if result.status == "failed" and result.source in known:
                result = replace(result, reason=f"{result.reason} {KEPT}")
            results.append(result)
            if progress is not None:
                progress(result)

        with self.store.changing(), ReaderProcess() as reader:
            waiting: list[_Pending] = []
            origins = self.store.origins()
            known = {origin.source for origin in origins.values()}
            names = _Names(origins)
            for file in files:
                outcome = self._examine(file, origins, names, reader)
                if isinstance(outcome, AddResult):
                    report(outcome)
                    continue
                waiting.append(outcome)
                if sum(len(pending.passages) for pending in waiting) >= BATCH_PASSAGES:
                    self._store(waiting, report)
                    waiting.clear()
            self._store(waiting, report)
            self.store.forget()
        return results

    def remove(self, names: Sequence[str]) -> list[Removal]:
        """Remove documents, named by id or source, and return what went, with the proof; see `index.removal`.

        Raises:
            InputError: one of them is not in the index; nothing is removed then.
        """
        return remove(self.store, [(name, self.find(name)) for name in names])

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

    def verify(self) -> list[str]:
        """Check the index against itself; return the problems in words, none if it is sound."""
        return self.store.verify()

    def stats(self) -> Totals:
        """Count what is indexed."""
        return self.store.totals()

    def _examine(
        self, file: FoundFile, origins: dict[str, Origin], names: _Names, reader: ReaderProcess
    ) -> _Pending | AddResult:
        location = location_of(file.path)
        before = origins.get(location)
        name = before.source if before else names.free(file)
        try:
            stat = file.path.stat()
            if before and (stat.st_size, stat.st_mtime_ns) == (before.size, before.modified_ns):
                return AddResult(name, "unchanged", before.document_id)
            document = reader.read(file.path, name)
            with file.path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        except ReadError as error:
            return AddResult(name, "failed", reason=str(error))
        except OSError as error:
            return AddResult(name, "failed", reason=f"{error.strerror}. Check that the file is there and readable.")
        if not digest.startswith(document.id):
            return AddResult(name, "failed", reason="It changed while it was read. Add it again.")
        origin = Origin(location, name, stat.st_size, stat.st_mtime_ns, digest, document.id)
        if before and before.digest == digest:
            self.store.touch(origin)
            return AddResult(name, "unchanged", before.document_id)
        budget = min(self._passage_tokens, self.embedder.max_tokens)
        passages = split_document(document, self.embedder.count_tokens, budget)
        if not passages:
            return AddResult(name, "failed", reason="There is no text in it. Check the file.")
        return _Pending(document, origin, passages, "replaced" if before else "added")

    def _store(self, waiting: Sequence[_Pending], report: Callable[[AddResult], None]) -> None:
        """Embed what is new in these documents and store each in a transaction of its own."""
        if not waiting:
            return  # so that bringing an unchanged folder up to date loads no model
        passages = {_digest(passage): passage for pending in waiting for passage in pending.passages}
        vectors = self.store.embedded(list(passages))
        fresh = {digest: passage for digest, passage in passages.items() if digest not in vectors}
        for digest, embedded in zip(fresh, self.embedder.embed_passages(list(fresh.values())), strict=True):
            vectors[digest] = (embedded.passage, embedded.sentences)
        for pending in waiting:
            texts = [lead(passage.context) + passage.text for passage in pending.passages]
            stored = [
                StoredPassage(passage, _digest(passage), tokens, *vectors[_digest(passage)])
                for passage, tokens in zip(pending.passages, self.embedder.count_tokens(texts), strict=True)
            ]
            self.store.put(pending.document, pending.origin, stored)
            report(AddResult(pending.origin.source, pending.status, pending.document.id, len(stored)))


def find_files(paths: Sequence[Path]) -> list[FoundFile]:
    """List the files to add: named files as they are, folders searched for the formats that can be read.

    Hidden files and folders are left out, and links to folders are not followed.

    Raises:
        InputError: a path does not exist, or a folder holds no file of a known format.
    """
    found: list[FoundFile] = []
    for path in paths:
        try:
            if not path.exists():
                raise InputError(f"There is no file or folder {path}.", "Check the path.")
        except OSError as error:
            raise InputError(f"Cannot open {path}: {error.strerror}.", "Check the path.") from error
        if not path.is_dir():
            found.append(FoundFile(path, _text(path.name)))
            continue
        inside = [FoundFile(file, _text(file.relative_to(path))) for file in _walk(path)]
        if not inside:
            raise InputError(f"No readable document in {path}.", f"Known formats: {' '.join(sorted(SUFFIXES))}.")
        found.extend(inside)
    once: dict[str, FoundFile] = {}
    for file in found:
        once.setdefault(os.path.realpath(file.path), file)
    return list(once.values())


def _walk(folder: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(directory, name)


class _Names:
    """Source names that are taken; a file gets as many of its folders' names as tell it apart."""

    def __init__(self, origins: dict[str, Origin]) -> None:
        self._taken = {origin.source for origin in origins.values()}

    def free(self, file: FoundFile) -> str:
        name = file.name
        for parent in Path(os.path.realpath(file.path)).parents[len(Path(file.name).parts) - 1 :]:
            if name not in self._taken:
                break
            name = f"{_text(parent.name)}/{name}"
        number = 2
        unique = name
        while unique in self._taken:
            unique, number = f"{name} ({number})", number + 1
        self._taken.add(unique)
        return unique


def location_of(path: Path) -> str:
    """Return what identifies a file: its path without links, as text."""
    return _text(os.path.realpath(path))


def _text(path: str | Path) -> str:
    """Return a path as text that can be stored and shown, whatever bytes its name consists of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _digest(passage: Passage) -> str:
    """Name what a passage's vectors depend on: its context, its text, and where its sentences lie in it."""
    spans = [(span.start - passage.start, span.end - passage.start) for span in passage.sentences]
    return hashlib.sha256(repr((passage.context, passage.text, spans)).encode()).hexdigest()
