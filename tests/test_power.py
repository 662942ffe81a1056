"""Power cuts and rotten disks: whatever reached the disk, the index opens, and what was acknowledged is there."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from index.store.embedded import EmbeddedStore
from tests.documents import CANTEEN, LEAVE, NEWS, prose, put
from tests.embedding import HashingEmbedder
from tests.terminal import ENVIRONMENT, ROOT

EMBEDDER = HashingEmbedder()
QUERY = EMBEDDER.embed_query("soup and days of leave")

RECORDER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keeps what a file holds each time that it is forced to the disk: NUMBER.NAME in the folder RECORD. A file that was
   deleted is gone once its folder is forced to the disk: NUMBER.NAME.gone. */
static int number, deleted;
static char names[64][256];

static int record(int fd) {
    char link[64], path[4096], copy[4096], block[65536];
    const char *watched = getenv("WATCH"), *folder = getenv("RECORD");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!strcmp(path, watched)) {
        while (deleted) {
            snprintf(copy, sizeof copy, "%s/%06d.%s.gone", folder, number++, names[--deleted]);
            close(open(copy, O_WRONLY | O_CREAT, 0600));
        }
        return 0;
    }
    if (strncmp(path, watched, strlen(watched)) || path[strlen(watched)] != '/') return 0;
    snprintf(copy, sizeof copy, "%s/%06d.%s", folder, number++, strrchr(path, '/') + 1);
    int out = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    off_t place = 0;
    for (ssize_t got; (got = pread(fd, block, sizeof block, place)) > 0; place += got)
        if (write(out, block, got) != got) abort();
    return close(out);
}

int unlink(const char *path) {
    const char *watched = getenv("WATCH");
    int done = ((int (*)(const char *))dlsym(RTLD_NEXT, "unlink"))(path);
    if (!done && !strncmp(path, watched, strlen(watched)) && deleted < 64)
        snprintf(names[deleted++], sizeof names[0], "%s", strrchr(path, '/') + 1);
    return done;
}

int fsync(int fd) {
    int done = ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
    return done ? done : record(fd);
}

int fdatasync(int fd) {
    int done = ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
    return done ? done : record(fd);
}
"""

CHANGES = """
import os, sys
from pathlib import Path
from index.store.embedded import EmbeddedStore
from tests.documents import prose, put
from tests.embedding import HashingEmbedder
home, record = map(Path, sys.argv[1:])
store, query = EmbeddedStore(home, "hashing", 64), HashingEmbedder().embed_query("text")
def told(name, version):
    print(name, version, len(os.listdir(record)), flush=True)
for version in range(1, 6):
    for name in ("a", "b", "c"):
        put(store, prose(f"Version {version} of text {name}." + " It is long." * 30), name)
        told(name, version)
    store.dense(query, 3)
    store.remove([store.origins()["c"].document_id])
    told("c", 0)
    store.compact()
"""


