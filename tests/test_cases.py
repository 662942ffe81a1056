from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.cases.format import Case, Evidence, Quantity, load_cases
from index.errors import InputError
from rag.types import Turn


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_yaml_list_with_header_gives_every_field(tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    path = write(
        tmp_path,
        "cases.yaml",
        """\
- corpus: [seeds]
  settings: {max_claims: 3, llm: none}
- id: draft-authors
  question: And who wrote it?
  history: [{role: user, content: Is there a draft}, {role: assistant, content: Yes.}]
  answer: [[Marco Rubio, Rubio], [Steve Witkoff]]
  forbidden: [Keith Kellogg]
  evidence: [{source: peace-plan.md, quote: prepared by}, {source: other.md}]
  filter: "published>=2025-11-01"
  tags: [who, follow-up]
- id: no-weather
  question: What is the weather?
  unanswerable: true
""",
    )
    suite = load_cases(path)
    assert suite.path == path
    assert suite.corpus == ((tmp_path / "seeds").resolve(),)
    assert suite.settings == {"max_claims": 3, "llm": "none"}
    assert suite.cases == (
        Case(
            id="draft-authors",
            question="And who wrote it?",
            answer=(("Marco Rubio", "Rubio"), ("Steve Witkoff",)),
            history=(Turn("user", "Is there a draft"), Turn("assistant", "Yes.")),
            forbidden=("Keith Kellogg",),
            evidence=(Evidence("peace-plan.md", "prepared by"), Evidence("other.md")),
            filter="published>=2025-11-01",
            tags=("who", "follow-up"),
            where=f"{path}:3",
        ),
        Case(id="no-weather", question="What is the weather?", unanswerable=True, where=f"{path}:11"),
    )


def test_yaml_mapping_and_jsonl_hold_the_same_suite(tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    as_yaml = write(
        tmp_path,
        "a.yaml",
        "corpus: [seeds]\nsettings: {max_claims: 3}\ncases:\n- {id: x, question: Y, answer: [[z]]}\n",
    )
    as_jsonl = write(
        tmp_path,
        "a.jsonl",
        '{"corpus": ["seeds"], "settings": {"max_claims": 3}}\n\n{"id": "x", "question": "Y", "answer": [["z"]]}\n',
    )
    one, other = load_cases(as_yaml), load_cases(as_jsonl)
    assert (one.corpus, one.settings) == (other.corpus, other.settings)
    assert (one.cases[0].id, one.cases[0].answer) == (other.cases[0].id, other.cases[0].answer) == ("x", (("z",),))
    assert other.cases[0].where == f"{as_jsonl}:3"


def test_answers_stay_as_written(tmp_path: Path) -> None:
    text = "- {id: x, question: Y, answer: [[No, 1.10, 2025-02-30, 0x10, on]]}\n"
    assert load_cases(write(tmp_path, "c.yaml", text)).cases[0].answer == (("No", "1.10", "2025-02-30", "0x10", "on"),)
    line = '{"id": "x", "question": "Y", "answer": [[1789, true]]}\n'
    assert load_cases(write(tmp_path, "c.jsonl", line)).cases[0].answer == (("1789", "true"),)


def test_csv_holds_the_same_cases(tmp_path: Path) -> None:
    text = (
        "id,question,answer,evidence,numbers,dates,forbidden,unanswerable,tags,weight\n"
        'authors,"Who, if anyone,\nwrote it?",Marco Rubio | Rubio; Witkoff,plan.md: prepared by; b.md,,,A; B,,w; x,2\n'
        "\n"
        'long,How long?,,,"[{value: 1230, unit: km}]",2025-11-20,,,,\n'
        "none,What else?,,,,,,TRUE,,\n"
    )
    path = write(tmp_path, "cases.csv", text)
    assert load_cases(path).cases == (
        Case(
            "authors",
            "Who, if anyone,\nwrote it?",
            answer=(("Marco Rubio", "Rubio"), ("Witkoff",)),
            evidence=(Evidence("plan.md", "prepared by"), Evidence("b.md")),
            forbidden=("A", "B"),
            tags=("w", "x"),
            weight=2.0,
            where=f"{path}:2",
        ),
        Case("long", "How long?", quantities=(Quantity(1230, 0, {"km": 1}),), dates=("2025-11-20",), where=f"{path}:5"),
        Case("none", "What else?", unanswerable=True, where=f"{path}:6"),
    )


def test_csv_is_read_as_spreadsheets_of_any_language_write_it(tmp_path: Path) -> None:
    as_semicolons = 'id;question;answer;tags\r\na;"Who; and when, then?";Rubio | Marco Rubio;"x; y"\r\n'
    as_tabs = 'id\tquestion\tanswer\ttags\na\t"Who; and when, then?"\tRubio | Marco Rubio\tx; y\n'
    for name, text in (("a.csv", as_semicolons), ("b.csv", as_tabs)):
        (case,) = load_cases(write(tmp_path, name, text)).cases
        assert (case.question, case.answer, case.tags) == (
            "Who; and when, then?",
            (("Rubio", "Marco Rubio"),),
            ("x", "y"),
        )


def test_numbers_dates_and_what_a_case_counts(tmp_path: Path) -> None:
    text = """\
- id: a
  question: How long, and since when?
  numbers: [28, {value: 1230, tolerance: 50%, unit: {km: 1, m: 0.001}}, {value: 5, unit: [days, d]}]
  dates: [20 November 2025, 2025]
  answer: [[first], [second]]
  ordered: true
  weight: 0.5
  must_pass: true
  today: 2025-11-20
- {id: b, question: And then?, follows: a, status: clarify, draft: true}
- {id: c, question: Why?, status: not_found}
"""
    a, b, c = load_cases(write(tmp_path, "c.yaml", text)).cases
    assert a.quantities == (
        Quantity(28),
        Quantity(1230, 615, {"km": 1, "m": 0.001}),
        Quantity(5, 0, {"days": 1, "d": 1}),
    )
    assert (a.dates, a.ordered, a.weight, a.must_pass, a.status) == (
        ("2025-11-20", "2025"),
        True,
        0.5,
        True,
        "answered",
    )
    assert (a.today, b.today) == (date(2025, 11, 20), None)
    assert (b.follows, b.ambiguous, b.status, b.draft) == ("a", True, "clarify", True)
    assert (c.unanswerable, c.status) == (True, "not_found")


CASE = "- id: a\n  question: Q?\n"
WHOLE = CASE + "  answer: [[x]]\n"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (CASE + "  anwser: [[x]]\n", 3, "unknown key 'anwser', did you mean 'answer'?"),
        (CASE + "  zzz: 1\n", 3, "unknown key 'zzz', the keys are id, question"),
        (CASE, 1, "the case 'a' has no answer"),
        (CASE + "  answer: []\n", 3, "answer must be a list of groups"),
        (CASE + "  answer: [x, y]\n", 3, "answer must be a list of groups"),
        (CASE + "  answer: [[]]\n", 3, "answer must be a list of groups"),
        (CASE + "  answer: x\n", 3, "answer must be a list of groups"),
        (CASE + "  answer: [['']]\n", 3, "a wording must be text that is not empty"),
        (CASE + "  answer: [[x]]\n  unanswerable: true\n", 3, "the case 'a' is unanswerable and cannot have answer"),
        (CASE + "  unanswerable: maybe\n", 3, "unanswerable must be true or false"),
        (CASE + "  unanswerable: true\n  tags: who\n", 4, "tags must be a list"),
        (CASE + "  answer: [[x]]\n  filter: published\n", 4, ""),
        (CASE + "  answer: [[x]]\n  history: [{role: system, content: x}]\n", 4, "role must be user or assistant"),
        (CASE + "  answer: [[x]]\n  history: [{role: user}]\n", 4, "needs a role and a content"),
        (CASE + "  answer: [[x]]\n  evidence: [{quote: x}]\n", 4, "an item of evidence needs a source"),
        (CASE + "  answer: [[x]]\n" + CASE + "  answer: [[x]]\n", 4, "the id 'a' is taken by the case at"),
        (CASE + "  answer: [[x]]\n  answer: [[y]]\n", 4, "the key 'answer' is given twice"),
        (CASE + "  answer: [[x]]\n  today: Friday\n", 4, "today must be a day, such as 2025-11-20"),
        (CASE + "  numbers: [x]\n", 3, "a number must be a number, such as 1230"),
        (CASE + "  numbers: [.nan]\n", 3, "a number must be a number"),
        (CASE + "  numbers: [{unit: km}]\n", 3, "a number needs a value"),
        (CASE + "  numbers: [{value: 1, tolerance: -1}]\n", 3, "tolerance must be a number or a percentage"),
        (CASE + "  numbers: [{value: 1, unit: {km: 0}}]\n", 3, "the unit 'km' must be greater than 0"),
        (CASE + "  numbers: [{value: 1, unit: []}]\n", 3, "unit must name at least one wording"),
        (CASE + "  dates: [soon]\n", 3, "'soon' is no date"),
        (CASE + "  answer: [[x]]\n  weight: 0\n", 4, "weight must be greater than 0"),
        (CASE + "  answer: [[x]]\n  weight: .inf\n", 4, "weight must be a number"),
        (CASE + "  status: maybe\n", 3, "status must be one of answered, not_found, clarify"),
        (CASE + "  unanswerable: true\n  status: answered\n", 4, "contradicts unanswerable: true"),
        (CASE + "  status: clarify\n  answer: [[x]]\n", 4, "to be asked back and cannot have answer"),
        (CASE + "  answer: [[x]]\n  follows: b\n", 1, "no case 'b' stands before this one"),
        ("- question: Q?\n  answer: [[x]]\n", 1, "the case has no id"),
        (
            "- settings:\n    max_claim: 1\n" + CASE + "  answer: [[x]]\n",
            2,
            "unknown key 'max_claim', did you mean 'max_claims'?",
        ),
        (
            "- settings:\n    max_claims: many\n" + WHOLE,
            2,
            "max_claims: Input should be a valid integer",
        ),
        ("- settings: 3\n" + WHOLE, 1, "settings must be a mapping of "),
        ("- corpus:\n  - gone\n" + WHOLE, 2, "does not exist. Paths are relative to "),
        ("- {id: a, question: '  ', answer: [[x]]}\n", 1, "question must be text that is not empty"),
        ("- {id: a, question: [x], answer: [[x]]}\n", 1, "question must be text that is not empty"),
        ("- {id: a, question: null, answer: [[x]]}\n", 1, "question must be text that is not empty"),
        ("- corpus: [nowhere]\n" + CASE + "  answer: [[x]]\n", 1, "does not exist"),
        ("- settings: [x]\n" + CASE + "  answer: [[x]]\n", 1, "settings must be a mapping"),
        ("- id: a\n  question: [unclosed\n", 3, "not valid YAML"),
        ("- plain\n", 1, "a case must be a mapping"),
        ("plain\n", 1, "a case file must be a list"),
        ("- &a [*a]\n", 1, "nested more than"),
        ("- ? [x]\n  : y\n", 1, "a key must be a word"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, line: int, problem: str) -> None:
    path = write(tmp_path, "cases.yaml", text)
    with pytest.raises(InputError) as caught:
        load_cases(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("c.yaml", "", "is empty"),
        ("c.yaml", "[]\n", "names no case"),
        ("c.yaml", "\nid: a\nquestion: Who?\n", "c.yaml:2: a case must be an item of a list"),
        ("c.yaml", "cases: []\n", "names no case"),
        ("c.yaml", "settings: {max_claims: 1}\n", "names no case"),
        ("c.yaml", "- settings: {max_claims: 1}\n", "names no case"),
        ("c.yaml", "- id: \x01\n", "not valid YAML"),
        ("c.yaml", "[" * 100_000, "c.yaml:1: nested more than 20 deep"),
        ("c.jsonl", '{"id": "\\ud800", "question": "Q"}', "c.jsonl:1: id holds half a character"),
        ("c.yaml", "- {id: !!int x}\n", "c.yaml:1: not valid YAML: 'x' is no int"),
        ("c.yaml", "- {id: !!bool maybe}\n", "c.yaml:1: not valid YAML: 'maybe' is no bool"),
        ("c.jsonl", "\n", "is empty"),
        ("c.jsonl", '{"id": "a"}\n{"id": }\n', "c.jsonl:2: not valid JSON"),
        ("c.jsonl", '{"id": "a", "id": "b"}\n', "c.jsonl:1: not valid JSON: the key 'id' is given twice"),
        ("c.jsonl", "[" * 100_000, "c.jsonl:1: not valid JSON"),
        ("c.txt", "", "is no case file"),
        ("c.csv", "\n", "is empty"),
        ("c.csv", "id,question\n", "names no case"),
        ("c.csv", "\nid,anwser\na,b\n", "c.csv:2: unknown key 'anwser', did you mean 'answer'?"),
        ("c.csv", "id,question,id\n", "c.csv:1: the column 'id' is given twice"),
        ("c.csv", 'id,question\n"a\nb",Q,R\n', "c.csv:2: 3 cells under 2 columns"),
        ("c.csv", 'id,question\na,"Q\n', "c.csv:2: not valid CSV"),
        ("c.csv", "id,answer\na,[[x\n", "c.csv:3: not valid YAML"),
    ],
)
def test_files_without_cases_are_errors(tmp_path: Path, name: str, text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        load_cases(write(tmp_path, name, text))


def test_a_missing_or_undecodable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_cases(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"- id: caf\xe9\n")
    with pytest.raises(InputError, match="not UTF-8"):
        load_cases(tmp_path / "latin.yaml")


def test_aliases_cannot_fill_the_memory(tmp_path: Path) -> None:
    levels = "".join(f"- &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]\n" for level in range(1, 10))
    with pytest.raises(InputError, match="values come of aliases"):
        load_cases(write(tmp_path, "bomb.yaml", f"- &l0 [{', '.join('x' * 9)}]\n{levels}"))


MARKS = ["- ", "{", "}", "[", "]", ": ", ",", "\n", "  ", '"', "&a ", "*a", "<<", "!!int ", "!!float ", "\u2028", "\0"]
WORDS = ["id", "question", "answer", "numbers", "dates", "weight", "x", "0x", "1e9", ".nan", "0b", "1:2", "2025-13-01"]


@pytest.mark.parametrize("suffix", [".yaml", ".jsonl", ".csv"])
@given(text=st.lists(st.sampled_from([*MARKS, *WORDS]), max_size=25).map("".join))
def test_whatever_a_file_holds_it_is_cases_or_an_error_with_its_name(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_text(text, encoding="utf-8", newline="")
    told = ""
    try:
        loaded = load_cases(path).cases
    except InputError as error:
        loaded, told = (), str(error)
    assert loaded or told.startswith(str(path))
