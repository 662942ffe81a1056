"""Documents that readers bring, where the operator lets them: checked, kept in the home folder, and indexed."""

from __future__ import annotations

import hashlib
import threading
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from index.errors import InputError
from index.intake import AddResult
from index.sources import FoundFile

FOLDER = "uploads"
"""Folder of the home folder where uploaded files are kept: the operator's in it, each reader's in a folder of it."""

Add = Callable[[Sequence[FoundFile]], list[AddResult]]
"""What indexes files: ``index.corpus.Corpus.add``."""

_LONGEST_STEM, _LONGEST_SUFFIX = 180, 10
"""Bytes of a name before its last dot and characters after it: they fit every file system."""


class Uploads:
    """Takes one file at a time into the index."""

    def __init__(self, folder: Path, add: Add, max_bytes: int) -> None:
        """Keep the files under ``folder``; ``max_bytes`` bounds each."""
        self._folder = folder
        self._add = add
        self._max_bytes = max_bytes
        self._lock = threading.Lock()  # one thread adds at a time

    def add(self, name: str, data: bytes) -> list[AddResult]:
        """Index a file that was sent under this name. What cannot be read is not kept, and the results say why.

        The folder of a file is named by its content, so that nobody replaces the file of another.

        Raises:
            InputError: the name or the size is not allowed.
        """
        name = safe_name(name)
        if not data:
            raise InputError(f"{name} is empty.", "Choose a file with content.")
        if len(data) > self._max_bytes:
            raise InputError(
                f"{name} has {len(data) / 2**20:.1f} MiB.", f"A file may have {self._max_bytes / 2**20:g} MiB."
            )
        path = self._folder / hashlib.sha256(data).hexdigest()[:16] / name
        with self._lock:
            known = path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            results = self._add([FoundFile(path, name)])
            if not known and all(result.status == "failed" for result in results):
                path.unlink()
                path.parent.rmdir()
        return results


def safe_name(name: str) -> str:
    """Return the last part of a file name without what a file system could misread.

    What the file is, its content decides, as everywhere.

    Raises:
        InputError: nothing is left of it.
    """
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = "".join(each for each in last if unicodedata.category(each)[0] != "C" and each not in '<>:"|?*')
    stem, dot, suffix = plain.strip(" .").rpartition(".")
    if not dot and not last.startswith("."):
        stem, suffix = suffix, ""
    if not stem:
        raise InputError("The file has no usable name.", "Rename it, for example to report.pdf.")
    return f"{stem.encode()[:_LONGEST_STEM].decode(errors='ignore')}{dot}{suffix[:_LONGEST_SUFFIX]}"
