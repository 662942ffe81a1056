"""The chat page: Gradio components that show what the pipeline yields. All around them is drawn by ``static/page.js``.

What a reader does besides asking (try again, edit, open an earlier conversation) comes through a hidden text box and a
hidden button; the filter and the reader's day come through other boxes. All are untrusted, as is everything from a
browser.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import gradio as gr
from pydantic import BaseModel, Field, ValidationError

from index.filters import parse_filter
from rag.answer.said import may_become_own
from rag.types import Delta, Done, Event, Evidence, Quoted
from ui.i18n import Messages, messages, negotiate
from ui.kept.aside import aside
from ui.kept.conversations import Exchange, Transcripts
from ui.page import render
from ui.page.visitors import visitor_of
from ui.web.problems import message_of
from ui.web.stream import MAX_STREAMS, Streams
from ui.web.today import read

if TYPE_CHECKING:
    from rag.settings import Settings

_REDRAW_S = 0.06
"""Seconds between two updates of an answer that is being written; each sends the whole conversation."""
_WAITING = 200
"""Questions that may wait for their turn before further ones are turned away."""

Message = dict[str, str]
Updates = tuple[Any, Any, Any]
"""What the question box, the messages and the conversation's id become; any of them may be ``gr.skip()``."""


class Command(BaseModel):
    """What a reader did: ``position`` is the number of an exchange, from 0."""

    do: Literal["retry", "edit"]
    position: int = Field(ge=0)
    question: str = Field(default="", max_length=100_000)


class Chat:
    """The handlers of the page: each reads and writes conversations and returns what the components show."""

    def __init__(self, streams: Streams, conversations: Transcripts, settings: Settings) -> None:
        self._streams = streams
        self._conversations = conversations
        self._settings = settings

    async def ask(
        self, question: str, conversation_id: str, where: str, today: str, request: gr.Request
    ) -> AsyncGenerator[Updates, None]:
        """Answer a question from the documents that pass the filter ``where`` (empty: all), asked on a day."""
        if not question.strip():
            yield gr.skip(), gr.skip(), gr.skip()
            return
        say = self._say(request)
        visitor = visitor_of(request.cookies)
        kept = self._conversations
        history = await aside(kept, kept.history, conversation_id, visitor=visitor)
        conversation_id, exchange = await aside(
            kept, kept.begin, conversation_id, question, visitor=visitor, where=where
        )
        yield _busy(say), await self._shown(conversation_id, visitor, say), conversation_id
        drawn = time.monotonic()
        try:
            filter_ = parse_filter(where) if where else None
            async with aclosing(self._streams.events(question, history, filter_, read(today))) as events:
                async for event in events:
                    exchange = _advance(exchange, event)
                    kept.record(exchange)
                    if await self._was_stopped(exchange, visitor):
                        # A piece may be on its way to the page already: this one comes after it.
                        yield gr.skip(), await self._page(exchange, visitor, conversation_id, say), gr.skip()
                        return
                    if isinstance(event, Done):
                        await kept.saved(exchange.id)
                    if not isinstance(event, Delta) or (event.text and time.monotonic() - drawn > _REDRAW_S):
                        drawn = time.monotonic()
                        yield gr.skip(), await self._page(exchange, visitor, conversation_id, say), gr.skip()
        except Exception as error:  # noqa: BLE001  # shown in the place of the answer
            kept.record(replace(exchange, state="failed", text=message_of(error)))
        finally:
            kept.record(replace(exchange, state="stopped"))
        if not await self._was_stopped(exchange, visitor):
            yield _ready(say), await self._shown(conversation_id, visitor, say), gr.skip()

    async def obey(
        self, command: str, conversation_id: str, where: str, today: str, request: gr.Request
    ) -> AsyncGenerator[Updates, None]:
        """Do what a reader wants with a conversation: ask a question again, or another instead."""
        try:
            wanted = Command.model_validate_json(command)
        except ValidationError:
            yield gr.skip(), gr.skip(), gr.skip()
            return
        kept, visitor = self._conversations, visitor_of(request.cookies)
        before = await aside(kept, kept.rewind, conversation_id, wanted.position, visitor)
        question = wanted.question if before is not None and wanted.do == "edit" else before
        async with aclosing(self.ask(question or "", conversation_id, where, today, request)) as updates:
            async for update in updates:
                yield update

    def stop(self, conversation_id: str, request: gr.Request) -> tuple[gr.Textbox, list[Message]]:
        """Show that the answer was stopped. Gradio cancels :meth:`ask` at the same time."""
        visitor, say = visitor_of(request.cookies), self._say(request)
        self._conversations.stop(conversation_id, visitor)
        return _ready(say), self._messages(conversation_id, visitor, say)

    def begin_anew(self, conversation_id: str, request: gr.Request) -> tuple[gr.Textbox, list[Message], str]:
        """Show an empty page. An answer that is still under way is stopped; the conversation is kept."""
        self._conversations.stop(conversation_id, visitor_of(request.cookies), left=True)
        return _ready(self._say(request)), [], ""

    def open(self, conversation_id: str, request: gr.Request) -> Updates:
        """Show an earlier conversation of the same visitor; another's is left alone."""
        visitor = visitor_of(request.cookies)
        own = {conversation.id for conversation in self._conversations.of(visitor)} if visitor else set()
        if conversation_id not in own:
            return gr.skip(), gr.skip(), gr.skip()
        return gr.skip(), self._messages(conversation_id, visitor, self._say(request)), conversation_id

    async def _was_stopped(self, exchange: Exchange, visitor: str | None) -> bool:
        """Tell whether the reader stopped this answer, or had it forgotten."""
        kept = await aside(self._conversations, self._conversations.exchange, exchange.id, visitor=visitor)
        return kept is None or kept.state == "stopped"

    async def _page(
        self, exchange: Exchange, visitor: str | None, conversation_id: str, say: Messages
    ) -> list[Message]:
        """Return the conversation of an answer; nothing where the reader left it for a new one."""
        kept = await aside(self._conversations, self._conversations.exchange, exchange.id, visitor=visitor)
        return [] if kept is not None and kept.left else await self._shown(conversation_id, visitor, say)

    async def _shown(self, conversation_id: str, visitor: str | None, say: Messages) -> list[Message]:
        return await aside(self._conversations, self._messages, conversation_id, visitor, say)

    def _say(self, request: gr.Request) -> Messages:
        return messages(negotiate(request.headers.get("accept-language", ""), self._settings.language))

    def _messages(self, conversation_id: str, visitor: str | None, say: Messages) -> list[Message]:
        shown: list[Message] = []
        for exchange in self._conversations.exchanges(conversation_id, visitor=visitor):
            shown.append({"role": "user", "content": render.question(exchange.question)})
            shown.append({"role": "assistant", "content": _content(exchange, say)})
        return shown


