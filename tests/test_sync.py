"""A folder and its mirror in the index."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from index.corpus import Corpus
from index.errors import InputError
from index.intake import KEPT, AddResult
from index.sync import sync_folder
from tests.conftest import MakeCorpus
from tests.terminal import run
from tests.test_archive_reader import encrypted
from tests.test_corpus import CANTEEN, LEAVE, SICK, add, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def sync(corpus: Corpus, folder: Path, *, allow_empty: bool = False) -> dict[str, str]:
    """What became of each file, by source."""
    return {result.source: result.status for result in sync_folder(corpus, folder, allow_empty=allow_empty)}


def texts(corpus: Corpus) -> dict[tuple[str, ...], str]:
    return {info.sources: corpus.document(info.id).text for info in corpus.documents()}


def test_a_folder_is_mirrored(corpus: Corpus, folder: Path, tmp_path: Path) -> None:
    write(tmp_path, {"other.txt": "Elsewhere nothing changes."})
    add(corpus, tmp_path / "other.txt")
    write(folder, {"a.txt": CANTEEN, "b.txt": LEAVE, "in/c.txt": SICK, "d.txt": "This goes."})
    assert sync(corpus, folder) == dict.fromkeys(["a.txt", "b.txt", "in/c.txt", "d.txt"], "added")
    (folder / "in" / "c.txt").rename(folder / "moved.txt")
    (folder / "d.txt").unlink()
    write(folder, {"b.txt": f"{LEAVE} {SICK}", "e.txt": "This is new."})
    expected: list[int] = []
    results = sync_folder(corpus, folder, expect=expected.append)
    assert expected == [6]  # four files that are there and two that are gone
    assert {result.source: result.status for result in results} == {
        "a.txt": "unchanged",
        "b.txt": "replaced",
        "moved.txt": "moved",
        "e.txt": "added",
        "d.txt": "deleted",
    }
    assert next(result.before for result in results if result.status == "moved") == "in/c.txt"
    assert texts(corpus) == {
        ("a.txt",): CANTEEN,
        ("b.txt",): f"{LEAVE} {SICK}",
        ("moved.txt",): SICK,
        ("e.txt",): "This is new.",
        ("other.txt",): "Elsewhere nothing changes.",
    }
    assert corpus.store.holding(["This goes."]) == [[]]
    assert set(sync(corpus, folder).values()) == {"unchanged"}
    assert corpus.verify() == []


def test_a_moved_file_is_neither_read_nor_embedded_again(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN, "b.txt": LEAVE})
    sync(corpus, folder)
    (before,) = [info for info in corpus.documents() if info.sources == ("a.txt",)]
    corpus.embedder.embedded = 0  # type: ignore[attr-defined]
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.txt").rename(folder / "deep" / "er" / "z.txt")
    assert sync(corpus, folder) == {"deep/er/z.txt": "moved", "b.txt": "unchanged"}
    assert corpus.find("deep/er/z.txt").id == before.id
    assert corpus.embedder.embedded == 0  # type: ignore[attr-defined]


def test_two_files_that_change_places_are_each_followed(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN, "b.txt": LEAVE})
    sync(corpus, folder)
    (folder / "a.txt").rename(folder / "x")
    (folder / "b.txt").rename(folder / "a.txt")
    (folder / "x").rename(folder / "b.txt")
    assert sync(corpus, folder) == {"a.txt": "replaced", "b.txt": "replaced"}
    assert texts(corpus) == {("a.txt",): LEAVE, ("b.txt",): CANTEEN}


def test_one_of_two_names_goes_and_the_text_stays(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN, "b.txt": CANTEEN})
    assert sync(corpus, folder) == {"a.txt": "added", "b.txt": "added"}
    (folder / "a.txt").unlink()
    assert sync(corpus, folder) == {"b.txt": "unchanged", "a.txt": "deleted"}
    assert texts(corpus) == {("b.txt",): CANTEEN}
    (folder / "b.txt").rename(folder / "c.txt")
    write(folder, {"d.txt": CANTEEN})
    results = sync(corpus, folder)
    assert sorted(results.values()) == ["added", "moved"]
    assert texts(corpus) == {("c.txt", "d.txt"): CANTEEN}
    assert corpus.verify() == []


def test_a_file_that_cannot_be_read_any_more_keeps_its_old_version_and_says_so(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN, "b.txt": LEAVE})
    sync(corpus, folder)
    (folder / "a.txt").write_bytes(b"%PDF-1.4 broken")
    write(folder, {"new.txt": ""})
    results = {result.source: result for result in sync_folder(corpus, folder)}
    assert (results["a.txt"].status, results["new.txt"].status) == ("failed", "failed")
    assert results["a.txt"].reason.endswith(KEPT)
    assert KEPT not in results["new.txt"].reason
    assert texts(corpus) == {("a.txt",): CANTEEN, ("b.txt",): LEAVE}


def test_an_encrypted_archive_that_moved_stays_until_it_can_be_read_again(corpus: Corpus, folder: Path) -> None:
    (folder / "a.zip").write_bytes(encrypted("sick.txt", SICK.encode(), b"secret"))
    assert [each.status for each in sync_folder(corpus, folder, password="secret")] == ["added"]
    (folder / "a.zip").rename(folder / "b.zip")
    for _ in range(2):
        assert sync(corpus, folder) == {"b.zip/sick.txt": "failed"}
        assert texts(corpus) == {("a.zip/sick.txt",): SICK}
    moved = {each.source: each.status for each in sync_folder(corpus, folder, password="secret")}
    assert moved == {"b.zip/sick.txt": "added", "a.zip/sick.txt": "deleted"}
    assert texts(corpus) == {("b.zip/sick.txt",): SICK}


@pytest.mark.parametrize("lost", ["files", "folder"])
def test_a_folder_that_lost_everything_removes_nothing_unless_told(corpus: Corpus, folder: Path, lost: str) -> None:
    write(folder, {"a.txt": CANTEEN, "b.txt": LEAVE})
    sync(corpus, folder)
    shutil.rmtree(folder)
    if lost == "files":
        folder.mkdir()
    with pytest.raises(InputError, match="The index has 2 files of it, and none was removed") as refusal:
        sync(corpus, folder)
    assert "--allow-empty" in refusal.value.remedy
    assert len(corpus.documents()) == 2
    assert sync(corpus, folder, allow_empty=True) == {"a.txt": "deleted", "b.txt": "deleted"}
    assert corpus.documents() == []
    with pytest.raises(InputError, match="No readable document" if lost == "files" else "There is no file or folder"):
        sync(corpus, folder, allow_empty=True)


def test_only_folders_are_mirrored(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN})
    with pytest.raises(InputError, match="is not a folder"):
        sync(corpus, folder / "a.txt")
    write(folder, {"sub/b.txt": LEAVE, "subway/c.txt": SICK})
    add(corpus, folder)
    (folder / "a.txt").unlink()
    (folder / "subway" / "c.txt").unlink()
    assert sync(corpus, folder / "sub") == {"sub/b.txt": "unchanged"}
    assert len(corpus.documents()) == 3


def test_a_file_that_was_named_stays_while_it_is_there(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN, ".notes.txt": LEAVE})
    assert add(corpus, folder / ".notes.txt") == {".notes.txt": "added"}
    assert sync(corpus, folder) == {"a.txt": "added"}
    (folder / ".notes.txt").unlink()
    assert sync(corpus, folder) == {"a.txt": "unchanged", ".notes.txt": "deleted"}


def test_an_interruption_loses_nothing_and_the_next_run_ends_the_work(make_corpus: MakeCorpus, folder: Path) -> None:
    corpus = make_corpus()
    write(folder, {f"{name}.txt": f"{LEAVE} {name}." for name in "abcd"})
    sync(corpus, folder)
    (folder / "a.txt").rename(folder / "e.txt")
    (folder / "b.txt").unlink()
    write(folder, {"c.txt": SICK})
    seen: list[AddResult] = []

    def interrupt(result: AddResult) -> None:
        seen.append(result)
        if result.status == "replaced":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync_folder(corpus, folder, interrupt)
    assert seen[0].status == "moved"
    assert len(corpus.documents()) == 4
    again = sync(make_corpus(), folder)
    assert again == {"c.txt": "unchanged", "d.txt": "unchanged", "e.txt": "unchanged", "b.txt": "deleted"}
    assert corpus.verify() == []


def test_any_history_of_a_folder_ends_in_its_mirror(corpus: Corpus, folder: Path) -> None:
    chance = random.Random(5)  # noqa: S311
    write(folder, {"0.txt": "The first text."})
    for step in range(60):
        files = sorted(folder.rglob("*.txt"))
        path = chance.choice(files)
        match chance.choice(["write", "copy", "move", "delete"]):
            case "write":
                write(folder, {f"{chance.randrange(9)}.txt": f"Text of step {step}."})
            case "copy":
                write(folder, {f"in/{chance.randrange(9)}.txt": path.read_text()})
            case "move":
                path.rename(folder / f"{step}.txt")
            case _ if len(files) > 1:
                path.unlink()
        if step % 3 == 0:
            sync(corpus, folder)
            expected: dict[str, set[str]] = {}
            for file in folder.rglob("*.txt"):
                expected.setdefault(file.read_text(), set()).add(os.fspath(file.relative_to(folder)))
            assert {text: set(sources) for sources, text in texts(corpus).items()} == expected
    assert corpus.verify() == []


def test_the_command_line_mirrors_folders(folder: Path, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    write(folder, {"a.txt": CANTEEN, "b.txt": LEAVE, "c.txt": SICK})
    assert run("index", "add", "--sync", folder, *home).output.splitlines()[-1] == (
        "3 added, 0 replaced, 0 moved, 0 deleted, 0 unchanged, 0 failed"
    )
    (folder / "a.txt").rename(folder / "d.txt")
    (folder / "b.txt").unlink()
    outcome = run("index", "add", "--sync", folder, "--json", *home)
    assert outcome.json["counts"] == {"added": 0, "replaced": 0, "moved": 1, "deleted": 1, "unchanged": 1, "failed": 0}
    (folder / "d.txt").rename(folder / "a.txt")
    assert run("index", "add", "--sync", folder, *home).output.splitlines() == [
        "moved      a.txt  (from d.txt)",
        "unchanged  c.txt",
        "0 added, 0 replaced, 1 moved, 0 deleted, 1 unchanged, 0 failed",
    ]
    shutil.rmtree(folder)
    refused = run("index", "add", "--sync", folder, *home)
    assert (refused.code, refused.output) == (2, "")
    assert "none was removed" in refused.errors
    assert run("index", "add", folder, "--allow-empty", *home).code == 2
    assert run("index", "add", "--sync", "--allow-empty", folder, *home).output.splitlines()[0] == "deleted    a.txt"
