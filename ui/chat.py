"""The chat page: Gradio components that show what the pipeline yields. The sources panel is ``static/panel.js``."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.types import Delta, Done, Event, Evidence
from ui import render
from ui.conversations import Conversations, Exchange
from ui.feedback import FeedbackLog, Verdict
from ui.problems import message_of
from ui.stream import MAX_STREAMS, Streams, Totals

if TYPE_CHECKING:
    from rag.settings import Settings

_REDRAW_S = 0.06
"""Seconds between two updates of an answer that is being written; each sends the whole conversation."""
_WAITING = 200
"""Questions that may wait for their turn before further ones are turned away."""

_VERDICTS: dict[str, Verdict] = {"Like": "up", "Dislike": "down", "Wrong source": "wrong_source"}
_WELCOME = """## What would you like to know?

Every sentence of an answer shows the exact words it stands on. Where the documents do not say, the answer says so."""

Message = dict[str, str]
Updates = tuple[Any, Any, Any]
"""What the question box, the messages and the conversation's id become; any of them may be ``gr.skip()``."""


class Chat:
    """The handlers of the page: each reads and writes conversations and returns what the components show."""

    def __init__(self, streams: Streams, conversations: Conversations, feedback: FeedbackLog) -> None:
        self._streams = streams
        self._conversations = conversations
        self._feedback = feedback

    async def ask(self, question: str, conversation_id: str) -> AsyncGenerator[Updates, None]:
        """Answer a question."""
        if not question.strip():
            yield gr.skip(), gr.skip(), gr.skip()
            return
        history = self._conversations.history(conversation_id)
        conversation_id, exchange = self._conversations.begin(conversation_id, question)
        yield _busy(), self._messages(conversation_id), conversation_id
        drawn = time.monotonic()
        try:
            async with aclosing(self._streams.events(question, history)) as events:
                async for event in events:
                    exchange = _advance(exchange, event)
                    self._conversations.record(exchange)
                    if not isinstance(event, Delta) or (event.text and time.monotonic() - drawn > _REDRAW_S):
                        drawn = time.monotonic()
                        yield gr.skip(), self._messages(conversation_id), gr.skip()
        except Exception as error:  # noqa: BLE001  # shown in the place of the answer
            self._conversations.record(replace(exchange, state="failed", text=message_of(error)))
        finally:
            self._conversations.record(replace(exchange, state="stopped"))
        yield _ready(), self._messages(conversation_id), gr.skip()

    async def ask_example(self, conversation_id: str, chosen: gr.SelectData) -> AsyncGenerator[Updates, None]:
        """Answer one of the example questions."""
        async with aclosing(self.ask(str(chosen.value["text"]), conversation_id)) as updates:
            async for update in updates:
                yield update

    async def ask_again(self, conversation_id: str, retried: gr.RetryData) -> AsyncGenerator[Updates, None]:
        """Take back a question and what followed it, and answer it anew."""
        question = self._conversations.rewind(conversation_id, _position(retried.index))
        async with aclosing(self.ask(question or "", conversation_id)) as updates:
            async for update in updates:
                yield update

    def stop(self, conversation_id: str) -> tuple[gr.Textbox, list[Message]]:
        """Show that the answer was stopped. Gradio cancels :meth:`ask` at the same time."""
        self._conversations.stop(conversation_id)
        return _ready(), self._messages(conversation_id)

    def begin_anew(self, conversation_id: str) -> tuple[gr.Textbox, list[Message], str]:
        """Forget the conversation, so that a piece of its answer that is still under way shows nothing of it again."""
        self._conversations.rewind(conversation_id, 0)
        return _ready(), [], ""

    def judge(self, conversation_id: str, judged: gr.LikeData) -> None:
        """Record a reader's judgement of an answer."""
        exchanges = self._conversations.exchanges(conversation_id)
        verdict = _VERDICTS.get(judged.liked) if isinstance(judged.liked, str) else ("up" if judged.liked else "down")
        position = _position(judged.index)
        if verdict and position < len(exchanges):
            self._feedback.append(exchanges[position], verdict)

    def _messages(self, conversation_id: str) -> list[Message]:
        messages: list[Message] = []
        for exchange in self._conversations.exchanges(conversation_id):
            messages.append({"role": "user", "content": render.question(exchange.question)})
            messages.append({"role": "assistant", "content": _content(exchange)})
        return messages


