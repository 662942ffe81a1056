"""Reading hostile files: a child process with limits does it, and may die of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from index.errors import ReadError
from index.readers import MAX_BYTES, wire
from index.types import Document

_ROOT = Path(__file__).resolve().parents[2]
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "LANG", "LC_ALL")


class ReaderProcess:
    """Reads files one after another in a child process; thread-safe.

    A file that hangs, crashes the parser or wants too much memory fails alone: the next one gets a fresh child. The
    child starts with the first file. It has no part in Ctrl-C, no secrets of the environment, opens no connection
    and writes no file.
    """

    def __init__(self, seconds: float = 60.0, max_bytes: int = MAX_BYTES, memory: int = 2 * 2**30) -> None:
        """Set the wall-clock limit per file, the largest file (bytes) and the child's address space (bytes)."""
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

    def read(self, path: Path, source: str) -> Document:
        """Read the file at ``path``, known to people as ``source``. Raises ``ReadError``."""
        with self._lock:
            child = self._running()
            expired = threading.Event()
            timer = threading.Timer(self._seconds, _expire, (child, expired))
            timer.daemon = True
            timer.start()
            try:
                answer = _exchange(child, wire.request(path, source))
            except BaseException:
                self._stop()
                raise
            finally:
                timer.cancel()
            if answer is None:
                code = self._stop()
                raise self._death(source, code, expired.is_set())
        return wire.document(answer)

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
    """Send a request and return the answer, ``None`` if the child died of it."""
    if child.stdin is None or child.stdout is None:
        return None
    try:
        wire.send(child.stdin, request)
    except BrokenPipeError:
        return None
    return wire.receive(child.stdout)


def child_environment() -> dict[str, str]:
    """Return what of the environment a child that reads documents may have."""
    search = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed, "PYTHONPATH": os.pathsep.join(search), "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
