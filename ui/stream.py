"""The events of an answer, for coroutines: the pipeline works in a thread, the event loop stays free."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from index.errors import Busy
from rag.types import Done, Event, Evidence, Turn
from ui.logs import AnswerLog
from ui.metrics import Metrics, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from index.corpus import AddResult
    from index.filters import Filter
    from index.sources import FoundFile
    from index.store.base import DocumentInfo
    from index.types import Document

MAX_STREAMS = 32
"""Answers that are written at one time; further questions wait for their turn."""
MAX_WAITING = 500
"""Questions that wait; further ones are turned away."""
SILENCE_SECONDS = 120.0
"""Time without anything new after which an answer is given up."""


class Totals(Protocol):
    """How much is indexed."""

    @property
    def documents(self) -> int:
        """Documents in the index."""
        ...

    @property
    def passages(self) -> int:
        """Passages of all of them."""
        ...


class Library(Protocol):
    """What the pages show of the index. ``index.corpus.Corpus`` is one."""

    def document(self, document_id: str) -> Document:
        """Return a document; raises ``InputError`` if there is none of that id."""
        ...

    def documents(self) -> list[DocumentInfo]:
        """List the documents."""
        ...

    def original(self, document_id: str) -> Path | None:
        """Return the file that a document came from, if it is still there and the same."""
        ...

    def add(self, files: Sequence[FoundFile]) -> list[AddResult]:
        """Index files."""
        ...

    def stats(self) -> Totals:
        """Return how much is indexed."""
        ...


class Answerer(Protocol):
    """What answers questions. ``rag.pipeline.Pipeline`` is one."""

    @property
    def corpus(self) -> Library:
        """The documents that it answers from."""
        ...

    def warm_up(self) -> None:
        """Load what the first question would otherwise wait for."""
        ...

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filter: Filter | None = None,  # noqa: A002
    ) -> Iterator[Event]:
        """Yield the events of an answer: evidence, text, the whole answer."""
        ...


class Streams:
    """Runs :meth:`Answerer.stream` in threads, at most ``limit`` at one time, and counts what becomes of it."""

    def __init__(
        self, answerer: Answerer, metrics: Metrics, limit: int = MAX_STREAMS, log: AnswerLog | None = None
    ) -> None:
        self._answerer = answerer
        self._metrics = metrics
        self._log = log or AnswerLog()
        self._turns = asyncio.Semaphore(limit)
        # Threads that stay: torch keeps memory for each thread that it ever ran in.
        self._threads = ThreadPoolExecutor(limit, thread_name_prefix="answer")
        self._limit = limit + MAX_WAITING

    async def events(
        self, question: str, history: Sequence[Turn] = (), where: Filter | None = None
    ) -> AsyncGenerator[Event, None]:
        """Yield the events of an answer from the documents that pass ``where``.

        An error of the pipeline is raised here. Closing the generator (a reader who left, or pressed Stop) ends the
        work in the thread at its next event.
        """
        if self._metrics.running >= self._limit:
            raise Busy("Too many questions wait for an answer.", "Please try again in a moment.")
        begun = time.monotonic()
        outcome: Outcome = "stopped"
        first: float | None = None
        self._metrics.running += 1
        try:
            async with self._turns, aclosing(self._from_thread(question, history, where)) as events:
                async for event in events:
                    if isinstance(event, Evidence):
                        first = time.monotonic() - begun
                        self._metrics.count_evidence(first)
                    if isinstance(event, Done):
                        outcome = event.answer.status
                    yield event
        except Exception:
            outcome = "failed"
            raise
        finally:
            self._metrics.running -= 1
            seconds = time.monotonic() - begun
            self._metrics.count(outcome, seconds)
            self._log.write(question, outcome, seconds, first)

    async def _from_thread(
        self, question: str, history: Sequence[Turn], where: Filter | None
    ) -> AsyncGenerator[Event, None]:
        arrivals: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        left = threading.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            outcome: Exception | None = None
            try:
                for event in self._answerer.stream(question, history, where):
                    if left.is_set():
                        return
                    loop.call_soon_threadsafe(arrivals.put_nowait, event)
            except Exception as error:  # noqa: BLE001  # raised in the reader's coroutine
                outcome = error
            if not left.is_set():
                loop.call_soon_threadsafe(arrivals.put_nowait, outcome)

        self._threads.submit(work)
        try:
            while True:
                try:
                    async with asyncio.timeout(SILENCE_SECONDS):
                        event = await arrivals.get()
                except TimeoutError:
                    raise Busy("The answer takes too long.", "Please try again, or ask less at once.") from None
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            left.set()