def build_chat(chat: Chat, totals: Totals, settings: Settings) -> gr.Blocks:
    """Lay out the page and connect it to the handlers."""
    holdings = f"{render.count(totals.documents, 'document')}, {render.count(totals.passages, 'passage')} indexed"
    page: gr.Blocks
    with gr.Blocks(title=settings.title, analytics_enabled=False, fill_height=True) as page:
        conversation = gr.State("")
        with gr.Row(elem_id="top"):
            with gr.Column(elem_id="masthead"):
                gr.Markdown(f"# {render.escape(settings.title)}", elem_id="title")
                gr.Markdown(holdings, elem_id="holdings")
            fresh = gr.Button("New conversation", elem_id="fresh", size="sm")
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="talk"):
                messages = gr.Chatbot(
                    elem_id="chat",
                    label="Conversation",
                    show_label=False,
                    height="100%",
                    sanitize_html=True,
                    allow_tags=False,
                    latex_delimiters=[],
                    line_breaks=False,
                    layout="panel",
                    buttons=["copy"],
                    feedback_options=tuple(_VERDICTS),
                    examples=[{"text": example} for example in settings.examples],
                    placeholder=_WELCOME,
                )
                box = gr.Textbox(
                    elem_id="question",
                    label="Your question",
                    show_label=False,
                    placeholder="Ask about the documents",
                    max_length=settings.max_question_length,
                    submit_btn="Ask",
                    autofocus=True,
                    max_lines=6,
                )
            gr.Column(elem_id="sources")
        _connect(chat, conversation, messages, box, fresh)
    page.max_threads = 2 * MAX_STREAMS
    page.queue(default_concurrency_limit=2 * MAX_STREAMS, max_size=_WAITING, api_open=False)
    return page


def _connect(chat: Chat, conversation: gr.State, messages: gr.Chatbot, box: gr.Textbox, fresh: gr.Button) -> None:
    """Connect each thing a reader does to one handler.

    Gradio's client can lose an event that begins while another of the same page ends, so no event starts another and
    none runs when the page is opened.
    """
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shown = [box, messages, conversation]
    asking: list[Any] = [
        box.submit(chat.ask, [box, conversation], shown, **quiet),
        messages.example_select(chat.ask_example, conversation, shown, **quiet),
        messages.retry(chat.ask_again, conversation, shown, **quiet),
    ]
    box.stop(chat.stop, conversation, [box, messages], cancels=asking, **quiet)
    fresh.click(chat.begin_anew, conversation, shown, cancels=asking, **quiet)
    messages.like(chat.judge, conversation, None, **quiet)


def _busy() -> gr.Textbox:
    return gr.Textbox(value="", submit_btn=False, stop_btn="Stop")


def _ready() -> gr.Textbox:
    return gr.Textbox(submit_btn="Ask", stop_btn=False)


def _position(index: int | tuple[int, int]) -> int:
    """Return the number of the exchange that a message belongs to, from 0."""
    return (index if isinstance(index, int) else index[0]) // 2


def _advance(exchange: Exchange, event: Event) -> Exchange:
    match event:
        case Evidence(hits, quotes):
            return replace(exchange, hits=hits, quotes=quotes)
        case Delta(text):
            return replace(exchange, text=exchange.text + text)
        case Done(answer):
            return replace(exchange, state="complete", text=answer.text, answer=answer)


def _content(exchange: Exchange) -> str:
    """Return what the reader sees as the answer, in Markdown."""
    if exchange.answer is not None:
        return render.answer(exchange.answer, exchange.id)
    match exchange.state:
        case "failed":
            return render.escape(exchange.text)
        case "stopped":
            return "\n\n".join(filter(None, [render.progress(exchange.text), "*Stopped.*"]))
        case _:
            return "\n\n".join(
                filter(
                    None, [render.progress(exchange.text), render.reading(exchange.hits, exchange.quotes, exchange.id)]
                )
            )
