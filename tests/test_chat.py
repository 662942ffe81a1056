"""The handlers of the chat page, without a page: what each shows, whatever order events come in."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.requests import Request

from tests.web import LexicalPipeline, settings
from ui.kept.conversations import Conversations
from ui.page.chat import Chat
from ui.page.visitors import COOKIE
from ui.web.metrics import Metrics
from ui.web.stream import Streams

ANN, BOB = "a" * 43, "b" * 43
QUESTION = "How many days of leave do employees get?"
ASKED = QUESTION.rstrip("?")


def test_no_late_piece_of_an_answer_shows_it_on_a_new_page(tmp_path: Path) -> None:
    conversations = Conversations()
    kept, _ = conversations.begin(None, "earlier")

    async def leave_in_the_middle() -> list[Any]:
        chat = Chat(Streams(LexicalPipeline(delay=0.02), Metrics()), conversations, settings(tmp_path))
        request = gr.Request(Request({"type": "http", "headers": []}))
        async with aclosing(chat.ask(QUESTION, kept, "", "", request)) as updates:
            await anext(updates)
            _, shown, _ = await anext(updates)
            assert [message["role"] for message in shown] == ["user", "assistant"] * 2
            assert chat.begin_anew(kept, request)[1:] == ([], "")
            return [messages for _, messages, _ in [update async for update in updates]]

    assert asyncio.run(leave_in_the_middle()) == [[]]
    earlier, left = conversations.exchanges(kept)
    assert (earlier.question, left.question, left.state) == ("earlier", QUESTION, "stopped")


def test_what_a_reader_does_binds_nobody_elses_conversation(tmp_path: Path) -> None:
    """Retry, edit, stop, a new page, an earlier page: with the id of another's conversation they do nothing to it."""
    conversations = Conversations()
    pipeline = LexicalPipeline()
    chat = Chat(Streams(pipeline, Metrics()), conversations, settings(tmp_path))
    own, running = conversations.begin(None, QUESTION, visitor=ANN)

    async def shown_to(visitor: str, command: str) -> list[Any]:
        request = by(visitor)
        async with aclosing(chat.obey(command, own, "", "", request)) as updates:
            return [update async for update in updates]

    for command in ('{"do": "retry", "position": 0}', '{"do": "edit", "position": 0, "question": "soup?"}'):
        updates = asyncio.run(shown_to(BOB, command))
        assert ASKED not in str(updates)
        assert conversations.exchanges(own, visitor=ANN) == (running,)
    assert chat.stop(own, by(BOB))[1] == []
    chat.begin_anew(own, by(BOB))
    assert ASKED not in str(chat.open(own, by(BOB)))
    assert conversations.exchanges(own, visitor=ANN) == (running,)
    assert ASKED in str(chat.open(own, by(ANN)))
    assert ASKED in str(chat.stop(own, by(ANN))[1])
    assert conversations.exchanges(own, visitor=ANN)[0].state == "stopped"
    asyncio.run(shown_to(ANN, '{"do": "retry", "position": 0}'))
    assert [question for question, _ in pipeline.asked][-1] == QUESTION


def by(visitor: str) -> gr.Request:
    return gr.Request(Request({"type": "http", "headers": [(b"cookie", f"{COOKIE}={visitor}".encode())]}))
