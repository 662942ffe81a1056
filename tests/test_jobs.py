"""Jobs on a real server: each file once, whatever becomes of the workers that read it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from index.corpus import Corpus
from index.errors import CitechatError, IndexDamaged, InputError
from index.files import find_files
from index.jobs.table import MAX_ATTEMPTS, Job, JobTable
from index.jobs.worker import Worker
from index.sources import FoundFile
from index.store.opening import open_server
from tests.conftest import PASSAGE_TOKENS
from tests.embedding import HashingEmbedder
from tests.postgres import Postgres, running_postgres
from tests.replica import replicated
from tests.stores import Place
from tests.terminal import CITECHAT, ENVIRONMENT, ROOT, run

WORKER = """
import sys
from index.corpus import Corpus
from index.jobs.table import JobTable
from index.jobs.worker import Worker
from index.store.opening import open_server
from tests.embedding import HashingEmbedder
from tests.stores import Place
from tests.test_jobs import Heard

place = Place.of(*sys.argv[1:4])
table = JobTable(open_server(place.url, place.schema))
embedder = HashingEmbedder()
with Corpus(place.open(embedder.fingerprint), embedder, 60) as corpus:
    print("ready", flush=True)
    input()
    Worker(corpus, table, Heard(), lease_s=float(sys.argv[4])).run(until_empty=True)
"""


class Heard:
    """Keeps what a worker says."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.errors: list[str] = []

    def done(self, job: Job, outcome: str) -> None:  # noqa: ARG002  # the outcome names the file
        self.outcomes.append(outcome)

    def away(self, error: CitechatError) -> None:
        self.errors.append(str(error))


@pytest.fixture
def place(postgres: Postgres, schema: str, tmp_path: Path) -> Place:
    return Place(tmp_path / "home", postgres.url(), schema)


@pytest.fixture
def table(place: Place) -> Iterator[JobTable]:
    server = open_server(place.url, place.schema)
    yield JobTable(server)
    server.close()


@pytest.fixture
def corpus(place: Place) -> Iterator[Corpus]:
    embedder = HashingEmbedder()
    with Corpus(place.open(embedder.fingerprint), embedder, PASSAGE_TOKENS) as corpus:
        yield corpus


def folder_of(tmp_path: Path, number: int) -> list[FoundFile]:
    folder = tmp_path / "files"
    folder.mkdir(exist_ok=True)
    for n in range(number):
        sentences = " ".join(f"Room {n} has {n + 2} windows and {word}." for word in ("a door", "a lamp", "a desk"))
        (folder / f"{n:03}.txt").write_text(sentences)
    return find_files([folder])


def begin(place: Place, lease_s: float = 1.0, number: int = 1) -> list[subprocess.Popen[str]]:
    """Start workers, and let them work once all are ready, however slow the machine is."""
    begun = [_ready(place, lease_s) for _ in range(number)]
    for worker in begun:
        assert worker.stdin is not None
        print(file=worker.stdin, flush=True)
    return begun


