from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.lists import LONGEST, whole_list


def whole(text: str, lead: str) -> str | None:
    start = text.index(lead)
    span = whole_list(text, start, start + len(lead))
    return None if span is None else text[span.start : span.end]


LEAD = "The conditions are these:"
ITEMS = "hold an election\ncut the army\nleave the coast"


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_lead_in_goes_with_every_item(gap: str) -> None:
    text = f"Before. {LEAD}{gap}{ITEMS}\n\nAfter the list."
    assert whole(text, LEAD) == f"{LEAD}{gap}{ITEMS}"


def test_a_list_may_end_the_document() -> None:
    assert whole(f"{LEAD}\n{ITEMS}", LEAD) == f"{LEAD}\n{ITEMS}"


@pytest.mark.parametrize(
    "text",
    [
        f"{LEAD}",
        f"{LEAD} peace.\n\n{ITEMS}",
        f"{LEAD}\n\nOnly one paragraph follows.\n\nAnd another.",
        f"{LEAD}\n\nName: Anna; Age: 40\nName: Jane; Age: 50",
        f"{LEAD}\n\nName | Age\nAnna | 40",
    ],
)
def test_what_is_no_list_is_left(text: str) -> None:
    assert whole(text, LEAD) is None


def test_a_sentence_without_a_colon_leads_in_nothing() -> None:
    assert whole(f"The conditions are few.\n\n{ITEMS}", "The conditions are few.") is None


def test_a_very_long_list_is_not_shown_whole() -> None:
    item = "leave the coast and all of its towns"
    count = LONGEST // (len(item) + 1)
    fits = "\n".join([item] * (count - 1))
    exceeds = "\n".join([item] * (count + 1))
    assert whole(f"{LEAD}\n\n{fits}\n\nAfter.", LEAD) == f"{LEAD}\n\n{fits}"
    assert whole(f"{LEAD}\n\n{exceeds}\n\nAfter.", LEAD) is None


@given(st.text(alphabet="ab:;|. \n", max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_a_list_starts_with_its_lead_in(text: str, first: int, second: int) -> None:
    start, end = sorted((min(first, len(text)), min(second, len(text))))
    span = whole_list(text, start, end)
    if span is not None:
        assert span.start == start
        assert end < span.end <= len(text)
        assert "\n\n" not in text[end : span.end].lstrip("\n")
