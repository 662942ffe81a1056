from __future__ import annotations

import pytest

from rag.query.question import analyse
from rag.reader.ranges import in_range, settled
from tests.handmade import found, read_all

ROWS = (
    "Cost in euros: up to 500; Approved by: your team lead",
    "Cost in euros: 501 to 2,000; Approved by: Quillon Dray",
    "Cost in euros: more than 2,000; Approved by: the board",
)


def left(question: str, rows: tuple[str, ...] = ROWS) -> set[str]:
    asked = analyse(question)
    kept = in_range(asked, read_all(asked, [found(rows, separator="\n")]))
    return {each.text.rpartition(": ")[2] for each in kept}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who approves a journey of 1,500 euros?", {"Quillon Dray"}),
        ("Who approves a journey of 1.500 euros?", {"Quillon Dray"}),
        ("Who approves €500?", {"your team lead"}),
        ("Who approves 501 euros?", {"Quillon Dray"}),
        ("Who approves 2,000 euros?", {"Quillon Dray"}),
        ("Who approves more than 2,000 euros?", {"the board"}),
        ("Who approves less than 500 euros?", {"your team lead"}),
        ("Who approves 99999.50 euros?", {"the board"}),
        ("Who approves journeys in 2025?", {"your team lead", "Quillon Dray", "the board"}),
        ("Who approves 100 or 1,000 euros?", {"your team lead", "Quillon Dray", "the board"}),
        ("Who approves journeys?", {"your team lead", "Quillon Dray", "the board"}),
    ],
)
def test_the_row_whose_range_takes_the_number_in_is_left(question: str, expected: set[str]) -> None:
    assert left(question) == expected


@pytest.mark.parametrize(
    ("cell", "inside", "outside"),
    [
        ("3–5 days", 4, 6),
        ("$10 to $20", 20, 21),
        ("under 18", 17, 18),
        ("from 65", 65, 64),
        ("65 or older", 65, 64),
        ("100+", 100, 99),
        ("ab 10 Stück", 10, 9),
        ("hasta 3 kg", 3, 4),
        ("jusqu’à 1 000", 1000, 1001),
    ],
)
def test_ranges_as_people_write_them(cell: str, inside: int, outside: int) -> None:
    row = f"Size: {cell}; Price: one"
    other = f"Size: {outside} to {outside}; Price: two"
    assert left(f"What is the price for {inside}?", (row, f"Size: {inside + 1000} to 9999999; Price: two")) == {"one"}
    assert left(f"What is the price for {outside}?", (row, other)) == {"two"}


def test_rows_stay_where_no_range_takes_the_number_in() -> None:
    assert left("Who approves -3 euros?", ROWS[1:]) == {"Quillon Dray", "the board"}
    assert left("Who approves 3 euros?", ("Cost: 500 to 900; By: Dray", "Of 500 to 900 it says nothing.")) != set()


def test_a_number_that_a_range_takes_in_need_not_be_repeated() -> None:
    passages = [found(ROWS, separator="\n")]
    question = analyse("Who approves a journey of 1,500 euros?")
    assert {"1", "500"} <= set(question.terms) & question.names
    without = settled(question, passages)
    assert not {"1", "500"} & (set(without.terms) | without.names)
    assert settled(analyse("Who approves 1,500 euros in 2025?"), passages).years == {"2025"}
    other = [
        found(
            ("Weight in kilos: 1 to 9,000; Price: two", "Weight in kilos: 9,001 to 10,000; Price: six"), separator="\n"
        )
    ]
    assert settled(question, other) == question
    elsewhere = [found(["A journey of 1,500 euros is dear."])]
    assert settled(question, elsewhere) == question
