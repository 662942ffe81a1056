"""The handlers of the chat page, without a page: what each shows, whatever order events come in."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.requests import Request

from tests.web import LexicalPipeline, settings
from ui.chat import Chat
from ui.conversations import Conversations
from ui.metrics import Metrics
from ui.stream import Streams

QUESTION = "How many days of leave do employees get?"


def test_no_late_piece_of_an_answer_shows_it_on_a_new_page(tmp_path: Path) -> None:
    conversations = Conversations()
    kept, _ = conversations.begin(None, "earlier")

    async def leave_in_the_middle() -> list[Any]:
        chat = Chat(Streams(LexicalPipeline(delay=0.02), Metrics()), conversations, settings(tmp_path))
        request = gr.Request(Request({"type": "http", "headers": []}))
        async with aclosing(chat.ask(QUESTION, kept, "", request)) as updates:
            await anext(updates)
            _, shown, _ = await anext(updates)
            assert [message["role"] for message in shown] == ["user", "assistant"] * 2
            assert chat.begin_anew(kept, request)[1:] == ([], "")
            return [messages for _, messages, _ in [update async for update in updates]]

    assert asyncio.run(leave_in_the_middle()) == [[]]
    earlier, left = conversations.exchanges(kept)
    assert (earlier.question, left.question, left.state) == ("earlier", QUESTION, "stopped")
