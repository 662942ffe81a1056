"""Reading hostile files: a child process with limits does it, and may die of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from index.errors import ReadError
from index.readers import MAX_BYTES, wire
from index.types import Document

_ROOT = Path(__file__).resolve().parents[2]
_MOST_DEATHS = 5
"""Members of one file that may kill a child."""

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_THREAD_LIMIT")
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "LANG", "LC_ALL")


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a file, or of a member of it, named by its way from the file (``inner.zip/report.md``)."""

    member: str
    outcome: Document | ReadError


class ReaderProcess:
    """Reads files one after another in a child process; thread-safe.

    A file that hangs, crashes the parser or wants too much memory fails alone: the next one gets a fresh child. The
    child starts with the first file. It has no part in Ctrl-C, no secrets of the environment, opens no connection
    and writes no file.
    """

    def __init__(self, seconds: float = 60.0, max_bytes: int = MAX_BYTES, memory: int = 2 * 2**30) -> None:
        """Set the wall-clock limit per file or member, the largest file and the child's address space (bytes)."""
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._memory = memory
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> ReaderProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def unpack(self, path: Path, source: str, password: str = "") -> Iterator[Reading]:
        """Read the file at ``path``, known to people as ``source``, and each file that lies in it, one at a time.

        ``password`` opens what is encrypted; it goes through the pipe and nowhere else. A member that kills the child
        is given up, and a fresh child reads the rest; after several of them the rest is given up too. Until the
        iterator ends or is closed, no other file is read.
        """
        request = wire.Request(path, source, password)
        with self._lock:
            try:
                while (death := (yield from self._answers(request))) is not None:
                    yield death
                    if not death.member:
                        return
                    if len(request.fatal) == _MOST_DEATHS:
                        yield Reading(
                            "", ReadError(f"{source} has too many such files; the rest is left out.", "Unpack it.")
                        )
                        return
                    request.fatal.add(death.member)
            except BaseException:
                self._stop()
                raise

    def _answers(self, request: wire.Request) -> Generator[Reading, None, Reading | None]:
        """Yield what a child says of a file; return what it died of, ``None`` if it lives."""
        child = self._running()
        begun = ""
        message, expired = self._within_time(child, lambda: _exchange(child, wire.packed_request(request)))
        while message is not None:
            reply = wire.replied(message)
            if reply is None:
                return None
            begun = reply.member
            if reply.outcome is not None:
                request.answered.add(begun)
                yield Reading(begun, reply.outcome)
            message, expired = self._within_time(child, lambda: _next_message(child))
        source = f"{request.source}/{begun}" if begun else request.source
        return Reading(begun, self._death(source, self._stop(), expired))

    def _within_time(
        self, child: subprocess.Popen[bytes], receive: Callable[[], bytes | None]
    ) -> tuple[bytes | None, bool]:
        """Return the child's next message, ``None`` if it died, and whether it was killed for taking too long."""
        expired = threading.Event()
        timer = threading.Timer(self._seconds, _expire, (child, expired))
        timer.daemon = True
        timer.start()
        try:
            return receive(), expired.is_set()
        finally:
            timer.cancel()

    def close(self) -> None:
        """Stop the child, if one runs. The next ``read`` starts another."""
        with self._lock:
            self._stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._stop()
            limits = (str(self._seconds), str(self._max_bytes), str(self._memory))
            self._child = subprocess.Popen(
                # -P: the current folder may be hostile too, and must not shadow a module.
                [sys.executable, "-P", "-B", "-m", "index.readers.child", *limits],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=child_environment(),
                start_new_session=True,
            )
        return self._child

    def _stop(self) -> int:
        """End the child and return its exit status (minus the signal's number, as ``subprocess`` has it)."""
        child, self._child = self._child, None
        if child is None:
            return 0
        with child:
            if child.stdin is not None:
                with suppress(BrokenPipeError):
                    child.stdin.close()
            try:
                return child.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                child.kill()
                return child.wait()

    def _death(self, source: str, code: int, expired: bool) -> ReadError:
        if expired:
            return ReadError(f"{source} took longer than {self._seconds:g} s to read.", "Split or simplify it.")
        name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return ReadError(f"{source} crashed its reader ({name}).", "Save it again from its program.")


def _expire(child: subprocess.Popen[bytes], expired: threading.Event) -> None:
    expired.set()
    child.kill()


def _exchange(child: subprocess.Popen[bytes], request: bytes) -> bytes | None:
    """Send a request and return the first message of the answer, ``None`` if the child died of it."""
    if child.stdin is None:
        return None
    try:
        wire.send(child.stdin, request)
    except BrokenPipeError:
        return None
    return _next_message(child)


def _next_message(child: subprocess.Popen[bytes]) -> bytes | None:
    return None if child.stdout is None else wire.receive(child.stdout)


def child_environment() -> dict[str, str]:
    """Return what of the environment a child that reads documents may have."""
    search = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed, "PYTHONPATH": os.pathsep.join(search), "PYTHONUTF8": "1", **dict.fromkeys(_ONE_THREAD, "1")}
