"""The documents of one home folder: the only way in, and the way to what was stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from index.batches import BATCH_PASSAGES, FIRST_PASSAGES, Batch, Batches, size
from index.embedder import Embedder
from index.errors import InputError, StoreUnavailable
from index.files import digest_of
from index.intake import KEPT, AddResult, Complete, Intake, Pending
from index.originals import Originals
from index.readers.worker import ReaderProcess
from index.removal import Removal, remove
from index.sources import FoundFile, Sources, location_of
from index.store.base import Compaction, DocumentInfo, Origin, SourceTaken, StaleVersion, Store, Totals
from index.types import Document, Original

_Waiting = tuple[int, Pending | Complete]
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
        self._intake = Intake(embedder, passage_tokens)
        self._batches = Batches(store, embedder, originals)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self._batches.close()
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
            waiting: list[Pending | Complete] = []
            begun: Batch | None = None
            enough = FIRST_PASSAGES
            origins = self.store.origins()
            known = {origin.source for origin in origins.values()}
            sources = Sources(origins)
            for file in files:
                self._leave(file, sources)
                for outcome in self._intake.examine(file, sources, reader, password):
                    if isinstance(outcome, AddResult):
                        report(outcome)
                        continue
                    waiting.append(outcome)
                    if size(waiting) >= enough:
                        begun = self._batches.turn(begun, waiting, report)
                        waiting, enough = [], min(2 * enough, BATCH_PASSAGES)
            self._batches.turn(self._batches.turn(begun, waiting, report), [], report)
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
            vectors = self._batches.begin([outcome for _, outcome in waiting], None).vectors()
            for number, outcome in waiting:
                told = results[number]
                if not isinstance(told, list):
                    continue
                try:
                    if isinstance(outcome, Complete):
                        self._batches.settle(outcome)
                    else:
                        known = origins.get(outcome.origin.location)
                        told.append(self._batches.put(outcome, vectors, known.document_id if known else ""))
                except (StaleVersion, SourceTaken) as error:
                    results[number] = error
            waiting.clear()

        sources = Sources(origins)
        for number, file in enumerate(files):
            told: list[AddResult] = []
            results.append(told)
            self._leave(file, sources)
            for outcome in self._intake.examine(file, sources, reader, ""):
                if isinstance(outcome, AddResult):
                    told.append(outcome)
                    continue
                waiting.append((number, outcome))
                if size(each for _, each in waiting) >= BATCH_PASSAGES:
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
        if self._originals is None:
            return remove(self.store, doomed)
        origins = self.store.origins([info.id for _, info in doomed]).values()
        removed = remove(self.store, doomed)
        self._left |= {each.digest for each in origins}
        self._let_go()
        # A container has the bytes of what is gone still; adding it again reads, and keeps, what else is in it.
        gone = {each.id for each in removed if not each.kept_sources}
        self._originals.drop({each.digest for each in origins if each.document_id in gone} - {""})
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
        infos = self.store.documents(self.store.named(name))
        for info in infos:
            if name == info.id or name in info.sources:
                return info
        if infos:
            within = next(source for source in infos[0].sources if source.startswith(f"{name}/"))
            raise InputError(f"{name!r} holds documents, and is none.", f"Name one of them ({len(infos)}): {within}")
        raise InputError(f"No document {name!r} in the index.", "See: citechat index list")

    def _named(self, name: str) -> list[tuple[str, DocumentInfo]]:
        """Return the document with this id or source, or those that lie in the container (or folder) called so.

        Each comes with its id or the source that was meant.
        """
        infos = self.store.documents(self.store.named(name))
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

    def sources(self, document_id: str) -> tuple[str, ...]:
        """Return the names that a document goes by, in order; none for an unknown one."""
        return self.store.sources([document_id]).get(document_id, ())

    def original(self, document_id: str) -> Original | None:
        """Return a file that a document came from, if there is one that still has the same bytes.

        It is looked for where it was, then among the originals, of which it is a copy that is gone after a while.
        """
        own = [origin for origin in self.store.origins([document_id]).values() if origin.digest]
        for origin in own:
            place = Path(origin.location)
            path = next((each for each in (place, *place.parents) if each.is_file()), place)
            if path.is_file() and path.stat().st_size == origin.size and digest_of(path) == origin.digest:
                return Original(document_id, path, origin.location)
        if self._originals is not None:
            with suppress(StoreUnavailable):  # the text of the document is there all the same
                for origin in own:
                    if copy := self._originals.fetch(origin.digest):
                        return Original(document_id, copy, origin.location)
        return None

    def verify(self) -> list[str]:
        """Check the index against itself; return the problems in words, none if it is sound."""
        return self.store.verify()

    def stats(self) -> Totals:
        """Count what is indexed."""
        return self.store.totals()

    def _leave(self, file: FoundFile, sources: Sources) -> None:
        """Note the bytes that a file had before; `_let_go` keeps them if it still has them."""
        if self._originals is not None:
            self._left |= {each.digest for each in sources.before(location_of(file.path)).values()}

    def _let_go(self) -> None:
        """Remove the originals of what was replaced or removed, unless another document came from the same bytes."""
        left, self._left = self._left, set()
        if self._originals is not None and left:
            self._originals.drop(left - {"", *(origin.digest for origin in self.store.origins().values())})
