from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.readers.numfmt import BUILTIN, general, shown


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("1234.5", "#,##0.00", "1,234.50"),
        ("-1234.5", "#,##0;(#,##0)", "(1,235)"),
        ("0", '0.0;-0.0;"none"', "none"),
        ("0.125", "0.0%", "12.5%"),
        ("7", "000", "007"),
        ("1234567", '0.0,,"M"', "1.2M"),
        ("0", '_(* #,##0_);_(* "-"??_)', "0"),
        ("0", '0;0;_(* "-"??_)', "-"),
        ("1234567", '0,," M"', "1 M"),
        ("5", '[$€-407]\\ #,##0', "€ 5"),
        ("5", '[Red]"EUR" 0', "EUR 5"),
        ("0.5", "#.##", ".5"),
        ("12345", "0.00E+00", "1.23E+4"),
        ("45356", "yyyy-mm-dd", "2024-03-05"),
        ("45356.75", "d. mmmm yyyy h:mm", "5. March 2024 18:00"),
        ("45356.75", "h:mm AM/PM", "6:00 PM"),
        ("1.5", "[h]:mm", "36:00"),
        ("45356", "dddd", "Tuesday"),
        ("1", "yyyy-mm-dd", "1900-01-01"),
        ("45356", "@", "45356"),
        ("0.5", "# ?/?", "0.5"),
        ("-1", "yyyy", "-1"),
        ("1e308", "yyyy", "1e308"),
        ("words", "0.00", "words"),
    ],
)  # fmt: skip
def test_numbers_as_cells_show_them(value: str, code: str, text: str) -> None:
    assert shown(value, code) == text


def test_the_calendar_of_old_macs() -> None:
    assert shown("43894", "yyyy-mm-dd", is_1904=True) == "2024-03-05"


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.30000000000000004", "0.3"), ("1E+2", "100"), ("123456789012", "123456789012"), ("1e-20", "1E-20")],
)
def test_numbers_without_a_format(value: str, text: str) -> None:
    assert general(value) == text


@given(
    st.floats(allow_nan=True),
    st.one_of(st.sampled_from(sorted(BUILTIN.values())), st.text('#0?,.;"yhmds%E+[]\\$@/', max_size=30)),
)
def test_any_number_in_any_format_gives_a_text(value: float, code: str) -> None:
    assert isinstance(shown(repr(value), code), str)
