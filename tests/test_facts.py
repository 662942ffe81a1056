from __future__ import annotations

import pytest

from evals.cases.format import Case, Quantity
from evals.scoring.facts import count_facts, in_order, missing_facts, states_date, states_quantity

KM = {"km": 1.0, "kilometres": 1.0, "m": 0.001}


@pytest.mark.parametrize(
    ("text", "value", "units", "stated"),
    [
        ("It is 1,230 kilometres long.", 1230, KM, True),
        ("It is 1230 m long.", 1.23, KM, True),
        ("It is 1,230 miles long.", 1230, KM, False),
        ("It is 1,230 long.", 1230, {}, True),
        ("1.23 million people", 1_230_000, {}, True),
        ("a pit 5 m wide", 5, {"m": 1.0}, True),
        ("5 m euros", 5_000_000, {"euros": 1.0}, True),
        ("€5 million", 5_000_000, {"€": 1.0}, True),
        ("USD 500 billion", 500e9, {"USD": 1.0}, True),
        ("twenty-five days", 25, {"days": 1.0}, True),
        ("two hundred men", 200, {"men": 1.0}, True),
        ("by 125%", 25, {"%": 1.0}, False),
        ("by 25 %", 25, {"%": 1.0}, True),
        ("a 28-point plan", 28, {"point": 1.0}, True),
        ("28 points", 28, {"point": 1.0}, False),
        ("pages 3-4", -4, {}, False),
        ("-4 degrees", -4, {}, True),
        ("3,5 t", 3.5, {}, True),
        ("1.200.300", 1_200_300, {}, True),
        ("version 1.2.3", 1.2, {}, False),
        ("someone", 1, {}, False),
        ("", 1, {}, False),
    ],
)
def test_a_quantity_is_found_however_it_is_written(
    text: str, value: float, units: dict[str, float], stated: bool
) -> None:
    assert states_quantity(text, Quantity(value, units=units)) is stated


@pytest.mark.parametrize(("number", "stated"), [("94", False), ("95", True), ("105", True), ("105.1", False)])
def test_a_tolerance_is_kept(number: str, stated: bool) -> None:
    assert states_quantity(f"about {number} men", Quantity(100, tolerance=5)) is stated


@pytest.mark.parametrize(
    ("text", "date", "stated"),
    [
        ("on 20 November 2025", "2025-11-20", True),
        ("on November 20th, 2025", "2025-11-20", True),
        ("el 20 de noviembre de 2025", "2025-11-20", True),
        ("am 20.11.2025", "2025-11-20", True),
        ("am 20.11.2025", "2025-11", True),
        ("in November 2025", "2025-11-20", False),
        ("in 2025", "2025", True),
        ("on 21 November 2025", "2025-11-20", False),
    ],
)
def test_a_date_is_found_in_any_format(text: str, date: str, stated: bool) -> None:
    assert states_date(text, date) is stated


def test_what_is_missing_is_named() -> None:
    case = Case(
        "c", "q", (("Marco Rubio", "Rubio"), ("Witkoff",)), quantities=(Quantity(5, 1, {"km": 1.0}),), dates=("2025",)
    )
    assert count_facts(case) == 4
    assert missing_facts(case, "Rubio walked 4 km.") == ["Witkoff", "2025"]
    assert missing_facts(case, "Witkoff, 2025") == ["Marco Rubio or Rubio", "5 ± 1 km"]


def test_order_is_that_of_the_first_mention() -> None:
    steps = [["dig"], ["plant", "sow"], ["water"]]
    assert in_order(steps, "Dig, then sow, then water, then dig again.")
    assert not in_order(steps, "Water after you dig and plant.")
    assert in_order(steps, "Plant and water.")
