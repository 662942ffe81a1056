"""Batches side by side, each on a core of its own.

A model this small has too little work in one step to share it among cores: they wait for each other at every step. A
batch a core needs no waiting but at the end, and what is not arithmetic (pooling, Python) is done side by side as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Lanes:
    """Threads that stay, as many as torch would use, each of which computes on one core. Thread-safe.

    They are started when there is first more than one thing to do. They stay because torch gives a thread memory that
    is not returned when it ends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    def run(self, work: Sequence[Callable[[], Result]]) -> Iterable[Result]:
        """Do all of it and return the results in order; one piece alone is done here, by all cores."""
        if len(work) < 2:
            return [piece() for piece in work]
        return self._started().map(_called, work)

    def _started(self) -> ThreadPoolExecutor:
        import torch

        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(torch.get_num_threads(), "lane", _one_core)
            return self._threads


def _called(piece: Callable[[], Result]) -> Result:
    return piece()


def _one_core() -> None:
    """Let this thread alone compute without help: `torch.set_num_threads` would hold for others as well."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.get_num_threads()  # lets torch set its own number first, which it does once in a thread
    threadpool_limits(1, "openmp")
