"""``citechat worker | jobs``: files that were queued with ``citechat index add --queue``, and what indexes them."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import InputError
from ui.cli.console import Console, Subparsers, add_command, add_group, one_line
from ui.counted import counted

if TYPE_CHECKING:
    from index.errors import CitechatError
    from index.jobs.table import Job, JobTable

_STATES = ("waiting", "running", "done", "failed", "cancelled")

_DETAILS = """\
Any number of workers on any hosts share one queue; the files must be where they were queued from, on a folder that all
hosts see. A worker may be killed at any moment. Ctrl-C lets it finish what it has begun.
"""


def add_commands(commands: Subparsers) -> None:
    """Add ``worker`` and ``jobs``."""
    parser = add_command(
        commands,
        "worker",
        _worker,
        "index the files that wait in the database",
        "citechat worker --until-empty",
        details=_DETAILS,
    )
    parser.add_argument("--until-empty", action="store_true", help="end once no file waits or is being read")
    group = add_group(commands, "jobs", "list, cancel and retry queued files")
    parser = add_command(
        group, "list", _list, "list queued files, the latest first", "citechat jobs list --state failed"
    )
    parser.add_argument("--state", choices=_STATES, help="only those")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="so many at most (default 50)")
    for name, run, summary in (
        ("cancel", _cancel, "cancel files that wait or are being read; all of them unless named"),
        ("retry", _retry, "let files that failed wait again; all of them unless named"),
    ):
        parser = add_command(group, name, run, summary, f"citechat jobs {name} 17")
        parser.add_argument("jobs", nargs="*", type=int, metavar="JOB", help="number of a job, as listed")


def queue_files(home: Path | None, paths: Sequence[Path], console: Console) -> int:
    """Queue files and folders for the workers."""
    from index.files import find_files

    files = find_files(paths)
    with _table(home) as table:
        fresh = table.add(files)
        waiting = table.counts()["waiting"]
    queued = f"Queued {counted(fresh, 'file')} ({len(files) - fresh} were already)"
    text = f"{queued}; {waiting} wait. Index them: citechat worker"
    console.result({"queued": fresh, "already": len(files) - fresh, "waiting": waiting}, text)
    return 0


@contextmanager
def _table(home: Path | None) -> Iterator[JobTable]:
    from rag.settings import load_settings

    settings = load_settings(home)
    if not settings.store.get_secret_value():
        raise InputError(
            "Files are queued in a database, and none is set.",
            "Set store to a PostgreSQL database, or add the files at once: citechat index add PATH",
        )
    from index.jobs.table import JobTable
    from index.store.opening import open_server

    server = open_server(settings.store.get_secret_value(), settings.store_schema, settings.store_connections)
    try:
        yield JobTable(server)
    finally:
        server.close()


def _worker(options: argparse.Namespace, console: Console) -> int:
    from rag.opening import open_corpus
    from rag.settings import load_settings

    with _table(options.home) as table:
        from index.jobs.worker import Worker

        with open_corpus(load_settings(options.home, llm="none")) as corpus:
            worker = Worker(corpus, table, _Told(console))
            with _until_signal(worker.stop):
                worker.run(until_empty=options.until_empty)
        counts = table.counts()
    console.result(counts, ", ".join(f"{number} {state}" for state, number in counts.items()))
    return 0


class _Told:
    """Prints a line for each file."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def done(self, job: Job, outcome: str) -> None:  # noqa: ARG002  # the outcome names the file
        self._console.line(one_line(outcome))

    def away(self, error: CitechatError) -> None:
        self._console.say(one_line(f"{error} The worker waits for it."))


@contextmanager
def _until_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the work in order; the second one ends it at once."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def ended(*_: object) -> None:
        for number in numbers:
            signal.signal(number, before[number])
        stop()

    for number in numbers:
        signal.signal(number, ended)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def _list(options: argparse.Namespace, console: Console) -> int:
    with _table(options.home) as table:
        jobs, counts = table.jobs(options.state, options.limit), table.counts()
    lines = [_row(job) for job in jobs]
    lines.append(", ".join(f"{number} {state}" for state, number in counts.items()))
    console.result({"counts": counts, "jobs": [_values(job) for job in jobs]}, "\n".join(lines))
    return 0


def _row(job: Job) -> str:
    notes = [job.worker if job.state == "running" else "", f"attempt {job.attempts}" if job.attempts > 1 else ""]
    return one_line(f"{job.id:8}  {job.state:9}  {job.file.name}  {'  '.join(filter(None, [*notes, job.reason]))}")


def _values(job: Job) -> dict[str, Any]:
    times = {"queued": job.queued.isoformat(), "ended": job.ended and job.ended.isoformat()}
    kept = {key: value for key, value in asdict(job).items() if key != "file"}
    return kept | times | {"name": job.file.name}


def _cancel(options: argparse.Namespace, console: Console) -> int:
    with _table(options.home) as table:
        number = table.cancel(options.jobs or None)
    console.result({"cancelled": number}, f"Cancelled {counted(number, 'file')}. What is stored of them stays.")
    return 0


def _retry(options: argparse.Namespace, console: Console) -> int:
    with _table(options.home) as table:
        number = table.retry(options.jobs or None)
    console.result({"waiting": number}, f"{counted(number, 'file')} to be read again.")
    return 0
