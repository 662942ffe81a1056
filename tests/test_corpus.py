from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import index.corpus
from index.batches import BATCH_PASSAGES
from index.corpus import Corpus
from index.embedder import PassageVectors
from index.errors import InputError, ModelMissing
from index.files import find_files, left_out
from index.filters import parse_filter
from index.intake import AddResult
from index.passages import lead
from index.readers.worker import ReaderProcess, Reading
from index.sources import FoundFile
from index.types import Document, Passage
from tests.conftest import PASSAGE_TOKENS, MakeCorpus
from tests.embedding import HashingEmbedder
from tests.files import archive, column, pdf
from tests.ole import BODY, compound, message

CANTEEN = "The canteen opens at noon. It serves soup on Fridays."
LEAVE = "Staff get 25 days of paid leave a year. Days that are left lapse on 31 March."
SICK = "Sick leave is another matter. Call your manager before ten."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def add(corpus: Corpus, *paths: Path) -> dict[str, str]:
    """What became of each file, by source."""
    return {result.source: result.status for result in corpus.add(find_files(paths))}


def embedded(corpus: Corpus) -> int:
    assert isinstance(corpus.embedder, HashingEmbedder)
    return corpus.embedder.embedded


# --- adding --------------------------------------------------------------------------------------------------------


def test_files_are_added_replaced_or_left_as_they_are(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN, "b.md": f"# Leave\n\n{LEAVE}"})
    assert add(corpus, folder) == {"a.txt": "added", "b.md": "added"}
    assert add(corpus, folder) == {"a.txt": "unchanged", "b.md": "unchanged"}
    write(folder, {"b.md": f"# Leave\n\n{LEAVE} {SICK}", "c.txt": SICK})
    assert add(corpus, folder) == {"a.txt": "unchanged", "b.md": "replaced", "c.txt": "added"}
    assert [(info.sources, info.title) for info in corpus.documents()] == [
        (("a.txt",), CANTEEN),
        (("b.md",), "Leave"),
        (("c.txt",), SICK),
    ]
    assert corpus.document(corpus.find("b.md").id).text == f"Leave\n\n{LEAVE} {SICK}"
    assert corpus.verify() == []


def test_results_name_the_document_and_its_passages(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN})
    heard: list[AddResult] = []
    results = corpus.add(find_files([folder]), heard.append)
    digest = hashlib.sha256(CANTEEN.encode()).hexdigest()
    assert results == heard == [AddResult("a.txt", "added", digest[:16], 1)]
    assert corpus.add(find_files([folder])) == [AddResult("a.txt", "unchanged", digest[:16])]


def test_what_is_stored_can_be_proved(corpus: Corpus, folder: Path) -> None:
    part = " ".join(f"Rule {number} is that days of leave lapse on {number} March." for number in range(1, 12))
    write(folder, {"a.md": f"# Rules\n\n## Leave\n\n{part}\n\n- One.\n- Two.\n\n## Food\n\n{CANTEEN}"})
    (result,) = corpus.add(find_files([folder]))
    document = corpus.document(str(result.document_id))
    passages = corpus.store.passages([f"{document.id}-{number}" for number in range(result.passages)])
    assert len(passages) == result.passages == corpus.stats().passages > 2
    for stored in passages.values():
        passage = stored.passage
        assert document.text[passage.start : passage.end] == passage.text
        assert (
            stored.tokens == corpus.embedder.count_tokens([lead(passage.context) + passage.text])[0] <= PASSAGE_TOKENS
        )
        (expected,) = corpus.embedder.embed_passages([passage])
        assert np.array_equal(stored.vector, expected.passage)
        assert np.abs(stored.sentence_vectors - expected.sentences).max() < 1e-3


def test_only_what_is_new_is_embedded(corpus: Corpus, folder: Path) -> None:
    sections = [f"## Part {number}\n\n{LEAVE} This is part {number}." for number in range(5)]
    write(folder, {"a.md": "# Rules\n\n" + "\n\n".join(sections)})
    add(corpus, folder)
    assert embedded(corpus) == 5
    os.utime(folder / "a.md")
    assert add(corpus, folder) == {"a.md": "unchanged"}
    assert embedded(corpus) == 5
    write(folder, {"a.md": "# Rules\n\n" + "\n\n".join([*sections[:3], "## New\n\nThis is new.", *sections[3:]])})
    assert add(corpus, folder) == {"a.md": "replaced"}
    assert embedded(corpus) == 6
    write(folder, {"b.md": "# Rules\n\n" + "\n\n".join(sections[::-1])})
    add(corpus, folder)
    assert embedded(corpus) == 6
    assert corpus.verify() == []


