"""Power cuts, full disks and rivals: the index stays sound, and what was acknowledged is there."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.errors import InputError
from index.files import find_files
from index.store.embedded import EmbeddedStore
from tests.conftest import MakeCorpus
from tests.documents import prose, put
from tests.embedding import HashingEmbedder
from tests.terminal import ENVIRONMENT, ROOT, run, start

EMBEDDER = HashingEmbedder()
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "6"))
"""How often a process is killed. Hundreds are worth a night: ``FAULT_ROUNDS=500 pytest -k killed --timeout 0``."""


def write_books(folder: Path, count: int, parts: int) -> None:
    """Write documents that differ in every passage."""
    folder.mkdir()
    for number in range(count):
        text = [
            f"## Part {part} of {number}\n\n" + f"Rule {part} of book {number} is on leave. " * 4
            for part in range(parts)
        ]
        (folder / f"{number:02}.md").write_text(f"# Book {number}\n\n" + "\n\n".join(text))


def listed(home: Path) -> dict[str, int]:
    """The passages of each document, by its name."""
    return {info["sources"][0]: info["passages"] for info in run("index", "list", "--json", "--home", home).json}


def reported(output: str) -> set[str]:
    return {line.split()[1] for line in output.splitlines() if line.startswith("added ")}


def test_killed_runs_lose_nothing_that_they_listed(tmp_path: Path) -> None:
    write_books(tmp_path / "books", count=15, parts=70)
    home = tmp_path / "home"
    acknowledged: set[str] = set()
    for lines_before, pause in ((0, 0.0), (1, 0.0), (4, 0.3)):
        process = start("index", "add", tmp_path / "books", "--home", home)
        assert process.stdout is not None
        while not lines_before and process.poll() is None and not (home / "index.sqlite3-wal").exists():
            time.sleep(0.01)
        seen = [process.stdout.readline() for _ in range(lines_before)]
        time.sleep(pause)
        process.kill()
        rest, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL
        acknowledged |= reported("".join(seen) + rest)
        assert run("index", "verify", "--home", home).output.startswith("The index is sound")
        stored = listed(home)
        assert acknowledged <= stored.keys()
        assert set(stored.values()) <= {70}
    assert 0 < len(acknowledged) < 15
    finished = run("index", "add", tmp_path / "books", "--json", "--home", home)
    assert finished.code == 0
    assert {file["source"] for file in finished.json["files"] if file["status"] == "unchanged"} >= acknowledged
    assert listed(home) == {f"{number:02}.md": 70 for number in range(15)}
    assert run("index", "verify", "--home", home).code == 0


CHURN = """
import sys
from pathlib import Path
from index.store.embedded import EmbeddedStore
from tests.documents import prose, put
from tests.embedding import HashingEmbedder
store, query = EmbeddedStore(Path(sys.argv[1]), "hashing", 64), HashingEmbedder().embed_query("text")
version = int(sys.argv[2])
while True:
    for name in ("a", "b", "c"):
        put(store, prose(f"Version {version} of text {name}." + " It is long." * 60), name)
        print(name, version, flush=True)
        store.dense(query, 3)
    store.remove([store.origins()["c"].document_id])
    print("c", 0, flush=True)
    store.compact()
    version += 1
