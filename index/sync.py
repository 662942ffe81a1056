"""The index as the mirror of a folder: what is new is added, what changed replaced, what is gone removed.

A file whose size and time of change are those of the last visit is trusted to be unchanged and is not opened. Any other
is read, and compared by its SHA-256. A file that is gone and one that is new with the same content are one that moved.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from index.corpus import Corpus
from index.errors import InputError
from index.files import digest_of, find_files
from index.intake import AddResult
from index.sources import FoundFile, location_of
from index.store.base import Origin, SourceTaken


def sync_folder(
    corpus: Corpus,
    folder: Path,
    progress: Callable[[AddResult], None] | None = None,
    *,
    expect: Callable[[int], None] | None = None,
    password: str = "",
    allow_empty: bool = False,
) -> list[AddResult]:
    """Bring the index up to date with a folder and all below it; documents from elsewhere are left alone.

    What was indexed of a file that cannot be read now stays. What is gone is removed last, so an interruption loses
    nothing. ``expect`` hears of how many files there will be news at most. ``password`` opens encrypted files;
    ``allow_empty`` permits that everything is gone.

    Raises:
        InputError: the folder is missing, or holds no document while the index has some of it, and ``allow_empty`` is
            not given; or it is no folder.
    """
    with corpus.store.changing():
        known = _known(corpus, folder)
        files = {location_of(file.path): file for file in _files(folder, len(known), allow_empty=allow_empty)}
        gone = [origin for origin in known if origin.location not in files and _is_gone(origin.location)]
        results: list[AddResult] = []
        if expect is not None:
            expect(len(files) + len(gone))

        def report(result: AddResult) -> None:
            results.append(result)
            if progress is not None:
                progress(result)

        before = {origin.location for origin in known}
        new = {location: file for location, file in files.items() if location not in before}
        moved = _move(corpus, new, gone, report)
        arrived = set(moved.values())
        corpus.add([file for location, file in files.items() if location not in arrived], report, password)
        lost = [origin for origin in gone if origin.location not in moved and _is_gone(origin.location)]
        lost = _without_unread(corpus, lost, new)
        corpus.drop(lost)
        for origin in lost:
            report(AddResult(origin.source, "deleted", origin.document_id))
    return results


def _known(corpus: Corpus, folder: Path) -> list[Origin]:
    inside = location_of(folder).rstrip(os.sep) + os.sep
    return [origin for location, origin in sorted(corpus.store.origins().items()) if location.startswith(inside)]


def _files(folder: Path, known: int, *, allow_empty: bool) -> list[FoundFile]:
    """List the files of a folder, unless that would quietly remove all that the index has of it."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", "Name the folder to mirror, or leave --sync out.")
    try:
        return find_files([folder])
    except InputError as error:
        if known and allow_empty:
            return []
        if known:
            raise InputError(
                f"{error.problem} The index has {known} files of it, and none was removed.",
                "Check the path and that its disk is there. To remove them all, say --allow-empty.",
            ) from error
        raise


def _move(
    corpus: Corpus, new: Mapping[str, FoundFile], gone: Sequence[Origin], report: Callable[[AddResult], None]
) -> dict[str, str]:
    """Point documents to where their files are now; return the new locations by the old ones.

    A container that moved is read again: one origin cannot tell where all that lies in it is now.
    """
    moved: dict[str, str] = {}
    containers = {str(place) for origin in gone for place in PurePath(origin.location).parents}
    gone = [each for each in gone if each.location not in containers and each.digest.startswith(each.document_id)]
    for location, file in new.items():
        try:
            found = file.path.stat()
            alike = [each for each in gone if each.size == found.st_size and each.location not in moved]
            digest = digest_of(file.path) if alike else ""
        except OSError:
            continue  # adding it tells what is wrong
        for old in alike:
            if old.digest != digest:
                continue
            origin = Origin(location, file.name, found.st_size, found.st_mtime_ns, digest, old.document_id)
            try:
                is_moved = corpus.store.move(old.location, origin)
            except SourceTaken:
                break  # it is added under a longer name
            if is_moved:
                moved[old.location] = location
                report(AddResult(file.name, "moved", old.document_id, before=old.source))
                break
    return moved


def _without_unread(corpus: Corpus, lost: Sequence[Origin], new: Mapping[str, FoundFile]) -> list[Origin]:
    """Leave out what lies in a file that only moved and cannot be read where it is now (a password is missing)."""
    locations = {origin.location for origin in lost}
    stored = {origin.document_id for place, origin in corpus.store.origins().items() if place not in locations}
    sizes = {origin.size for origin in lost if origin.document_id not in stored}
    there = set()
    for file in new.values():
        with suppress(OSError):  # one that is gone again holds nothing
            if file.path.stat().st_size in sizes:
                there.add(digest_of(file.path))
    return [origin for origin in lost if origin.document_id in stored or origin.digest not in there]


def _is_gone(location: str) -> bool:
    """Tell whether there is nothing at a location, nor a file that it lies in; what cannot be told is not gone."""
    for place in (Path(location), *Path(location).parents):
        try:
            found = place.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode)
    return True
