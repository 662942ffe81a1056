"""Waiting until a file changes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

INTERVAL_S = 0.5


def wait_for_change(paths: Sequence[Path], interval_s: float = INTERVAL_S) -> None:
    """Return once a file among ``paths``, or anywhere in a folder among them, is new, gone or written to."""
    before = _state(paths)
    while _state(paths) == before:
        time.sleep(interval_s)


def _state(paths: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    found = {}
    for path in _files(paths):
        try:
            stat = path.stat()
        except OSError:  # gone since it was listed, as some editors do when they save
            continue
        found[path] = (stat.st_mtime_ns, stat.st_size)
    return found


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield from (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else (path,)