"""


def test_a_store_that_is_killed_while_it_changes_is_sound(tmp_path: Path) -> None:
    chance = random.Random(11)  # noqa: S311
    state = {"c": 0}
    for version in range(100, 100 + 100 * ROUNDS, 100):
        process = subprocess.Popen(
            [sys.executable, "-c", CHURN, tmp_path, str(version)],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
            cwd=ROOT,
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(chance.random() / 2)
        process.kill()
        rest, _ = process.communicate()
        steps = [(line.split()[0], int(line.split()[1])) for line in (first + rest).splitlines()]
        acknowledged = {**state, **dict(steps)}
        store = EmbeddedStore(tmp_path, "hashing", EMBEDDER.dimension)
        assert store.verify() == []
        texts = {info.sources[0]: store.document(info.id) for info in store.documents()}
        store.close()
        state = {"c": 0, **{name: int(str(each and each.text).split()[1]) for name, each in texts.items()}}
        # What was acknowledged; or one step more, which was done but not told.
        assert state in (acknowledged, {**acknowledged, **dict([following(*steps[-1], acknowledged["a"])])})


def following(name: str, version: int, newest: int) -> tuple[str, int]:
    """The step after the one that gave a name a version."""
    match name, version:
        case "a", _:
            return "b", newest
        case "b", _:
            return "c", newest
        case "c", 0:
            return "a", newest + 1
        case _:
            return "c", 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own; skipped where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a disk: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_keeps_what_was_stored(disk: Path, tmp_path: Path, make_corpus: MakeCorpus) -> None:
    write_books(tmp_path / "books", count=8, parts=120)
    names = [f"{number:02}.md" for number in range(8)]
    done: list[str] = []
    corpus = make_corpus(disk / "home")
    with pytest.raises(InputError, match="full") as refusal:
        corpus.add(find_files([tmp_path / "books"]), lambda result: done.append(result.source))
    assert "Free some space" in refusal.value.remedy or "Check the disk" in refusal.value.remedy
    assert 0 < len(done) < 8
    corpus.store.close()
    corpus = make_corpus(disk / "home")
    assert [info.sources[0] for info in corpus.documents()] == done == names[: len(done)]
    query = corpus.embedder.embed_query("leave")
    assert len(corpus.store.dense(query, 5)) == 5
    assert corpus.verify() == []
    subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
    results = corpus.add(find_files([tmp_path / "books"]))
    assert [result.status for result in results] == ["unchanged"] * len(done) + ["added"] * (8 - len(done))
    assert corpus.verify() == []


def test_a_home_that_is_read_only_is_told(disk: Path, make_corpus: MakeCorpus) -> None:
    store = make_corpus(disk / "home").store
    put(store, prose("The canteen opens at noon."), "/a")
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for home in (disk / "home", disk / "new"):
        with pytest.raises(InputError, match=str(home)) as refusal:
            make_corpus(home)
        assert "choose another --home" in str(refusal.value).lower()
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert make_corpus(disk / "home").verify() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_without_the_right_to_write_is_told(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    make_corpus(tmp_path / "old").store.close()
    (tmp_path / "old" / "index.sqlite3").chmod(0o400)
    tmp_path.chmod(0o500)
    (tmp_path / "old").chmod(0o500)
    for home in (tmp_path / "old", tmp_path / "new"):
        with pytest.raises(InputError, match=str(home)) as refusal:
            make_corpus(home)
        assert "choose another --home" in str(refusal.value).lower()
    tmp_path.chmod(0o700)


def test_a_limit_on_file_sizes_keeps_what_was_stored(tmp_path: Path) -> None:
    write_books(tmp_path / "books", count=8, parts=70)
    home = tmp_path / "home"
    process = start(
        *("index", "add", tmp_path / "books", "--home", home),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)),
    )
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Traceback" not in errors
    assert "what is stored already is kept" in errors
    assert listed(home).keys() == reported(output)
    assert 0 < len(reported(output)) < 8
    assert run("index", "verify", "--home", home).code == 0


def test_two_writers_at_once_both_succeed(tmp_path: Path) -> None:
    for name in ("left", "right"):
        write_books(tmp_path / name, count=6, parts=20)
        for path in (tmp_path / name).iterdir():
            path.write_text(path.read_text().replace("Rule", f"Rule of the {name}"))
    home = tmp_path / "home"
    processes = [start("index", "add", tmp_path / name, "--home", home) for name in ("left", "right")]
    outcomes = [(*process.communicate(timeout=100), process.returncode) for process in processes]
    for output, errors, code in outcomes:
        assert code == 0 or (code == 2 and "Run the command again for a longer name." in output), errors
    assert run("index", "verify", "--home", home).code == 0
    for name in ("left", "right"):
        assert run("index", "add", tmp_path / name, "--home", home).code == 0
    sources = listed(home)
    assert set(sources.values()) == {20}
    for number in range(6):
        names = {source for source in sources if source.endswith(f"{number:02}.md")}
        assert f"{number:02}.md" in names
        assert names < {f"{number:02}.md", f"left/{number:02}.md", f"right/{number:02}.md"}
        assert len(names) == 2
    assert run("index", "verify", "--home", home).code == 0
