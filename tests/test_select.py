from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from index.terms import terms
from rag.answer.select import CLOSE_GAP, RIVAL_GAP, Selection, select
from rag.query.question import analyse
from rag.reader.read import FEATURES, Candidate
from tests.handmade import found


def candidates(*rows: tuple[str, float] | tuple[str, float, str]) -> list[Candidate]:
    """Sentences with their scores and, if it matters, documents; each stands after the one before."""
    made = []
    for number, (text, score, *document) in enumerate(rows):
        passage = found([text], document_id=document[0] if document else "a", start=100 * number)
        stems = frozenset(term.stem for term in terms(text))
        span = passage.stored.passage.sentences[0]
        made.append(Candidate(passage, 0, span.start, span.end, text, stems, score, np.zeros(len(FEATURES))))
    return made


def chosen(question: str, rows: Sequence[Candidate], limit: int = 4) -> Selection:
    return select(analyse(question), rows, frozenset(), limit)


def texts(selection: Selection) -> list[str]:
    return [candidate.text for candidate in selection.candidates]


OPENED = "The museum was opened by Jane Roe."
CLOSED = "Rain flooded its cellars in spring."


@pytest.mark.parametrize(("gap", "both"), [(CLOSE_GAP - 0.1, True), (CLOSE_GAP + 0.1, False)])
def test_a_second_sentence_is_shown_in_doubt(gap: float, both: bool) -> None:
    selection = chosen("Why was the museum closed?", candidates((OPENED, 5.0), (CLOSED, 5.0 - gap), ("No.", 1.0)))
    assert texts(selection) == ([OPENED, CLOSED] if both else [OPENED])


def test_in_doubt_two_sentences_are_enough() -> None:
    rows = candidates((OPENED, 5.0), (CLOSED, 4.9), ("Clocks were lost then.", 4.8))
    assert texts(chosen("Why was the museum closed?", rows)) == [OPENED, CLOSED]


def test_a_list_takes_all_that_are_near_the_best() -> None:
    rows = candidates(
        ("The museum shows clocks.", 5.0),
        ("The museum shows maps and globes.", 4.6),
        ("The museum shows ship models.", 5.05 - CLOSE_GAP),
        ("The museum shows nothing else.", 4.95 - CLOSE_GAP),
    )
    assert texts(chosen("Which things does the museum show?", rows)) == [row.text for row in rows[:3]]
    assert texts(chosen("Which things does the museum show?", rows, limit=2)) == [row.text for row in rows[:2]]


def test_a_list_takes_only_what_is_about_the_question() -> None:
    rows = candidates(("The museum shows clocks.", 5.0), ("Rain fell in spring.", 4.9))
    assert texts(chosen("Which things does the museum show?", rows)) == ["The museum shows clocks."]


def test_what_repeats_is_left_out() -> None:
    rows = candidates((OPENED, 5.0), ("The museum was opened, it is said, by Roe.", 4.9))
    assert texts(chosen("Who opened the museum?", rows)) == [OPENED]


def test_a_comparison_takes_the_best_of_each_document() -> None:
    rows = candidates(
        ("Staff of the museum had many free days.", 5.0, "a"),
        ("Free days were Mondays in those years.", 4.9 - CLOSE_GAP, "a"),
        ("Few holidays are left since the reform.", 5.1 - RIVAL_GAP, "b"),
        ("Nobody works on Sundays anyway.", 5.0 - RIVAL_GAP, "c"),
        ("Clocks stop at noon.", 4.9 - RIVAL_GAP, "d"),
    )
    selection = chosen("How did the holidays change?", rows)
    assert [candidate.document_id for candidate in selection.candidates] == ["a", "b", "c"]


def test_a_document_that_gives_another_value_is_shown_too() -> None:
    rows = candidates(
        ("The museum says that it was opened in 1897.", 5.0, "a"),
        ("According to the city guide, visitors were first let in during 1899.", 3.5, "b"),
    )
    selection = chosen("When was the museum opened?", rows)
    assert [candidate.document_id for candidate in selection.candidates] == ["a", "b"]
    assert selection.short == "1897"


