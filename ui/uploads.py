"""Documents that readers bring, where the operator lets them: checked, kept in the home folder, and indexed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from index.corpus import AddResult
from index.errors import InputError
from index.readers import SUFFIXES
from index.sources import FoundFile

Add = Callable[[Sequence[FoundFile]], list[AddResult]]
"""What indexes files: ``index.corpus.Corpus.add``."""

_LONGEST_NAME = 60
"""Characters of a name without its suffix: with four bytes each they fit every file system."""


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
            InputError: the name, the type or the size is not allowed.
        """
        name = _safe(name)
        suffix = Path(name).suffix.lower()
        if suffix not in SUFFIXES:
            raise InputError(f"{name} has a type that is not read here.", f"Known types: {' '.join(sorted(SUFFIXES))}.")
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


def _safe(name: str) -> str:
    """Return the last part of a name without what a file system could misread.

    Raises:
        InputError: nothing is left of it.
    """
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = "".join(character for character in last if character.isprintable() and character not in '<>:"|?*').strip(
        " ."
    )
    stem, dot, suffix = plain.rpartition(".")
    if not stem or plain.startswith("."):
        raise InputError("The file has no usable name.", "Rename it, for example to report.pdf.")
    return f"{stem[:_LONGEST_NAME]}{dot}{suffix}"
