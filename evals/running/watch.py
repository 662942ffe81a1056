"""Waiting until a file changes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    State = Mapping[Path, tuple[int, int]]

INTERVAL_S = 0.5


def wait_for_change(paths: Sequence[Path], before: State | None = None, interval_s: float = INTERVAL_S) -> None:
    """Return once a file among ``paths``, or anywhere in a folder among them, is new, gone or written to.

    ``before`` is what some of them were like earlier (see `state`): what changed since then counts too.
    """
    known = {**state(paths), **(before or {})}
    while state(paths) == known:
        time.sleep(interval_s)


def state(paths: Sequence[Path]) -> State:
    """Return the time of change, in nanoseconds, and the size in bytes of each file."""
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
