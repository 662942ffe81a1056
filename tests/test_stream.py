"""Answers in threads: whose turn it is, and what becomes of the work of somebody who has left."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from datetime import date
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest

from evals.bench.load import resident_mib
from index.errors import InputError
from index.filters import Filter
from rag.retrieval.retrieve import NONE, QueryVectors
from rag.types import Answer, Delta, Done, Event, Evidence, Quoted, Turn
from tests.web import LexicalPipeline, running, settings
from ui.kept.conversations import Conversations
from ui.web import sse
from ui.web.metrics import Metrics
from ui.web.stream import MAX_STREAMS, TOGETHER, WORKERS, Streams
from ui.web.workers import Step, Workers

LEAVES_S = 0.2
"""Seconds after which nothing may be left of the work for somebody who has gone."""


class Slow(LexicalPipeline):
    """Reads for a long time; ``order`` says what was done."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.order: list[str] = []
        self.may_read = threading.Event()
        self.may_read.set()

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),  # noqa: ARG002
        filter: Filter | None = None,  # noqa: A002, ARG002
        today: date | None = None,  # noqa: ARG002
        *,
        vectors: QueryVectors = NONE,  # noqa: ARG002
    ) -> Iterator[Event]:
        self.order.append(f"found {question}")
        yield Evidence(())
        self.may_read.wait(10)
        time.sleep(self.seconds)
        self.order.append(f"read {question}")
        yield Quoted(())
        for _ in range(50):
            time.sleep(self.seconds)
            yield Delta("word ")
        yield Done(Answer(question, question, "answered", 1.0, None, "word " * 50, (), (), "extractive"))


async def first(events: AsyncGenerator[Event, None]) -> Event:
    async with aclosing(events):
        return await anext(events)


def test_everybody_gets_evidence_before_anybody_else_is_read_on() -> None:
    pipeline = Slow(0.0)
    pipeline.may_read.clear()
    number = 5 * WORKERS

    async def asked() -> list[Event]:
        streams = Streams(pipeline, Metrics())
        waiting = [streams.events(str(each)) for each in range(number)]
        found = asyncio.gather(*(anext(events) for events in waiting))
        await asyncio.sleep(0.05)
        pipeline.may_read.set()
        evidence = list(await found)
        for events in waiting:
            async with aclosing(events):
                assert [event async for event in events][-1] is not None
        return evidence

    assert all(isinstance(event, Evidence) for event in asyncio.run(asked()))
    last_found = max(at for at, what in enumerate(pipeline.order) if what.startswith("found"))
    assert sum(what.startswith("read") for what in pipeline.order[:last_found]) <= WORKERS


def test_what_nobody_waits_for_comes_after_whatever_somebody_does() -> None:
    workers, may_begin, done = Workers(1), threading.Event(), list[Step]()
    workers.submit(Step.FIND, partial(wait_until, may_begin.is_set))
    for step in (Step.SUGGEST, Step.READ, Step.GATHER, Step.FIND):
        workers.submit(step, partial(done.append, step))
    may_begin.set()
    wait_until(lambda: len(done) == len(Step))
    assert done == [Step.FIND, Step.GATHER, Step.READ, Step.SUGGEST]


def test_questions_of_our_own_are_what_nobody_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[Step] = []
    submit = Workers.submit

    def noted(workers: Workers, step: Step, work: Callable[[], None]) -> None:
        steps.append(step)
        submit(workers, step, work)

    monkeypatch.setattr(Workers, "submit", noted)
    events = list(Streams(Slow(0), Metrics()).aside("own"))
    assert isinstance(events[0], Evidence)
    assert isinstance(events[-1], Done)
    assert steps == [Step.SUGGEST, Step.SUGGEST]  # found and read; what a model writes is the caller's


def test_what_goes_wrong_aside_is_told_to_whoever_asked_aside() -> None:
    with pytest.raises(InputError):
        list(Streams(LexicalPipeline(), Metrics()).aside(""))