@pytest.mark.parametrize(
    ("log_odds", "other", "both"),
    [
        (1.0, "Eight days may be taken over.", True),
        (-1.0, "Eight days may be taken over.", False),
        (1.0, "Eight forms must be handed in.", False),
    ],
)
def test_a_document_that_counts_the_same_differently_is_shown_though_far_behind(
    log_odds: float, other: str, both: bool
) -> None:
    best, rival = candidates(
        ("Up to five unused days can be carried over.", 9.0, "a"), (other, 9.0 - 2 * RIVAL_GAP, "b")
    )
    rows = [best, replace(rival, log_odds=log_odds)]
    assert len(texts(chosen("How far can leave be carried over?", rows))) == 1 + both


@pytest.mark.parametrize(
    "question",
    ["How many days of annual leave do staff get?", "How did the annual leave of staff change?"],
)
def test_another_value_in_the_same_words_is_no_repetition(question: str) -> None:
    rows = candidates(
        ("Staff get 25 days of annual leave.", 5.0, "a"), ("Staff get 28 days of annual leave.", 4.9, "b")
    )
    assert texts(chosen(question, rows)) == [row.text for row in rows]


def test_a_document_that_gives_the_same_value_is_not_needed() -> None:
    rows = candidates(
        ("The museum says that it was opened in 1897.", 5.0, "a"),
        ("According to the city guide, visitors were first let in during 1897.", 3.5, "b"),
    )
    assert texts(chosen("When was the museum opened?", rows)) == [rows[0].text]


def test_sentences_read_as_in_their_documents_the_best_document_first() -> None:
    rows = candidates(("The museum shows clocks.", 5.0), ("The museum shows old maps.", 4.8))
    late, early = rows
    ranked = [
        Candidate(early.found, 0, early.start, early.end, early.text, early.stems, 5.0, early.features),
        Candidate(late.found, 0, late.start, late.end, late.text, late.stems, 4.8, late.features),
    ]
    selection = chosen("Which things does the museum show?", ranked)
    assert [candidate.start for candidate in selection.candidates] == [0, 100]


def test_prose_has_no_short_answer() -> None:
    assert chosen("Why was the museum opened?", candidates((OPENED, 5.0))).short is None
    assert chosen("Who opened the museum?", candidates((OPENED, 5.0))).short == "Jane Roe"


def test_what_was_said_is_not_that_somebody_spoke() -> None:
    row, speech = (
        "Name: Ada Lorne; Part: spoke to the guild",
        "Ada Lorne told the guild: “We shall sing until the roof falls.”",
    )
    rows = candidates((row, 5.0, "a"), ("The guild has nine rooms.", 4.0, "a"), (speech, 1.0, "b"))
    assert texts(chosen("What did Ada Lorne tell the guild?", rows)) == [speech]
    assert texts(chosen("Who spoke to the guild?", rows)) == [row]


@pytest.mark.parametrize(("gap", "first"), [(RIVAL_GAP - 0.1, 1), (RIVAL_GAP + 0.1, 0)])
def test_speech_nearby_comes_before_a_sentence_that_announces_it(gap: float, first: int) -> None:
    rows = (
        "The remarks of Ada Lorne are known from a letter.",
        'Her words were: "We shall keep all nine rooms of it."',
    )
    found = chosen("What did Ada Lorne say about the rooms?", candidates((rows[0], 5.0), (rows[1], 5.0 - gap)))
    assert texts(found)[0] == rows[first]


def test_the_same_row_of_another_table_is_told_however_low_it_is() -> None:
    rows = candidates(
        ("Item: Goat; Price: 5", 5.0, "a"), ("Item: Pony; Price: 9", 4.0, "b"), ("Item: Goat; Price: 6", -3.0, "b")
    )
    selection = chosen("What does a goat cost?", rows)
    assert texts(selection) == ["Item: Goat; Price: 5", "Item: Goat; Price: 6"]
    assert [each.text for each in selection.contrary] == ["Item: Goat; Price: 6"]


def test_the_same_sentence_with_another_name_contradicts() -> None:
    first, other = "The organ of Ellmoor was built by Ada Lorne.", "The organ of Ellmoor was built by Ben Orr."
    selection = chosen("Who built the organ?", candidates((first, 5.0, "a"), (other, -3.0, "b")))
    assert [each.text for each in selection.contrary] == [other]
    longer = "The organ of Ellmoor was built by Ada Lorne herself."
    assert chosen("Who built the organ?", candidates((first, 5.0, "a"), (longer, 3.0, "b"))).contrary == ()