def test_equal_passages_of_one_run_are_embedded_once(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.md": f"# Leave\n\n{LEAVE}", "b.md": f"# Leave\n\n{LEAVE}\n\n# Food\n\n{CANTEEN}"})
    add(corpus, folder)
    assert embedded(corpus) == 2


def parts(name: str, count: int) -> str:
    """A document of so many passages that no other name has."""
    return "\n\n".join(f"## Part {number} of {name}\n\n{LEAVE} Part {number} of {name}." for number in range(count))


def test_equal_passages_of_one_batch_and_the_next_are_embedded_once(corpus: Corpus, folder: Path) -> None:
    whole = f"# Rules\n\n{parts('a', BATCH_PASSAGES)}"
    write(folder, {"a.md": whole, "b.md": f"{whole}\n\n{parts('b', 3)}", "c.md": f"{whole}\n\n{parts('c', 2)}"})
    add(corpus, folder)
    assert embedded(corpus) == BATCH_PASSAGES + 3 + 2
    assert corpus.verify() == []


class Overlapping(HashingEmbedder):
    """Embeds nothing until a text with ``awaited`` in it was counted; fails at the batch ``failing``."""

    def __init__(self, awaited: str = "", failing: int = -1) -> None:
        super().__init__()
        self._awaited, self._failing = awaited, failing
        self._counted = threading.Event()
        self.batches = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if any(self._awaited in text for text in texts):
            self._counted.set()
        return super().count_tokens(texts)

    def embed_passages(self, passages: Sequence[Passage]) -> list[PassageVectors]:
        assert self._counted.wait(30)
        self.batches += 1
        if self.batches - 1 == self._failing:
            raise ModelMissing("The model is gone.", "Install it again.")
        return super().embed_passages(passages)


def test_documents_are_read_while_those_before_are_embedded(make_corpus: MakeCorpus, folder: Path) -> None:
    write(folder, {f"{name}.md": f"# Rules\n\n{parts(name, BATCH_PASSAGES)}" for name in "ab"})
    corpus = make_corpus(embedder=Overlapping("of b"))
    assert add(corpus, folder) == {"a.md": "added", "b.md": "added"}
    assert corpus.verify() == []


def test_what_was_embedded_before_a_failure_is_stored(make_corpus: MakeCorpus, folder: Path) -> None:
    write(folder, {f"{name}.md": f"# Rules\n\n{parts(name, BATCH_PASSAGES)}" for name in "abc"})
    corpus = make_corpus(embedder=Overlapping(failing=1))
    with pytest.raises(ModelMissing):
        corpus.add(find_files([folder]))
    assert [info.sources for info in corpus.documents()] == [("a.md",)]
    assert corpus.verify() == []
    assert add(corpus, folder) == {"a.md": "unchanged", "b.md": "added", "c.md": "added"}


def test_touching_a_file_is_remembered(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN})
    add(corpus, folder)
    os.utime(folder / "a.txt", ns=(5, 6))
    add(corpus, folder)
    (origin,) = corpus.store.origins().values()
    assert origin.modified_ns == 6


def test_identical_files_are_one_document_with_two_sources(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN, "copies/b.txt": CANTEEN})
    assert add(corpus, folder) == {"a.txt": "added", "copies/b.txt": "added"}
    (info,) = corpus.documents()
    assert info.sources == ("a.txt", "copies/b.txt")
    assert corpus.find("copies/b.txt") == corpus.find("a.txt") == corpus.find(info.id) == info
    write(folder, {"a.txt": LEAVE})
    add(corpus, folder)
    assert [info.sources for info in corpus.documents()] == [("a.txt",), ("copies/b.txt",)]
    assert corpus.remove(["copies/b.txt"])[0].sources == ("copies/b.txt",)
    assert add(corpus, folder) == {"a.txt": "unchanged", "copies/b.txt": "added"}


