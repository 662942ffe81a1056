"""A store of many passages: the same answers as one that compares every vector, whatever happens to it."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from index.filters import parse_filter
from index.store import trained, words
from index.store.embedded import EmbeddedStore
from index.store.ivf import IvfIndex
from index.store.postings import Postings
from index.types import Document
from tests.documents import prose, put, stored
from tests.embedding import HashingEmbedder
from tests.terminal import ENVIRONMENT, ROOT

EMBEDDER = HashingEmbedder()
FEW = 30
VOCABULARY = "soup soups relate relating noon of a technology Müller U.S. Annan’s e-mail 25 3 leave days".split()
VOCABULARY += [f"word{number}" for number in range(60)]
QUESTIONS = ("soup of the day", "Annan’s e-mail", "25 days of leave in the U.S.", "Müller relates technology")
CONDITIONS = (None, "half=0", "half=1 and tenth=3", "tenth=none", "tenth!=4")
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "6"))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make stretches, tails and pieces so small that some hundred passages are many."""
    monkeypatch.setattr(trained, "TAIL_LEAST", 20)
    monkeypatch.setattr(trained, "_READ", 30)
    monkeypatch.setattr(words, "TAIL_LEAST", 15)
    monkeypatch.setattr(words, "_STRETCH", 100)
    monkeypatch.setattr(words, "_READ", 25)


def opened(folder: Path, exact_passages: int = FEW) -> EmbeddedStore:
    return EmbeddedStore(folder, "hashing", EMBEDDER.dimension, exact_passages=exact_passages)


def written(number: int, chance: random.Random) -> Document:
    """A document of some passages that names its number."""
    paragraphs = [
        f"Text {number} is about {' '.join(chance.choices(VOCABULARY, k=chance.randint(5, 40)))}."
        for _ in range(chance.randint(1, 5))
    ]
    return prose("\n\n".join(paragraphs), chance.choice(VOCABULARY), half=str(number % 2), tenth=str(number % 10))


def fill(store: EmbeddedStore, numbers: Sequence[int], seed: int = 1) -> None:
    chance = random.Random(seed)  # noqa: S311
    for number in numbers:
        put(store, written(number, chance), f"/{number}")


class Answers:
    """What the searches find; equal where passages are the same and scores nearly so.

    Of words, the passages count only where everything was wanted: many score alike.
    """

    def __init__(self, store: EmbeddedStore, k: int) -> None:
        self.found: list[object] = [store.count(), store.frequencies(["soup", "text", "dai", "nowher"])]
        self.scores: list[float] = []
        for condition in CONDITIONS:
            where = parse_filter(condition) if condition else None
            for question in QUESTIONS:
                dense = store.dense(EMBEDDER.embed_query(question), k, where)
                lexical = store.lexical(question.split(), k, where)
                self.found.append([id_ for id_, _ in dense])
                self.found.append(sorted(id_ for id_, _ in lexical) if k > len(lexical) else len(lexical))
                self.scores += [score for _, score in (*dense, *lexical)]

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Answers)
        return self.found == other.found and np.allclose(self.scores, other.scores, atol=1e-5)

    __hash__ = None  # type: ignore[assignment]


def answers(store: EmbeddedStore, k: int) -> Answers:
    return Answers(store, k)


