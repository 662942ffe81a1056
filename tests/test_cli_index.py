"""``citechat index`` from the command line."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.intake import AddResult
from tests.files import archive, column, locked, pdf
from tests.installed import HOSTILE, HOSTILE_NAME, LEAVE
from tests.terminal import run
from ui.cli import documents
from ui.cli.console import Console

pytestmark = pytest.mark.usefixtures("nothing_set")


def test_adding_is_told_file_by_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    (tmp_path / "plan.txt").write_text(LEAVE)
    first = run("index", "add", tmp_path, folder / "canteen.md", "--home", tmp_path / "home")
    assert first.code == 2
    lines = first.output.splitlines()
    assert lines[0].startswith("failed     broken.pdf  (broken.pdf is a damaged PDF. Open it")
    assert lines[1:] == [
        "added      plan.txt  (1 passage)",
        "added      canteen.md  (1 passage)",
        "2 added, 0 replaced, 0 unchanged, 1 failed",
    ]
    (tmp_path / "plan.txt").write_text(LEAVE + HOSTILE)
    again = run("index", "add", tmp_path / "plan.txt", folder / "canteen.md", "--json", "--home", tmp_path / "home")
    assert again.code == 0
    assert again.json["counts"] == {"added": 0, "replaced": 1, "unchanged": 1, "failed": 0}
    assert {file["source"]: file["status"] for file in again.json["files"]} == {
        "plan.txt": "replaced",
        "canteen.md": "unchanged",
    }
    assert run("index", "verify", "--home", tmp_path / "home").code == 0


def test_of_a_large_folder_what_changed_is_told(tmp_path: Path) -> None:
    """Unchanged files are named up to a number, and files of other formats counted; as JSON every file is there."""
    home = tmp_path / "home"
    inside = tmp_path / "in"
    inside.mkdir()
    for number in range(25):
        (inside / f"{number:02}.txt").write_text(f"Text {number} is about soup.")
    (inside / "old.pub").write_bytes(b"x")
    (inside / "Makefile").write_text("all: a.o\n\tcc -o all a.o\n")
    first = run("index", "add", inside, "--home", home)
    left_out = (
        "Passed over, because documents rarely have these formats: 1 without a suffix, 1 .pub. "
        "A file that you name is read if there is text in it."
    )
    assert (len(first.output.splitlines()), first.errors.splitlines()[-1]) == (26, left_out)
    (inside / "24.txt").write_text("Another text.")
    again = run("index", "add", inside, "--home", home).output.splitlines()
    assert again[:20] == [f"unchanged  {number:02}.txt" for number in range(20)]
    assert again[20:] == [
        "unchanged  and more, which are only counted",
        "replaced   24.txt  (1 passage)",
        "0 added, 1 replaced, 24 unchanged, 0 failed",
    ]
    assert len(run("index", "add", inside, "--json", "--home", home).json["files"]) == 25


def test_what_lies_in_a_file_is_told_and_removed_with_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    secret = locked(pdf([column(["Days that are left lapse on 31 March, says the plan."])]), b"sesame")
    path = tmp_path / "a.zip"
    path.write_bytes(archive({"in/secret.pdf": secret, "plan.txt": LEAVE.encode()}))
    first = run("index", "add", path, "--home", home)
    assert first.code == 2
    assert first.output.splitlines() == [
        "failed     a.zip/in/secret.pdf  (a.zip/in/secret.pdf is encrypted with a password. Give it with --password.)",
        "added      a.zip/plan.txt  (1 passage)",
        "1 added, 0 replaced, 0 unchanged, 1 failed",
    ]
    again = run("index", "add", path, "--password", "sesame", "--json", "--home", home)
    assert again.code == 0
    assert {file["source"]: file["status"] for file in again.json["files"]} == {
        "a.zip/in/secret.pdf": "added",
        "a.zip/plan.txt": "unchanged",
    }
    assert "lapse on 31 March" in run("index", "show", "a.zip/in/secret.pdf", "--home", home).output
    assert len(run("index", "remove", "a.zip", "--json", "--home", home).json["removed"]) == 2


def test_a_password_can_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "getpass", lambda _prompt: "sesame")
    path = tmp_path / "secret.pdf"
    path.write_bytes(locked(pdf([column([LEAVE])]), b"sesame"))
    assert run("index", "add", path, "--password", "-", "--home", tmp_path / "home").code == 0


def test_what_is_indexed_is_listed_shown_and_counted(home: Path) -> None:
    listed = run("index", "list", "--json", "--home", home)
    (leave,) = (info for info in listed.json if info["sources"] == ["rules/leave.txt"])
    assert leave["metadata"] == {"published": "2025-02-01", "format": "text"}
    line = f"{leave['id']}  2025-02-01      2  rules/leave.txt  {leave['title']}"
    assert line in run("index", "list", "--home", home).output.splitlines()
    shown = run("index", "show", "rules/leave.txt", "--json", "--home", home)
    assert shown.json["text"].endswith(LEAVE.strip().split("\n\n")[1])
    assert shown.json == run("index", "show", leave["id"], "--json", "--home", home).json
    assert "\npublished: 2025-02-01\n" in run("index", "show", leave["id"], "--home", home).output
    stats = run("index", "stats", "--json", "--home", home)
    assert (stats.json["documents"], stats.json["passages"]) == (3, 4)
    assert "documents             3\n" in run("index", "stats", "--home", home).output
    assert run("index", "verify", "--json", "--home", home).json == {"sound": True, "problems": []}
    assert run("index", "verify", "--home", home).output == "The index is sound: 3 documents, 4 passages.\n"


def test_a_removed_document_is_gone(folder: Path, tmp_path: Path) -> None:
    home = ("--home", tmp_path)
    run("index", "add", folder / "canteen.md", folder / "rules", *home)
    refused = run("index", "remove", "canteen.md", "nope.txt", *home)
    assert (refused.code, refused.errors) == (
        *(2, "citechat: No document 'nope.txt' in the index. See: citechat index list\n"),
    )
    receipt = run("index", "remove", "canteen.md", *home)
    assert receipt.output.startswith("removed    canteen.md  (1 passage, 3 vectors, ")
    assert receipt.output.endswith(" bytes; found by no search)\n")
    assert [info["sources"] for info in run("index", "list", "--json", *home).json] == [["leave.txt"]]
    assert run("index", "show", "canteen.md", *home).code == 2
    assert run("index", "remove", "leave.txt", "--json", *home).json["removed"][0]["sources"] == ["leave.txt"]
    assert run("index", "list", *home).output == "No documents yet. Add some: citechat index add PATH\n"
    assert run("ask", "When does the canteen open?", "--json", *home).json["status"] == "not_found"


def test_what_cannot_be_added_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, problem in ((tmp_path / "none", "There is no file"), (tmp_path / "empty", "No readable document")):
        outcome = run("index", "add", path, "--home", tmp_path / "home")
        assert (outcome.code, outcome.output) == (2, "")
        assert outcome.errors.startswith(f"citechat: {problem}")


def test_names_cannot_take_over_a_terminal(home: Path, folder: Path, tmp_path: Path) -> None:
    question = "What was written by Marco Polo in 1290?"
    printed = [
        run("index", "add", folder, "--home", tmp_path),
        run("index", "list", "--home", home),
        run("index", "show", f"{HOSTILE_NAME}.txt", "--home", home),
        run("ask", question, "--home", home),
        run("ask", "Who painted the escape of Marco Polo?", "--filter", f"source!={HOSTILE_NAME}", "--home", home),
        run("index", "remove", f"{HOSTILE_NAME}.txt", "--home", tmp_path),
        run("index", "add", folder / f"{HOSTILE_NAME}.gone", "--home", tmp_path),
    ]
    for outcome in printed:
        text = outcome.output + outcome.errors
        assert "esc[2J31m" in text
        assert not set(text) & {"\x1b", "\x9b", "\x07", "\r"}
        assert not any(line.startswith("added      forged") for line in text.splitlines())
    for arguments in (("index", "list"), ("ask", question)):
        outcome = run(*arguments, "--json", "--home", home)
        assert not set(outcome.output) & {"\x1b", "\x9b"}
        assert f"{HOSTILE_NAME}.txt" in list(flat(outcome.json))


def flat(value: object) -> Iterator[object]:
    match value:
        case dict():
            for inner in value.values():
                yield from flat(inner)
        case list():
            for inner in value:
                yield from flat(inner)
        case _:
            yield value


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("listed", "told"), [(0, "Nothing was changed."), (1, "What is listed above is stored.")])
def test_an_interruption_says_what_is_stored_and_the_bar_stays_in_sight(
    listed: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = Terminal()
    monkeypatch.setattr(sys, "stderr", bar)

    def interrupted() -> None:
        with documents._progress(Console(as_json=False), 3) as report:
            for _ in range(listed):
                report(AddResult("plan.txt", "added", "p", 1))
                assert re.search(r"1/3 \[[^\r]*$", bar.getvalue())  # drawn again below the line
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr().out == "added      plan.txt  (1 passage)\n" * listed
    assert f"{told} Run the same command again to go on.\n" in bar.getvalue()


@pytest.mark.parametrize("seconds", ["-1", "soon", "nan"])
def test_a_wait_is_a_number_of_seconds(seconds: str, tmp_path: Path) -> None:
    refused = run("index", "compact", f"--wait={seconds}", "--home", tmp_path)
    assert refused.code == 2
    assert f"'{seconds}' is no number of seconds from 0 on" in refused.errors
