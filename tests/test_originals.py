"""Originals in a place that all hosts see: kept as long as their document, whole, and never another's."""

from __future__ import annotations

import builtins
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from index.corpus import Corpus
from index.errors import InputError, StoreUnavailable
from index.files import digest_of, find_files
from index.originals import KEPT_S, Originals
from index.readers.unpack import bytes_of
from index.sync import sync_folder
from tests.conftest import PASSAGE_TOKENS
from tests.embedding import HashingEmbedder
from tests.stores import Place, both
from tests.test_faults import disk

__all__ = ["disk"]

Host = Callable[[], Corpus]


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path}/shared" if request.param == "file" else f"memory://{tmp_path.name}/originals"


@pytest.fixture
def host(place: Place, url: str) -> Iterator[Host]:
    """Opens the index as another host does, which has a temporary folder of its own."""
    opened: list[Corpus] = []

    def another() -> Corpus:
        embedder = HashingEmbedder()
        opened.append(Corpus(place.open(embedder.fingerprint), embedder, PASSAGE_TOKENS, Originals(url)))
        return opened[-1]

    yield another
    for corpus in opened:
        corpus.__exit__(None, None, None)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder that one host alone sees."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "soup.md").write_text("The canteen serves soup.")
    (folder / "leave.md").write_text("Staff get 25 days of leave.")
    return folder


def kept(url: str) -> set[str]:
    with closing(Originals(url)) as there:
        return {name.rpartition("/")[2] for name in there._file_system.find(there._root)}


@both
def test_another_host_gets_the_file_that_was_indexed(host: Host, files: Path, url: str) -> None:
    one, other = host(), host()
    one.add(find_files([files]))
    digests = {digest_of(path) for path in files.iterdir()}
    assert kept(url) == digests
    shutil.rmtree(files)
    for corpus in (one, other):
        for info in corpus.documents():
            copy = corpus.original(info.id)
            assert copy is not None
            assert copy.path.read_text() == corpus.document(info.id).text
            assert corpus.original(info.id) == copy
    assert other.original("0" * 16) is None


def test_an_original_goes_with_the_last_document_that_came_from_it(host: Host, files: Path, url: str) -> None:
    corpus = host()
    (files / "copy.md").write_text((files / "soup.md").read_text())
    corpus.add(find_files([files]))
    assert len(kept(url)) == 2
    corpus.remove(["soup.md"])
    assert len(kept(url)) == 2  # copy.md is the same file
    corpus.remove(["copy.md"])
    assert kept(url) == {digest_of(files / "leave.md")}
    (files / "leave.md").write_text("Staff get 26 days of leave.")
    corpus.add(find_files([files / "leave.md"]))
    assert kept(url) == {digest_of(files / "leave.md")}
    (files / "copy.md").unlink()
    (files / "soup.md").unlink()
    (files / "new.md").write_text("Something else entirely.")
    (files / "leave.md").unlink()
    sync_folder(corpus, files)
    assert kept(url) == {digest_of(files / "new.md")}


@both
def test_the_archive_that_a_document_lies_in_is_kept_until_something_in_it_is_removed(
    host: Host, files: Path, tmp_path: Path, url: str
) -> None:
    one, other = host(), host()
    packed = Path(shutil.make_archive(str(tmp_path / "staff"), "zip", files))
    one.add(find_files([packed]))
    digest = digest_of(packed)
    assert kept(url) == {digest}
    for info in one.documents():
        original = one.original(info.id)
        assert original is not None
        assert original.path == packed  # where it was indexed, it is read in its place
    packed = packed.rename(tmp_path / "moved.zip")
    for info in other.documents():
        original = other.original(info.id)
        assert original is not None
        assert bytes_of(info.id, original.path, original.location).decode() == other.document(info.id).text
    one.remove(["staff.zip/soup.md"])
    assert kept(url) == set()  # the archive holds what was removed
    packed.rename(tmp_path / "staff.zip")
    one.add(find_files([tmp_path / "staff.zip"]))
    assert kept(url) == {digest}


def test_what_is_not_what_was_indexed_is_not_given_out(host: Host, files: Path, url: str) -> None:
    one, other = host(), host()
    one.add(find_files([files / "soup.md"]))
    (info,) = one.documents()
    digest = digest_of(files / "soup.md")
    (files / "soup.md").unlink()
    with closing(Originals(url)) as there:
        there._file_system.pipe_file(there._place(digest), b"The canteen serves s0up.")
    assert other.original(info.id) is None
    with closing(Originals(url)) as there:
        there.drop([digest])
        there.drop([digest])
        assert there.fetch(digest) is None
    assert other.original(info.id) is None
    assert other.document(info.id).text == "The canteen serves soup."


def test_copies_on_a_host_are_gone_after_a_while(files: Path, url: str) -> None:
    names = [digest_of(files / name) for name in ("soup.md", "leave.md")]
    with closing(Originals(url)) as there:
        for name, path in zip(names, ("soup.md", "leave.md"), strict=True):
            there.keep(files / path, name)
        first = there.fetch(names[0])
        assert first is not None
        os.utime(first, (0, time.time() - KEPT_S - 1))
        second = there.fetch(names[1])
        assert second is not None
        assert not first.exists()
        there.keep(files / "gone.md", "0" * 64)
    assert not second.exists()
    assert kept(url) == set(names)


def test_a_full_place_is_told_and_nothing_is_stored_without_its_original(
    disk: Path, place: Place, tmp_path: Path
) -> None:
    embedder = HashingEmbedder()
    (tmp_path / "large.md").write_text("The canteen serves soup. " * 60_000)
    url = f"file://{disk}"
    with Corpus(place.open(embedder.fingerprint), embedder, PASSAGE_TOKENS, Originals(url)) as corpus:
        with pytest.raises(StoreUnavailable, match=r"Cannot keep a file in .*No space left") as told:
            corpus.add(find_files([tmp_path / "large.md"]))
        assert "setting originals" in told.value.remedy
        assert corpus.documents() == []
        assert kept(url) == set()


@pytest.mark.parametrize("url", ["nonsense://x/y"])
def test_a_place_of_no_known_kind_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="cannot be kept") as refusal:
        Originals(url)
    assert "s3://" in refusal.value.remedy


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **named: object) -> object:
        if name.startswith("obstore"):
            raise ImportError(name, name="obstore")
        return real(name, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="obstore") as refusal:
        Originals("s3://bucket/originals")
    assert "citechat[objects]" in refusal.value.remedy
