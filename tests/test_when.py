from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.filters import parse_filter
from rag.query.when import tells_of, when

TODAY = date(2026, 3, 18)  # a Wednesday


@pytest.mark.parametrize(
    ("question", "text", "condition"),
    [
        (
            "What did Ada say yesterday?",
            "What did Ada say on Tuesday, 17 March 2026?",
            "published=2026-03-17..2026-03-17",
        ),
        ("Who won last Friday?", "Who won on Friday, 13 March 2026?", "published=2026-03-13..2026-03-13"),
        ("Who won last Wednesday?", "Who won on Wednesday, 11 March 2026?", "published=2026-03-11..2026-03-11"),
        ("Who wins this Wednesday?", "Who wins on Wednesday, 18 March 2026?", "published=2026-03-18..2026-03-18"),
        ("Who won last month?", "Who won in February 2026?", "published=2026-02-01..2026-02-28"),
        ("Who won last week?", "Who won last week?", "published=2026-03-09..2026-03-15"),
        ("What was said on 3 May 2024?", "What was said on 3 May 2024?", "published=2024-05-03..2024-05-03"),
        ("What was said in May 2024?", "What was said in May 2024?", "published=2024-05-01..2024-05-31"),
        ("What was said before May 3, 2024?", "What was said before May 3, 2024?", "published<=2024-05-02"),
        ("What holds in 2024 or later?", "What holds in 2024 or later?", "published>=2024-01-01"),
        ("What was built after 2019?", "What was built after 2019?", "published>=2020-01-01"),
    ],
)
def test_a_time_is_a_filter(question: str, text: str, condition: str) -> None:
    asked = when(question, TODAY)
    assert asked.text == text
    assert asked.period
    assert asked.period.condition == condition
    parse_filter(condition)


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("What is the latest price of oats?", "What is the price of oats?"),
        ("Who is the current mayor?", "Who is the mayor?"),
        ("According to the most recent letter, who leads?", "According to the letter, who leads?"),
        ("What do oats cost now?", "What do oats cost?"),
    ],
)
def test_what_holds_now_is_asked_of_the_newest(question: str, plain: str) -> None:
    asked = when(question, TODAY)
    assert (asked.plain, asked.newest) == (plain, True)


@pytest.mark.parametrize(
    ("question", "plain", "order"),
    [
        ("What did oats cost, newest first?", "What did oats cost?", "newest"),
        ("List the mayors in chronological order.", "List the mayors.", "oldest"),
    ],
)
def test_an_order_of_time(question: str, plain: str, order: str) -> None:
    asked = when(question, TODAY)
    assert (asked.plain, asked.order) == (plain, order)


@pytest.mark.parametrize(
    "question",
    [
        "Who is the mayor?",
        "What is left of last year's harvest?",
        "How much grain from last year is left?",
        "Is it now or never?",
        "What happened on 31 February 2025?",
        "May I bring a dog?",
    ],
)
def test_other_questions_say_nothing_about_time(question: str) -> None:
    asked = when(question, TODAY)
    assert (asked.text, asked.plain, asked.period, asked.newest, asked.order) == (question, question, None, False, None)


@given(st.text(max_size=500), st.dates())
def test_any_question_on_any_day(question: str, today: date) -> None:
    asked = when(question, today)
    assert asked.period is None or parse_filter(asked.period.condition)


@pytest.mark.parametrize(
    ("text", "published", "day"),
    [
        ("On Friday the power failed.", "2025-10-13", "2025-10-10"),
        ("The mayor resigned on Monday.", "2025-10-13", "2025-10-13"),
        ("It rained yesterday.", "2025-10-13", "2025-10-12"),
        ("The strike of 9 October is over.", "2025-10-13", "2025-10-09"),
        ("The strike of October 9, 2024 is over.", "2025-10-13", "2024-10-09"),
    ],
)
def test_a_paper_names_a_day_as_of_its_own(text: str, published: str, day: str) -> None:
    assert tells_of(text, date.fromisoformat(published), date.fromisoformat(day))
    assert not tells_of(text, date.fromisoformat(published), date.fromisoformat(day) - timedelta(1))


@pytest.mark.parametrize("text", ["Nothing happened.", "On 31 February it froze.", "Friday's paper is out."])
def test_a_text_without_a_day_tells_of_none(text: str) -> None:
    assert not any(tells_of(text, date(2025, 3, 3), date(2025, 3, 3) - timedelta(back)) for back in range(8))


def test_of_a_single_day_papers_tell_on_the_days_after() -> None:
    day = when("What happened last Friday?", date(2025, 10, 14)).period
    assert day is not None
    assert day.day == date(2025, 10, 10)
    assert day.told.condition == "published=2025-10-10..2025-10-14"
    month = when("What happened last month?", date(2025, 10, 14)).period
    assert month is not None
    assert month.told == month


def test_papers_are_asked_of_a_day_by_its_weekday() -> None:
    assert when("What happened last Friday?", date(2025, 10, 14)).then == "What happened on Friday?"
    assert when("What happened in May 2025?", date(2025, 10, 14)).then == "What happened?"
