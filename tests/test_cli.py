from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import socket
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.settings import Settings
from tests.files import archive, column, locked, pdf
from tests.terminal import CITECHAT, ENVIRONMENT, ROOT, run, start
from ui.cli import _parser, documents

CANTEEN = "# Canteen\n\nThe canteen opens at noon. The canteen serves soup on Fridays.\n"
LEAVE = "Staff rules\n\nEvery employee gets 25 days of paid leave a year. Unused days lapse on 31 March.\n"
HOSTILE_NAME = "esc\x1b[2J\x9b31m\nadded      forged.txt"
HOSTILE = "The escape was written by Marco Polo in 1290. Nobody has read it since then.\n"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"CITECHAT_{field.upper()}", raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folder")
    (folder / "canteen.md").write_text(CANTEEN)
    (folder / "rules").mkdir()
    (folder / "rules" / "leave.txt").write_text("Published: 2025-02-01\n\n" + LEAVE)
    (folder / f"{HOSTILE_NAME}.txt").write_text(HOSTILE)
    return folder


@pytest.fixture(scope="module")
def home(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with the three documents."""
    home = tmp_path_factory.mktemp("home")
    assert run("index", "add", folder, "--home", home).code == 0
    return home


# --- help ----------------------------------------------------------------------------------------------------------


def test_help_answers_at_once() -> None:
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        done = subprocess.run(
            [*CITECHAT, "--help"], env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=True
        )
        seconds.append(time.perf_counter() - begun)
        assert done.stdout.startswith("usage: citechat")
    assert statistics.median(seconds) < 0.6  # 0.3 where nothing else runs


def commands(parser: argparse.ArgumentParser, *path: str) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every command that does something."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield path, parser
    for group in groups:
        for name, sub in group.choices.items():
            yield from commands(sub, *path, name)


COMMANDS = dict(commands(_parser()))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example_that_it_accepts(command: tuple[str, ...]) -> None:
    shown = run(*command, "--help")
    assert shown.code == 0
    assert shown.output.startswith(f"usage: citechat {' '.join(command)} ")
    assert {"--json", "--home"} <= set(COMMANDS[command]._option_string_actions)
    example = shown.output.partition("example:\n")[2].strip()
    words = shlex.split(example)
    assert (words[0], *words[1 : 1 + len(command)]) == ("citechat", *command)
    assert callable(_parser().parse_args(words[1:]).run)


def test_the_commands_are_those_of_the_design() -> None:
    names = {" ".join(command) for command in COMMANDS}
    assert names >= {f"index {verb}" for verb in ("add", "list", "show", "remove", "verify", "stats")}
    assert names >= {
        "ask",
        "serve",
        "eval run",
        "eval compare",
        "eval calibrate",
        "models list",
        "models pull",
        "models verify",
    }


@pytest.mark.parametrize(
    "arguments", [(), ("index",), ("nope",), ("ask",), ("serve", "--port", "x"), ("index", "list", "--nope")]
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    outcome = run(*arguments)
    assert (outcome.code, outcome.output) == (2, "")
    assert outcome.errors.startswith("usage: citechat")


def test_the_version_is_told() -> None:
    assert run("--version").output.startswith("citechat ")


# --- index ---------------------------------------------------------------------------------------------------------


def test_adding_is_told_file_by_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    (tmp_path / "plan.txt").write_text(LEAVE)
    first = run("index", "add", tmp_path, folder / "canteen.md", "--home", tmp_path / "home")
    assert first.code == 2
    lines = first.output.splitlines()
    assert lines[0].startswith("failed     broken.pdf  (broken.pdf is a damaged PDF. Open it")
    assert lines[1:] == [
        "added      plan.txt  (1 passages)",
        "added      canteen.md  (1 passages)",
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
    (inside / "old.doc").write_bytes(b"x")
    (inside / "LICENSE").write_bytes(b"x")
    first = run("index", "add", inside, "--home", home)
    left_out = (
        "Left out, because their formats are not read: 1 without a suffix, 1 .doc. To see why, add one by its name."
    )
    assert (len(first.output.splitlines()), first.errors.splitlines()[-1]) == (26, left_out)
    (inside / "24.txt").write_text("Another text.")
    again = run("index", "add", inside, "--home", home).output.splitlines()
    assert again[:20] == [f"unchanged  {number:02}.txt" for number in range(20)]
    assert again[20:] == [
        "unchanged  and more, which are only counted",
        "replaced   24.txt  (1 passages)",
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
        "added      a.zip/plan.txt  (1 passages)",
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
    assert receipt.output.startswith("removed    canteen.md  (1 passages, 3 vectors, ")
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


# --- ask -----------------------------------------------------------------------------------------------------------

ANSWER = {
    *("question", "standalone_question", "status", "confidence", "short_answer", "answer", "claims", "hits", "model"),
    "timings_ms",
}
QUOTE = {"n", "document_id", "source", "title", "page", "start", "end", "text"}
HIT = {"document_id", "source", "start", "end", "score", "text"}


def test_an_answer_stands_on_the_words_of_the_document(home: Path) -> None:
    answer = run("ask", "When does the canteen open?", "--json", "--home", home).json
    assert answer.keys() == ANSWER
    assert (answer["status"], answer["short_answer"], answer["model"]) == ("answered", "noon", "extractive")
    assert answer["question"] == answer["standalone_question"] == "When does the canteen open?"
    (claim,) = answer["claims"]
    assert (claim["text"], claim["support"]) == ("The canteen opens at noon.", "verbatim")
    (quote,) = claim["quotes"]
    assert quote.keys() >= QUOTE
    assert (quote["n"], quote["source"], quote["page"]) == (1, "canteen.md", None)
    document = run("index", "show", quote["document_id"], "--json", "--home", home).json
    assert document["text"][quote["start"] : quote["end"]] == quote["text"] == claim["text"]
    for hit in answer["hits"]:
        assert hit.keys() >= HIT
        text = run("index", "show", hit["document_id"], "--json", "--home", home).json["text"]
        assert text[hit["start"] : hit["end"]] == hit["text"]
    assert answer["timings_ms"]["total"] > 0
    assert 0 <= answer["confidence"] <= 1


def test_an_answer_is_printed_with_its_source(home: Path) -> None:
    assert run("ask", "When does the canteen open?", "--llm", "none", "--home", home).output == (
        "noon\n\nThe canteen opens at noon. [1]\n\n[1] Canteen, canteen.md\n"
    )


def test_what_the_documents_do_not_say_is_not_answered(home: Path) -> None:
    outcome = run("ask", "Who painted the ceiling of the chapel?", "--json", "--home", home)
    assert outcome.code == 0
    assert (outcome.json["status"], outcome.json["claims"], outcome.json["short_answer"]) == ("not_found", [], None)
    assert outcome.json["hits"] != []


def test_a_filter_leaves_out_the_other_documents(home: Path) -> None:
    question = "When does the canteen open?"
    for condition, status in (("published>=2025", "not_found"), ("source=canteen.md", "answered")):
        answer = run("ask", question, "--filter", condition, "--json", "--home", home).json
        assert answer["status"] == status
    assert {hit["source"] for hit in answer["hits"]} == {"canteen.md"}
    refused = run("ask", question, "--filter", "published>=soon", "--home", home)
    assert (refused.code, refused.errors) == (
        2,
        "citechat: 'soon' is not a date in the filter 'published>=soon'. Write 2025, 2025-11 or 2025-11-01.\n",
    )


def test_a_question_goes_on_from_its_history(home: Path, tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "When does the canteen open?"},
        {"role": "assistant", "content": "The canteen opens at noon."},
    ]
    (tmp_path / "turns.json").write_text(json.dumps(turns))
    answer = run("ask", "What does it serve?", "--history", tmp_path / "turns.json", "--json", "--home", home).json
    assert (answer["question"], answer["status"]) == ("What does it serve?", "answered")
    assert "canteen" in answer["standalone_question"]
    assert {claim["quotes"][0]["source"] for claim in answer["claims"]} == {"canteen.md"}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"{}", b"[1]", b'["user"]', b"\xff\xfe\x00", b"null", b"[" * 100_000),
        *(b'[{"role": "system", "content": "x"}]', b'[{"role": "user"}]', b'[{"role": "user", "content": 5}]'),
    ],
)
def test_a_history_that_is_no_conversation_is_refused(content: bytes, home: Path, tmp_path: Path) -> None:
    (tmp_path / "turns.json").write_bytes(content)
    outcome = run("ask", "What does it serve?", "--history", tmp_path / "turns.json", "--home", home)
    assert outcome.code == 2
    assert outcome.errors.startswith(f"citechat: {tmp_path}/turns.json is no conversation. It must be a JSON list")


def test_a_history_that_cannot_be_read_is_told(home: Path, tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.json", "No such file or directory"), (tmp_path, "Is a directory")):
        outcome = run("ask", "What does it serve?", "--history", path, "--home", home)
        assert (outcome.code, outcome.errors) == (2, f"citechat: Cannot read {path}: {reason}. Check the path.\n")


@pytest.mark.parametrize(
    ("question", "code", "said"),
    [
        ("", 2, "citechat: The question is empty."),
        (" \n\t ", 2, "citechat: The question is empty."),
        ("x" * 10_000, 2, "citechat: The question has 10,000 characters; at most 2,000 are read."),
        ("🙂🙂", 0, "There are no words in this question."),
        ("?", 0, "There are no words in this question."),
    ],
)
def test_what_is_no_question_is_told(question: str, code: int, said: str, home: Path) -> None:
    outcome = run("ask", question, "--home", home)
    assert outcome.code == code
    assert (outcome.output + outcome.errors).startswith(said)


def test_any_terminal_can_ask(home: Path) -> None:
    question = "When does the “canteen” open, Müller \udcff?"  # the last one as from a terminal of another encoding
    plain = run("ask", question, "--json", "--home", home)
    assert plain.code == 0
    assert "“canteen”" in plain.output
    ascii_only = run("ask", question, "--json", "--home", home, encoding="ascii")
    assert ascii_only.output.isascii()
    assert ascii_only.json["claims"] == plain.json["claims"]
    assert run("ask", question, "--home", home, encoding="ascii").code == 0


# --- exit codes ----------------------------------------------------------------------------------------------------


def test_an_unknown_language_model_is_missing(home: Path) -> None:
    outcome = run("ask", "When does the canteen open?", "--llm", "gpt", "--home", home)
    assert (outcome.code, outcome.output) == (4, "")
    assert outcome.errors == (
        "citechat: The language model 'gpt' is no GGUF file and not in the catalogue. "
        "If a server has it, name the server: --llm-url http://127.0.0.1:11434/v1\n"
    )


def test_an_embedder_that_is_not_there_is_missing(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITECHAT_EMBEDDER", "nowhere")
    outcome = run("index", "list", "--home", home)
    assert (outcome.code, outcome.errors[:39]) == (4, "citechat: There is no model 'nowhere'. ")
    monkeypatch.setenv("CITECHAT_EMBEDDER", str(tmp_path))
    assert run("index", "list", "--home", home).code == 4


def test_a_damaged_index_exits_with_3(folder: Path, tmp_path: Path) -> None:
    run("index", "add", folder / "canteen.md", "--home", tmp_path)
    connection = sqlite3.connect(tmp_path / "index.sqlite3")
    with connection:
        connection.execute("UPDATE passages SET text = 'The canteen opens at one.'")
        connection.execute("UPDATE documents SET title = 'Kitchen'")
    connection.close()
    outcome = run("index", "verify", "--json", "--home", tmp_path)
    assert outcome.code == 3
    assert outcome.json["sound"] is False
    document, passage = outcome.json["problems"]
    id_ = document.split()[1]
    assert passage == f"Passage {id_}-0 is not what was stored. Run: citechat index verify --repair"
    assert document.endswith(
        f"citechat index remove {id_}, then add the file again: citechat index add {folder}/canteen.md"
    )
    assert run("index", "verify", "--home", tmp_path).output.splitlines() == outcome.json["problems"]
    repaired = run("index", "verify", "--repair", "--json", "--home", tmp_path)
    assert (repaired.code, repaired.json["problems"]) == (3, [document])
    assert f"Passage {id_}-0 was given the text of its document again." in repaired.json["mended"]
    assert run("index", "remove", id_, "--home", tmp_path).code == 0
    assert run("index", "add", folder / "canteen.md", "--home", tmp_path).code == 0
    assert run("index", "verify", "--home", tmp_path).code == 0
    (tmp_path / "index.sqlite3").write_bytes(b"no database " * 1000)
    for arguments in (("index", "list"), ("ask", "Who?"), ("index", "verify"), ("index", "add", folder)):
        outcome = run(*arguments, "--home", tmp_path)
        assert (outcome.code, outcome.output) == (3, "")
        assert outcome.errors.startswith(f"citechat: The index {tmp_path}/index.sqlite3 is damaged")


def test_wrong_settings_exit_with_2(tmp_path: Path) -> None:
    (tmp_path / "citechat.toml").write_text("port = 0.5")
    outcome = run("index", "list", "--home", tmp_path)
    assert outcome.code == 2
    assert str(tmp_path / "citechat.toml") in outcome.errors
    assert run("serve", "--port", "99999", "--home", tmp_path / "other").code == 2


def test_evals_below_a_threshold_exit_with_1(home: Path, tmp_path: Path) -> None:
    cases = [{"id": "noon", "question": "When does the canteen open?", "answer": [["noon"]]}]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, cases)))
    arguments = ("eval", "run", tmp_path / "cases.jsonl", "--home", home)
    assert run(*arguments, "--min", "answer_recall=0.9").code == 0
    below = run(*arguments, "--min", "answer_recall=1.1", "--json")
    assert below.code == 1
    assert below.json["metrics"]["answer_recall"] == 1.0
    assert "answer_recall is 1.0000; at least 1.1 is wanted." in below.errors
    assert run(*arguments, "--min", "beauty=1").code == 2


def test_a_port_in_use_is_told(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = run("serve", "--port", port, "--home", home)
    assert outcome.code == 2
    assert f"Cannot listen on 127.0.0.1, port {port}: Address already in use." in outcome.errors
    assert f"--port {port + 1}" in outcome.errors


def test_models_are_listed_and_verified() -> None:
    listed = run("models", "list", "--json").json
    names = ("all-MiniLM-L6-v2", "cl100k_base", "citechat-cross-encoder")
    optional = ("qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct")
    assert {model["name"]: model["problem"] for model in listed} == dict.fromkeys((*names, *optional))
    assert {model["state"] for model in listed if model["name"] in names} == {"genuine"}
    assert {model["state"] for model in listed if model["name"] in optional} <= {"genuine", "absent"}
    assert run("models", "verify").output.splitlines()[0].split() == ["all-MiniLM-L6-v2", "genuine"]
    assert run("models", "pull", "nope").code == 4


# --- processes -----------------------------------------------------------------------------------------------------


def test_a_reader_that_leaves_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start("models", "list", stdout=writing)
    os.close(writing)
    assert (process.communicate()[1], process.returncode) == ("", 0)


def test_an_interrupted_run_keeps_what_it_listed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(40):
        parts = [
            f"## Part {part} of {number}\n\n" + f"Rule {part} of book {number} is about leave. " * 5
            for part in range(60)
        ]
        (tmp_path / "in" / f"{number:02}.md").write_text(f"# Book {number}\n\n" + "\n\n".join(parts))
    process = start("index", "add", tmp_path / "in", "--home", tmp_path / "home")
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "What is listed above is stored. Run the same command again to go on.\nStopped.\n" in errors
    reported = [line.split()[1] for line in (first + rest).splitlines() if line.startswith("added ")]
    assert 0 < len(reported) < 40
    listed = run("index", "list", "--json", "--home", tmp_path / "home").json
    assert [info["sources"][0] for info in listed] == reported
    assert run("index", "verify", "--home", tmp_path / "home").code == 0