def build_chat(chat: Chat, settings: Settings) -> gr.Blocks:
    """Lay out the page and connect it to the handlers. Its words are those of ``page.js``, in the reader's language."""
    say = messages("en" if settings.language == "auto" else settings.language)
    page: gr.Blocks
    with gr.Blocks(title=settings.title, analytics_enabled=False, fill_height=True) as page:
        conversation = gr.State("")
        with gr.Row(elem_id="top"):
            with gr.Column(elem_id="masthead"):
                gr.Markdown(f"# {render.escape(settings.title)}", elem_id="title")
            fresh = gr.Button(say.text("fresh"), elem_id="fresh", size="sm")
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="talk"):
                messages_ = gr.Chatbot(
                    elem_id="chat",
                    label=say.text("conversation"),
                    show_label=False,
                    height="100%",
                    sanitize_html=True,
                    allow_tags=False,
                    latex_delimiters=[],
                    line_breaks=False,
                    layout="panel",
                    buttons=[],
                )
                box = gr.Textbox(
                    elem_id="question",
                    label=say.text("question"),
                    show_label=False,
                    placeholder=say.text("placeholder"),
                    max_length=settings.max_question_length,
                    submit_btn=say.text("ask"),
                    autofocus=True,
                    max_lines=6,
                )
            gr.Column(elem_id="sources")
        with gr.Row(elem_id="bridge"):
            asked_under = [gr.Textbox(elem_id="where"), gr.Textbox(elem_id="today")]
            command = gr.Textbox(elem_id="command")
            do, reopen = gr.Button(elem_id="do"), gr.Button(elem_id="reopen")
        _connect(chat, conversation, messages_, box, fresh, asked_under, command, do, reopen)
    page.max_threads = 2 * MAX_STREAMS
    page.queue(default_concurrency_limit=2 * MAX_STREAMS, max_size=_WAITING, api_open=False)
    return page


def _connect(
    chat: Chat,
    conversation: gr.State,
    messages_: gr.Chatbot,
    box: gr.Textbox,
    fresh: gr.Button,
    asked_under: list[gr.Textbox],
    command: gr.Textbox,
    do: gr.Button,
    reopen: gr.Button,
) -> None:
    """Connect each thing a reader does to one handler.

    Gradio's client can lose an event that begins while another of the same page ends, so no event starts another and
    none runs when the page is opened.
    """
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shown = [box, messages_, conversation]
    asking: list[Any] = [
        box.submit(chat.ask, [box, conversation, *asked_under], shown, **quiet),
        do.click(chat.obey, [command, conversation, *asked_under], shown, **quiet),
    ]
    reopen.click(chat.open, command, shown, **quiet)
    box.stop(chat.stop, conversation, [box, messages_], cancels=asking, **quiet)
    fresh.click(chat.begin_anew, conversation, shown, cancels=asking, **quiet)


def _busy(say: Messages) -> gr.Textbox:
    return gr.Textbox(value="", submit_btn=False, stop_btn=say.text("stop"))


def _ready(say: Messages) -> gr.Textbox:
    return gr.Textbox(submit_btn=say.text("ask"), stop_btn=False)


def _advance(exchange: Exchange, event: Event) -> Exchange:
    match event:
        case Evidence(hits):
            return replace(exchange, hits=hits)
        case Quoted(quotes):
            return replace(exchange, quotes=quotes)
        case Delta(text):
            return replace(exchange, text=exchange.text + text)
        case Done(answer):
            return replace(exchange, state="complete", text=answer.text, answer=answer)


def _content(exchange: Exchange, say: Messages) -> str:
    """Return what the reader sees as the answer, in Markdown."""
    if exchange.answer is not None:
        return render.answer(exchange.answer, exchange.id, say, filtered=bool(exchange.where))
    written = "" if may_become_own(exchange.text) else render.progress(exchange.text)
    match exchange.state:
        case "failed":
            return render.escape(exchange.text)
        case "stopped":
            return "\n\n".join(filter(None, [written, f"*{render.escape(say.text('stopped'))}*"]))
        case _:
            reading = render.reading(exchange.hits, exchange.quotes, exchange.id, say)
            return "\n\n".join(filter(None, [written, reading]))
