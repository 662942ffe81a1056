from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.bench.parsing import attempt, expected_texts, fidelity, kept, main, measure, table
from index.errors import ReadError


def test_fidelity_is_the_f1_of_words() -> None:
    assert fidelity("One two", "one TWO") == 1
    assert fidelity("one two two", "two three") == pytest.approx(2 * 1 / 5)
    assert fidelity("one", "two") == 0


def test_kept_is_the_share_of_the_other_ones_words() -> None:
    assert kept("one two two", "two three") == 0.5
    assert kept("one", "...") is None


def test_a_refusal_is_told_from_an_accident(tmp_path: Path) -> None:
    def fails(problem: str) -> str:
        raise ReadError(problem)

    assert attempt(lambda _: fails("a.pdf is encrypted."), tmp_path).outcome == "refused"
    assert attempt(lambda _: fails("a.pdf is damaged: KeyError: x."), tmp_path).outcome == "failed"
    assert attempt(lambda _: fails("a.pdf took longer than 60 s to read."), tmp_path).outcome == "failed"
    assert attempt(lambda _: str(1 / 0), tmp_path).outcome == "failed"
    assert attempt(lambda _: " . ", tmp_path).outcome == "refused"
    assert attempt(lambda _: "words", tmp_path).outcome == "text"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "parser_files"
    (folder / "expected_outputs").mkdir(parents=True)
    (folder / "a.pdf").write_bytes(b"no pdf")
    (folder / "expected_outputs" / "a.md").write_text("words of a")
    (folder / "b.txt").write_text("Some words of a text that was read.")
    elements = [{"element_id": "1", "text": "Some words", "metadata": {"filename": "b.txt"}}]
    (folder / "b.json").write_text(json.dumps(elements))
    return folder


def test_the_set_says_what_it_expects(files: Path) -> None:
    paths = sorted(files.iterdir())
    assert expected_texts(paths) == {files / "a.pdf": "words of a", files / "b.txt": "Some words"}


def test_a_line_for_each_kind_and_tool(files: Path) -> None:
    paths = [files / "a.pdf", files / "b.txt", files / "b.json"]
    tools = {"one": lambda path: path.read_text(), "two": lambda _: "some other"}
    lines, without, short = measure(paths, tools, worst=1)
    assert [(line.kind, line.tool, line.text) for line in lines] == [
        (kind, tool, 1) for kind in (".json", ".pdf", ".txt") for tool in tools
    ]
    (text,) = [line for line in lines if (line.kind, line.tool) == (".txt", "one")]
    assert text.fidelity == pytest.approx(2 * 2 / 10)
    assert (text.compared, text.kept) == (1, None)
    assert [line.kept for line in lines if line.tool == "two"] == [0.5, 0, 0.5]
    assert without == []
    assert [(each.path.name, each.tool, each.share, each.missing) for each in short] == [
        ("b.json", "two", 0.5, ("other",)),
        ("a.pdf", "what is expected", 0, ("a", "of", "words")),
        ("a.pdf", "two", 0, ("other", "some")),
        ("b.txt", "what is expected", 0.4, ()),
        ("b.txt", "two", 0.5, ("other",)),
    ]
    assert len(table(lines).splitlines()) == 7


@pytest.mark.usefixtures("files")
def test_the_command_reads_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "--json", str(tmp_path / "table.json")]) == 0
    assert "refused  a.pdf: a.pdf is not a PDF file" in capsys.readouterr().out
    lines = [line for line in json.loads((tmp_path / "table.json").read_text()) if line["tool"] == "citechat"]
    assert [(line["kind"], line["text"], line["refused"]) for line in lines] == [
        (".json", 1, 0),
        (".pdf", 0, 1),
        (".txt", 1, 0),
    ]


def test_without_files_the_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path)])
    assert "there is no file in" in capsys.readouterr().err
