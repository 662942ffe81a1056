from __future__ import annotations

import pytest

from rag.query.instead import instead


@pytest.mark.parametrize(
    ("asked", "what", "whole"),
    [
        ("What does a nurse earn in the first year?", "a doctor", "What does a doctor earn in the first year?"),
        ("What does the club charge for a canoe?", "for a raft", "What does the club charge for a raft?"),
        ("How much is the ticket for pensioners?", "for students", "How much is the ticket for students?"),
        ("Was kostet die Karte für Rentner?", "für Studenten", "Was kostet die Karte für Studenten?"),
        ("When does the library open?", "the archive", "When does the archive open?"),
        ("Where was Ada Lorne born?", "Ben Orr", "Where was Ben Orr born?"),
        ("What was the toll in 2011?", "2015", "What was the toll in 2015?"),
        ("What was the toll?", "2015", "What was the toll in 2015?"),
        ("Who sang?", "the choir", "Who sang, the choir?"),
    ],
)
def test_what_is_most_like_it_makes_room(asked: str, what: str, whole: str) -> None:
    assert instead(asked, what) == whole


def test_a_preposition_before_it_counts_too() -> None:
    assert instead("What is the fee for a goat?", "a pony", "for") == "What is the fee for a pony?"
