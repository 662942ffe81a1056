"""Pieces of text from a thread that may block, for a reader who may leave."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator

from index.errors import ModelFailed

PATIENCE_S = 0.2
"""Seconds after which a reader who waits for a piece gets an empty one, and so a chance to leave."""
MAX_CHARACTERS = 16_000
"""Characters of a reply, at most, whatever a model was asked to keep to."""
_AHEAD = 256
"""Pieces that the thread may be ahead of the reader."""

Emit = Callable[[str], bool]
"""Takes a piece; returns whether the reader has left."""


def relay(
    produce: Callable[[Emit], None],
    timeout_s: float,
    interrupt: Callable[[], None] = lambda: None,
    *,
    outlives: bool = True,
) -> Generator[str, None, None]:
    """Run ``produce`` in a thread and yield what it emits; an empty piece for each `PATIENCE_S` without one.

    When the reader leaves or the time is over, ``produce`` is told so by its ``Emit``; ``interrupt`` wakes it if it
    waits for something else. A ``produce`` that is native code must not outlive the interpreter, which would abort the
    process; the program then waits at its end until that has heard that nobody reads any more.

    Raises:
        ModelFailed: ``produce`` emits for longer than ``timeout_s``, or more than `MAX_CHARACTERS`.
        Exception: what ``produce`` raises.
    """
    channel = _Channel()
    threading.Thread(target=channel.run, args=(produce,), name="llm", daemon=outlives).start()
    deadline = time.monotonic() + timeout_s
    length = 0
    try:
        while (piece := channel.receive()) is not None:
            length += len(piece)
            yield piece
            if time.monotonic() > deadline:
                raise ModelFailed(
                    f"The language model was not done after {timeout_s:g} seconds.",
                    "Allow it more with llm_timeout_s, or use a smaller model.",
                )
            if length > MAX_CHARACTERS:
                raise ModelFailed("The language model does not stop writing.", "Use another model.")
    finally:
        channel.left.set()
        interrupt()


class _Channel:
    """Carries pieces, then an exception or ``None`` for the end."""

    def __init__(self) -> None:
        self.left = threading.Event()
        self._arrivals: queue.Queue[str | Exception | None] = queue.Queue(_AHEAD)

    def run(self, produce: Callable[[Emit], None]) -> None:
        try:
            produce(self._put)
        except Exception as error:  # noqa: BLE001  # raised where the pieces are read
            self._put(error)
        else:
            self._put(None)

    def receive(self) -> str | None:
        try:
            arrival = self._arrivals.get(timeout=PATIENCE_S)
        except queue.Empty:
            return ""
        if isinstance(arrival, Exception):
            raise arrival
        return arrival

    def _put(self, arrival: str | Exception | None) -> bool:
        while not self._is_left():
            try:
                self._arrivals.put(arrival, timeout=PATIENCE_S)
            except queue.Full:
                continue
            break
        return self._is_left()

    def _is_left(self) -> bool:
        """Tell whether nobody reads: the reader has left, or the program is at its end."""
        return self.left.is_set() or not threading.main_thread().is_alive()
