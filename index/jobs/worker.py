"""A worker takes jobs and indexes their files. It may be killed at any moment: nothing is lost and nothing doubled."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from psycopg.errors import DataError, ProgramLimitExceeded

from index.errors import Busy, CitechatError, StoreUnavailable
from index.jobs.table import LEASE_S, Job, JobTable, Lease
from index.readers.worker import ReaderProcess

if TYPE_CHECKING:
    from index.corpus import Corpus
    from index.intake import AddResult
    from index.sources import FoundFile

BATCH = 8
"""Files taken at a time, so that their passages are embedded together."""
POLL_S = 1.0
"""Seconds between two looks for jobs, and for a server that is away."""

_PASSING = (StoreUnavailable, Busy)
"""What waiting helps against."""


_OF_A_FILE = (DataError, ProgramLimitExceeded)
"""What the server says of a document that it cannot store."""


class Listener(Protocol):
    """Who hears what a worker does."""

    def done(self, job: Job, outcome: str) -> None:
        """Hear what became of a job, in words."""

    def away(self, error: CitechatError) -> None:
        """Hear that the server is away, once for each time."""


class Worker:
    """Works on the jobs of one store until it is told to stop."""

    def __init__(self, corpus: Corpus, table: JobTable, listener: Listener, lease_s: float = LEASE_S) -> None:
        """Work for ``corpus``; ``lease_s`` is how long its jobs are its own without a sign of life."""
        self.name = f"{socket.gethostname()} {os.getpid()}"
        self._corpus = corpus
        self._table = table
        self._listener = listener
        self._lease_s = lease_s
        self._stopped = threading.Event()
        self._untidy = False

    def stop(self) -> None:
        """Finish the files that are begun, give the others back, and end."""
        self._stopped.set()

    def run(self, *, until_empty: bool = False) -> None:
        """Work until told to stop, or until no job waits or runs anywhere.

        Raises:
            InputError: nothing can be stored (the role may not, the disk is full); the jobs wait for another worker.
            IndexDamaged: the index cannot be used.
        """
        told = False
        with ReaderProcess() as reader:
            while not self._stopped.is_set():
                try:
                    lease = self._table.take(self.name, BATCH, self._lease_s)
                    if lease is not None:
                        self._work(lease, reader)
                    else:
                        self._tidy()
                        counts = self._table.counts()
                        if until_empty and not counts["waiting"] + counts["running"]:
                            return
                        self._stopped.wait(POLL_S)
                    told = False
                except _PASSING as error:
                    if not told:
                        self._listener.away(error)
                    told = True
                    self._stopped.wait(POLL_S)

    def _work(self, lease: Lease, reader: ReaderProcess) -> None:
        """Index the files of a lease; what was not begun, or not ended for no fault of its own, waits again."""
        try:
            with _Heart(self._table, lease, self._lease_s) as heart:
                self._batch(lease, lease.jobs, heart, reader)
        finally:
            with suppress(*_PASSING):  # else the lease runs out
                for job in lease.jobs:
                    self._table.give_back(lease, job, counted=False)

    def _batch(self, lease: Lease, jobs: tuple[Job, ...], heart: _Heart, reader: ReaderProcess) -> None:
        begun: list[Job] = []

        def files() -> Iterator[FoundFile]:
            for job in jobs:
                if self._stopped.is_set():
                    return
                if heart.holds(job):
                    begun.append(job)
                    yield job.file

        before = {job.id: _state(job) for job in jobs}
        try:
            outcomes = self._corpus.add_beside(files(), self._table.origins([job.file for job in jobs]), reader)
        except Exception as error:  # whatever a file may do to a parser or a model: the others are not to suffer
            if isinstance(error, CitechatError) and not isinstance(error.__cause__, _OF_A_FILE):
                raise
            self._one_by_one(lease, begun, heart, reader, f"{type(error).__name__}: {error}")
            return
        self._untidy = True
        for job, outcome in zip(begun, outcomes, strict=True):
            if isinstance(outcome, list):
                self._listener.done(job, self._settle(lease, job, outcome, changed=_state(job) != before[job.id]))
            else:
                self._listener.done(job, self._set_back(lease, job, outcome.problem))

    def _one_by_one(
        self, lease: Lease, jobs: Sequence[Job], heart: _Heart, reader: ReaderProcess, problem: str
    ) -> None:
        """Find out which file of several the problem comes of; a file by itself has it."""
        if len(jobs) == 1:
            self._listener.done(jobs[0], self._set_back(lease, jobs[0], problem))
            return
        for job in jobs:
            self._batch(lease, (job,), heart, reader)

    def _settle(self, lease: Lease, job: Job, results: list[AddResult], *, changed: bool) -> str:
        """Record what became of a file and return it in words."""
        failed = [result for result in results if result.status == "failed"]
        reason = " ".join(f"{result.source}: {result.reason}" for result in failed)
        if failed and (changed or _is_gone(job)):
            return self._set_back(lease, job, reason)
        if failed and len(failed) == len(results):
            self._table.set_aside(lease, job, reason)
            return f"failed     {reason}"
        passages = sum(result.passages for result in results)
        self._table.finish(lease, job, passages, reason)
        return f"done       {job.file.name} ({passages} new passages)" + (f" {reason}" if reason else "")

    def _set_back(self, lease: Lease, job: Job, reason: str) -> str:
        self._table.give_back(lease, job, reason)
        return f"not yet    {reason}"

    def _tidy(self) -> None:
        """Erase what is left of replaced documents, now that there is time."""
        if self._untidy:
            self._corpus.forget()
            self._untidy = False


class _Heart:
    """Extends a lease while its jobs are worked on, in a thread of its own."""

    def __init__(self, table: JobTable, lease: Lease, lease_s: float) -> None:
        self._table = table
        self._lease = lease
        self._lease_s = lease_s
        self._held = frozenset(job.id for job in lease.jobs)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> _Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def holds(self, job: Job) -> bool:
        """Tell whether the job was still ours when we looked last."""
        return job.id in self._held

    def _beat(self) -> None:
        while not self._ended.wait(self._lease_s / 3):
            with suppress(CitechatError):  # the next beat may come through; else the jobs are another's
                self._held = self._table.extend(self._lease, self._lease_s)


def _is_gone(job: Job) -> bool:
    """Tell whether the file is not there: a folder of another host may come back."""
    return _state(job) is None


def _state(job: Job) -> tuple[int, int] | None:
    """Return size and time of a file, ``None`` if it is not there."""
    try:
        found = job.file.path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
