from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.terms import stem
from rag.query.question import Expects, Question, analyse, quoted_phrases


@pytest.mark.parametrize(
    ("expects", "questions"),
    [
        (
            Expects.PERSON,
            [
                "Who prepared the draft?",
                "Who is the mayor?",
                "Whose proposal was rejected?",
                "By whom was the treaty signed?",
                "Which president signed the law?",
                "What ministers attended the meeting?",
                "After the talks, who left first?",
                "Quién preparó el borrador?",
                "¿Quién preparó el borrador?",
                "Wer hat den Plan vorbereitet?",
            ],
        ),
        (
            Expects.DATE,
            [
                "When did the war begin?",
                "In what year was the bridge opened?",
                "Which day is the office closed?",
                "On which date does the contract end?",
                "Since when has the rule applied?",
                "What is the date of the meeting?",
                "Wann beginnt der Urlaub?",
                "¿Cuándo empezó?",
            ],
        ),
        (
            Expects.PLACE,
            [
                "Where was the meeting held?",
                "In which city did they meet?",
                "What country hosts the games?",
                "¿Dónde se firmó?",
            ],
        ),
        (
            Expects.MONEY,
            [
                "How much does the ticket cost?",
                "How much money was raised?",
                "How many dollars were lost?",
                "What budget was approved?",
                "How much is the fee?",
                "How expensive is the soup?",
                "What is the price of a ticket?",
                "What was the budget?",
            ],
        ),
        (
            Expects.NUMBER,
            [
                "How many days of leave do staff get?",
                "How long is the bridge?",
                "How old is the mayor?",
                "What percentage of voters agreed?",
                "How often is the report published?",
                "How heavy is a lens?",
                "How quickly must the radio be answered?",
                "What is the number of victims?",
                "¿Cuántos días de vacaciones hay?",
            ],
        ),
        (Expects.ROLE, ["Who is Steve Witkoff?", "Who was Jane Roe", "who is Roe?"]),
        (
            Expects.NAME,
            [
                "Which newspaper reported it?",
                "What company built the dam?",
                "Which political party won?",
                "What organisation runs the shelter?",
                "What was the name of the ship?",
            ],
        ),
        (
            Expects.PROSE,
            [
                "What is the plan about?",
                "Why did the talks fail?",
                "How do I embed the widget?",
                "Explain the leave policy.",
                "Is smoking allowed?",
                "Tell me about the treaty.",
                "What did Zelensky say about the plan?",
                "",
            ],
        ),
    ],
)
def test_the_question_word_tells_the_kind_of_answer(expects: Expects, questions: list[str]) -> None:
    assert {question: analyse(question).expects for question in questions} == dict.fromkeys(questions, expects)


def test_the_first_question_word_decides() -> None:
    assert analyse("When was it decided and who decided it?").expects is Expects.DATE
    assert analyse("Who decided it and when?").expects is Expects.PERSON


def test_a_question_word_inside_a_longer_word_is_none() -> None:
    assert analyse("Is the whole wheat bread nowhere to be found?").expects is Expects.PROSE


def test_terms_are_the_stems_of_content_words_in_order_each_with_its_weight() -> None:
    question = analyse("How many protesters joined the marches in Kyiv?", {stem("Kyiv"): 3.5})
    assert list(question.terms) == [stem("protesters"), stem("joined"), stem("marches"), stem("Kyiv")]
    assert question.terms[stem("Kyiv")] == 3.5
    assert question.terms[stem("marches")] == 1.0
    assert question.weight == pytest.approx(6.5)


def test_a_repeated_word_counts_once() -> None:
    assert list(analyse("Plan or plans, which plan?").terms) == [stem("plan")]


def test_what_is_measured_need_not_be_said() -> None:
    assert list(analyse("How heavy is a lens?").terms) == [stem("lens")]
    assert list(analyse("How to press a heavy lens?").terms) == [stem("press"), stem("heavy"), stem("lens")]


def test_a_verb_of_speech_need_not_be_the_same_one() -> None:
    assert list(analyse("What did the mayor tell the council?").terms) == [stem("mayor"), stem("council")]
    assert stem("wrote") in analyse("Who wrote the report on bees?").terms  # an author is not who was quoted


