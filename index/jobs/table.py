"""The table of jobs in PostgreSQL: one job a file, taken by one worker at a time, whatever becomes of the worker.

A worker holds a job by a lease, which it extends while it works. Where it does not, the next one takes the job: the
files that it has stored already are found unchanged then. All times are the server's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args
from uuid import UUID

from psycopg import Connection

from index.errors import InputError
from index.sources import FoundFile, location_of
from index.store.base import Origin
from index.store.postgres.rows import ORIGIN
from index.store.postgres.server import Row, Server

State = Literal["waiting", "running", "done", "failed", "cancelled"]

LEASE_S = 60.0
"""Seconds after its last sign of life that a worker's jobs are taken by another."""
MAX_ATTEMPTS = 3
"""Attempts after which a file is set aside."""
FIRST_PAUSE_S, MAX_PAUSE_S = 2.0, 300.0
"""Seconds before the second attempt, doubled for each one after it, up to the largest."""
KEPT_DAYS = 30
"""Days that ended jobs stay listed."""

_COLUMNS = "id, location, path, name, state, attempts, worker, passages, reason, queued, ended"


@dataclass(frozen=True, slots=True)
class Job:
    """A file to be indexed; ``reason`` says why it failed or waits again, or what of it could not be read."""

    id: int
    location: str
    file: FoundFile
    state: State
    attempts: int
    worker: str
    passages: int
    reason: str
    queued: datetime
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Lease:
    """Jobs that one worker holds, until it finishes or fails to extend the lease in time."""

    id: UUID
    jobs: tuple[Job, ...]


