"""The child that reads: what kills it costs one file, and it has neither secrets nor rights to lose."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from io import BytesIO
from pathlib import Path

import docx
import pytest

from index.errors import ReadError
from index.readers import format_named, read, wire, worker
from index.readers.worker import ReaderProcess
from index.types import Document
from tests.files import archive, column, locked, pdf, replaced
from tests.reading import only

TEXT = "Some prose that is there to be read, and that is read again after each accident."
SLOW = "[" * 300_000 + " x"
"""Markdown that takes its parser minutes."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at the child through /proc")


@pytest.fixture
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess() as process:
        yield process


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.txt"
    path.write_text(TEXT)
    return path


def children(parent: int) -> list[int]:
    """Return the ids of the children that the main thread of ``parent`` has now."""
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def child_of_this() -> int:
    (child,) = [
        each for each in children(os.getpid()) if b"index.readers.child" in Path(f"/proc/{each}/cmdline").read_bytes()
    ]
    return child


def ended(process: int) -> bool:
    """Tell whether a process is gone, or only waits for its parent to notice."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_document_comes_over_unchanged(reader: ReaderProcess, tmp_path: Path) -> None:
    path = tmp_path / "naïve \udcff name.pdf"
    path.write_bytes(pdf([column([TEXT]), column(["The second page, which says: “something” else."])]))
    document = only(reader, path, "x.pdf")
    assert document == read(path, "x.pdf")
    assert len(document.pages) == 2


def test_a_reason_comes_over_unchanged(reader: ReaderProcess, tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        only(reader, tmp_path / "none.txt", "none.txt")
    assert (caught.value.problem, caught.value.remedy) == ("none.txt does not exist.", "Check the name.")


def test_one_child_reads_many_files(reader: ReaderProcess, good: Path) -> None:
    only(reader, good, "a")
    first = child_of_this()
    only(reader, good, "b")
    assert child_of_this() == first


def test_the_limit_on_size_reaches_the_child(good: Path) -> None:
    with ReaderProcess(max_bytes=10) as reader, pytest.raises(ReadError, match="at most"):
        only(reader, good, "good.txt")


def test_a_hang_fails_alone(tmp_path: Path, good: Path) -> None:
    slow = tmp_path / "slow.md"
    slow.write_text(SLOW)
    with ReaderProcess(seconds=1.5) as reader:
        start = time.monotonic()
        with pytest.raises(ReadError, match=r"slow.md took longer than 1.5 s to read"):
            only(reader, slow, "slow.md")
        assert time.monotonic() - start < 5
        assert only(reader, good, "good.txt").text == TEXT


def test_a_crash_fails_alone(reader: ReaderProcess, tmp_path: Path, good: Path) -> None:
    slow = tmp_path / "slow.md"
    slow.write_text(SLOW)
    only(reader, good, "good.txt")
    crash = threading.Timer(0.5, os.kill, (child_of_this(), signal.SIGSEGV))
    crash.start()
    with pytest.raises(ReadError, match=r"slow.md crashed its reader \(SIGSEGV\)"):
        only(reader, slow, "slow.md")
    crash.join()
    assert only(reader, good, "good.txt").text == TEXT


def test_a_child_that_died_in_between_is_replaced(reader: ReaderProcess, good: Path) -> None:
    only(reader, good, "good.txt")
    dead = child_of_this()
    os.kill(dead, signal.SIGKILL)
    while not ended(dead):
        time.sleep(0.01)
    assert only(reader, good, "good.txt").text == TEXT


def test_a_memory_bomb_fails_alone(tmp_path: Path, good: Path) -> None:
    made = BytesIO()
    docx.Document().save(made)
    paragraphs = b"".join(b"<w:p><w:r><w:t>%d</w:t></w:r></w:p>" % number for number in range(1_500_000))
    body = b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>%b</w:body></w:document>'
    bomb = tmp_path / "bomb.docx"
    bomb.write_bytes(replaced(made.getvalue(), "word/document.xml", body % paragraphs))
    with ReaderProcess(memory=600 * 2**20) as reader:
        with pytest.raises(ReadError, match=r"bomb.docx needs more memory to read than is allowed"):
            only(reader, bomb, "bomb.docx")
        assert only(reader, good, "good.txt").text == TEXT


def test_threads_share_a_child(reader: ReaderProcess, tmp_path: Path) -> None:
    results: dict[int, Document] = {}

    def work(number: int) -> None:
        path = tmp_path / f"{number}.txt"
        path.write_text(f"{TEXT} Number {number}.")
        results[number] = only(reader, path, path.name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: document.text for number, document in results.items()} == {
        number: f"{TEXT} Number {number}." for number in range(8)
    }


def test_interrupts_do_not_reach_the_child(reader: ReaderProcess, good: Path) -> None:
    only(reader, good, "a")
    child = child_of_this()
    assert os.getpgid(child) != os.getpgid(os.getpid())
    os.kill(child, signal.SIGINT)
    assert only(reader, good, "b").text == TEXT
    assert child_of_this() == child


def test_closing_ends_the_child(good: Path) -> None:
    with ReaderProcess() as reader:
        only(reader, good, "a")
        child = child_of_this()
    assert not Path(f"/proc/{child}").exists()


def test_the_child_ends_with_a_parent_that_is_killed(good: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from index.readers.worker import ReaderProcess\n"
        "reader = ReaderProcess(); list(reader.unpack(Path(sys.argv[1]), 'a')); print('ready', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(good)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        (child,) = children(parent.pid)
        parent.kill()
    deadline = time.monotonic() + 5
    while not ended(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert ended(child)


def test_the_child_is_limited_and_has_no_secrets(
    reader: ReaderProcess, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sesame")
    only(reader, good, "a")
    child = child_of_this()
    limits = {
        line[:25].strip(): line[26:].split()[0] for line in Path(f"/proc/{child}/limits").read_text().splitlines()
    }
    assert (limits["Max file size"], limits["Max core file size"]) == ("0", "0")
    assert limits["Max address space"] == str(2 * 2**30)
    assert b"sesame" not in Path(f"/proc/{child}/environ").read_bytes()


def test_a_password_is_not_where_others_can_see_it(reader: ReaderProcess, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(locked(pdf([column([TEXT])]), b"sesame"))
    (reading,) = reader.unpack(path, "a.pdf", "sesame")
    assert isinstance(reading.outcome, Document)
    process = Path(f"/proc/{child_of_this()}")
    assert b"sesame" not in process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
    (reading,) = reader.unpack(path, "a.pdf", "open sesame")
    assert "sesame" not in str(reading.outcome)
    assert "sesame" not in repr(wire.Request(path, "a.pdf", "sesame"))


def test_a_file_that_is_left_in_the_middle_costs_a_child(reader: ReaderProcess, tmp_path: Path, good: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(archive({f"{number}.txt": f"{TEXT} {number}".encode() for number in range(9)}))
    readings = reader.unpack(path, "a.zip")
    assert next(readings).member == "0.txt"
    assert isinstance(readings, Generator)
    readings.close()
    assert only(reader, good, "good.txt").text == TEXT


def test_too_many_members_that_kill_their_reader_end_the_file(
    tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_MOST_DEATHS", 1)
    path = tmp_path / "a.zip"
    path.write_bytes(archive({**{f"{number}.md": SLOW.encode() for number in range(3)}, "z.txt": TEXT.encode()}))
    with ReaderProcess(seconds=3) as reader:
        readings = list(reader.unpack(path, "a.zip"))
        assert [each.member for each in readings] == ["0.md", "1.md", ""]
        assert "the rest is left out" in str(readings[-1].outcome)
        assert only(reader, good, "good.txt").text == TEXT


def test_modules_of_the_current_folder_are_not_run(
    reader: ReaderProcess, tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "docx", "yaml"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    assert only(reader, good, "good.txt").text == TEXT


@pytest.mark.parametrize(
    "action", ["socket.socket().connect(('127.0.0.1', 9))", "subprocess.run(['true'])", "os.fork()"]
)
def test_the_child_may_not(action: str) -> None:
    program = (
        f"import os, socket, subprocess, sys; from index.readers import child; sys.addaudithook(child.refuse); {action}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "PermissionError: a document's reader may not" in done.stderr


def test_a_message_that_is_cut_off_is_no_message() -> None:
    whole = BytesIO()
    wire.send(whole, b"some message")
    assert wire.receive(BytesIO(whole.getvalue())) == b"some message"
    assert wire.receive(BytesIO(whole.getvalue()[:-1])) is None
    assert wire.receive(BytesIO(whole.getvalue()[:4])) is None


def test_real_files_give_a_document_or_a_reason(reader: ReaderProcess) -> None:
    folder = Path("../shared/data/parser_files")
    if not folder.exists():
        pytest.skip("../shared/data/parser_files is not there: no real file goes through the readers")
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and format_named(path)]
    reasons: dict[str, str] = {}
    for path in paths:
        for reading in reader.unpack(path, path.name):
            if isinstance(reading.outcome, ReadError):
                reasons[f"{path.name}/{reading.member}"] = reading.outcome.problem
            else:
                assert reading.outcome.blocks
    assert len(paths) - len(reasons) > 200
    known = ("encrypted", "no text layer", "is empty", "holds no text")
    for name, reason in reasons.items():
        assert any(words in reason for words in known), (name, reason)
