from __future__ import annotations

from dataclasses import replace

import pytest

from index.embedder import SentenceTransformerEmbedder
from index.types import Document
from rag.types import Quote
from rag.writer.verify import FEATURES, Verifier, is_exact, support

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


# --- claims in words of their own ----------------------------------------------------------------------------------

PLAN = "The draft of the peace plan, which has 28 points, was prepared by Marco Rubio and Steve Witkoff in Miami."


@pytest.fixture(scope="module")
def verifier(embedder: SentenceTransformerEmbedder) -> Verifier:
    return Verifier(embedder)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (PLAN, "verbatim"),
        ("Marco Rubio and Steve Witkoff prepared the draft of the peace plan.", "supported"),
        ("The peace plan has 28 points.", "supported"),
        ("The draft of the peace plan has 29 points and was prepared in Miami.", "partial"),
        ("The draft of the peace plan was not prepared by Marco Rubio.", "unsupported"),
        ("Bananas are rich in potassium.", "unsupported"),
        ("It is.", "unsupported"),
        ("", "unsupported"),
    ],
)
def test_a_claim_is_judged_by_what_its_quote_says(claim: str, expected: str, verifier: Verifier) -> None:
    judged = verifier.judge(claim, [PLAN]).support
    assert judged == expected or {judged, expected} == {"partial", "unsupported"}


def test_without_quotes_no_claim_is_supported(verifier: Verifier) -> None:
    assert verifier.judge("The peace plan has 28 points.", []).support == "unsupported"
    assert verifier.judge("The peace plan has 28 points.", ["?"]).support == "unsupported"


def test_several_quotes_support_together(verifier: Verifier) -> None:
    quotes = ["Marco Rubio flew to Geneva on Sunday.", "Steve Witkoff flew to Geneva on Sunday."]
    claim = "Marco Rubio and Steve Witkoff flew to Geneva on Sunday."
    assert verifier.judge(claim, quotes).support == "supported"
    assert verifier.judge(claim, quotes[:1]).support != "supported"


def test_a_verdict_names_the_rules_that_are_broken(verifier: Verifier) -> None:
    assert verifier.judge("The peace plan has 29 points.", [PLAN]).reasons == ("number: 29",)
    assert "polarity" in verifier.judge("The peace plan does not have 28 points.", [PLAN]).reasons


def test_features_have_one_value_each_and_are_finite(verifier: Verifier) -> None:
    described = verifier.describe("The peace plan has 28 points.", [PLAN, "Other."], [])
    values = dict(zip(FEATURES, described.tolist(), strict=True))
    assert values["covered"] == pytest.approx(1, abs=0.01)
    assert values["novel"] == values["substituted"] == values["polarity"] == values["personal"] == 0


def test_a_number_in_the_place_of_another_is_noticed(verifier: Verifier) -> None:
    quote = "The plan has 28 points on paper and 9 pages."
    assert verifier.describe("The plan has 9 points on paper.", [quote], [])[FEATURES.index("substituted")] == 1