def test_files_of_one_name_are_told_apart_by_their_folders(corpus: Corpus, tmp_path: Path) -> None:
    places = ["x/2024/plan.txt", "x/2025/plan.txt", "y/2025/plan.txt"]
    write(tmp_path, {place: f"{LEAVE} {place}." for place in places})
    for place, source in zip(places, ["plan.txt", "2025/plan.txt", "y/2025/plan.txt"], strict=True):
        assert add(corpus, tmp_path / place) == {source: "added"}
    assert add(corpus, tmp_path / "x") == {"plan.txt": "unchanged", "2025/plan.txt": "unchanged"}
    assert add(corpus, tmp_path / "y") == {"y/2025/plan.txt": "unchanged"}


def test_files_of_one_path_in_two_folders_are_told_apart(corpus: Corpus, tmp_path: Path) -> None:
    write(tmp_path, {"one/in/a.txt": LEAVE, "two/in/a.txt": SICK})
    assert add(corpus, tmp_path / "one", tmp_path / "two") == {"in/a.txt": "added", "two/in/a.txt": "added"}


def test_names_are_kept_whatever_bytes_they_consist_of(corpus: Corpus, folder: Path) -> None:
    for name in (b"caf\xe9.txt", "naïve 漢字 🌍.txt".encode(), b"esc\x1b[2J\nline.txt", b"-rf.txt"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text(f"{LEAVE} {name!r}.")
    expected = {"caf\\xe9.txt", "naïve 漢字 🌍.txt", "esc\x1b[2J\nline.txt", "-rf.txt"}
    assert add(corpus, folder) == dict.fromkeys(expected, "added")
    assert add(corpus, folder) == dict.fromkeys(expected, "unchanged")
    assert corpus.find("caf\\xe9.txt").passages == 1


# --- what goes wrong -----------------------------------------------------------------------------------------------


def test_a_file_that_fails_fails_alone_and_its_old_version_stays(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN, "b.txt": LEAVE})
    add(corpus, folder)
    (folder / "a.txt").write_bytes(b"%PDF-1.4 broken")
    write(folder, {"b.txt": SICK, "empty.txt": ""})
    assert add(corpus, folder) == {"a.txt": "failed", "b.txt": "replaced", "empty.txt": "failed"}
    assert corpus.document(corpus.find("a.txt").id).text == CANTEEN
    assert corpus.document(corpus.find("b.txt").id).text == SICK
    assert corpus.verify() == []
    write(folder, {"a.txt": LEAVE})
    assert add(corpus, folder)["a.txt"] == "replaced"


def test_a_failure_says_why(corpus: Corpus, folder: Path) -> None:
    write(folder, {"empty.txt": "", "file.txt": CANTEEN})
    os.mkfifo(folder / "pipe.txt")
    (folder / "gone.txt").symlink_to("nowhere.txt")
    (folder / "loop.txt").symlink_to("loop.txt")
    results = {result.source: result for result in corpus.add(find_files([folder]))}
    assert {source for source, result in results.items() if result.status == "failed"} == {
        *("empty.txt", "gone.txt", "loop.txt", "pipe.txt"),
    }
    assert results["empty.txt"].reason.startswith("empty.txt is empty.")
    assert "pipe" in results["pipe.txt"].reason
    assert results["gone.txt"].reason.startswith("No such file")
    assert results["file.txt"].reason == ""
    assert results["gone.txt"].document_id is None


class Slow(ReaderProcess):
    """A reader that is so slow that the file changes before it is done."""

    def unpack(self, path: Path, source: str, password: str = "") -> Iterator[Reading]:
        yield from super().unpack(path, source, password)
        path.write_text(SICK)


def test_a_file_that_changes_while_it_is_read_is_not_mistaken_for_the_new_one(
    corpus: Corpus, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"a.txt": CANTEEN})
    with monkeypatch.context() as patched:
        patched.setattr(index.corpus, "ReaderProcess", Slow)
        (result,) = corpus.add(find_files([folder]))
    assert (result.status, result.reason) == ("failed", "It changed while it was read. Add it again.")
    assert add(corpus, folder) == {"a.txt": "added"}
    assert corpus.document(corpus.find("a.txt").id).text == SICK


class Shortsighted(ReaderProcess):
    """A reader that cannot read a part of each document."""

    def unpack(self, path: Path, source: str, password: str = "") -> Iterator[Reading]:
        for reading in super().unpack(path, source, password):
            assert isinstance(reading.outcome, Document)
            yield replace(reading, outcome=replace(reading.outcome, metadata={"unread": "2 of 5 pages are scans."}))


