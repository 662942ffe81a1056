from __future__ import annotations

import operator
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import InputError
from index.filters import Condition, Filter, Operator, parse_filter

ARTICLE = {"published": "2025-11-21", "outlet": "The Example", "title": "War, and Peace", "chapter": "8"}
COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("published>=2025-11-01", [("published", ">=", "2025-11-01")]),
        ("  Published  <  2025 ", [("published", "<", "2025")]),
        ("outlet=AP and published<2025-12-01", [("outlet", "=", "AP"), ("published", "<", "2025-12-01")]),
        ("outlet=AP,published!=2025-12", [("outlet", "=", "AP"), ("published", "!=", "2025-12")]),
        ("outlet=The Example AND chapter=8", [("outlet", "=", "The Example"), ("chapter", "=", "8")]),
        ('title="War, and Peace" and chapter<=9', [("title", "=", "War, and Peace"), ("chapter", "<=", "9")]),
        ('title="a=b"and chapter=8', [("title", "=", "a=b"), ("chapter", "=", "8")]),
        ('outlet=""', [("outlet", "=", "")]),
        ("source=reports/plan-a.md", [("source", "=", "reports/plan-a.md")]),
        ("release-date>5", [("release-date", ">", "5")]),
        ("name=Hernandez", [("name", "=", "Hernandez")]),
        ("a=b or c = d\n", [("a", "=", "b or c = d")]),
    ],
)
def test_conditions_are_read(text: str, conditions: list[tuple[str, Operator, str]]) -> None:
    assert parse_filter(text) == Filter(tuple(Condition(*each) for each in conditions))


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "and", "published", "published>=", "=2025", "outlet==AP", "published=>2025", ",a=b"),
        *("outlet=AP and", "outlet=AP,", "outlet=AP,,chapter=8", "outlet=AP and and chapter=8", 'outlet="AP'),
        *('outlet="AP" chapter=8', "title=War and Peace", "a~b", "outlet=\nAP and x\n"),
    ],
)
def test_what_is_no_filter_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_filter(text)
    assert 'outlet="The Example"' in refusal.value.remedy


@pytest.mark.parametrize(
    "value", ["yesterday", "21.11.2025", "2025-13", "2025-11-32", "2025-1-5", "٢٠٢٥", "2025-11-21T10:00"]
)
@pytest.mark.parametrize("field", ["published", "modified"])
def test_a_date_is_compared_with_dates_only(field: str, value: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_filter(f"{field}>={value}")
    assert repr(value) in refusal.value.problem
    assert refusal.value.remedy == "Write 2025, 2025-11 or 2025-11-01."


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("published>=2025-11-21", True),
        ("published>2025-11-21", False),
        ("published>2025-11-20", True),
        ("published<=2025-11", True),
        ("published<2025-11", False),
        ("published>2025-11", False),
        ("published>=2025-12", False),
        ("published=2025", True),
        ("published!=2025", False),
        ("published<2026", True),
        ("outlet=the EXAMPLE", True),
        ("outlet!=The Example", False),
        ("outlet=The", False),
        ('title="war, and peace" and chapter=8', True),
        ("chapter=8 and chapter=9", False),
        ("author=Jane Roe", False),
        ("author!=Jane Roe", True),
        ("author<Jane Roe", False),
        ("modified>=2025", False),
    ],
)
def test_a_document_passes_or_not(text: str, passes: bool) -> None:
    assert parse_filter(text).matches(ARTICLE) is passes


@pytest.mark.parametrize(
    ("published", "text", "passes"),
    [
        ("2025", "published>=2025-11-01", True),
        ("2025", "published<=2025-11-01", True),
        ("2025", "published<2025-11-01", False),
        ("2025", "published>2025-11-01", False),
        ("2024", "published<2025-11-01", True),
        ("2025-10", "published>=2025-11-01", False),
        ("2025-11", "published=2025-11-01", True),
        ("2025-11-21T10:30:00+01:00", "published=2025-11-21", True),
        ("2025-11-21T10:30:00+01:00", "published>2025-11-21", False),
    ],
)
def test_dates_compare_at_the_precision_of_the_shorter_one(published: str, text: str, passes: bool) -> None:
    assert parse_filter(text).matches({"published": published}) is passes


FIELDS = st.sampled_from(["published", "outlet", "chapter"])
DATES = st.dates().map(lambda date: date.isoformat()) | st.dates().map(lambda date: date.isoformat()[:7])
VALUES = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), max_size=8)


def reference(fields: Mapping[str, str], condition: Condition) -> bool:
    if condition.field not in fields:
        return condition.operator == "!="
    left, right = fields[condition.field].casefold(), condition.value.casefold()
    if condition.field == "published":
        pairs = list(zip(left.split("-"), right.split("-"), strict=False))
        return bool(COMPARE[condition.operator]([int(a) for a, _ in pairs], [int(b) for _, b in pairs]))
    return bool(COMPARE[condition.operator](left, right))


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    field = draw(FIELDS)
    value = draw(DATES if field == "published" else VALUES)
    return Condition(field, draw(st.sampled_from(list(COMPARE))), value)


@given(
    st.fixed_dictionaries({}, optional={"published": DATES, "outlet": VALUES, "chapter": VALUES}),
    st.lists(conditions(), min_size=1, max_size=3),
    st.sampled_from([" and ", ",", " AND  "]),
)
def test_all_conditions_hold_or_the_document_does_not_pass(
    fields: dict[str, str], wanted: list[Condition], separator: str
) -> None:
    written = separator.join(f'{each.field}{each.operator}"{each.value}"' for each in wanted)
    parsed = parse_filter(written)
    assert parsed == Filter(tuple(wanted))
    assert parsed.matches(fields) is all(reference(fields, each) for each in wanted)


@given(st.text() | st.text("ab\"'=<>!, and-5\n", max_size=30))
def test_any_text_is_a_filter_or_an_input_error(text: str) -> None:
    with suppress(InputError):
        assert parse_filter(text).conditions
