"""The documents as the operator changes them: files that come by upload are kept in the home folder."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from index.corpus import Corpus
from index.errors import InputError
from index.intake import AddResult
from index.sources import FoundFile
from index.sync import sync_folder
from ui.page.uploads import FOLDER, safe_name

if TYPE_CHECKING:
    from index.removal import Removal
    from index.store.base import Compaction, DocumentInfo, Store
    from ui.web.stream import Library


class Archive(Protocol):
    """Documents that can be changed. ``index.corpus.Corpus`` is one."""

    @property
    def store(self) -> Store:
        """Where they are kept, with the files that they came from."""
        ...

    def documents(self) -> list[DocumentInfo]:
        """List the documents, by source."""
        ...

    def find(self, name: str) -> DocumentInfo:
        """Return the document of this id or source; raises ``InputError`` if there is none."""
        ...

    def add(self, files: Sequence[FoundFile]) -> list[AddResult]:
        """Add files or bring them up to date; each that cannot be read fails alone."""
        ...

    def remove(self, names: Sequence[str]) -> list[Removal]:
        """Remove documents, by id or source, and return the receipts."""
        ...

    def verify(self) -> list[str]:
        """Return what is wrong with the index, in words."""
        ...

    def repair(self) -> list[str]:
        """Mend what can be made again without embedding; returns what was, in words."""
        ...

    def compact(self) -> Compaction:
        """Give unused space back."""
        ...


class Shelves:
    """An archive with a folder for uploads. One change at a time, of whichever process; the others wait."""

    def __init__(self, archive: Archive, home: Path, folders: Sequence[Path] = ()) -> None:
        """Keep uploads in ``home``; ``folders`` are those that the index mirrors when told to."""
        self.archive = archive
        self.folders = tuple(folders)
        self._folder = home / FOLDER
        self._changing = threading.Lock()

    def add(self, files: Sequence[tuple[str, BinaryIO]]) -> list[AddResult]:
        """Keep uploaded files, known by the names they came with, and index them.

        A file of a name that is there already replaces it. One that cannot be read is not kept, and what it would
        have replaced stays.
        """
        with self._changing, self.archive.store.changing():
            return [result for name, content in files for result in self._add(name, content)]

    def replace(self, document_id: str, name: str, content: BinaryIO) -> tuple[list[AddResult], DocumentInfo | None]:
        """Put an uploaded file in the place of a document; returns what came and what went (nothing, if it failed).

        Raises:
            InputError: there is no such document.
        """
        with self._changing, self.archive.store.changing():
            old = self.archive.find(document_id)
            uploaded = self._uploaded(old.id)
            if len(uploaded) == 1 and uploaded[0].suffix.lower() == Path(name).suffix.lower():
                name = uploaded[0].name
            results = self._add(name, content)
            gone = not _all_failed(results) and old.id not in {result.document_id for result in results}
            left = {info.id for info in self.archive.documents()}
            if gone and old.id in left:
                self._remove(old.id)
            return results, old if gone else None

    def mirrored(self, document_id: str) -> list[Path]:
        """Return the files in the mirrored folders that a document is: a sync would index them again.

        Raises:
            InputError: there is no such document.
        """
        return self._files(self.archive.find(document_id).id, self.folders)

    def remove(self, document_id: str) -> list[Removal]:
        """Remove a document, and its file if it came by upload; returns the receipt.

        Raises:
            InputError: there is no such document.
        """
        with self._changing, self.archive.store.changing():
            return self._remove(self.archive.find(document_id).id)

    def sync(self) -> list[AddResult]:
        """Bring the index up to date with the folders; returns what happened to each file.

        Raises:
            InputError: a folder is missing or has lost everything, or this archive is none that mirrors folders.
        """
        if not isinstance(self.archive, Corpus):
            raise InputError("These documents cannot be changed from here.")
        with self._changing:
            return [result for folder in self.folders for result in sync_folder(self.archive, folder)]

    def mend(self) -> tuple[list[str], list[str]]:
        """Repair the index; returns what was mended, and what is wrong with it still."""
        with self._changing:
            return self.archive.repair(), self.archive.verify()

    def compact(self) -> Compaction:
        """Leave no byte of what was removed in the index; returns its size before and after."""
        with self._changing:
            return self.archive.compact()

    def _add(self, name: str, content: BinaryIO) -> list[AddResult]:
        try:
            path = self._folder / safe_name(name)
        except InputError as error:
            return [AddResult(name, "failed", reason=str(error))]
        fresh, before = path.with_name(f".new{path.suffix}"), path.with_name(f".before{path.suffix}")
        self._folder.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            shutil.copyfileobj(content, file)
        replacing = path.exists()
        if replacing:
            path.replace(before)
        fresh.replace(path)
        results = self.archive.add([FoundFile(path, path.name)])
        if _all_failed(results):
            path.unlink()
            if replacing:
                before.replace(path)
        before.unlink(missing_ok=True)
        return results

    def _remove(self, document_id: str) -> list[Removal]:
        files = self._uploaded(document_id)
        removed = self.archive.remove([document_id])
        for path in files:
            path.unlink(missing_ok=True)
            if path.parent != self._folder.resolve() and not any(path.parent.iterdir()):
                path.parent.rmdir()
        return removed

    def _uploaded(self, document_id: str) -> list[Path]:
        """Return the files in our folder that a document is; one that it merely lies in stays."""
        return self._files(document_id, [self._folder])

    def _files(self, document_id: str, folders: Sequence[Path]) -> list[Path]:
        origins = self.archive.store.origins().values()
        files = [Path(origin.location) for origin in origins if origin.document_id == document_id]
        places = [folder.resolve() for folder in folders]
        return [path for path in files if path.is_file() and any(map(path.is_relative_to, places))]


def archive_of(library: Library) -> Archive | None:
    """Return the library as an archive, if its documents can be changed."""
    verbs = ("store", "documents", "find", "add", "remove", "verify", "repair", "compact")
    return library if all(hasattr(library, verb) for verb in verbs) else None  # type: ignore[return-value]  # just seen


def _all_failed(results: Sequence[AddResult]) -> bool:
    return all(result.status == "failed" for result in results)
