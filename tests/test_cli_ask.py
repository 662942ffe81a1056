"""``citechat ask`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.terminal import run

pytestmark = pytest.mark.usefixtures("nothing_set")

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


def test_that_documents_differ_is_printed_first_in_place_of_one_of_their_answers(tmp_path: Path) -> None:
    for year, days in ((2024, 25), (2025, 28)):
        text = f"---\npublished: {year}-01-05\n---\nFull-time staff get {days} days of leave a year."
        (tmp_path / f"{year}.md").write_text(text)
    assert run("index", "add", tmp_path, "--home", tmp_path / "home").code == 0
    lines = run(
        "ask", "How many days of leave do full-time staff get?", "--home", tmp_path / "home"
    ).output.splitlines()
    assert lines[0].startswith("The documents differ: [1] [2]. The newest is [")
    assert sorted(line.split(" [")[0] for line in lines[1:3]) == [
        "Full-time staff get 25 days of leave a year.",
        "Full-time staff get 28 days of leave a year.",
    ]


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
        "citechat: The field 'published' holds dates, and 'soon' in the filter 'published>=soon' is none. "
        "Write 2025, 2025-11 or 2025-11-01.\n",
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


def test_an_empty_index_is_told_by_its_place(tmp_path: Path) -> None:
    """It may be another one than was meant: the default depends on where one stands."""
    outcome = run("ask", "When does the canteen open?", "--home", tmp_path / "home")
    assert (outcome.code, outcome.errors) == (0, f"Empty: the index of {tmp_path / 'home'}\n")
    assert outcome.output.startswith("There are no documents yet.")


def test_any_terminal_can_ask(home: Path) -> None:
    question = "When does the “canteen” open, Müller \udcff?"  # the last one as from a terminal of another encoding
    plain = run("ask", question, "--json", "--home", home)
    assert plain.code == 0
    assert "“canteen”" in plain.output
    ascii_only = run("ask", question, "--json", "--home", home, encoding="ascii")
    assert ascii_only.output.isascii()
    assert ascii_only.json["claims"] == plain.json["claims"]
    assert run("ask", question, "--home", home, encoding="ascii").code == 0
