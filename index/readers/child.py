"""The child of ``worker.ReaderProcess``: takes its limits first, then reads the files it is told to.

Run as ``python -m index.readers.child SECONDS MAX_BYTES MEMORY``; messages are those of ``wire``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from index.errors import ReadError
from index.readers import wire
from index.readers.options import Options
from index.readers.unpack import unpack
from index.types import Document

_GRACE = 5.0
_FORBIDDEN = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec",
              "os.posix_spawn", "os.fork", "os.remove", "os.rename")  # fmt: skip


def main(seconds: float, max_bytes: int, memory: int) -> None:
    """Answer requests until the pipe ends."""
    pipe_in, pipe_out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library prints must not run into the messages.
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit(memory)
    sys.addaudithook(refuse)
    while (message := wire.receive(pipe_in)) is not None:
        request = wire.requested(message)

        def say(reply: wire.Reply | None) -> None:
            # While the parent is busy with what it got, nobody's time runs.
            _alarm(0.0)
            wire.send(pipe_out, wire.packed_reply(reply))
            _alarm(seconds + _GRACE if reply else 0.0)

        _answer(request, say, max_bytes)


def _answer(request: wire.Request, say: Callable[[wire.Reply | None], None], max_bytes: int) -> None:
    """Read a file and say what became of it and of each of its members, then ``None``."""

    def begin(member: str) -> bool:
        if member in request.fatal:
            return False
        say(wire.Reply(member))
        return True

    for piece in unpack(request.path, request.source, Options(request.password), begin, max_bytes):
        if piece.member in request.answered:
            continue
        outcome: Document | ReadError
        try:
            outcome = piece.read()
        except ReadError as error:
            # Not the error itself: its traceback may hold all the memory there is.
            outcome = ReadError(error.problem, error.remedy)
        say(wire.Reply(piece.member, outcome))
    say(None)


def limit(memory: int) -> None:
    """Cap the address space, forbid growing files and core dumps; where the system has such limits."""
    if sys.platform == "win32":
        return
    import resource

    for what, value in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_AS, memory)):
        if sys.platform != "darwin" or what != resource.RLIMIT_AS:
            resource.setrlimit(what, (value, value))


def _alarm(seconds: float) -> None:
    """End this process after ``seconds``, so that it does not outlive a parent that was killed; 0 calls it off."""
    if sys.platform != "win32":
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def refuse(event: str, _arguments: tuple[object, ...]) -> None:
    """Audit hook: raise ``PermissionError`` for what no reader of documents has to do."""
    if event in _FORBIDDEN:
        raise PermissionError(f"a document's reader may not {event}")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
