"""Files that give several documents: the index follows them as a whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from index.batches import BATCH_PASSAGES
from index.corpus import Corpus
from index.errors import InputError
from index.files import find_files
from index.intake import AddResult
from index.store.base import UNSETTLED
from tests.files import archive
from tests.test_mail_reader import letter

CANTEEN = "The canteen opens at noon. It serves soup on Fridays."
LEAVE = "Staff get 25 days of paid leave a year. Days that are left lapse on 31 March."
SICK = "Sick leave is another matter. Call your manager before ten."


def packed(path: Path, members: Mapping[str, str]) -> Path:
    path.write_bytes(archive({name: text.encode() for name, text in members.items()}))
    return path


def add(corpus: Corpus, *paths: Path) -> dict[str, str]:
    return {result.source: result.status for result in corpus.add(find_files(paths))}


def sources(corpus: Corpus) -> list[tuple[str, ...]]:
    return [info.sources for info in corpus.documents()]


def test_a_container_is_added_replaced_or_left_as_it_is(corpus: Corpus, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"x.txt": CANTEEN, "in/y.txt": LEAVE})
    assert add(corpus, path) == {"a.zip/x.txt": "added", "a.zip/in/y.txt": "added"}
    assert add(corpus, path) == {"a.zip/x.txt": "unchanged", "a.zip/in/y.txt": "unchanged"}
    os.utime(path)
    assert add(corpus, path) == {"a.zip/x.txt": "unchanged", "a.zip/in/y.txt": "unchanged"}
    assert {origin.modified_ns for origin in corpus.store.origins().values()} == {path.stat().st_mtime_ns}
    packed(path, {"x.txt": CANTEEN, "in/y.txt": SICK, "z.txt": LEAVE})
    assert add(corpus, path) == {"a.zip/x.txt": "unchanged", "a.zip/in/y.txt": "replaced", "a.zip/z.txt": "added"}
    assert corpus.document(corpus.find("a.zip/in/y.txt").id).text == SICK
    with pytest.raises(InputError, match=r"'a\.zip' holds documents, and is none") as refusal:
        corpus.find("a.zip")
    assert refusal.value.remedy == "Name one of them (3): a.zip/in/y.txt"
    assert corpus.verify() == []


def test_documents_of_members_that_are_gone_are_removed(corpus: Corpus, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"x.txt": CANTEEN, "y.txt": LEAVE, "z.txt": SICK})
    other = tmp_path / "other.txt"
    other.write_text(SICK)
    add(corpus, path, other)
    packed(path, {"y.txt": LEAVE})
    assert add(corpus, path) == {"a.zip/y.txt": "unchanged"}
    assert sources(corpus) == [("a.zip/y.txt",), ("other.txt",)]
    assert corpus.store.lexical(["soup"], 9) == []
    assert corpus.verify() == []


def test_a_file_becomes_a_container_and_a_file_again(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_text(f"<!doctype html><html><body><p>{CANTEEN}</p></body></html>")
    assert add(corpus, path) == {"a.zip": "added"}
    packed(path, {"x.txt": LEAVE})
    assert add(corpus, path) == {"a.zip/x.txt": "added"}
    assert sources(corpus) == [("a.zip/x.txt",)]
    path.write_text(f"<!doctype html><html><body><p>{CANTEEN}</p></body></html>")
    assert add(corpus, path) == {"a.zip": "added"}
    assert sources(corpus) == [("a.zip",)]


def test_a_container_is_removed_as_a_whole(corpus: Corpus, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"x.txt": CANTEEN, "in/y.txt": LEAVE})
    other = packed(tmp_path / "b.zip", {"z.txt": SICK})
    add(corpus, path, other)
    assert [info.sources for info in corpus.remove(["a.zip"])] == [("a.zip/in/y.txt",), ("a.zip/x.txt",)]
    assert sources(corpus) == [("b.zip/z.txt",)]
    assert add(corpus, path) == {"a.zip/x.txt": "added", "a.zip/in/y.txt": "added"}


def test_a_member_that_was_removed_comes_back_with_its_container(corpus: Corpus, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"x.txt": CANTEEN, "y.txt": LEAVE})
    add(corpus, path)
    corpus.remove(["a.zip/x.txt"])
    assert add(corpus, path) == {"a.zip/x.txt": "added", "a.zip/y.txt": "unchanged"}
    assert add(corpus, path) == {"a.zip/x.txt": "unchanged", "a.zip/y.txt": "unchanged"}


def test_a_member_that_fails_keeps_its_old_version_and_is_tried_again(corpus: Corpus, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"x.txt": CANTEEN, "y.txt": LEAVE})
    add(corpus, path)
    packed(path, {"x.txt": "%PDF-1.4 broken", "y.txt": SICK})
    for status in ("replaced", "unchanged"):
        results = {result.source: result for result in corpus.add(find_files([path]))}
        assert {source: result.status for source, result in results.items()} == {
            "a.zip/x.txt": "failed",
            "a.zip/y.txt": status,
        }
        assert results["a.zip/x.txt"].reason.startswith("a.zip/x.txt is a damaged PDF.")
    assert corpus.document(corpus.find("a.zip/x.txt").id).text == CANTEEN
    path.write_bytes(b"PK\x03\x04 broken")
    assert add(corpus, path) == {"a.zip": "failed"}
    assert sources(corpus) == [("a.zip/x.txt",), ("a.zip/y.txt",)]
    assert corpus.verify() == []


def test_a_member_that_is_also_a_file_is_one_document(corpus: Corpus, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"x.txt": CANTEEN})
    loose = tmp_path / "x.txt"
    loose.write_text(CANTEEN)
    add(corpus, path, loose)
    assert sources(corpus) == [("a.zip/x.txt", "x.txt")]
    packed(path, {"y.txt": LEAVE})
    add(corpus, path)
    assert sources(corpus) == [("a.zip/y.txt",), ("x.txt",)]


def test_containers_of_one_name_are_told_apart(corpus: Corpus, tmp_path: Path) -> None:
    for folder, text in (("2024", CANTEEN), ("2025", LEAVE)):
        (tmp_path / folder).mkdir()
        add(corpus, packed(tmp_path / folder / "a.zip", {"x.txt": text}))
    assert sources(corpus) == [("2025/a.zip/x.txt",), ("a.zip/x.txt",)]
    packed(tmp_path / "2025" / "a.zip", {"x.txt": SICK})
    assert add(corpus, tmp_path / "2025" / "a.zip") == {"2025/a.zip/x.txt": "replaced"}


def test_a_letter_with_attachments_is_followed_as_a_whole(corpus: Corpus, tmp_path: Path) -> None:
    made = letter(CANTEEN)
    made.add_attachment(LEAVE.encode(), "text", "plain", filename="leave.txt")
    path = tmp_path / "a.eml"
    path.write_bytes(made.as_bytes())
    assert add(corpus, path) == {"a.eml": "added", "a.eml/leave.txt": "added"}
    assert add(corpus, path) == {"a.eml": "unchanged", "a.eml/leave.txt": "unchanged"}
    path.write_bytes(letter(CANTEEN).as_bytes())
    assert add(corpus, path) == {"a.eml": "replaced"}
    assert sources(corpus) == [("a.eml",)]
    assert corpus.remove(["a.eml"])
    assert sources(corpus) == []


def test_what_was_stored_before_an_interruption_stays_and_the_rest_follows(corpus: Corpus, tmp_path: Path) -> None:
    part = "\n\n".join(f"## Part {number}\n\n{LEAVE} Part {number}." for number in range(BATCH_PASSAGES // 2 + 1))
    path = packed(tmp_path / "a.zip", {f"{name}.md": f"# Rules of {name}\n\n{part}" for name in "abcde"})
    reported: list[str] = []

    def progress(result: AddResult) -> None:
        reported.append(result.source)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corpus.add(find_files([path]), progress)
    assert sources(corpus) == [("a.zip/a.md",)]
    assert {origin.modified_ns for origin in corpus.store.origins().values()} == {UNSETTLED}
    assert list(add(corpus, path).values()) == ["unchanged"] + ["added"] * 4
    assert list(add(corpus, path).values()) == ["unchanged"] * 5
    assert corpus.verify() == []


def test_a_password_is_stored_nowhere(corpus: Corpus, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"x.txt": CANTEEN})
    corpus.add(find_files([path]), password="correct horse battery")
    corpus.store.close()
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"correct horse" not in file.read_bytes()
