"""Conversations: bounded, forgetful, not to be guessed; in one process, and shared by several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from index.store.opening import open_server
from rag.types import Answer, Turn
from ui.kept.conversations import MAX_PER_VISITOR, Conversations, Exchange, Transcripts
from ui.kept.shared.conversations import SharedConversations

Keep = Callable[..., Transcripts]
"""Makes conversations with limits: ``keep(max_exchanges=2)``."""


@pytest.fixture(params=["memory", "shared"])
def keep(request: pytest.FixtureRequest) -> Iterator[Keep]:
    if request.param == "memory":
        yield Conversations
        return
    server = open_server(request.getfixturevalue("postgres").url(), request.getfixturevalue("schema"))
    with ExitStack() as opened:
        opened.callback(server.close)

        def make(**limits: float) -> Transcripts:
            made = SharedConversations(server, cleaning_s=0.0, **limits)  # type: ignore[arg-type]
            opened.callback(made.close)
            return made

        yield make


@pytest.fixture
def conversations(keep: Keep) -> Transcripts:
    return keep()


def answered(exchange: Exchange) -> Exchange:
    answer = Answer(exchange.question, exchange.question, "answered", 1.0, None, "An answer.", (), (), "extractive")
    return replace(exchange, state="complete", text=answer.text, answer=answer)


def test_history_holds_completed_answers_in_order(conversations: Transcripts) -> None:
    id_, first = conversations.begin(None, "one")
    conversations.record(answered(first))
    _, stopped = conversations.begin(id_, "two")
    conversations.record(replace(stopped, state="stopped", text="half an ans"))
    _, third = conversations.begin(id_, "three")
    conversations.record(answered(third))
    assert [turn.content for turn in conversations.history(id_)] == ["one", "An answer.", "three", "An answer."]
    assert conversations.history(id_)[0] == Turn("user", "one")


def test_ids_are_long_and_unknown_ones_are_not_adopted(conversations: Transcripts) -> None:
    id_, exchange = conversations.begin("chosen-by-a-client", "x")
    assert id_ != "chosen-by-a-client"
    assert len(id_) >= 22
    assert len(exchange.id) >= 22
    assert conversations.exchanges("chosen-by-a-client") == ()
    assert conversations.exchange("unknown") is None


def test_what_was_stopped_stays_stopped(conversations: Transcripts) -> None:
    id_, exchange = conversations.begin(None, "x")
    conversations.record(replace(exchange, text="half"))
    conversations.stop(id_)
    conversations.record(answered(exchange))
    kept = conversations.exchange(exchange.id)
    assert kept is not None
    assert (kept.state, kept.text) == ("stopped", "half")


def test_leaving_marks_the_answer_under_way_alone(conversations: Transcripts) -> None:
    id_, first = conversations.begin(None, "one")
    conversations.record(answered(first))
    conversations.begin(id_, "two")
    conversations.stop(id_, left=True)
    states = [(exchange.state, exchange.left) for exchange in conversations.exchanges(id_)]
    assert states == [("complete", False), ("stopped", True)]


def test_rewinding_forgets_a_question_and_what_followed(conversations: Transcripts) -> None:
    id_, _ = conversations.begin(None, "one")
    _, second = conversations.begin(id_, "two")
    conversations.begin(id_, "three")
    assert conversations.rewind(id_, 1) == "two"
    assert [exchange.question for exchange in conversations.exchanges(id_)] == ["one"]
    assert conversations.exchange(second.id) is None
    assert conversations.rewind(id_, 1) is None
    assert conversations.rewind("unknown", 0) is None


def test_the_least_recently_used_conversation_is_forgotten_first(keep: Keep) -> None:
    conversations = keep(max_conversations=2)
    first, exchange = conversations.begin(None, "a")
    second, _ = conversations.begin(None, "b")
    conversations.begin(first, "a again")
    third, _ = conversations.begin(None, "c")
    assert [bool(conversations.exchanges(id_)) for id_ in (first, second, third)] == [True, False, True]
    assert conversations.exchange(exchange.id) is not None


def test_a_long_conversation_forgets_its_beginning(keep: Keep) -> None:
    conversations = keep(max_exchanges=2)
    id_, first = conversations.begin(None, "1")
    for question in "23":
        conversations.begin(id_, question)
    assert [exchange.question for exchange in conversations.exchanges(id_)] == ["2", "3"]
    assert conversations.exchange(first.id) is None


@pytest.mark.parametrize(("age", "kept"), [(9.0, True), (11.0, False)])
def test_old_conversations_are_forgotten(age: float, kept: bool) -> None:
    now = 100.0
    conversations = Conversations(max_age_s=10, clock=lambda: now)
    id_, exchange = conversations.begin(None, "x")
    now += age
    assert bool(conversations.exchanges(id_)) is kept
    assert (conversations.exchange(exchange.id) is not None) is kept


def test_a_visitor_has_their_own_conversations_the_last_one_first(conversations: Transcripts) -> None:
    first, _ = conversations.begin(None, "one", visitor="ann")
    second, _ = conversations.begin(None, "two", visitor="ann")
    conversations.begin(first, "three", visitor="ann")
    conversations.begin(None, "private", visitor="bob")
    conversations.begin(None, "widget")
    assert [conversation.id for conversation in conversations.of("ann")] == [first, second]


def test_nobody_goes_on_with_the_conversation_of_another(conversations: Transcripts) -> None:
    id_, _ = conversations.begin(None, "one", visitor="ann")
    for visitor in ("bob", None):
        other, _ = conversations.begin(id_, "let me in", visitor=visitor)
        assert other != id_
    assert [exchange.question for exchange in conversations.exchanges(id_, visitor="ann")] == ["one"]


def test_nobody_stops_rewinds_or_sees_the_conversation_of_another() -> None:
    conversations = Conversations()
    id_, exchange = conversations.begin(None, "one", visitor="ann")
    for visitor in ("bob", None):
        assert conversations.exchanges(id_, visitor=visitor) == ()
        assert conversations.rewind(id_, 0, visitor) is None
        conversations.stop(id_, visitor)
    kept = conversations.exchange(exchange.id, visitor="ann")
    assert kept is not None
    assert kept.state == "running"
    assert conversations.rewind(id_, 0, "ann") == "one"
    site, _ = conversations.begin(None, "two", owner="a visitor of a site")
    assert conversations.exchanges(site) == ()
    assert conversations.rewind(site, 0) is None


def test_a_visitor_forgets_their_own_and_nobody_elses(conversations: Transcripts) -> None:
    first, exchange = conversations.begin(None, "one", visitor="ann")
    second, _ = conversations.begin(None, "two", visitor="ann")
    other, _ = conversations.begin(None, "three", visitor="bob")
    conversations.forget("ann", other)
    conversations.forget("ann", first)
    assert [conversation.id for conversation in conversations.of("ann")] == [second]
    assert [conversation.id for conversation in conversations.of("bob")] == [other]
    assert conversations.exchange(exchange.id) is None
    conversations.forget("ann")
    assert conversations.of("ann") == ()
    assert conversations.of("bob") != ()


def test_a_visitor_who_asks_without_end_pushes_out_only_their_own(conversations: Transcripts) -> None:
    kept, _ = conversations.begin(None, "one", visitor="ann")
    for number in range(MAX_PER_VISITOR + 5):
        conversations.begin(None, str(number), visitor="bob")
    assert len(conversations.of("bob")) == MAX_PER_VISITOR
    assert conversations.exchanges(kept, visitor="ann")


def test_what_a_visitor_asked_is_read_by_nobody_else(conversations: Transcripts) -> None:
    id_, exchange = conversations.begin(None, "one", visitor="a")
    conversations.record(answered(exchange))
    for other in (None, "b"):
        assert conversations.exchange(exchange.id, visitor=other) is None
        assert conversations.history(id_, visitor=other) == ()
    assert conversations.exchange(exchange.id, visitor="a") is not None
    assert len(conversations.history(id_, visitor="a")) == 2
