"""Several processes on one index: writers take turns and say so, readers never wait and see one state."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from socket import gethostname

import pytest

from index.errors import InputError
from index.store.base import Store
from rag.pipeline import open_pipeline
from rag.settings import load_settings
from tests.documents import CANTEEN, LEAVE, prose, put, stored
from tests.embedding import HashingEmbedder
from tests.stores import Place, both
from tests.terminal import ENVIRONMENT, ROOT, run, start

EMBEDDER = HashingEmbedder()

HOLD = """
import sys, time
from tests.stores import Place
store = Place.of(*sys.argv[1:4]).open(sys.argv[5])
with store.changing():
    print("held", flush=True)
    time.sleep(float(sys.argv[4]))
store.close()
"""


def process(program: str, *arguments: object) -> subprocess.Popen[str]:
    """A program in a process of its own, once it has said its first word."""
    begun = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        *(-1, None, None, subprocess.PIPE),
        text=True,
        env=ENVIRONMENT,
        cwd=ROOT,
    )
    assert begun.stdout is not None
    begun.stdout.readline()
    return begun


@both
def test_a_writer_waits_for_another_and_says_so(store: Store, place: Place) -> None:
    put(store, CANTEEN, "/a")
    heard: list[str] = []
    store.patience(60, heard.append)
    other = process(HOLD, *place.arguments, 0.5, "hashing")
    begun = time.monotonic()
    store.remove([CANTEEN.id])
    assert time.monotonic() - begun > 0.2
    other.communicate(timeout=60)
    assert [re.sub(rf"\({re.escape(gethostname())} ", "(", each) for each in heard] == [
        f"Another citechat (process {other.pid}) is writing to {place.shown}; waiting for it."
    ]
    assert store.documents() == []


@both
def test_a_writer_gives_up_after_its_limit_and_a_reader_never_waits(store: Store, place: Place) -> None:
    put(store, CANTEEN, "/a")
    other = process(HOLD, *place.arguments, 60, "hashing")
    store.patience(0.2, lambda _: None)
    with pytest.raises(InputError, match=r"is still writing to .* after 0\.2 s") as refusal:
        put(store, LEAVE, "/b")
    assert "--wait SECONDS" in refusal.value.remedy
    reader = place.open()
    assert [info.id for info in reader.documents()] == [CANTEEN.id]
    assert len(reader.dense(EMBEDDER.embed_query("soup"), 9)) == 1
    assert reader.verify() == []
    reader.close()
    other.kill()
    other.communicate()
    put(store, LEAVE, "/b")
    assert len(store.documents()) == 2


@both
def test_the_command_line_waits_and_can_be_interrupted(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.settings.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "home"
    (tmp_path / "a.txt").write_text("The canteen opens at noon.")
    assert run("index", "add", tmp_path / "a.txt", "--home", home).code == 0
    with open_pipeline(load_settings(home)) as pipeline:
        fingerprint = pipeline.corpus.embedder.fingerprint
    other = process(HOLD.replace("sys.argv[5]", "sys.argv[5], 384"), *place.arguments, 60, fingerprint)
    for arguments in (("add", tmp_path / "a.txt"), ("remove", "a.txt"), ("compact",), ("verify", "--repair")):
        refused = run("index", *arguments, "--wait", "0", "--home", home)
        assert refused.code == 2
        assert refused.errors.endswith("wait longer with --wait SECONDS; what is stored already is kept.\n")
    assert run("index", "verify", "--home", home).code == 0
    waiting = start("index", "remove", "a.txt", "--home", home, env=place.settings)
    assert waiting.stderr is not None
    assert f"process {other.pid}) is writing" in waiting.stderr.readline()
    waiting.send_signal(signal.SIGINT)
    _, errors = waiting.communicate(timeout=30)
    assert (waiting.returncode, errors) == (130, "Stopped.\n")
    other.kill()
    other.communicate()
    assert run("index", "list", "--json", "--home", home).json[0]["sources"] == ["a.txt"]


REPLACE = """
import sys
from tests.documents import put
from tests.stores import Place
from tests.test_writers import VERSIONS
store = Place.of(*sys.argv[1:]).open()
print("begun", flush=True)
for round in range(100_000):
    put(store, VERSIONS[round % 2], "/a")
    if round % 5 == 0:
        store.forget()
    if round % 20 == 0:
        store.compact()
"""

VERSIONS = [
    prose(f"Version {name} of the text is about soup.\n\nIt says {name}. {'Word. ' * length}".strip())
    for name, length in (("alpha", 40), ("beta", 80))
]


@both
def test_a_reader_in_another_process_sees_the_old_version_or_the_new_one(store: Store, place: Place) -> None:
    """Never both, never neither: in the listing, in either search, and in what the searches lead to."""
    sizes = {version.id: len(stored(version, EMBEDDER)) for version in VERSIONS}
    put(store, VERSIONS[0], "/a")
    store.close()
    writer = process(REPLACE, *place.arguments)
    reader = place.open()
    query = EMBEDDER.embed_query("text about soup")
    seen: list[str] = []
    try:
        until = time.monotonic() + 4
        while time.monotonic() < until or len(set(seen)) < 2:
            with reader.reading():
                (info,) = reader.documents()
                dense = [id_ for id_, _ in reader.dense(query, 99)]
                lexical = {id_ for id_, _ in reader.lexical(["alpha", "beta"], 99)}
                expected = {f"{info.id}-{number}" for number in range(sizes[info.id])}
                assert set(dense) == expected == reader.passages([*dense, *lexical]).keys()
                assert set() < lexical <= expected
                document = reader.document(info.id)
                assert document is not None
                assert document.text in {version.text for version in VERSIONS}
            seen.append(info.id)
            assert writer.poll() is None
    finally:
        writer.kill()
        writer.communicate()
    assert len(seen) > 20
    assert reader.verify() == []
    reader.close()
