"""Questions made from the sentences of a document."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from rag.suggest.suggest import suggestions
from rag.types import Done
from tests.documents import document, prose
from tests.web import LexicalPipeline
from ui.kept.conversations import Exchange
from ui.page.suggestions import Suggestions


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("The old portal was opened to everyone in 2019.", "When was the old portal opened to everyone?"),
        ("Every employee gets 25 days of leave a year.", "How many days of leave does every employee get?"),
        ("The mill in Torvay weighs 12 tonnes.", "How much does the mill in Torvay weigh?"),
        (
            "A berth for a boat of up to 8 metres costs 24 euros a night.",
            "How much does a berth for a boat of up to 8 metres cost a night?",
        ),
        ("Kaja Kallas said that it was late.", "What did Kaja Kallas say?"),
        ("Marco Rubio, the Secretary of State, wrote it.", "Who is Marco Rubio?"),
        ("The portal is a page for members.", "What is the portal?"),
        ("El portal es una página.", "¿Qué es el portal?"),
        ("Die Werkstatt ist ein Raum.", "Was ist die Werkstatt?"),
        ("Le portail est une page.", "Qu'est-ce que le portail ?"),
    ],
)
def test_a_statement_becomes_the_question_that_it_answers(text: str, question: str) -> None:
    (suggestion,) = suggestions(prose(text))
    assert suggestion.question == question
    assert text[suggestion.answer.start : suggestion.answer.end] == text


@pytest.mark.parametrize(
    "text",
    [
        "This is a page.",
        "It is the last one.",
        "The portal of the is a page.",
        "Rain fell all day.",
        "Lunch is a break of 45 minutes.",
        "Khrystyna Hayovyshyn is the deputy.",
    ],
)
def test_a_statement_that_does_not_stand_alone_gives_none(text: str) -> None:
    assert list(suggestions(prose(text))) == []


def test_the_cells_of_a_table_are_asked_for() -> None:
    made = document(
        [("row", "Pier: Northern pier; Berths: 42; Depth: 3.5", 0), ("row", "Pier: Guest pier; Berths: 18", 0)]
    )
    assert [(each.question, made.text[each.answer.start : each.answer.end][:11]) for each in suggestions(made)] == [
        ("How many berths does Northern pier have?", "Pier: North"),
        ("What is the depth for Northern pier?", "Pier: North"),
        ("How many berths does Guest pier have?", "Pier: Guest"),
    ]


def test_a_heading_that_is_a_question_is_offered_with_its_section_as_the_answer() -> None:
    made = document(
        [
            ("heading", "Is it safe?", 2),
            ("paragraph", "Nobody knows.", 0),
            ("heading", "Is the widget safe to paste?", 2),
            ("paragraph", "Your style sheet cannot break it.", 0),
            ("heading", "Thanks", 2),
        ]
    )
    (suggestion,) = suggestions(made)
    assert suggestion.question == "Is the widget safe to paste?"
    section = made.text[suggestion.answer.start : suggestion.answer.end]
    assert section.strip() == "Your style sheet cannot break it."


def test_examples_are_at_hand_once_they_were_found_for_the_documents_that_there_are() -> None:
    pipeline = LexicalPipeline([prose("The works is a cooperative of its members.")])
    suggest = Suggestions(pipeline.stream, pipeline.shelf, ())
    assert suggest.found() == ()  # but they are looked for from then on
    for _ in range(100):
        if suggest.found():
            break
        time.sleep(0.05)
    assert suggest.found() == suggest.examples() == ("What is the works?",)
    pipeline.shelf.by_id = {}
    assert suggest.found() == ()


def test_what_may_follow_is_about_what_was_cited_and_not_said_yet() -> None:
    """Documents that were found beside the cited one, too, would lead away from what was asked."""
    works = prose("The works is a cooperative of its members. Lamps were first sold in spring.")
    mill = replace(prose("The mill is a museum of the town. Lamps hang in it."), id="e" * 16)
    pipeline = LexicalPipeline([works, mill])
    (done,) = [event for event in pipeline.stream("When were lamps first sold?") if isinstance(event, Done)]
    cited = tuple(claim for claim in done.answer.claims if claim.quotes[0].document_id == works.id)
    assert {hit.document_id for hit in done.answer.hits} == {works.id, mill.id}
    kept = Exchange("m", "When were lamps first sold?", "complete", answer=replace(done.answer, claims=cited))
    suggest = Suggestions(pipeline.stream, pipeline.shelf, ())
    assert suggest.after(kept) == ("What is the works?",)
    assert suggest.after(replace(kept, question="What is the works?")) == ()
    pipeline.shelf.by_id = {}
    assert suggest.after(kept) == ()
