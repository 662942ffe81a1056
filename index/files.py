"""Files on disk: those that a user means, and the digest that tells whether one is still the same."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock

from index.errors import InputError
from index.readers import MAX_BYTES, SUFFIXES, format_named, suffix_of
from index.readers.kinds import is_document, is_ole
from index.readers.members import is_hidden
from index.sources import FoundFile, as_text

_HASHING = Lock()
_START = 2**16
"""Bytes that tell what a file without a suffix is."""


def find_files(paths: Sequence[Path]) -> list[FoundFile]:
    """List the files to add: named files as they are, folders searched for the formats of documents.

    A file without a suffix is taken for a document if its content shows that it is one. Hidden files and folders are
    left out, what Office keeps beside an open file too, and links to folders are not followed.

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
            found.append(FoundFile(path, as_text(path.name)))
            continue
        inside = [FoundFile(file, as_text(file.relative_to(path))) for file in _walk(path)]
        if not inside:
            raise InputError(f"No readable document in {path}.", f"Known formats: {' '.join(sorted(SUFFIXES))}.")
        found.extend(inside)
    once: dict[str, FoundFile] = {}
    for file in found:
        once.setdefault(os.path.realpath(file.path), file)
    return list(once.values())


def left_out(paths: Sequence[Path]) -> Counter[str]:
    """Count the files in folders among ``paths`` that `find_files` passes over for their formats, by suffix."""
    return Counter(
        suffix_of(file) for path in paths if path.is_dir() for file in _files(path) if not _is_document(file)
    )


def _walk(folder: Path) -> Iterator[Path]:
    return filter(_is_document, _files(folder))


def _is_document(path: Path) -> bool:
    if format_named(path):
        return True
    try:
        if suffix_of(path) or not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(_START)
            return is_document(start + file.read(MAX_BYTES) if is_ole(start) else start)
    except OSError:
        return True  # adding it tells what is wrong


def _files(folder: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield from (Path(directory, name) for name in sorted(files) if not is_hidden(name))


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def weights_digest(path: Path) -> str:
    """Return the same for the file of a model, which is large: it is read once in a process while it stays as it is."""
    stat = path.stat()
    with _HASHING:  # a second thread waits for what the first one finds out
        return _digest_once(path, (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=64)
def _digest_once(path: Path, _: tuple[int, ...]) -> str:
    return digest_of(path)