def test_what_could_not_be_read_of_a_document_is_told(
    corpus: Corpus, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"a.txt": CANTEEN})
    monkeypatch.setattr(index.corpus, "ReaderProcess", Shortsighted)
    (result,) = corpus.add(find_files([folder]))
    assert (result.status, result.passages, result.reason) == ("added", 1, "2 of 5 pages are scans.")


def test_two_corpora_that_add_at_once_take_turns(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    write(tmp_path, {"x/a.txt": CANTEEN, "x/b.txt": LEAVE, "y/a.txt": SICK})
    begun, waiting = threading.Event(), threading.Event()
    outcomes: dict[str, str] = {}

    class Slow(HashingEmbedder):
        """Another process wants to add its file while this one embeds."""

        def embed_passages(self, passages: Sequence[Passage]) -> list[PassageVectors]:
            begun.set()
            waiting.wait(20)
            return super().embed_passages(passages)

    corpus, other = make_corpus(embedder=Slow()), make_corpus()
    other.store.patience(60, lambda _: waiting.set())

    def add_another() -> None:
        begun.wait(20)
        outcomes.update(add(other, tmp_path / "y"))

    thread = threading.Thread(target=add_another)
    thread.start()
    assert add(corpus, tmp_path / "x") == {"a.txt": "added", "b.txt": "added"}
    thread.join(60)
    assert waiting.is_set()
    assert outcomes == {"y/a.txt": "added"}
    assert corpus.document(corpus.find("a.txt").id).text == CANTEEN
    assert corpus.verify() == []


@pytest.mark.parametrize("after", [1, 3])
def test_what_was_reported_before_an_interruption_is_stored(corpus: Corpus, folder: Path, after: int) -> None:
    part = "\n\n".join(f"## Part {number}\n\n{LEAVE} Part {number}." for number in range(BATCH_PASSAGES // 2 + 1))
    write(folder, {f"{name}.md": f"# Rules of {name}\n\n{part}" for name in "abcde"})
    reported: list[str] = []

    def progress(result: AddResult) -> None:
        reported.append(result.source)
        if len(reported) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corpus.add(find_files([folder]), progress)
    assert [info.sources[0] for info in corpus.documents()] == reported == [f"{name}.md" for name in "abcde"[:after]]
    assert corpus.verify() == []
    statuses = add(corpus, folder)
    assert list(statuses.values()) == ["unchanged"] * after + ["added"] * (5 - after)
    assert corpus.verify() == []


# --- removing and finding ------------------------------------------------------------------------------------------


def test_remove_takes_all_or_nothing(corpus: Corpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN, "b.txt": LEAVE, "c.txt": SICK})
    add(corpus, folder)
    with pytest.raises(InputError, match="No document 'd") as refusal:
        corpus.remove(["a.txt", "d.txt"])
    assert refusal.value.remedy == "See: citechat index list"
    assert len(corpus.documents()) == 3
    removed = corpus.remove([corpus.find("a.txt").id, "b.txt"])
    assert [info.sources for info in removed] == [("a.txt",), ("b.txt",)]
    assert [info.sources for info in corpus.documents()] == [("c.txt",)]
    with pytest.raises(InputError):
        corpus.document(removed[0].id)


def test_a_corpus_is_opened_again(make_corpus: MakeCorpus, folder: Path) -> None:
    write(folder, {"a.txt": CANTEEN})
    first = make_corpus()
    add(first, folder)
    before = first.documents(), first.stats()
    first.store.close()
    again = make_corpus()
    assert (again.documents(), again.stats()) == before
    assert add(again, folder) == {"a.txt": "unchanged"}


# --- finding files -------------------------------------------------------------------------------------------------


def test_folders_are_searched_for_the_formats_that_can_be_read(folder: Path, tmp_path: Path) -> None:
    names = ["a.txt", "b/c/d.PDF", "b/e.html", ".hidden.txt", ".git/f.txt", "b/g.py", "h", "b/.i/j.txt", "z.docx"]
    write(folder, dict.fromkeys(names, ""))
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path, {"elsewhere/k.txt": "", "m.txt": ""})
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "up").symlink_to(folder)
    (folder / "link.txt").symlink_to(tmp_path / "m.txt")
    assert find_files([folder]) == [
        FoundFile(folder / name, name) for name in ("a.txt", "link.txt", "z.docx", "b/e.html", "b/c/d.PDF")
    ]


