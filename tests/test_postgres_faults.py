"""PostgreSQL that stops or breaks, and writers that are killed: no torn answer, and nothing lost that was stored."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from index.errors import CitechatError, IndexDamaged, InputError, StoreUnavailable
from index.store.base import Store
from tests.documents import CANTEEN, LEAVE, NEWS, prose, put, stored
from tests.embedding import HashingEmbedder
from tests.postgres import ROLE, Postgres
from tests.stores import Place
from tests.test_writers import REPLACE, VERSIONS, process

EMBEDDER = HashingEmbedder()
QUERY = EMBEDDER.embed_query("soup and days of leave")

ADD = """
import sys
from tests.documents import prose, put
from tests.stores import Place
store = Place.of(*sys.argv[1:4]).open()
for number in range(100_000):
    put(store, prose(f"Text number {number} about soup."), f"/{number}")
    print(number, flush=True)
"""


@pytest.fixture
def place(postgres: Postgres, schema: str) -> Place:
    return Place.of("", postgres.url(), schema)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with closing(place.open()) as store:
        yield store


@pytest.fixture
def started(postgres: Postgres) -> Iterator[Postgres]:
    """The server, which runs again afterwards whatever a test has done to it."""
    yield postgres
    postgres.stop()
    postgres.start()


def whole(store: Store) -> None:
    """Nothing is torn: the document is one of the versions, with all its passages, in both searches."""
    with store.reading():
        (info,) = store.documents()
        expected = {
            each.passage.id for version in VERSIONS if version.id == info.id for each in stored(version, EMBEDDER)
        }
        assert {id_ for id_, _ in store.dense(EMBEDDER.embed_query("text about soup"), 99)} == expected
        assert {id_ for id_, _ in store.lexical(["alpha", "beta", "soup"], 99)} <= expected


def test_a_writer_that_is_killed_in_mid_change_leaves_one_version(store: Store, place: Place) -> None:
    put(store, VERSIONS[0], "/a")
    chance = random.Random(11)  # noqa: S311
    revisions = [store.revision()]
    for _ in range(8):
        writer = process(REPLACE.replace("if round % 20 == 0:\n        store.compact()", "pass"), *place.arguments)
        while store.revision() == revisions[-1]:
            assert writer.poll() is None
        time.sleep(chance.uniform(0, 0.2))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        whole(store)
        assert store.verify() == []
        revisions.append(store.revision())
    assert revisions == sorted(set(revisions))
    begun = time.monotonic()
    put(store, VERSIONS[1], "/a")  # the dead one's lock is gone with its connection
    assert time.monotonic() - begun < 10
    whole(store)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_restart_between_two_questions_is_not_noticed(started: Postgres, store: Store, how: signal.Signals) -> None:
    put(store, CANTEEN, "/a")
    put(store, LEAVE, "/b")
    before = store.dense(QUERY, 9), store.lexical(["soup", "leave"], 9), store.revision()
    started.stop(how)
    started.start()
    with store.reading():
        assert (store.dense(QUERY, 9), store.lexical(["soup", "leave"], 9), store.revision()) == before
    put(store, NEWS, "/c")
    assert len(store.documents()) == 3
    assert store.verify() == []


def test_a_restart_during_a_question_is_told_and_the_next_one_answered(started: Postgres, store: Store) -> None:
    put(store, CANTEEN, "/a")
    before = store.dense(QUERY, 9)

    def ask() -> None:
        with store.reading():
            assert store.dense(QUERY, 9) == before
            started.stop()
            started.start()
            store.lexical(["soup"], 9)

    with pytest.raises(StoreUnavailable, match="was lost") as told:
        ask()
    assert told.value.remedy == "Try again when the server is back."
    assert store.dense(QUERY, 9) == before


def test_a_server_that_is_gone_is_told_soon(started: Postgres, store: Store) -> None:
    put(store, CANTEEN, "/a")
    started.stop()
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="Cannot connect to") as told:
        store.dense(QUERY, 9)
    assert time.monotonic() - begun < 10
    assert "Start the server" in told.value.remedy
    with pytest.raises(StoreUnavailable):
        put(store, LEAVE, "/b")
    started.start()
    assert [info.id for info in store.documents()] == [CANTEEN.id]
    put(store, LEAVE, "/b")
    assert store.verify() == []


def test_questions_and_changes_through_crashes_lose_nothing_that_was_stored(
    started: Postgres, store: Store, place: Place
) -> None:
    """The server crashes three times while one process adds and another asks: whatever was told as stored is there."""
    put(store, prose("Text number one of all about soup."), "/first")
    writer = process(ADD, *place.arguments)
    acknowledged: list[int] = []
    answers: list[object] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                with store.reading():
                    found = {id_ for id_, _ in store.lexical(["soup"], 10_000)}
                    answers.append(len(found) == store.count() == len(store.documents()))
            except CitechatError as error:
                answers.append(type(error))
                time.sleep(0.05)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(3):
        time.sleep(0.5)
        started.stop(signal.SIGQUIT)
        acknowledged += stopped(writer)
        started.start()
        writer = process(ADD.replace("range(100_000)", f"range({max(acknowledged) + 1}, 100_000)"), *place.arguments)
    time.sleep(0.3)
    writer.kill()
    acknowledged += stopped(writer)
    done.set()
    asking.join()
    assert set(answers) == {True, StoreUnavailable}
    assert len(acknowledged) > 20
    assert {f"/{number}" for number in acknowledged} <= {origin.source for origin in store.origins().values()}
    assert store.verify() == []


def stopped(writer: subprocess.Popen[str]) -> list[int]:
    """The numbers that a writer has told as stored, once it has ended; its first was read when it began."""
    output, _ = writer.communicate(timeout=60)
    return [int(line) for line in output.split()] or [0]


@pytest.fixture
def disk(postgres: Postgres, schema: str) -> Iterator[Path]:
    """A small disk on the server, for the tables of this test; skipped where none can be mounted."""
    folder = postgres.data.parent / f"disk of {schema}"
    folder.mkdir()
    owner = postgres.data.stat()
    options = f"size=32m,mode=700,uid={owner.st_uid},gid={owner.st_gid}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a disk: {mounted.stderr.decode().strip()}")
    postgres.as_superuser(
        f"CREATE TABLESPACE {schema} LOCATION '{folder}'", f"GRANT CREATE ON TABLESPACE {schema} TO {ROLE}"
    )
    yield folder
    postgres.as_superuser(f"DROP SCHEMA {schema} CASCADE", f"DROP TABLESPACE {schema}")
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_told_and_what_was_stored_stays(postgres: Postgres, schema: str, disk: Path) -> None:
    there = f"{postgres.url()}?options=-cdefault_tablespace%3D{schema}"
    with closing(Place.of("", there, schema).open()) as store:
        put(store, prose("Text number one of all about soup."), "/first")
        before = store.lexical(["all"], 1)
        filling = disk / "filling"
        space = os.statvfs(disk)
        filling.write_bytes(bytes(space.f_bavail * space.f_frsize - 64 * 1024))
        stored = ["/first"]

        def add() -> None:
            for number in range(1000):
                put(store, prose(f"Text number {number}." + " Another sentence, of leave." * 40), f"/{number}")
                stored.append(f"/{number}")

        with pytest.raises(InputError, match="disk is full; nothing of the last change was stored") as told:
            add()
        assert "what is stored already is kept" in told.value.remedy
        assert len(stored) < 1000
        assert {origin.source for origin in store.origins().values()} == {*stored}
        assert [id_ for id_, _ in store.lexical(["all"], 1)] == [id_ for id_, _ in before]  # answers go on
        assert store.verify() == []
        filling.unlink()
        put(store, LEAVE, "/b")
        assert {origin.source for origin in store.origins().values()} == {*stored, "/b"}
        assert store.verify() == []


def test_a_damaged_page_is_told(started: Postgres, store: Store, schema: str) -> None:
    for number in range(30):
        put(store, prose(f"Text number {number} about soup. " * 20), f"/{number}")
    started.as_superuser("CHECKPOINT")
    ((name,),) = started.as_superuser(f"SELECT pg_relation_filepath('{schema}.passages')")
    started.stop()
    file = started.data / str(name)
    content = bytearray(file.read_bytes())
    content[9000] ^= 1
    file.write_bytes(content)
    started.start()
    (problem,) = store.verify()
    assert "invalid page" in problem
    assert "Restore it from a backup" in problem
    with pytest.raises(IndexDamaged, match="invalid page"):
        store.dense(QUERY, 99)
