from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.lists import LONGEST, whole_list


def whole(text: str, sentence: str, *, from_item: bool = False) -> str | None:
    start = text.index(sentence)
    span = whole_list(text, start, start + len(sentence), from_item=from_item)
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
        f"{LEAD}\n\nhold an election\n\ncut the army\n\nleave the coast",
        f"{LEAD}\n\nName: Anna; Age: 40\n\nThat is all.",
        f"{LEAD}\n\n{'word ' * 70}\n\nThat is all.",
        f"{LEAD}\n\nName: Anna; Age: 40\nName: Jane; Age: 50",
        f"{LEAD}\n\nName | Age\nAnna | 40",
    ],
)
def test_what_is_no_list_is_left(text: str) -> None:
    assert whole(text, LEAD) is None


@pytest.mark.parametrize("after", ["", "\n\nYou are asked for a password.", "\n\nThen type this:\n\nlamp --off"])
def test_a_command_goes_with_what_leads_it_in(after: str) -> None:
    assert (
        whole(f"Type the following:\n\nlamp --on{after}", "Type the following:") == "Type the following:\n\nlamp --on"
    )


def test_a_sentence_without_a_colon_leads_in_nothing() -> None:
    assert whole(f"The conditions are few.\n\n{ITEMS}", "The conditions are few.") is None


@pytest.mark.parametrize("item", ITEMS.split("\n"))
def test_an_item_leads_to_the_whole_list_if_wanted(item: str) -> None:
    text = f"Before.\n\n{LEAD}\n\n{ITEMS}\n\nAfter the list."
    assert whole(text, item, from_item=True) == f"{LEAD}\n\n{ITEMS}"
    assert whole(text, item) is None


@pytest.mark.parametrize(
    "text",
    [
        f"The conditions are few.\n\n{ITEMS}",
        ITEMS,
        f"{LEAD}\n\nPlan: cut the army; Year: 1\nPlan: leave the coast; Year: 2\nPlan: vote; Year: 3",
        f"{LEAD}\n\ncut the army\n\nleave the coast",
        f"{LEAD}\n\n{ITEMS}" + "\nand so on" * (LONGEST // 10),
    ],
)
def test_an_item_without_a_lead_in_or_a_list_stands_alone(text: str) -> None:
    assert whole(text, "cut the army", from_item=True) is None


THREE = "Three provisions are made:"
PARAGRAPHS = ["An election is held.", "The army is cut.", "The coast is left."]


def test_as_many_paragraphs_as_announced_are_a_list() -> None:
    text = "\n\n".join([THREE, *PARAGRAPHS])
    assert whole(text, THREE) == text
    assert whole(f"Before.\n\n{text}\n\nNobody signed.", THREE) == text


def test_fewer_paragraphs_than_announced_are_no_list() -> None:
    assert whole("\n\n".join([THREE, *PARAGRAPHS[:2]]), THREE) is None


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
