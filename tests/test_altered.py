"""Questions altered so that nothing answers them: one thing changed, and the document does not tell it either."""

from __future__ import annotations

import random

import pytest

from evals.altered import altered, near_miss
from evals.datasets import Collection
from evals.types import Case, Evidence

BUILT = "The Orlo bridge was built in 1893 by Jane Roe and Max Lind."
REPAIRED = "In 1931 the northern arch was repaired by Ana Sol."
BRIDGE = f"{BUILT} It is 120 metres long and 14 metres wide. {REPAIRED} The ferry cost 3 crowns."


@pytest.mark.parametrize(
    ("question", "answering", "among"),
    [
        ("When was the northern arch repaired?", REPAIRED, {"When was the southern arch repaired?"}),
        ("What did Ana Sol repair?", REPAIRED, {"What did Jane Roe repair?"}),
        ("Who built it in 1893?", BUILT, {"Who built it in 1931?", "Who demolished it in 1893?"}),
        ("What is it?", BUILT, {None}),
    ],
)
def test_one_thing_is_another(question: str, answering: str, among: set[str | None]) -> None:
    made = {near_miss(question, [answering], BRIDGE, random.Random(seed)) for seed in range(20)}  # noqa: S311
    assert among <= made
    assert question not in made


def test_what_the_document_tells_is_not_asked() -> None:
    both = f"{BRIDGE} In 1931 the southern arch was repaired as well."
    made = {
        near_miss("When was the northern arch repaired?", [REPAIRED], both, random.Random(seed))  # noqa: S311
        for seed in range(20)
    }
    assert made == {None}


def test_a_collection_keeps_its_documents() -> None:
    answered = Case("built", "Who built the Orlo bridge in 1893?", (("Jane Roe",),), evidence=(Evidence("a.md"),))
    plain = Case("what", "What is it?", (("a bridge",),))
    never = Case("never", "Who demolished the Orlo bridge in 1893?", unanswerable=True)
    of = {each.id: "a.md" for each in (answered, plain, never)}
    made = altered(Collection("squad-x", {"a.md": BRIDGE}, (answered, plain, never), of), random.Random(1), share=1)  # noqa: S311
    (only,) = made.cases
    assert (made.name, made.documents, made.asked_of) == ("altered-squad-x", {"a.md": BRIDGE}, {only.id: "a.md"})
    assert (only.unanswerable, only.answer, only.evidence) == (True, (), ())
    assert only.question != answered.question
