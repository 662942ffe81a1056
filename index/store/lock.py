"""One writer at a time: a lock on a file beside the index, which the system releases if its holder dies.

SQLite would refuse two writers by itself. The lock lets the second one wait for the whole of the first one's work, say
so, and be interrupted meanwhile. Readers never look at it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from index.errors import InputError

WAIT = 600.0
"""Seconds that a writer waits for another one before it gives up, unless told otherwise."""

_PAUSE = 0.05
_REMEDY = "Let it finish, or wait longer with --wait SECONDS; what is stored already is kept."


class WriterLock:
    """The lock of one home folder, for one store of this process. A thread that holds it may take it again."""

    def __init__(self, path: Path) -> None:
        self.wait = WAIT
        self.tell: Callable[[str], None] | None = None
        self._path = path
        self._threads = threading.RLock()
        self._depth = 0

    @property
    def is_outermost(self) -> bool:
        """Tell whether the thread that holds the lock took it once, not again inside."""
        return self._depth == 1

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            InputError: another writer has not finished within ``wait`` seconds.
        """
        with self._threads:
            if self._depth:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                return
            descriptor = self._acquire()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if descriptor is not None:
                    os.close(descriptor)

    def _acquire(self) -> int | None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return None  # a folder that cannot be written: SQLite tells so, in its own words
        try:
            self._queue(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        with suppress(OSError):  # a full disk keeps no note of who writes
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor

    def _queue(self, descriptor: int) -> None:
        where = str(self._path.parent)
        queue(partial(_locked, descriptor), partial(_holder, descriptor), where, self.wait, self.tell)


def queue(
    locked: Callable[[], bool],
    holder: Callable[[], str],
    where: str,
    wait: float,
    tell: Callable[[str], None] | None,
) -> None:
    """Try ``locked`` until it succeeds; ``tell`` hears once that another writer, ``holder`` in words, is waited for.

    Raises:
        InputError: it has not finished within ``wait`` seconds.
    """
    deadline = time.monotonic() + wait
    told = False
    while not locked():
        if time.monotonic() >= deadline:
            raise InputError(f"Another citechat{holder()} is still writing to {where} after {wait:g} s.", _REMEDY)
        if not told and tell is not None:
            tell(f"Another citechat{holder()} is writing to {where}; waiting for it.")
        told = True
        time.sleep(_PAUSE)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    """Return in words which process holds the lock, as far as it has said so."""
    number = os.pread(descriptor, 20, 0).decode("ascii", "replace")
    return f" (process {number})" if number.isdigit() else ""
