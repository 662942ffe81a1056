from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.mutations import KINDS, claims, mutated, shortened

ARTICLE = (
    "On Friday, Marco Rubio met 14 ministers in Geneva. The plan (of 28 pages) was accepted by Ukraine on 19 November. "
    "“We will not give up our land,” Volodymyr Zelensky said in Kyiv.\n"
    "However, the summit had 300 guests, who came by train. Jane Roe said that the meeting was useful. "
    "It will be repeated in May 2026."
)


def test_every_kind_is_made_and_differs_from_the_article() -> None:
    made = [claim for seed in range(30) for claim in claims(ARTICLE, random.Random(seed))]  # noqa: S311
    assert {claim.kind for claim in made} == {"true", *KINDS}
    for claim in made:
        assert claim.passage in ARTICLE
        assert (claim.text in claim.passage) <= (claim.kind == "true")


def test_the_same_seed_makes_the_same_claims() -> None:
    once, again = (list(claims(ARTICLE, random.Random(3))) for _ in range(2))  # noqa: S311
    assert once == again


@pytest.mark.parametrize(
    ("sentence", "shorter"),
    [
        ("The summit (of nine leaders) was held in the town of Geneva.", "The summit was held in the town of Geneva."),
        (
            "However, the summit had three hundred guests that evening.",
            "The summit had three hundred guests that evening.",
        ),
        (
            "The summit of the nine leaders was held in Geneva, while others met in Kyiv.",
            "The summit of the nine leaders was held in Geneva.",
        ),
        ("The talks were useful for all, said Jane Roe.", "Jane Roe said that the talks were useful for all."),
    ],
)
def test_shortened_sentences_stay_true(sentence: str, shorter: str) -> None:
    assert shorter in {shortened(sentence, random.Random(seed)) for seed in range(20)}  # noqa: S311


@pytest.mark.parametrize(
    ("kind", "claim", "altered"),
    [
        ("polarity", "The plan was accepted.", "The plan was not accepted."),
        ("polarity", "The plan was not accepted.", "The plan was accepted."),
        ("name", "The plan came to Kyiv.", "The plan came to Geneva."),
        ("speaker", "Jane Roe said no.", "Rubio said no."),
        ("date", "It began on 3 May.", "It began on 4 June."),
    ],
)
def test_how_a_claim_is_altered(kind: str, claim: str, altered: str) -> None:
    passage = f"{claim} They met Rubio in Geneva on 4 June."
    assert altered in {mutated(claim, passage, passage, random.Random(n)).get(kind) for n in range(40)}  # noqa: S311


@given(st.text(max_size=300))
def test_any_text_gives_claims_about_its_own_passages(text: str) -> None:
    for claim in claims(text, random.Random(0)):  # noqa: S311
        assert claim.passage in text