def test_words_that_only_ask_are_terms_where_there_are_no_others() -> None:
    assert set(analyse("Which documents mention people?").terms) == {
        stem("documents"),
        stem("mention"),
        stem("people"),
    }
    assert stem("mention") not in analyse("Which documents mention bees?").terms


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Did Marco Rubio meet Steve Witkoff?", ["Marco", "Rubio", "Steve", "Witkoff"]),
        ("Protests happened where?", []),
        ("What is the GDPR?", ["GDPR"]),
        ("What does ISO 27001 say on the B2 form?", ["ISO", "27001", "B2"]),
        ("What did I say to Anna?", ["Anna"]),
        ("What happened in Łódź?", ["Łódź"]),
    ],
)
def test_names_are_capitalised_inside_the_sentence_or_hold_a_digit(text: str, names: list[str]) -> None:
    assert analyse(text).names == {stem(name) for name in names}


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("What changed between 2024 and 2025?", {"2024", "2025"}),
        ("What happened in 1848?", {"1848"}),
        ("Is the code 31415 or 42?", set()),
        ("What of the 3000 jobs?", set()),
    ],
)
def test_years_run_from_1000_to_2099(text: str, years: set[str]) -> None:
    assert analyse(text).years == years


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("Who said “Peace in our time”?", ("peace in our time",)),
        ('Who wrote "the last straw" and "a long way"?', ("the last straw", "a long way")),
        ("Was »surrender« meant?", ()),
        ("Who called it «el último día»?", ("el último día",)),
        ('Is "one" a number?', ()),
        ("Where's the dog's bowl?", ()),
    ],
)
def test_phrases_are_what_stands_in_quotation_marks(text: str, phrases: tuple[str, ...]) -> None:
    assert quoted_phrases(text) == phrases
    assert analyse(text).phrases == phrases


@pytest.mark.parametrize(
    ("text", "plural"),
    [
        ("Which countries signed?", True),
        ("What reasons were given?", True),
        ("Who are the authors?", True),
        ("List the conditions.", True),
        ("Name every member.", True),
        ("What does the plan require?", True),
        ("How do the two reports differ?", True),
        ("Which country signed?", False),
        ("What country hosts the games?", False),
        ("What was the name of the ship?", False),
        ("Who is the author?", False),
        ("What is the plan?", False),
        ("What was this?", False),
        ("When did it begin?", False),
    ],
)
def test_some_questions_ask_for_several_things(text: str, plural: bool) -> None:
    assert analyse(text).plural is plural


@pytest.mark.parametrize(
    ("text", "compares"),
    [
        ("How did the leave policy change?", True),
        ("How do the two editions differ?", True),
        ("What is different in the new version?", True),
        ("Compared with last year, is it more?", True),
        ("What does each report say?", True),
        ("Is the budget 2024 versus 2025 larger?", True),
        ("What is the budget?", False),
        ("Who is in charge?", False),
        ("Was there an exchange of prisoners?", False),
    ],
)
def test_some_questions_ask_what_several_documents_say(text: str, compares: bool) -> None:
    assert analyse(text).compares is compares


@pytest.mark.parametrize(
    ("text", "wants_speech"),
    [
        ("What did Zelensky say?", True),
        ("What did she write to him?", True),
        ("How did the Kremlin react?", True),
        ("What were his words?", True),
        ("What did the mayor claim?", True),
        ("How was it described?", True),
        ("How long is the essay?", False),
        ("Who built the dam?", False),
        ("Which password is safe?", False),
    ],
)
def test_some_questions_ask_what_somebody_said(text: str, wants_speech: bool) -> None:
    assert analyse(text).wants_speech is wants_speech


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("How many days of leave are there?", "days"),
        ("How much water is lost?", "water"),
        ("How many annual reports exist?", "reports"),
        ("How many paid sick days are there?", "days"),
        ("How many were there?", None),
        ("Who counted them?", None),
    ],
)
def test_a_number_counts_what_follows_how_many(text: str, counted: str | None) -> None:
    assert analyse(text).counted == (stem(counted) if counted else None)


@given(st.text(max_size=300))
def test_any_text_can_be_analysed(text: str) -> None:
    question = analyse(text)
    assert isinstance(question, Question)
    assert question.text == text
    assert question.weight == len(question.terms)