def _ready(place: Place, lease_s: float) -> subprocess.Popen[str]:
    begun = subprocess.Popen(
        [sys.executable, "-c", WORKER, *place.arguments, str(lease_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=ROOT,
    )
    assert begun.stdout is not None
    assert begun.stdout.readline() == "ready\n"
    return begun


def ended(worker: subprocess.Popen[str]) -> int:
    worker.communicate(timeout=120)
    return worker.returncode


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def _more_than(table: JobTable, number: int) -> bool:
    return table.counts()["done"] > number


def is_as_if_added_here(corpus: Corpus, files: list[FoundFile]) -> None:
    """Every file is in the index once, whole, under its name."""
    assert corpus.verify() == []
    assert [info.sources for info in corpus.documents()] == [(file.name,) for file in files]
    for info in corpus.documents():
        document = corpus.document(info.id)
        original = corpus.original(info.id)
        assert original is not None
        assert document.text == original.path.read_text()


def test_a_worker_indexes_what_is_queued(table: JobTable, corpus: Corpus, tmp_path: Path) -> None:
    files = folder_of(tmp_path, 20)
    assert table.add(files) == 20
    assert table.add(files) == 0
    heard = Heard()
    Worker(corpus, table, heard).run(until_empty=True)
    assert table.counts() == {"waiting": 0, "running": 0, "done": 20, "failed": 0, "cancelled": 0}
    is_as_if_added_here(corpus, files)
    assert heard.outcomes[0] == "done       000.txt (1 new passages)"
    files[3].path.write_text("Room 3 was closed.")
    assert table.add(files) == 20
    Worker(corpus, table, heard).run(until_empty=True)
    is_as_if_added_here(corpus, files)
    assert sum(job.passages for job in table.jobs("done", 20)) == 1


def test_two_workers_share_the_files_and_none_is_read_twice(
    place: Place, table: JobTable, corpus: Corpus, tmp_path: Path
) -> None:
    files = folder_of(tmp_path, 60)
    table.add(files)
    workers = begin(place, number=2)
    for worker in workers:
        assert ended(worker) == 0
    jobs = table.jobs("done")
    assert {job.attempts for job in jobs} == {1}
    assert len({job.worker for job in jobs}) == 2
    is_as_if_added_here(corpus, files)


def test_a_worker_killed_at_any_moment_loses_and_doubles_nothing(
    place: Place, table: JobTable, corpus: Corpus, tmp_path: Path
) -> None:
    files = folder_of(tmp_path, 60)
    table.add(files)
    under_way = 0
    for kills in range(4):
        (worker,) = begin(place)
        until(partial(_more_than, table, 8 * kills))
        time.sleep(0.013 * kills)
        worker.send_signal(signal.SIGKILL)
        ended(worker)
        assert corpus.verify() == []
        under_way += table.counts()["running"]
    assert under_way
    assert ended(*begin(place)) == 0
    assert table.counts()["done"] == 60
    is_as_if_added_here(corpus, files)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_restart_of_the_server_in_the_middle_is_sat_out(
    postgres: Postgres, place: Place, table: JobTable, corpus: Corpus, tmp_path: Path, how: signal.Signals
) -> None:
    files = folder_of(tmp_path, 40)
    table.add(files)
    workers = begin(place, lease_s=5.0, number=2)
    until(partial(_more_than, table, 4))
    stored = {info.id for info in corpus.documents()}
    postgres.stop(how)
    time.sleep(0.5)
    postgres.start()
    assert stored <= {info.id for info in corpus.documents()}
    assert [ended(worker) for worker in workers] == [0, 0]
    assert table.counts()["done"] == 40
    is_as_if_added_here(corpus, files)


def test_a_worker_goes_on_at_the_replica_that_took_over(tmp_path: Path) -> None:
    files = folder_of(tmp_path, 40)
    with running_postgres() as primary, replicated(primary) as replica:
        place = Place(tmp_path / "home", replica.either)
        embedder = HashingEmbedder()
        server = open_server(replica.either, place.schema)
        table = JobTable(server)
        with Corpus(place.open(embedder.fingerprint), embedder, PASSAGE_TOKENS) as corpus:
            table.add(files)
            (worker,) = begin(place, lease_s=5.0)
            until(partial(_more_than, table, 4))
            acknowledged = {job.id for job in table.jobs("done")}
            primary.stop(signal.SIGQUIT)
            replica.promote()
            assert ended(worker) == 0
            assert acknowledged <= {job.id for job in table.jobs("done")}
            assert table.counts()["done"] == 40
            is_as_if_added_here(corpus, files)
        server.close()


def test_a_worker_that_lost_its_lease_changes_nothing(table: JobTable, tmp_path: Path) -> None:
    table.add(folder_of(tmp_path, 1))
    first = table.take("first", lease_s=0.0)
    assert first is not None
    time.sleep(0.01)
    second = table.take("second")
    assert second is not None
    (job,) = second.jobs
    assert job.attempts == 2
    assert table.extend(first) == frozenset()
    assert not table.finish(first, first.jobs[0], 7)
    assert not table.give_back(first, first.jobs[0], "late")
    assert table.finish(second, job, 1)
    assert [(job.state, job.passages, job.worker) for job in table.jobs()] == [("done", 1, "second")]


def test_the_clock_of_a_worker_does_not_matter(
    table: JobTable, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is a day ahead, one a day behind: no job is taken from the other, none waits for a day."""
    files = folder_of(tmp_path, 12)
    table.add(files)
    for ahead in (86_400.0, -86_400.0):
        monkeypatch.setattr(time, "time", lambda ahead=ahead, real=time.time: real() + ahead)
        lease = table.take(f"{ahead}", 3, lease_s=30.0)
        assert lease is not None
        assert {job.attempts for job in lease.jobs} == {1}
        assert all(table.give_back(lease, job, counted=False) for job in lease.jobs)
        monkeypatch.undo()
    Worker(corpus, table, Heard()).run(until_empty=True)
    is_as_if_added_here(corpus, files)


def test_a_worker_of_an_older_version_stops_and_its_files_wait_for_another(
    table: JobTable, corpus: Corpus, place: Place, postgres: Postgres, tmp_path: Path
) -> None:
    table.add(folder_of(tmp_path, 2))
    postgres.as_superuser(f"INSERT INTO {place.schema}.migrations VALUES (99, 'to_come')")
    with pytest.raises(IndexDamaged, match="version 99") as told:
        Worker(corpus, table, Heard()).run(until_empty=True)
    assert "Update citechat here" in told.value.remedy
    assert table.counts()["waiting"] == 2
    assert [job.attempts for job in table.jobs()] == [0, 0]
    postgres.as_superuser(f"DELETE FROM {place.schema}.migrations WHERE version = 99")
    Worker(corpus, table, Heard()).run(until_empty=True)
    assert table.counts()["done"] == 2


def test_a_file_that_cannot_be_read_is_set_aside_with_its_reason(
    table: JobTable, corpus: Corpus, tmp_path: Path
) -> None:
    files = folder_of(tmp_path, 3)
    files[1].path.write_bytes(b"%PDF-1.7 and no more")
    table.add(files)
    Worker(corpus, table, Heard()).run(until_empty=True)
    ((failed,), counts) = table.jobs("failed"), table.counts()
    assert (counts["done"], counts["failed"]) == (2, 1)
    assert failed.file.name == "001.txt"
    assert failed.attempts == 1
    assert failed.reason.startswith("001.txt: ")
    files[1].path.write_text("Room 1 is there again.")
    assert table.retry() == 1
    Worker(corpus, table, Heard()).run(until_empty=True)
    is_as_if_added_here(corpus, files)


def test_a_file_that_kills_workers_is_set_aside_and_takes_no_other_with_it(table: JobTable, tmp_path: Path) -> None:
    table.add(folder_of(tmp_path, 4))
    lease = table.take("w1", 4, lease_s=0.0)  # the four are read together, and the worker dies of one
    assert lease is not None
    poison = lease.jobs[2].id
    for _ in range(20):
        time.sleep(0.01)
        lease = table.take("w", 4, lease_s=0.0)
        if lease is None:
            break
        assert len(lease.jobs) == 1
        if lease.jobs[0].id != poison:
            assert table.finish(lease, lease.jobs[0], 1)
    assert table.counts()["done"] == 3
    (failed,) = table.jobs("failed")
    assert (failed.id, failed.attempts) == (poison, MAX_ATTEMPTS)
    assert failed.reason == "The worker w was gone before it was done, at attempt 3."


def test_a_file_that_is_away_is_tried_again_later(table: JobTable, corpus: Corpus, tmp_path: Path) -> None:
    files = folder_of(tmp_path, 1)
    table.add(files)
    content = files[0].path.read_text()
    files[0].path.unlink()
    worker = Worker(corpus, table, Heard())
    thread = threading.Thread(target=worker.run)
    thread.start()
    until(lambda: table.jobs()[0].reason)
    (job,) = table.jobs()
    assert job.state == "waiting"
    assert "No such file" in job.reason
    files[0].path.write_text(content)
    until(lambda: table.counts()["done"] == 1)
    worker.stop()
    thread.join(30)
    is_as_if_added_here(corpus, files)


def test_what_is_queued_again_while_it_is_read_is_read_again(table: JobTable, tmp_path: Path) -> None:
    files = folder_of(tmp_path, 1)
    table.add(files)
    lease = table.take("w")
    assert lease is not None
    assert table.add(files) == 0
    assert table.finish(lease, lease.jobs[0], 1)
    assert table.counts()["waiting"] == 1
    again = table.take("w")
    assert again is not None
    assert again.jobs[0].attempts == 1
    assert table.finish(again, again.jobs[0], 0)
    assert table.take("w") is None


def test_cancelling_and_retrying(table: JobTable, corpus: Corpus, tmp_path: Path) -> None:
    files = folder_of(tmp_path, 3)
    table.add(files)
    lease = table.take("w")
    assert lease is not None
    assert table.cancel([lease.jobs[0].id]) == 1
    assert table.extend(lease) == frozenset()
    assert not table.finish(lease, lease.jobs[0], 1)
    assert table.cancel() == 2
    Worker(corpus, table, Heard()).run(until_empty=True)
    assert corpus.documents() == []
    assert table.retry() == 0
    assert table.retry([job.id for job in table.jobs()]) == 3
    with pytest.raises(InputError, match="no job 999"):
        table.cancel([999])
    Worker(corpus, table, Heard()).run(until_empty=True)
    is_as_if_added_here(corpus, files)


def test_names_that_meet_are_told_apart(table: JobTable, corpus: Corpus, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plan.txt").write_text(f"The plan of {name} has seven parts.")
        table.add([FoundFile(tmp_path / name / "plan.txt", "plan.txt")])
    Worker(corpus, table, Heard()).run(until_empty=True)
    assert sorted(info.sources for info in corpus.documents()) == [("b/plan.txt",), ("plan.txt",)]


def test_the_command_line_queues_works_and_lists(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = folder_of(tmp_path, 3)
    refused = run("index", "add", "--queue", tmp_path / "files", "--home", tmp_path / "home")
    assert (refused.code, "none is set" in refused.errors) == (2, True)
    for name, value in place.settings.items():
        monkeypatch.setenv(name, value)
    home = ("--home", tmp_path / "home")
    done = run("index", "add", "--queue", tmp_path / "files", *home)
    assert done.output == "Queued 3 files (0 were already); 3 wait. Index them: citechat worker\n"
    listed = run("jobs", "list", "--json", *home).json
    assert [job["name"] for job in listed["jobs"]] == [file.name for file in reversed(files)]
    cancelled = run("jobs", "cancel", listed["jobs"][0]["id"], *home)
    assert cancelled.output == "Cancelled 1 file. What is stored of them stays.\n"
    assert "cancelled  002.txt" in run("jobs", "list", *home).output
    assert run("jobs", "retry", listed["jobs"][0]["id"], *home).output == "1 file to be read again.\n"


def test_the_real_worker_command(postgres: Postgres, schema: str, tmp_path: Path) -> None:
    """With the embedder of a fresh install, in a process of its own; Ctrl-C ends it in order."""
    files = folder_of(tmp_path, 3)
    environment = ENVIRONMENT | Place(tmp_path, postgres.url(), schema).settings
    home = ["--home", str(tmp_path / "home")]
    queued = [*CITECHAT, "index", "add", "--queue", str(tmp_path / "files"), *home]
    subprocess.run(queued, env=environment, cwd=ROOT, check=True, capture_output=True)
    worker = subprocess.Popen(
        [*CITECHAT, "worker", *home],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert worker.stdout is not None
    said = [worker.stdout.readline() for _ in files]
    assert said == [f"done       {file.name} (1 new passages)\n" for file in files]
    os.kill(worker.pid, signal.SIGINT)
    rest, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert rest == "0 waiting, 0 running, 3 done, 0 failed, 0 cancelled\n"
