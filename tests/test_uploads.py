"""What readers bring: checked before it is kept, and never in the way of what others brought."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import InputError
from tests.web import Shelf
from ui.page.uploads import Uploads


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads", Shelf([]).add, 100)


def test_a_file_is_kept_and_indexed(uploads: Uploads, tmp_path: Path) -> None:
    (result,) = uploads.add("notes.txt", b"The pool is heated.")
    assert (result.status, result.source) == ("added", "notes.txt")
    (kept,) = (tmp_path / "uploads").glob("*/notes.txt")
    assert kept.read_bytes() == b"The pool is heated."


def test_another_file_of_the_same_name_replaces_nothing(uploads: Uploads, tmp_path: Path) -> None:
    uploads.add("notes.txt", b"One.")
    uploads.add("notes.txt", b"Two.")
    assert {file.read_bytes() for file in (tmp_path / "uploads").glob("*/notes.txt")} == {b"One.", b"Two."}


def test_what_cannot_be_read_is_not_kept_and_the_reason_is_told(uploads: Uploads, tmp_path: Path) -> None:
    (result,) = uploads.add("broken.pdf", b"%PDF-1.7 and nothing")
    assert result.status == "failed"
    assert "damaged PDF" in result.reason
    assert list((tmp_path / "uploads").iterdir()) == []


def test_what_a_file_is_its_content_decides(uploads: Uploads, tmp_path: Path) -> None:
    for name, data in (("README", b"The pool is heated."), ("minutes.2024", b"It is."), ("old.doc", b"Indeed.")):
        (result,) = uploads.add(name, data)
        assert (result.status, result.source) == ("added", name)
    (result,) = uploads.add("tool.exe", bytes(range(100)))
    assert (result.status, "is not text" in result.reason) == ("failed", True)
    assert not list((tmp_path / "uploads").glob("*/tool.exe"))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/x.txt", "x.txt"),
        ("C:\\x\\y.txt", "y.txt"),
        ("a<b>\x00:c.txt", "abc.txt"),
        ("é" * 300 + ".txt", "é" * 90 + ".txt"),
    ],
)
def test_a_name_is_never_a_path(uploads: Uploads, tmp_path: Path, name: str, kept: str) -> None:
    uploads.add(name, b"Text.")
    assert [file.name for file in (tmp_path / "uploads").glob("**/*.txt")] == [kept]


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("", b"x", "no usable name"),
        (".txt", b"x", "no usable name"),
        ("..", b"x", "no usable name"),
        ("a.txt", b"", "empty"),
        ("a.txt", b"x" * 101, "MiB"),
    ],
)
def test_the_wrong_is_refused_with_the_reason(
    uploads: Uploads, tmp_path: Path, name: str, data: bytes, problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        uploads.add(name, data)
    assert not (tmp_path / "uploads").exists()