def is_trained(folder: Path) -> bool:
    return (folder / "vectors.ivf").exists() and any(folder.glob("words-*.postings"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a closed store with many passages, its files made."""
    store = opened(tmp_path / "home")
    fill(store, range(60))
    answers(store, 3)
    store.close()
    assert is_trained(tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_it_finds_what_exact_search_finds(tmp_path: Path, seed: int) -> None:
    """Also the process that only reads, and one that is opened afterwards."""
    chance = random.Random(seed)  # noqa: S311
    store, exact = opened(tmp_path / "many"), opened(tmp_path / "exact", 10**9)
    reader = opened(tmp_path / "many")
    for step in range(12):
        for _ in range(chance.randint(1, 12)):
            number, again = chance.randrange(40), chance.randrange(10**9)
            for each in (store, exact):
                put(each, written(number, random.Random(again)), f"/{number}")  # noqa: S311
        if step % 3 == 2:
            doomed = [info.id for info in exact.documents() if chance.random() < 0.2]
            for each in (store, exact):
                each.remove(doomed)
        if step % 5 == 4:
            for each in (store, exact):
                each.compact()
        late = opened(tmp_path / "many")
        for k in (1, 7, 1000):
            expected = answers(exact, k)
            assert answers(store, k) == expected
            assert answers(reader, k) == expected
            assert answers(late, k) == expected
        late.close()
        assert store.verify() == []
    assert is_trained(tmp_path / "many")
    for each in (store, exact, reader):
        each.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal does not wait long for readers before it leaves what they read in the log."""
    monkeypatch.setattr("index.store.database.WRITE_WAIT", 1.0)


@pytest.mark.usefixtures("impatient")
def test_a_reader_keeps_the_state_that_it_reads(home: Path) -> None:
    """Whatever is added, removed and written into the files meanwhile, by this process or another."""
    store, other = opened(home), opened(home)
    before = [answers(store, k) for k in (5, 1000)]
    told, go_on = threading.Event(), threading.Event()
    seen: list[Answers] = []

    def read() -> None:
        with store.reading():
            store.count()
            told.set()
            go_on.wait(60)
            seen.extend(answers(store, k) for k in (5, 1000))
            fresh = opened(home)  # its first look is at a later state, its second at this one
            fresh.close()

    thread = threading.Thread(target=read)
    thread.start()
    told.wait(60)
    documents = other.documents()
    fill(other, range(100, 130), seed=2)
    answers(other, 5)
    with other.changing():
        other.remove([info.id for info in documents[::3]])
    after = [answers(other, k) for k in (5, 1000)]
    assert [answers(store, k) for k in (5, 1000)] == after != before
    go_on.set()
    thread.join()
    assert seen == before
    assert [answers(store, k) for k in (5, 1000)] == after
    store.close()
    other.close()


@pytest.mark.usefixtures("impatient")
def test_files_of_a_later_state_are_not_taken_for_an_earlier_one(home: Path) -> None:
    first, second = opened(home), opened(home)
    expected = answers(first, 1000)
    with second.reading():
        assert second.revision() == first.revision()
        fill(first, range(100, 130), seed=2)
        first.remove([first.documents()[0].id])
        answers(first, 5)
        files = {path.name: path.read_bytes() for path in home.iterdir() if not path.name.startswith("index")}
        assert answers(second, 1000) == expected
        assert {path.name: path.read_bytes() for path in home.iterdir() if not path.name.startswith("index")} == files
    assert answers(second, 1000) == answers(first, 1000)
    first.close()
    second.close()


def test_a_change_does_not_touch_the_files(home: Path) -> None:
    store = opened(home)
    before = {path.name: path.stat() for path in home.glob("[vw]*s*")}
    put(store, prose("A new text about soup.", half="0"), "/new")
    ((nearest, cosine),) = store.dense(EMBEDDER.embed_query("A new text about soup."), 1)
    assert (nearest.split("-")[0], round(cosine, 4)) == (prose("A new text about soup.").id, 1.0)
    assert nearest in dict(store.lexical(["new"], 3))
    assert {path.name: path.stat() for path in home.glob("[vw]*s*") if path.name != "writer.lock"} == {
        name: stat for name, stat in before.items() if name != "writer.lock"
    }
    store.close()


def test_nothing_of_a_removed_document_is_left_in_any_file(home: Path) -> None:
    store = opened(home)
    rare = prose("Xylophones gleam.", half="0")
    passages = put(store, rare, "/rare")
    fill(store, range(200, 220), seed=3)
    with store.changing():  # at its end the new passages go into the files
        pass
    assert any(b"xylophon" in path.read_bytes() for path in home.glob("words-*"))
    index = IvfIndex.open(home / "vectors.ivf", EMBEDDER.dimension)
    assert index is not None
    codes = {index.codes(passages[0].vector[np.newaxis], number).tobytes() for number, _, _ in index.lists()}
    assert any(code in (home / "vectors.ivf").read_bytes() for code in codes)
    store.remove([rare.id])
    assert dict(store.lexical(["xylophones"], 9)) == {}
    assert rare.id not in {id_.split("-")[0] for id_, _ in store.dense(passages[0].vector, 999)}
    assert store.has_traces()  # merging the lexical index would take as long as it is large
    store.compact()
    assert not store.has_traces()
    assert b"xylophon" not in (home / "index.sqlite3").read_bytes()
    for path in home.glob("[vw]*s*"):
        assert b"xylophon" not in path.read_bytes()
        assert not any(code in path.read_bytes() for code in codes)
    assert store.verify() == []
    store.close()


def test_it_is_trained_anew_when_it_has_grown_or_drifted_and_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    store = opened(home)
    store.patience(60, heard.append)
    monkeypatch.setattr(trained, "DRIFTED", 1e9)
    with store.changing():
        fill(store, range(100, 125), seed=2)
    assert not any("Training" in line for line in heard)
    with store.changing():
        fill(store, range(200, 260), seed=3)
    assert [line for line in heard if line.startswith("The vector index was trained on")] != []
    assert any(line.startswith("Training the vector index on") for line in heard)
    heard.clear()
    monkeypatch.setattr(trained, "DRIFTED", 1.0)
    monkeypatch.setattr(trained, "GROWN", 1e9)
    with store.changing():
        for number in range(40):
            put(
                store,
                prose(f"Zebras {number} graze elsewhere, quite unlike anything else {number}.\n\n" * 3),
                f"/z{number}",
            )
    assert "times as far from its centres" in heard[0]
    assert store.verify() == []
    store.close()


def test_few_passages_are_searched_exactly_again(home: Path) -> None:
    store = opened(home)
    store.remove([info.id for info in store.documents()[5:]])
    assert len(store.dense(EMBEDDER.embed_query("soup"), 999)) == store.count() < FEW
    assert not is_trained(home)
    assert list(home.glob("words-*")) == []
    assert (home / "vectors.faiss").exists()
    assert store.verify() == []
    store.close()


def damaged(path: Path, how: str) -> None:
    content = path.read_bytes()
    match how:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "garbage":
            path.write_bytes(b"\xff\x00 no index" * 100)
        case "short":
            path.write_bytes(content[:-9])
        case "longer":
            path.write_bytes(content + b"\0")
        case "another mark":
            place = content.rindex(b'"state"') + 12
            path.write_bytes(content[:place] + b"0" + content[place + 1 :])


@pytest.mark.parametrize("name", ["vectors.ivf", "words-*.postings"])
@pytest.mark.parametrize("how", ["missing", "empty", "garbage", "short", "longer", "another mark"])
def test_a_file_that_is_not_as_it_was_written_is_made_again(home: Path, name: str, how: str) -> None:
    store = opened(home)
    expected = answers(store, 7)
    store.close()
    for path in home.glob(name):
        damaged(path, how)
    store = opened(home)
    assert answers(store, 7) == expected
    assert store.verify() == []
    store.close()
    assert is_trained(home)


@pytest.mark.parametrize("name", ["vectors.ivf", "words-1-*.postings"])
def test_verify_finds_a_flipped_bit_and_repair_mends_it(home: Path, name: str) -> None:
    (path,) = home.glob(name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    store = opened(home)
    problems = store.verify()
    assert any("is not as it was written" in line and "--repair" in line for line in problems)
    assert store.repair() == ["The FAISS file was made again from the stored vectors."]
    assert store.verify() == []
    store.close()


def test_verify_compares_the_files_with_what_is_stored(home: Path) -> None:
    store = opened(home)
    index = IvfIndex.open(home / "vectors.ivf", EMBEDDER.dimension, mapped=False)
    assert index is not None
    index.remove(np.array([3]))
    index.add(np.array([10**6]), EMBEDDER.embed_query("soup")[np.newaxis])
    index.remove(np.array([5]))
    index.add(np.array([5]), EMBEDDER.embed_query("soup")[np.newaxis])
    index.save(home / "vectors.ivf")
    (path,) = home.glob("words-1-*.postings")
    part = Postings.open(path)
    assert part is not None
    part[0].without(np.array([4])).save(path, part[1].moment)
    store.close()
    store = opened(home)
    problems = store.verify()
    assert any(line.startswith("FAISS holds other vectors of 1 passages.") for line in problems)
    assert any("lacks 1." in line for line in problems)
    assert any(line.startswith(f"The word file of the rows 1 to {part[1].last} differs") for line in problems)
    store.repair()
    assert store.verify() == []
    store.close()


def test_files_of_another_index_are_not_taken(home: Path, tmp_path: Path) -> None:
    """Not even of one that has gone through as many changes."""
    other = opened(tmp_path / "other")
    fill(other, range(60), seed=9)
    answers(other, 3)
    other.close()
    for path in home.glob("[vw]*s*"):
        path.unlink()
    for path in (tmp_path / "other").glob("[vw]*s*"):
        (home / path.name).write_bytes(path.read_bytes())
    store, exact = opened(home), opened(home, 10**9)
    assert answers(store, 7) == answers(exact, 7)
    assert store.verify() == []
    store.close()
    exact.close()


def test_files_that_cannot_be_written_are_done_without(home: Path) -> None:
    for path in home.glob("[vw]*s*"):
        path.unlink()
    (home / "vectors.ivf-new").mkdir()
    store = opened(home)
    found = store.dense(EMBEDDER.embed_query("soup"), 9999)
    assert len(found) == store.count()
    assert not (home / "vectors.ivf").exists()
    store.close()


@pytest.mark.parametrize("version", [3, 4])
def test_an_index_of_a_version_before_is_brought_up_to_date(home: Path, version: int) -> None:
    store = opened(home)
    listing, totals = store.documents(), store.totals()
    store.close()
    connection = sqlite3.connect(home / "index.sqlite3", isolation_level=None)
    triggers = ("listing_inserted", "listing_deleted", "origins_inserted", "origins_deleted")
    fourth = ("DROP TRIGGER passages_removed", "DROP TABLE removed", "DROP TABLE history", "DROP INDEX origins_digest")
    for statement in (
        *(f"DROP TRIGGER {name}" for name in triggers),
        *("DROP TABLE listing", "DROP TABLE totals"),
        *(fourth if version == 3 else ()),
        f"UPDATE meta SET value = '{version}' WHERE key = 'schema'",
    ):
        connection.execute(statement)
    connection.close()
    store, exact = opened(home), opened(home, 10**9)
    assert (store.documents(), store.totals()) == (listing, totals)
    assert answers(store, 7) == answers(exact, 7)
    store.remove([store.documents()[0].id])
    assert answers(store, 7) == answers(exact, 7)
    assert store.verify() == []
    store.close()
    exact.close()


CHURN = """
import random, sys
from pathlib import Path
from index.store import trained, words
trained.TAIL_LEAST, trained._READ, words.TAIL_LEAST, words._STRETCH, words._READ = 20, 30, 15, 100, 25
from tests.test_store_scale import answers, fill, opened
store, start = opened(Path(sys.argv[1])), int(sys.argv[2])
while True:
    with store.changing():
        fill(store, range(start, start + 8), seed=start)
    print(start, flush=True)
    store.dense(store.passages([f"{store.documents()[0].id}-0"]).popitem()[1].vector, 3)
    if start % 24 == 0:
        store.remove([info.id for info in store.documents() if info.sources[0].startswith(f"/{start}")])
        store.compact()
    start += 8
"""


def test_a_store_that_is_killed_while_it_grows_is_sound(home: Path) -> None:
    chance = random.Random(5)  # noqa: S311
    for number in range(ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-c", CHURN, home, str(1000 * (number + 1) // 8 * 8)],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
            cwd=ROOT,
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(chance.random())
        process.kill()
        process.communicate()
        assert first
        assert process.returncode == -signal.SIGKILL
        store, exact = opened(home), opened(home, 10**9)
        assert answers(store, 1000) == answers(exact, 1000)  # all, for of the nearest few one may be missed
        assert store.verify() == []
        sources = {info.sources[0] for info in store.documents()}
        assert {f"/{int(first) + place}" for place in range(8)} <= sources or int(first) % 24 == 0
        store.close()
        exact.close()


def test_stored_vectors_give_the_scores(home: Path) -> None:
    store = opened(home)
    query = EMBEDDER.embed_query("soup of the day")
    document = store.documents()[3]
    expected = {
        f"{document.id}-{number}": float(each.vector @ query)
        for number, each in enumerate(stored(store.document(document.id) or prose(""), EMBEDDER))
    }
    found = dict(store.dense(query, 9999))
    assert {id_: found[id_] for id_ in expected} == pytest.approx(expected, abs=1e-6)
    store.close()
