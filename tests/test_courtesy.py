from __future__ import annotations

import pytest

from rag.query.courtesy import is_civility, without_courtesies, without_fillers


@pytest.mark.parametrize(
    "message", ["Thanks!", "OK, good.", "Great, thanks a lot", "¡Muchas gracias!", "Danke schön.", "Hello"]
)
def test_a_courtesy_asks_nothing(message: str) -> None:
    assert is_civility(message)


@pytest.mark.parametrize("message", ["Thanks to whom?", "Good dogs?", "Well-being", "", "Is it fine?"])
def test_what_asks_something_is_none(message: str) -> None:
    assert not is_civility(message)


@pytest.mark.parametrize(
    ("message", "question"),
    [
        ("OK thanks. Who won?", "Who won?"),
        ("Hi, what does a dog cost?", "what does a dog cost?"),
        ("Do you know who the master of the ferry is?", "who is the master of the ferry?"),
        ("Could you please tell me why it closed?", "why it closed?"),
        ("I would like to know whether dogs are allowed.", "dogs are allowed."),
        ("¿Sabe cuándo abre el museo?", "cuándo abre el museo?"),
        ("Können Sie mir sagen, wann es öffnet?", "wann es öffnet?"),
        ("Bonjour, savez-vous quand il ouvre ?", "quand il ouvre ?"),
    ],
)
def test_what_leads_over_to_a_question_is_left_out(message: str, question: str) -> None:
    assert without_courtesies(message) == question


@pytest.mark.parametrize(
    "message", ["Well-being: who is it?", "Do you know the mayor?", "Tell me about the ferry", "Right of way: whose?"]
)
def test_what_is_part_of_the_question_stays(message: str) -> None:
    assert without_courtesies(message) == message


def test_words_that_ask_for_nothing_are_left_out_but_not_of_a_quotation() -> None:
    assert without_fillers("How many came in the end?") == "How many came?"
    assert without_fillers("Who exactly won, please?") == "Who won?"
    assert without_fillers('Who said "it was, actually, rain"?') == 'Who said "it was, actually, rain"?'