class Together(Slow):
    """Notes which questions were prepared together, and what each got; ``broken`` preparations fail."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__(0.0)
        self.broken = broken
        self.groups: list[list[str]] = []
        self.given: dict[str, QueryVectors] = {}

    def ahead(self, questions: Sequence[tuple[str, Sequence[Turn]]]) -> Sequence[QueryVectors]:
        self.groups.append([question for question, _ in questions])
        if self.broken:
            raise RuntimeError("the boiler burst")
        return [{question: np.ones(1, np.float32)} for question, _ in questions]

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filter: Filter | None = None,  # noqa: A002
        today: date | None = None,
        *,
        vectors: QueryVectors = NONE,
    ) -> Iterator[Event]:
        self.given[question] = vectors
        return super().stream(question, history, filter, today)


@pytest.mark.parametrize("broken", [False, True])
def test_who_waits_is_prepared_together_but_nobody_who_has_left(*, broken: bool) -> None:
    pipeline = Together(broken=broken)
    pipeline.may_read.clear()
    waiting = [str(number) for number in range(TOGETHER + 4)]

    async def asked() -> None:
        streams = Streams(pipeline, Metrics())
        busy = [streams.events(f"busy {number}") for number in range(WORKERS)]
        for events in busy:
            await anext(events)
        await asyncio.sleep(0.05)  # until each of them holds a thread, reading
        left = asyncio.ensure_future(first(streams.events("left")))
        found = [asyncio.ensure_future(first(streams.events(question))) for question in waiting]
        await asyncio.sleep(0.05)
        left.cancel()
        await asyncio.wait([left])
        pipeline.may_read.set()
        assert all(isinstance(event, Evidence) for event in await asyncio.gather(*found))
        for events in busy:
            await events.aclose()

    asyncio.run(asked())
    assert sorted((question for group in pipeline.groups for question in group), key=int) == waiting
    assert sorted(map(len, pipeline.groups)) == [4, TOGETHER]
    assert all(list(pipeline.given[question]) == ([] if broken else [question]) for question in waiting)
    assert all(pipeline.given[f"busy {number}"] == {} for number in range(WORKERS))  # who is alone waits for nothing
    assert "left" not in pipeline.given


@pytest.mark.parametrize("left_at", ["evidence", "quotes", "text"])
def test_who_leaves_frees_the_work_at_once(left_at: str) -> None:
    pipeline = LexicalPipeline(delay=0.02)
    metrics = Metrics()

    async def leave() -> float:
        events = Streams(pipeline, metrics).events("days of leave in the portal")
        async with aclosing(events):
            async for event in events:
                if isinstance(event, {"evidence": Evidence, "quotes": Quoted, "text": Delta}[left_at]):
                    break
        return await gone(lambda: not (pipeline.running or metrics.running))

    assert asyncio.run(leave()) < LEAVES_S


async def gone(free: Callable[[], bool]) -> float:
    begun = time.monotonic()
    while not free() and time.monotonic() < begun + 5:
        await asyncio.sleep(0.005)
    return time.monotonic() - begun


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_who_hangs_up_before_the_reply_begins_is_not_worked_for(tmp_path: Path, path: str) -> None:
    """All threads are busy with others: the question of somebody who has left is never asked."""
    pipeline = Slow(0.0)
    pipeline.may_read.clear()
    with running(pipeline, settings(tmp_path)) as address:
        url = f"{address}/api/chat"
        busy = [threading.Thread(target=ask, args=(url, f"busy {each}")) for each in range(WORKERS)]
        for thread in busy:
            thread.start()
        wait_until(lambda: sum(what.startswith("found busy") for what in pipeline.order) == WORKERS)
        time.sleep(0.2)  # until all of them are in the threads, reading
        body = {"question": "left", "model": "citechat", "messages": [{"role": "user", "content": "left"}]}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(address + path, json=body, timeout=httpx.Timeout(5, read=0.3))
        wait_until(lambda: "citechat_answers_running 2" in httpx.get(f"{address}/metrics").text, 2)
        pipeline.may_read.set()
        for thread in busy:
            thread.join()
        assert ask(url, "next") == 200
    assert "found left" not in pipeline.order
    assert "found next" in pipeline.order


def ask(url: str, question: str) -> int:
    return httpx.post(url, json={"question": question}, timeout=30).status_code


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


def test_a_model_that_writes_slowly_keeps_nobody_from_evidence() -> None:
    """More answers are being written than there are threads that find and read."""
    pipeline = Slow(0.02)

    async def crowd() -> float:
        streams = Streams(pipeline, Metrics())
        writing = [streams.events(str(each)) for each in range(MAX_STREAMS)]
        for events in writing:
            assert isinstance(await anext(events), Evidence)
        for events in writing:
            assert isinstance(await anext(events), Quoted)
        begun = time.monotonic()
        assert isinstance(await first(streams.events("one more")), Evidence)
        waited = time.monotonic() - begun
        for events in writing:
            await events.aclose()
        return waited

    assert asyncio.run(crowd()) < 0.5


class Brief(LexicalPipeline):
    """Answers everything with what it found, in one piece."""

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),  # noqa: ARG002
        filter: Filter | None = None,  # noqa: A002, ARG002
        today: date | None = None,  # noqa: ARG002
        *,
        vectors: QueryVectors = NONE,  # noqa: ARG002
    ) -> Iterator[Event]:
        hits = self.hits_of(question)
        yield Evidence(hits)
        yield Delta(hits[0].text)
        yield Done(Answer(question, question, "not_found", 0.1, None, hits[0].text, (), hits, "extractive"))


def test_memory_stays_flat_over_ten_thousand_questions() -> None:
    """Of all that an answer passes: threads, events, the stream, and the conversations that are kept."""
    conversations = Conversations()
    streams = Streams(Brief(), Metrics())

    async def ask(number: int) -> None:
        events = streams.events(f"How many days of leave does employee {number} get?")
        conversation, exchange = conversations.begin(None, str(number), visitor=str(number))
        reply = sse.Reply(conversations, conversation, exchange, ())
        async for _ in reply.encode(await anext(events), events):
            pass

    async def ask_all(numbers: range) -> float:
        for start in range(numbers.start, numbers.stop, 50):
            await asyncio.gather(*(ask(number) for number in range(start, start + 50)))
        gc.collect()
        return resident_mib(os.getpid())

    early = asyncio.run(ask_all(range(3_000)))
    late = asyncio.run(ask_all(range(3_000, 10_000)))
    assert late - early < 10, f"{early:.0f} MiB after 3,000 questions, {late:.0f} after 10,000"
