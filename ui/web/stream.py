"""The events of an answer, for coroutines: the pipeline works in a thread, the event loop stays free."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from index.errors import Busy
from rag.answer.said import for_readers
from rag.retrieval.retrieve import NONE, QueryVectors
from rag.types import Done, Event, Evidence, Turn
from ui.web.logs import AnswerLog
from ui.web.metrics import Metrics, Outcome
from ui.web.workers import Step, Workers

if TYPE_CHECKING:
    from datetime import date

    from index.filters import Filter
    from index.intake import AddResult
    from index.sources import FoundFile
    from index.store.base import DocumentInfo
    from index.types import Document, Original
    from ui.kept.days import Daybook

_problems = logging.getLogger(__name__)

WORKERS = min(8, max(2, os.cpu_count() or 2))
"""Threads that find and read. More of them share the same processors, and each step takes longer."""
TOGETHER = 16
"""Questions that are embedded together, at most: with more of them the first would wait longer, for little."""
MAX_STREAMS = 32
"""Answers that are written at one time, by a language model; further ones wait for their turn."""
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

    def sources(self, document_id: str) -> tuple[str, ...]:
        """Return the names that a document goes by, in order; none for an unknown one."""
        ...

    def original(self, document_id: str) -> Original | None:
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

    def ahead(self, questions: Sequence[tuple[str, Sequence[Turn]]]) -> Sequence[QueryVectors]:
        """Do together for questions, each with its history, what is quicker done for all at once."""
        ...

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filter: Filter | None = None,  # noqa: A002
        today: date | None = None,
        *,
        vectors: QueryVectors = NONE,
    ) -> Iterator[Event]:
        """Yield the events of an answer: evidence, quotes, text, the whole answer; each asked for by any thread.

        ``today`` is the asker's day, if it is known; ``vectors`` are what `ahead` gave for the question.
        """
        ...


class Streams:
    """Runs :meth:`Answerer.stream` in threads and counts what becomes of it.

    The first event of an answer is found before any other answer is read on, so that nobody waits for evidence behind
    the whole answers of others. Questions that wait for a thread are embedded together. What follows the second event
    (a language model that writes) has threads of its own, ``limit`` answers at one time.
    """

    def __init__(
        self,
        answerer: Answerer,
        metrics: Metrics,
        limit: int = MAX_STREAMS,
        log: AnswerLog | None = None,
        days: Daybook | None = None,
    ) -> None:
        self._answerer = answerer
        self._metrics = metrics
        self._log = log or AnswerLog()
        self._days = days
        self._workers = Workers(WORKERS)
        self._writing = ThreadPoolExecutor(limit, thread_name_prefix="writing")
        self._limit = limit + MAX_WAITING
        self._asked: deque[_Answer] = deque()
        self._taking = threading.Lock()

    async def events(
        self,
        question: str,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        today: date | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Yield the events of an answer from the documents that pass ``where``, asked on a day (none: the server's).

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
            async with aclosing(self._from_threads(question, history, where, today)) as events:
                async for event in events:
                    if isinstance(event, Evidence):
                        first = time.monotonic() - begun
                        self._metrics.count_evidence(first)
                    if isinstance(event, Done):
                        outcome = event.answer.status
                        event = _for_readers(event)
                    yield event
        except Exception:
            outcome = "failed"
            raise
        finally:
            self._metrics.running -= 1
            seconds = time.monotonic() - begun
            self._metrics.count(outcome, seconds)
            self._log.write(question, outcome, seconds, first)
            if self._days is not None:
                self._days.count(outcome, question)

    def aside(self, question: str) -> Iterator[Event]:
        """Yield the events of an answer that no reader waits for; each is found when nobody's is to be.

        The caller is a thread, not the event loop. An error of the pipeline is raised here; nothing is counted.
        """
        events = self._answerer.stream(question)
        for _ in (Step.FIND, Step.READ):
            event = self._in_turn(events)
            if event is None:
                return
            yield event
        yield from events  # a language model that writes, for one

    def _in_turn(self, events: Iterator[Event]) -> Event | None:
        found: Future[Event | None] = Future()

        def find() -> None:
            try:
                found.set_result(next(events, None))
            except Exception as error:  # noqa: BLE001  # raised for whoever waits
                found.set_exception(error)

        self._workers.submit(Step.SUGGEST, find)
        return found.result()

    async def _from_threads(
        self, question: str, history: Sequence[Turn], where: Filter | None, today: date | None
    ) -> AsyncGenerator[Event, None]:
        def events(vectors: QueryVectors) -> Iterator[Event]:
            return self._answerer.stream(question, history, where, today, vectors=vectors)

        answer = _Answer(question, history, events, asyncio.get_running_loop())
        self._asked.append(answer)
        self._workers.submit(Step.GATHER, self._gather)
        try:
            while True:
                try:
                    async with asyncio.timeout(SILENCE_SECONDS):
                        event = await answer.arrivals.get()
                except TimeoutError:
                    raise Busy("The answer takes too long.", "Please try again, or ask less at once.") from None
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            answer.left.set()

    def _gather(self) -> None:
        """Take the questions that came first, do for them together what can be, and find evidence for each."""
        answers = self._some_asked()
        if len(answers) > 1:
            try:
                found = self._answerer.ahead([(answer.question, answer.history) for answer in answers])
            except Exception:  # noqa: BLE001  # what is wrong shows where each is answered by itself
                found = [NONE] * len(answers)
            for answer, vectors in zip(answers, found, strict=True):
                answer.vectors = vectors
        for answer in answers:
            self._workers.submit(Step.FIND, partial(self._find, answer))

    def _some_asked(self) -> list[_Answer]:
        taken: list[_Answer] = []
        with self._taking:
            while self._asked and len(taken) < TOGETHER:
                answer = self._asked.popleft()
                if not answer.left.is_set():
                    taken.append(answer)
        return taken

    def _find(self, answer: _Answer) -> None:
        answer.advance(
            lambda: self._workers.submit(Step.READ, lambda: answer.advance(lambda: self._writing.submit(answer.finish)))
        )


def _for_readers(done: Done) -> Done:
    """Keep from readers what is wrong with a language model, and tell it whoever runs the server."""
    if not done.answer.notice:
        return done
    _problems.warning("%s", done.answer.notice)
    return Done(replace(done.answer, notice=for_readers(done.answer.notice)))


async def begun(events: AsyncGenerator[Event, None]) -> Event:
    """Return the first event. A question that cannot be asked fails here, before the reply begins."""
    return await anext(events)


class _Answer:
    """The events of an answer on their way from threads, one at a time, to a coroutine; ``None`` is their end."""

    def __init__(
        self,
        question: str,
        history: Sequence[Turn],
        begin: Callable[[QueryVectors], Iterator[Event]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.question = question
        self.history = history
        self.vectors = NONE
        self.arrivals: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self.left = threading.Event()
        self._begin = begin
        self._events: Iterator[Event] | None = None
        self._loop = loop

    def advance(self, go_on: Callable[[], object]) -> None:
        """Pass the next event on, then have the rest done by ``go_on``, unless there is none or nobody waits for it."""
        if self._pass_on():
            go_on()

    def finish(self) -> None:
        """Pass everything on that is left."""
        while self._pass_on():
            pass

    def _pass_on(self) -> bool:
        if self.left.is_set():
            if isinstance(self._events, Generator):
                self._events.close()
            return False
        arrival: Event | Exception | None
        try:
            if self._events is None:
                self._events = self._begin(self.vectors)
            arrival = next(self._events, None)
        except Exception as error:  # noqa: BLE001  # raised in the reader's coroutine
            arrival = error
        if not self.left.is_set():
            self._loop.call_soon_threadsafe(self.arrivals.put_nowait, arrival)
        return arrival is not None and not isinstance(arrival, Exception)