class JobTable:
    """The jobs of one store. Thread-safe; any number of processes may use it."""

    def __init__(self, server: Server) -> None:
        """Use the tables of this server's schema."""
        self._server = server

    def add(self, files: Sequence[FoundFile]) -> int:
        """Queue files and return how many jobs are new.

        One that waits already is not queued twice; one that is being read is read once more after that.
        """
        values = [(location_of(file.path), os.fsencode(os.path.realpath(file.path)), file.name) for file in files]
        fresh = 0
        with self._server.transaction() as connection:
            connection.execute(
                "DELETE FROM jobs WHERE ended < now() - make_interval(days => %s) AND state != 'failed'", (KEPT_DAYS,)
            )
            for value in values:
                ((inserted,),) = connection.execute(
                    """INSERT INTO jobs (location, path, name) VALUES (%s, %s, %s)
                       ON CONFLICT (location) WHERE state IN ('waiting', 'running')
                       DO UPDATE SET again = jobs.state = 'running' RETURNING xmax = 0""",
                    value,
                ).fetchall()
                fresh += bool(inserted)
        return fresh

    def take(self, worker: str, number: int = 1, lease_s: float = LEASE_S) -> Lease | None:
        """Give up to ``number`` jobs to a worker, those that wait longest first; ``None`` if there are none.

        Jobs of workers that are gone wait again, or are set aside if that happened too often. What was tried before
        comes last and alone, so that a file that kills workers takes no other down with it.
        """
        with self._server.transaction() as connection:
            self._take_back(connection)
            fresh, tried = "attempts = 0", "attempts > 0"
            found = _taken(connection, fresh, worker, number, lease_s) or _taken(connection, tried, worker, 1, lease_s)
        if not found:
            return None
        jobs = sorted((_job(row[1:]) for row in found), key=lambda job: job.id)
        return Lease(found[0][0], tuple(jobs))

    def extend(self, lease: Lease, lease_s: float = LEASE_S) -> frozenset[int]:
        """Say that the worker lives; return the ids of the jobs that it still holds: others were cancelled or taken."""
        with self._server.connection() as connection:
            held = connection.execute(
                """UPDATE jobs SET leased_until = now() + make_interval(secs => %s)
                   WHERE lease = %s AND state = 'running' RETURNING id""",
                (lease_s, lease.id),
            ).fetchall()
        return frozenset(id_ for (id_,) in held)

    def finish(self, lease: Lease, job: Job, passages: int, reason: str = "") -> bool:
        """Record that a file is indexed; tell whether the worker still held the job."""
        return self._end(lease, job, "done", passages, reason)

    def set_aside(self, lease: Lease, job: Job, reason: str) -> bool:
        """Record that a file cannot be indexed; tell whether the worker still held the job."""
        return self._end(lease, job, "failed", 0, reason)

    def give_back(self, lease: Lease, job: Job, reason: str = "", *, counted: bool = True) -> bool:
        """Let a job wait for another attempt, or set it aside after too many; tell whether the worker still held it.

        An attempt that is not ``counted`` was none: the worker was told to end.
        """
        if counted and job.attempts >= MAX_ATTEMPTS:
            return self.set_aside(lease, job, reason)
        pause = min(MAX_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (job.attempts - 1)) if counted else 0.0
        with self._server.connection() as connection:
            return bool(
                connection.execute(
                    """UPDATE jobs SET state = 'waiting', ready = now() + make_interval(secs => %s), worker = '',
                           lease = NULL, leased_until = NULL, again = false, reason = %s,
                           attempts = attempts - %s
                       WHERE id = %s AND lease = %s AND state = 'running'""",
                    (pause, reason, int(not counted), job.id, lease.id),
                ).rowcount
            )

    def cancel(self, ids: Sequence[int] | None = None) -> int:
        """Cancel jobs that wait or run, all of them if none are named; return how many. What is stored stays.

        Raises:
            InputError: there is no such job.
        """
        with self._server.transaction() as connection:
            _refuse_unknown(connection, ids)
            return connection.execute(
                """UPDATE jobs SET state = 'cancelled', ended = now(), lease = NULL, leased_until = NULL
                   WHERE state IN ('waiting', 'running') AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s))""",
                {"ids": None if ids is None else list(ids)},
            ).rowcount

    def retry(self, ids: Sequence[int] | None = None) -> int:
        """Let jobs that failed or were cancelled wait again, all that failed if none are named; return how many.

        Of several about one file the latest is taken, and none where another waits or runs already.

        Raises:
            InputError: there is no such job.
        """
        with self._server.transaction() as connection:
            _refuse_unknown(connection, ids)
            return connection.execute(
                """UPDATE jobs SET state = 'waiting', attempts = 0, ready = now(), ended = NULL, reason = '',
                       worker = ''
                   WHERE id IN (SELECT DISTINCT ON (location) id FROM jobs j
                       WHERE CASE WHEN %(ids)s::bigint[] IS NULL THEN state = 'failed'
                             ELSE state IN ('failed', 'cancelled') AND id = ANY(%(ids)s) END
                       AND NOT EXISTS (SELECT 1 FROM jobs o
                           WHERE o.location = j.location AND o.state IN ('waiting', 'running'))
                       ORDER BY location, id DESC)""",
                {"ids": None if ids is None else list(ids)},
            ).rowcount

    def jobs(self, state: State | None = None, limit: int = 100) -> list[Job]:
        """List jobs, the latest first; those of one state, if one is given."""
        rows = self._server.read(
            f"""SELECT {_COLUMNS} FROM jobs WHERE %(state)s::text IS NULL OR state = %(state)s
                ORDER BY id DESC LIMIT %(limit)s""",
            {"state": state, "limit": limit},
        )
        return [_job(row) for row in rows]

    def counts(self) -> dict[State, int]:
        """Return how many jobs there are of each state."""
        found: dict[str, int] = dict(self._server.read("SELECT state, count(*) FROM jobs GROUP BY state"))
        return {state: found.get(state, 0) for state in get_args(State)}

    def origins(self, files: Sequence[FoundFile]) -> dict[str, Origin]:
        """Return what came from these files before, and what has one of the names that they might get."""
        locations = [location_of(file.path) for file in files]
        names = {name for file in files for name in _names(file)}
        rows = self._server.read(
            # "0" comes right after "/": between them lies what is called after a container.
            f"""SELECT {ORIGIN} FROM origins o WHERE location = ANY(%(locations)s) OR source = ANY(%(names)s)
                UNION SELECT {ORIGIN} FROM unnest(%(locations)s::text[]) l JOIN origins o
                ON o.location > l || '/' AND o.location < l || '0'""",
            {"locations": locations, "names": list(names)},
        )
        return {row[0]: Origin(*row) for row in rows}

    def _take_back(self, connection: Connection) -> None:
        """Let jobs whose lease has run out wait again; set those aside that outlived too many workers."""
        connection.execute(
            """UPDATE jobs SET state = CASE WHEN attempts >= %(most)s THEN 'failed' ELSE 'waiting' END,
                   ended = CASE WHEN attempts >= %(most)s THEN now() END,
                   reason = 'The worker ' || worker || ' was gone before it was done, at attempt ' || attempts || '.',
                   worker = '', lease = NULL, leased_until = NULL, again = false
               WHERE id IN (SELECT id FROM jobs WHERE state = 'running' AND leased_until < now()
                            FOR UPDATE SKIP LOCKED)""",
            {"most": MAX_ATTEMPTS},
        )

    def _end(self, lease: Lease, job: Job, state: State, passages: int, reason: str) -> bool:
        with self._server.connection() as connection:
            return bool(
                connection.execute(
                    """UPDATE jobs SET state = CASE WHEN again THEN 'waiting' ELSE %(state)s END,
                           attempts = CASE WHEN again THEN 0 ELSE attempts END, again = false,
                           ready = now(), ended = now(), lease = NULL, leased_until = NULL,
                           passages = %(passages)s, reason = %(reason)s
                       WHERE id = %(id)s AND lease = %(lease)s AND state = 'running'""",
                    {"state": state, "passages": passages, "reason": reason, "id": job.id, "lease": lease.id},
                ).rowcount
            )


