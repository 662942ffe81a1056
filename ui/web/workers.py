"""Threads that do the work of answers in steps, the most urgent step first."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum

Work = Callable[[], None]


class Step(IntEnum):
    """What is to be done for an answer. The lower goes first: who waits for evidence is served before who has it."""

    FIND = 0
    GATHER = 1
    READ = 2
    SUGGEST = 3
    """What nobody waits for: questions that citechat asks itself, to offer them."""


class Workers:
    """A few threads for many answers. Among steps of the same kind, the one that came first goes first.

    The threads stay: torch keeps memory for each thread that it ever ran in.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="answer")
        self._waiting: list[tuple[Step, int, Work]] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def submit(self, step: Step, work: Work) -> None:
        """Have ``work``, which raises nothing, done when its turn comes."""
        with self._lock:
            heapq.heappush(self._waiting, (step, next(self._numbers), work))
        self._threads.submit(self._next)

    def _next(self) -> None:
        with self._lock:
            _, _, work = heapq.heappop(self._waiting)
        work()
