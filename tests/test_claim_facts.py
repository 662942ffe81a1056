from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.writer.facts import numbers, polarity, speakers, unfounded

QUOTE = (
    "On 19 November, President Volodymyr Zelensky met three envoys in Kyiv. “We will never give up our land,” Zelensky "
    "said, while Marco Rubio said that the plan of the United States has 28 points and costs 1.5 million dollars."
)


@pytest.mark.parametrize(
    "claim",
    [
        "The plan has 28 points.",
        "The plan has twenty-eight points and costs 1,500,000 dollars.",
        "Zelensky met 3 envoys in Kyiv on November 19.",
        "Zelensky said “we will never give up our land”.",
        "Marco Rubio said that the US plan has 28 points.",
        "According to Rubio, the plan has 28 points.",
        "One of them was in Kyiv.",
    ],
)
def test_what_the_quote_says_is_founded(claim: str) -> None:
    assert unfounded(claim, [QUOTE]) == []


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("The plan has 29 points.", "number: 29"),
        ("The plan has 28 million points.", "number: 2.8e+07"),
        ("Zelensky met four envoys.", "number: 4"),
        ("Zelensky met them on 28 November.", "date: 28 November"),
        ("Zelensky met them on November 3.", "date: November 3"),
        ("Zelensky met them yesterday.", "date: yesterday"),
        ("Zelensky met Steve Witkoff.", "name: Witkoff"),
        ("Putin met three envoys.", "name: Putin"),
        ("They met in Moscow.", "name: Moscow"),
        ("The plan is of the UK.", "name: UK"),
        ("Zelensky said “we will give up our land”.", "quotation: we will give up our land"),
        ("Rubio said “We will never give up our land”.", "speaker: rubio"),
        ("Zelensky said that the plan has 28 points and costs 1.5 million dollars.", "speaker: zelenski"),
    ],
)
def test_what_it_does_not_say_is_named(claim: str, reason: str) -> None:
    assert reason in unfounded(claim, [QUOTE])


def test_code_and_addresses_are_taken_sign_for_sign() -> None:
    assert unfounded("Set it to ‹x›.", ["Set it to <x>."]) == ["symbol: ‹", "symbol: ›"]
    assert unfounded("Set it to <x> for $5.", ["Set it to <x> for $5 (or more)."]) == []


def test_a_word_of_the_question_may_open_a_sentence() -> None:
    assert unfounded("Envoys came to Kyiv.", ["Three men came to Kyiv."]) == ["name: Envoys"]
    assert unfounded("Envoys came to Kyiv.", ["Three men came to Kyiv."], "Did envoys come?") == []


def test_quotes_are_taken_together() -> None:
    assert unfounded("Rubio and Witkoff came.", ["Rubio came.", "Witkoff came."]) == []
    assert unfounded("Rubio came.", []) == ["name: Rubio"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("28-point plan", {28}),
        ("£12.50 and 1,200 people", {12.5, 1200}),
        ("two million, 2m, 2 million", {2e6}),
        ("forty-two or forty two", {42}),
        ("one of them", set()),
        ("one hundred", {100}),
        ("a dozen; version 3.11", {3.11}),
    ],
)
def test_numbers_in_digits_and_words(text: str, values: set[float]) -> None:
    assert numbers(text) == values


@given(st.integers(0, 10**9))
def test_thousands_separators_change_nothing(value: int) -> None:
    assert numbers(f"{value:,}") == numbers(str(value)) == {value}


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("Marco Rubio said so.", {"marco", "rubio"}),
        ("“So,” said the tired envoy Jane Roe.", {"jane", "roe"}),
        ("Jane Roe, head of the museum, has announced it.", {"jane", "roe"}),
        ("According to Rubio, yes.", {"rubio"}),
    ],
)
def test_who_speaks(text: str, who: set[str]) -> None:
    assert frozenset(who) in speakers(text)


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        ("The plan was not accepted.", "The plan was accepted."),
        ("The plan was accepted.", "The plan wasn’t accepted."),
        ("Prices fell.", "Prices rose."),
        ("He agreed to pay.", "He never agreed to pay."),
    ],
)
def test_another_polarity_is_noticed(claim: str, quote: str) -> None:
    assert polarity(claim, quote)
    assert not polarity(claim, claim)


def test_a_negation_elsewhere_does_not_count() -> None:
    assert not polarity("The plan was accepted.", "Although nobody read it, the plan was accepted.")
    assert not polarity("He did not pay.", "He did not pay.")


@pytest.mark.timeout(10)
def test_hostile_text_takes_no_time() -> None:
    for text in ("A" * 20_000, "A" * 3 + " said" * 3000, "Aa " * 5000, '"' * 10_000, "1," * 5000, "not " * 5000):
        assert not unfounded(text, [text])
        assert not polarity(text, text)