def _taken(connection: Connection, which: str, worker: str, number: int, lease_s: float) -> list[Row]:
    return connection.execute(
        f"""WITH lease AS (SELECT gen_random_uuid() AS id),
                 next AS (SELECT id FROM jobs WHERE state = 'waiting' AND ready <= now() AND {which}
                          ORDER BY ready, id LIMIT %s FOR UPDATE SKIP LOCKED)
            UPDATE jobs j SET state = 'running', attempts = attempts + 1, worker = %s, lease = lease.id,
                leased_until = now() + make_interval(secs => %s), reason = ''
            FROM next, lease WHERE j.id = next.id
            RETURNING lease.id, {", ".join(f"j.{name}" for name in _COLUMNS.split(", "))}""",
        (number, worker, lease_s),
    ).fetchall()


def _refuse_unknown(connection: Connection, ids: Sequence[int] | None) -> None:
    if ids is not None:
        known = connection.execute("SELECT id FROM jobs WHERE id = ANY(%s)", (list(ids),)).fetchall()
        missing = set(ids) - {id_ for (id_,) in known}
        if missing:
            raise InputError(f"There is no job {min(missing)}.", "See: citechat jobs list")


def _names(file: FoundFile) -> list[str]:
    """Return the names that a file may get: its own, and longer ones that tell it apart."""
    parents = Path(os.path.realpath(file.path)).parents[len(Path(file.name).parts) - 1 :]
    names = [file.name]
    for parent in parents[:3]:
        names.append(f"{parent.name}/{names[-1]}")
    return names


def _job(row: Row) -> Job:
    id_, location, path, name, state, attempts, worker, passages, reason, queued, ended = row
    file = FoundFile(Path(os.fsdecode(bytes(path))), name)
    return Job(id_, location, file, state, attempts, worker, passages, reason, queued, ended)
