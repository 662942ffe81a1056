from __future__ import annotations

from dataclasses import replace

import pytest

from index.types import Document
from rag.types import Quote
from rag.verify import is_exact, support

DOCUMENT = Document("d", "d.txt", "D", "😀 Jane left. She [the founder] slept [1].")
QUOTE = Quote(1, "d", "d.txt", "D", None, 13, 42, "She [the founder] slept [1].")


def test_a_quote_is_exact_at_its_offsets_in_code_points() -> None:
    quote = replace(QUOTE, start=2, end=12, text="Jane left.")
    assert is_exact(quote, DOCUMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"start": 3},
        {"end": 11},
        {"text": "Jane left"},
        {"text": "jane left."},
        {"document_id": "e"},
        {"start": 5, "end": 5, "text": ""},
    ],
)
def test_any_difference_makes_it_inexact(change: dict[str, object]) -> None:
    quote = replace(QUOTE, start=2, end=12, text="Jane left.")
    assert not is_exact(replace(quote, **change), DOCUMENT)  # type: ignore[arg-type]


def test_a_claim_is_verbatim_if_it_is_a_quote_our_explanations_aside() -> None:
    text = QUOTE.text
    assert support(text, [], [QUOTE]) == "verbatim"
    assert support("She [Jane] [the founder] slept [1].", ["[Jane]"], [QUOTE]) == "verbatim"
    assert support(text, [], [replace(QUOTE, text="Jane left."), QUOTE]) == "verbatim"


@pytest.mark.parametrize(
    "claim",
    [
        "She slept [1].",
        "She [the founder] slept [1]",
        "She [Jane] [the founder] slept [1].",
        "Jane left. She slept.",
        "",
    ],
)
def test_any_other_claim_is_unsupported(claim: str) -> None:
    assert support(claim, [], [QUOTE]) == "unsupported"


def test_only_what_we_added_is_taken_out() -> None:
    assert support("She slept [1].", ["[the founder]"], [QUOTE]) == "unsupported"
    assert support("She [Jane] [Jane] [the founder] slept [1].", ["[Jane]"], [QUOTE]) == "unsupported"


def test_without_quotes_nothing_is_supported() -> None:
    assert support("She slept.", [], []) == "unsupported"
