"""What is lost when parts of an installation die: ``python -m tests.faults --questions 1000``.

Two ``citechat serve`` behind nginx, two ``citechat worker``, a PostgreSQL and its streaming replica, all on this
machine. Readers ask and judge while every document is replaced again and again. In the middle of it a web server and a
worker are killed, PostgreSQL is restarted, crashes, and fails over to the replica. Printed is the time until it answers
again, and what became of the answers: the exit code is 1 if one was wrong or torn, or anything acknowledged was lost.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from index.files import find_files
from index.jobs.table import JobTable
from index.store.opening import open_server, open_store
from tests.postgres import Postgres, running_postgres
from tests.processes import Process, proxied
from tests.replica import Replica, replicated
from tests.stores import Place
from tests.terminal import CITECHAT, ENVIRONMENT, ROOT
from tests.test_api import events_of

ROOMS = 40
READERS = 4
LEASE_S = 60.0
ANIMALS = "badgers beavers cranes falcons foxes geese hares herons lynxes otters".split()


@dataclass(slots=True)
class Seen:
    """What the readers saw. ``done`` are answers that they were told to be complete, by message; times are clocks."""

    done: dict[str, tuple[str, str]] = field(default_factory=dict)
    judged: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    answered: list[tuple[float, float]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def text_of(room: int, version: int) -> str:
    """A document: each of its sentences names the version."""
    animals = ANIMALS[room % len(ANIMALS)]
    return (
        f"# Enclosure {room}\n\nEnclosure {room} houses {room + 3} {animals} as of issue {version}. "
        f"The keeper of enclosure {room} is paid {room + 40} crowns as of issue {version}.\n"
    )


def check(question: str, answer: dict[str, Any], seen: Seen) -> None:
    """Each quote is a sentence of some version of its document, and those of one document are of one version."""
    versions: dict[str, set[str]] = {}
    for quote in (quote for claim in answer["claims"] for quote in claim["quotes"]):
        issue = re.search(r"as of issue (\d+)", quote["text"])
        room = re.fullmatch(r"room(\d+)\.md", quote["source"])
        whole = room and issue and quote["text"] in text_of(int(room[1]), int(issue[1]))
        if not (room and issue and whole):
            seen.wrong.append(f"{question} -> {quote['source']}: {quote['text']}")
            continue
        versions.setdefault(quote["source"], set()).add(issue[1])
    seen.wrong += [f"{question} -> torn: {source} {found}" for source, found in versions.items() if len(found) > 1]


def read(url: str, number: int, seen: Seen, ended: threading.Event) -> None:
    """Ask, and judge what was answered, until told to end."""
    turn = number
    with httpx.Client(base_url=url, timeout=60) as client:
        while not ended.is_set():
            turn += READERS
            room = turn % ROOMS
            question = f"How many {ANIMALS[room % len(ANIMALS)]} does enclosure {room} house?"
            begun = time.monotonic()
            problem = _ask(client, question, begun, seen)
            if problem:
                with seen.lock:
                    seen.problems[problem] += 1
                time.sleep(0.1)


def _ask(client: httpx.Client, question: str, begun: float, seen: Seen) -> str:
    """Return what went wrong, in a word; empty if nothing did."""
    try:
        reply = client.post("/api/chat", json={"question": question})
    except httpx.TransportError as error:
        return type(error).__name__
    if reply.status_code != 200:
        return str(reply.status_code)
    events = events_of(reply.text)
    if not events or events[-1]["type"] != "done":
        return str(events[-1].get("code", "cut off")) if events else "cut off"
    done = events[-1]
    answer = next(event for event in events if event["type"] == "citations")
    with seen.lock:
        check(question, answer, seen)
        seen.done[done["message_id"]] = question, answer["answer"]
        seen.statuses[answer["status"]] += 1
        seen.answered.append((begun, time.monotonic()))
    with suppress(httpx.TransportError):
        verdict = {"message_id": done["message_id"], "value": "up"}
        if client.post("/api/feedback", json=verdict).status_code == 200:
            seen.judged.append(done["message_id"])
    return ""


class Writer:
    """Writes new versions of all files, queues them, and goes on once they are stored."""

    def __init__(self, folder: Path, table: JobTable) -> None:
        self.version = 1
        self.ended = threading.Event()
        self._folder = folder
        self._table = table
        self._thread = threading.Thread(target=self._run)

    def write(self) -> None:
        """Write and queue the present version of every file."""
        for room in range(ROOMS):
            fresh = self._folder / f".room{room}"
            fresh.write_text(text_of(room, self.version))
            fresh.replace(self._folder / f"room{room}.md")
        self._table.add(find_files([self._folder]))

    def start(self) -> None:
        """Write on in a thread."""
        self._thread.start()

    def end(self) -> None:
        """Write no further version."""
        self.ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.ended.wait(0.5):
            with suppress(Exception):  # the database is away: once more
                counts = self._table.counts()
                if not counts["waiting"] + counts["running"]:
                    self.version += 1
                    self.write()


def worker(place: Place) -> subprocess.Popen[bytes]:
    """Start ``citechat worker``."""
    command = [*CITECHAT, "worker", "--home", str(place.folder)]
    environment = ENVIRONMENT | place.settings
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def until(condition: Callable[[], object], seconds: float) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(Exception):
            if condition():
                return
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


class Installation:
    """All the processes, and the ways in which they die."""

    def __init__(self, opened: ExitStack, folder: Path) -> None:
        self.primary: Postgres = opened.enter_context(running_postgres())
        open_server(self.primary.url(), "citechat").close()
        self.replica: Replica = opened.enter_context(replicated(self.primary))
        self.place = Place(folder / "home", self.replica.either)
        self.files = folder / "files"
        self.files.mkdir()
        server = open_server(self.replica.either, "citechat")
        opened.callback(server.close)
        self.table = JobTable(server)
        self.writer = Writer(self.files, self.table)
        self.writer.write()
        self.workers = [worker(self.place) for _ in range(2)]
        opened.callback(self._end_workers)
        until(lambda: self.table.counts()["done"] == ROOMS, 120)
        self.servers = [Process.real(self.place) for _ in range(2)]
        for each in self.servers:
            opened.callback(each.end)
            each.start()
        self.url = opened.enter_context(proxied(self.servers, folder))

    def _end_workers(self) -> None:
        for each in self.workers:
            each.kill()
            each.wait()

    def kill_server(self) -> None:
        """Kill a web server; whoever watches over it starts it again."""
        self.servers[0].end(signal.SIGKILL)
        threading.Thread(target=self.servers[0].start).start()

    def kill_worker(self) -> None:
        """Kill a worker while it reads a file; another one is started."""
        until(lambda: any(job.worker.endswith(f" {self.workers[0].pid}") for job in self.table.jobs("running")), 60)
        self.workers[0].kill()
        self.workers[0].wait()
        self.workers[0] = worker(self.place)

    def restart(self) -> None:
        """Restart PostgreSQL."""
        self.primary.stop()
        self.primary.start()

    def crash(self) -> None:
        """Let PostgreSQL crash, and start it again."""
        self.primary.stop(signal.SIGQUIT)
        self.primary.start()

    def fail_over(self) -> None:
        """Let PostgreSQL crash for good, and the replica take its place."""
        self.primary.stop(signal.SIGQUIT)
        self.replica.promote()


def main(arguments: Sequence[str] | None = None) -> int:
    """Do all of it and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--questions", type=int, default=1000)
    options = parser.parse_args(arguments)
    with ExitStack() as opened, tempfile.TemporaryDirectory(prefix="citechat-faults-") as folder:
        there = Installation(opened, Path(folder))
        seen, ended = Seen(), threading.Event()
        readers = [threading.Thread(target=read, args=(there.url, n, seen, ended)) for n in range(READERS)]
        there.writer.start()
        for reader in readers:
            reader.start()
        faults = (there.kill_server, there.kill_worker, there.restart, there.crash, there.fail_over)
        _tell(f"{'fault':14}{'back after':>12}{'longest gap':>13}  what readers were told meanwhile")
        for number, fault in enumerate(faults, 1):
            _tell(_fault(fault, number, options.questions, seen))
        until(lambda: len(seen.done) >= options.questions, 600)
        ended.set()
        for reader in readers:
            reader.join()
        there.writer.end()
        until(lambda: not there.table.counts()["waiting"] + there.table.counts()["running"], 2 * LEASE_S + 60)
        lost = _lost(there, seen)
    _tell(
        f"{len(seen.done)} answers ({dict(seen.statuses)}), {len(seen.judged)} judgements, "
        f"{there.writer.version} versions of {ROOMS} documents"
    )
    _tell(f"wrong or torn: {len(seen.wrong)}; acknowledged and lost: {len(lost)}")
    for each in [*seen.wrong, *lost]:
        _tell(f"  {each}")
    return 1 if seen.wrong or lost else 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fault(fault: Callable[[], None], number: int, questions: int, seen: Seen) -> str:
    """Wait for the next part of the questions, do it, wait for answers, and return a line about it."""
    until(lambda: len(seen.done) >= questions * number // 7, 600)
    before, begun = seen.problems.copy(), time.monotonic()
    fault()
    until(lambda: sum(asked >= begun for asked, _ in seen.answered) >= 2 * READERS, 120)
    first = min(told for asked, told in seen.answered if asked >= begun)
    times = [begun, *(told for _, told in sorted(seen.answered, key=lambda each: each[1]) if told > begun)]
    gap = max(later - earlier for earlier, later in pairwise(times))
    problems = dict(seen.problems - before)
    return f"{fault.__name__:14}{first - begun:10.2f} s{gap:11.2f} s  {problems or 'nothing'}"


def _lost(there: Installation, seen: Seen) -> list[str]:
    """Return what was acknowledged and is not there."""
    lost = []
    with httpx.Client(base_url=there.url, timeout=60) as client:
        for message_id, (question, _) in seen.done.items():
            found = client.get(f"/api/answers/{message_id}/sources").json()
            if (found.get("question"), found.get("state")) != (question, "complete"):
                lost.append(f"answer {message_id}: {found}")
    server = open_server(there.place.url, there.place.schema)
    judged = {message for (message,) in server.read("SELECT message FROM feedback")}
    lost += [f"judgement of {message_id}" for message_id in seen.judged if message_id not in judged]
    meta: dict[str, str] = dict(server.read("SELECT key, value FROM meta"))
    server.close()
    store = open_store(there.files, there.place.url, there.place.schema, meta["fingerprint"], int(meta["dimension"]))
    lost += store.verify()
    texts = {info.sources: store.document(info.id) for info in store.documents()}
    for room in range(ROOMS):
        document = texts.pop((f"room{room}.md",), None)
        words = f"as of issue {there.writer.version}."
        if document is None or document.text.count(words) != 2:
            lost.append(f"version {there.writer.version} of room {room}: {document and document.text}")
    lost += [f"{sources} twice" for sources in texts]
    store.close()
    return lost


if __name__ == "__main__":
    raise SystemExit(main())