@dataclass(frozen=True, slots=True)
class Recording:
    """What was forced to the disk, in order, and what was acknowledged after how much of it."""

    forced: list[tuple[str, bytes]]
    told: list[tuple[str, int, int]]

    def files(self, moment: int) -> dict[str, bytes]:
        """What the disk surely holds after so many forced writes."""
        disk: dict[str, bytes] = {}
        for name, content in self.forced[:moment]:
            if name.endswith(".gone"):
                disk.pop(name.removesuffix(".gone"), None)
            else:
                disk[name] = content
        return disk

    def states(self, moment: int) -> list[dict[str, int]]:
        """What was acknowledged by then, and that with one more step, which may have been done."""
        state: dict[str, int] = {}
        states: list[dict[str, int]] = []
        for name, version, after in [*self.told, ("", 0, sys.maxsize)]:
            if after > moment and not states:
                states.append(dict(state))
                states.append({**state, **({name: version} if name else {})})
            state[name] = version
        return [{name: version for name, version in each.items() if version} for each in states]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler, to record what is forced to the disk")
    place = tmp_path_factory.mktemp("power")
    (place / "recorder.c").write_text(RECORDER)
    (place / "record").mkdir()
    library = place / "recorder.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, place / "recorder.c", "-ldl"], check=True)
    watched = {"LD_PRELOAD": str(library), "WATCH": str(place / "home"), "RECORD": str(place / "record")}
    done = subprocess.run(
        [sys.executable, "-c", CHANGES, place / "home", place / "record"],
        env=ENVIRONMENT | watched,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    forced = [(file.name.partition(".")[2], file.read_bytes()) for file in sorted((place / "record").iterdir())]
    told = [(name, int(version), int(after)) for name, version, after in map(str.split, done.stdout.splitlines())]
    return Recording(forced, told)


def state_of(home: Path) -> dict[str, int]:
    """The version of each text, of a store that proves itself sound."""
    store = EmbeddedStore(home, "hashing", EMBEDDER.dimension)
    try:
        assert store.verify() == []
        listing = store.documents()
        assert len(store.dense(QUERY, 99)) == store.count() == sum(info.passages for info in listing)
        texts = {info.sources[0]: store.document(info.id) for info in listing}
        return {name: int(str(document and document.text).split()[1]) for name, document in texts.items()}
    finally:
        store.close()


def restored(home: Path, files: dict[str, bytes]) -> Path:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for name, content in files.items():
        (home / name).write_bytes(content)
    return home


def cuts(recording: Recording) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Every moment of a power cut: with nothing of what was being written, and with a part of it."""
    chance = random.Random(2)  # noqa: S311
    for moment in range(len(recording.forced) + 1):
        surely = recording.files(moment)
        yield moment, surely
        if moment < len(recording.forced):
            name, coming = recording.forced[moment]
            if name.endswith(".gone"):
                continue
            place = chance.randrange(len(coming) + 1)
            yield moment, {**surely, name: coming[:place] + surely.get(name, b"")[place:]}


def test_a_power_cut_at_any_forced_write_loses_nothing_acknowledged(recording: Recording, tmp_path: Path) -> None:
    assert len(recording.told) == 20
    assert recording.told[-1][2] <= len(recording.forced)
    moments = list(cuts(recording))
    assert len(moments) > 60
    for moment, files in moments:
        assert state_of(restored(tmp_path / "home", files)) in recording.states(moment), moment


# --- rotten disks --------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a store as a killed process leaves it: the last changes are in the log only."""
    store = EmbeddedStore(tmp_path / "open", "hashing", EMBEDDER.dimension)
    put(store, CANTEEN, "/a")
    put(store, LEAVE, "/b")
    store.compact()
    store.dense(QUERY, 9)
    put(store, NEWS, "/c")
    store.dense(QUERY, 9)
    files = {file.name: file.read_bytes() for file in (tmp_path / "open").iterdir() if not file.name.endswith("-shm")}
    store.close()
    assert len(files["index.sqlite3-wal"]) > 1000
    return restored(tmp_path / "home", files)


def flipped(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]


def test_a_rotten_or_short_faiss_file_changes_no_answer(home: Path, tmp_path: Path) -> None:
    chance = random.Random(4)  # noqa: S311
    files = {file.name: file.read_bytes() for file in home.iterdir()}
    good = files["vectors.faiss"]
    store = EmbeddedStore(home, "hashing", EMBEDDER.dimension)
    expected = store.dense(QUERY, 9)
    store.close()
    for broken in [flipped(good, chance) for _ in range(40)] + [good[: chance.randrange(len(good))] for _ in range(20)]:
        place = restored(tmp_path / "broken", {**files, "vectors.faiss": broken})
        store = EmbeddedStore(place, "hashing", EMBEDDER.dimension)
        assert store.dense(QUERY, 9) == expected
        assert store.verify() == []
        store.close()


def test_a_rotten_log_leaves_a_former_state_that_is_sound(home: Path, tmp_path: Path) -> None:
    """A log that is not as it was written counts up to there: what follows has to be added again."""
    chance = random.Random(6)  # noqa: S311
    files = {file.name: file.read_bytes() for file in home.iterdir()}
    former, latest = {CANTEEN.id, LEAVE.id}, {CANTEEN.id, LEAVE.id, NEWS.id}
    seen = []
    for _ in range(40):
        place = restored(
            tmp_path / "broken", {**files, "index.sqlite3-wal": flipped(files["index.sqlite3-wal"], chance)}
        )
        store = EmbeddedStore(place, "hashing", EMBEDDER.dimension)
        documents = {info.id for info in store.documents()}
        assert documents in (former, latest)
        assert store.verify() == []
        put(store, NEWS, "/c")
        assert {info.id for info in store.documents()} == latest
        assert store.verify() == []
        seen.append(documents)
        store.close()
    assert former in seen


def test_damage_is_mended_or_the_command_that_mends_it_is_named(home: Path, tmp_path: Path) -> None:
    """Any bit of the database: after repair, and after what verify says, the index is sound or must be made anew."""
    chance = random.Random(8)  # noqa: S311
    store = EmbeddedStore(home, "hashing", EMBEDDER.dimension)
    store.compact()
    store.close()
    content = (home / "index.sqlite3").read_bytes()
    places = (restored(tmp_path / "broken", {"index.sqlite3": flipped(content, chance)}) for _ in range(300))
    outcomes = [outcome(place) for place in places]
    assert set(outcomes) <= {"harmless", "mended", "added again", "restore from a backup"}
    assert outcomes.count("added again") > 5
    assert outcomes.count("restore from a backup") < 60


def outcome(home: Path) -> str:
    from index.errors import IndexDamaged

    try:
        store = EmbeddedStore(home, "hashing", EMBEDDER.dimension)
    except IndexDamaged as damage:
        assert "add the documents again" in damage.remedy  # noqa: PT017
        return "restore from a backup"
    try:
        return followed(store)
    except IndexDamaged as damage:
        assert "add the documents again" in damage.remedy  # noqa: PT017
        return "restore from a backup"
    finally:
        store.close()


def followed(store: EmbeddedStore) -> str:
    """Do what verify says, and tell how far one has to go."""
    if store.verify() == []:
        return "harmless"
    store.repair()
    problems = store.verify()
    if problems == []:
        return "mended"
    gone = re.findall(r"citechat index remove (\w+)", "\n".join(problems))  # an id may be damaged itself
    store.remove(gone)
    there = {info.id for info in store.documents()}
    for document, location in ((CANTEEN, "/a"), (LEAVE, "/b"), (NEWS, "/c")):
        if gone and document.id not in there:
            put(store, document, location)
    store.repair()
    assert store.verify() == [] or all("backup" in problem for problem in store.verify()), store.verify()
    return "added again" if store.verify() == [] else "restore from a backup"


def test_what_was_removed_stays_removed_after_a_power_cut(recording: Recording) -> None:
    """At the end of the recording, the text that was removed and compacted away is in no file."""
    gone = prose("Version 5 of text c. " + "It is long. " * 30).text[:20].encode()
    for name, content in recording.files(len(recording.forced)).items():
        assert gone not in content, name