def test_in_a_folder_files_without_a_suffix_are_known_by_their_content(folder: Path) -> None:
    write(folder, {"LICENSE": LEAVE, "Minutes 3.12": CANTEEN, "Makefile": "all: a.o\n\tcc -o all a.o\n", "empty": ""})
    write(folder, {"run": "#!/bin/sh\necho The canteen is open.\n", "settings.toml": "a = 1\n", "notes.xyz": LEAVE})
    (folder / "core").write_bytes(bytes(range(256)) * 20)
    (folder / "report").write_bytes(pdf([column([LEAVE])]))
    (folder / "project").write_bytes(compound({"Props": b"x" * 5000, "   114": {"Tasks": {"FixedData": b"y" * 5000}}}))
    (folder / "letter").write_bytes(compound(message({BODY: CANTEEN})))
    (folder / "~$plan.docx").write_bytes(b"\x05Ada" + bytes(160))
    (folder / "packed").write_bytes(archive({"a.txt": LEAVE.encode()}))
    os.mkfifo(folder / "pipe")
    assert [file.name for file in find_files([folder])] == ["LICENSE", "Minutes 3.12", "letter", "packed", "report"]
    assert left_out([folder]) == {"": 6, ".toml": 1, ".xyz": 1}


def test_named_files_are_taken_whatever_they_are_called(folder: Path) -> None:
    write(folder, {"notes": CANTEEN, ".hidden.txt": LEAVE, "x/a.txt": SICK})
    named = [folder / "notes", folder / ".hidden.txt"]
    assert find_files(named) == [FoundFile(path, path.name) for path in named]


def test_a_file_that_is_named_twice_is_found_once(folder: Path) -> None:
    write(folder, {"x/a.txt": SICK, "x/b.txt": LEAVE})
    (folder / "link.txt").symlink_to(folder / "x" / "a.txt")
    assert [file.name for file in find_files([folder / "x", folder / "x" / "a.txt", folder])] == ["a.txt", "b.txt"]
    assert [file.name for file in find_files([folder / "x" / "b.txt", folder])] == ["b.txt", "link.txt"]


def test_what_is_not_there_is_told(folder: Path) -> None:
    (folder / "loop.txt").symlink_to("loop.txt")
    (folder / "only").mkdir()
    write(folder, {"only/program.py": "", "only/.hidden.txt": ""})
    for path, problem in (
        (folder / "none.txt", "There is no file or folder"),
        (folder / "loop.txt", "There is no file or folder"),
        (folder / "only" / "program.py" / "a", "There is no file or folder"),
        (folder / ("x" * 300), "Cannot open"),
        (folder / "only", "No readable document in"),
    ):
        with pytest.raises(InputError, match=problem) as refusal:
            find_files([folder, path])
        assert str(path) in refusal.value.problem
        assert refusal.value.remedy.startswith(("Check the path.", "Known formats: .adoc .asciidoc .bz2"))


# --- filters over what the readers make of front matter ------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2025-11-21", "2025-11-21"),
        ("21 November 2025", "2025-11-21"),
        ("Friday, 21 Nov 2025, 10:30 CET", "2025-11-21"),
        ("November 21, 2025", "2025-11-21"),
        ("21.11.2025", "2025-11-21"),
        ("21 de noviembre de 2025", "2025-11-21"),
        ("2025-11-21T10:30:00Z", "2025-11-21"),
        ("November 2025", "2025-11"),
    ],
)
def test_dates_of_any_format_are_filtered_as_dates(corpus: Corpus, folder: Path, written: str, day: str) -> None:
    write(folder, {"a.md": f"---\ndate: {written}\nauthors: [Jane Roe, Kofi Annan]\n---\n\n{CANTEEN}"})
    add(corpus, folder)
    query = corpus.embedder.embed_query("canteen")
    for text, passes in (
        (f"published={day}", True),
        ("published>=2025-11 and published<2025-12", True),
        ("date in (2024, 2025)", True),
        ("published<2025-11 or published>2025-11", False),
        ("not published=2025-11-01..2025-11-30", False),
        ("author=Kofi Annan and author=jane roe", True),
    ):
        assert bool(corpus.store.dense(query, 5, parse_filter(text))) is passes
        assert bool(corpus.store.lexical(["canteen"], 5, parse_filter(text))) is passes
