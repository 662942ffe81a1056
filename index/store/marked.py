"""Derived files that are memory-mapped: a body, and at its end a mark that says what it is of.

The mark is a JSON object with a checksum of its own, so that opening reads only the mark. The body's checksum is in it,
and `is_whole` compares it.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

_DIGEST_BYTES = 64
_LENGTH_BYTES = 8


def finish(fresh: Path, path: Path, mark: dict[str, Any]) -> None:
    """Put the mark after the body that lies in ``fresh``, and let it replace ``path`` in one step."""
    with fresh.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        data = json.dumps({**mark, "body": file.tell(), "digest": digest}).encode()
        file.write(data + hashlib.sha256(data).hexdigest().encode() + len(data).to_bytes(_LENGTH_BYTES, "little"))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_mark(path: Path) -> dict[str, Any] | None:
    """Return the mark of a file, or ``None`` if there is none, or the file is not as long as it was."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _LENGTH_BYTES, 0))
            length = int.from_bytes(file.read(), "little")
            if length > size - _DIGEST_BYTES - _LENGTH_BYTES:
                return None
            body = file.seek(size - _LENGTH_BYTES - _DIGEST_BYTES - length)
            data, digest = file.read(length), file.read(_DIGEST_BYTES)
    except OSError:
        return None
    if hashlib.sha256(data).hexdigest().encode() != digest:
        return None
    mark: dict[str, Any] = json.loads(data)
    return mark if mark["body"] == body else None


def is_whole(path: Path, mark: dict[str, Any]) -> bool:
    """Tell whether the body of a file is what was written."""
    digest = hashlib.sha256()
    left = int(mark["body"])
    try:
        with path.open("rb") as file:
            while piece := file.read(min(left, 2**20)):
                digest.update(piece)
                left -= len(piece)
    except OSError:
        return False
    return digest.hexdigest() == str(mark["digest"])
