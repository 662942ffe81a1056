"""The OpenAI shape of the interface, so that existing clients can ask.

``POST /v1/chat/completions`` and ``GET /v1/models``.

The claims of an answer with their quotes are in a field ``citations`` beside ``choices`` (of the last chunk with a
choice, when streaming). Answers are written from the documents alone, so system messages and sampling parameters
change nothing and are accepted; what would change the meaning of a reply (tools, several choices) is refused.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from index.errors import InputError
from index.filters import parse_filter
from rag.answer.serialize import answer_json
from rag.types import Answer, Delta, Done, Event, Turn
from ui.page.render import inert
from ui.web import sse
from ui.web.api import require_json
from ui.web.leaving import unless_gone
from ui.web.problems import message_of, plain, problem_json
from ui.web.stream import Streams, begun
from ui.web.today import Today, believed

MODEL = "citechat"
_CHUNK = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
"""One event of a stream, as the description of the interface has it: JSON, or ``[DONE]``."""


class TextPart(BaseModel):
    """A piece of a message's content."""

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One message; only text can be asked about."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    @property
    def text(self) -> str:
        """The content as one text."""
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)


class StreamOptions(BaseModel):
    """``stream_options`` of a request."""

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """Body of ``POST /v1/chat/completions``."""

    model: str = Field(examples=["citechat"])
    messages: list[Message] = Field(
        min_length=1, max_length=500, examples=[[{"role": "user", "content": "Who prepared the draft?"}]]
    )
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    filter: str | None = Field(default=None, max_length=10_000)
    today: Today = None
    tools: list[Any] | None = Field(default=None, max_length=0)


def openai_router(streams: Streams) -> APIRouter:
    """Return the routes of the module's description."""
    router = APIRouter(prefix="/v1")
    created = int(time.time())

    @router.get("/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(created)]}

    @router.get("/models/{name}")
    async def model(name: str) -> dict[str, Any]:
        _require_known(name)
        return _model(created)

    @router.post(
        "/chat/completions",
        dependencies=[Depends(require_json)],
        responses=plain("text/event-stream", _CHUNK),
        response_model=None,
    )
    async def complete(body: CompletionRequest, request: Request) -> Response:
        _require_known(body.model)
        turns = [Turn(m.role, m.text) for m in body.messages if m.role == "user" or m.role == "assistant"]
        if not turns or turns[-1].role != "user":
            raise InputError("The last message must be the user's.", "Send the question as the last message.")
        completion = _Completion(body)
        where = parse_filter(body.filter) if body.filter else None
        events = streams.events(turns[-1].content, turns[:-1], where, believed(body.today))
        if not body.stream:
            return JSONResponse(await unless_gone(request, completion.whole(events)))
        first = await unless_gone(request, begun(events))
        return StreamingResponse(completion.chunks(first, events), media_type="text/event-stream", headers=sse.HEADERS)

    return router


def _model(created: int) -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": created, "owned_by": MODEL}


def _require_known(name: str) -> None:
    if name != MODEL:
        raise HTTPException(404, f"There is no model {name!r}; ask for {MODEL!r}.")


class _Completion:
    """One reply, as a whole or in chunks."""

    def __init__(self, request: CompletionRequest) -> None:
        self._request = request
        self._id = f"chatcmpl-{secrets.token_urlsafe(16)}"
        self._created = int(time.time())
        self._tail = ""

    async def whole(self, events: AsyncGenerator[Event, None]) -> dict[str, Any]:
        async with aclosing(events):
            answers = [event.answer async for event in events if isinstance(event, Done)]
        answer = answers[0]
        choice = {"index": 0, "finish_reason": "stop", "logprobs": None}
        choice["message"] = {"role": "assistant", "content": inert(answer.text), "refusal": None}
        return self._head("chat.completion") | {
            "choices": [choice],
            "usage": self._usage(answer),
            "citations": answer_json(answer)["claims"],
        }

    async def chunks(self, first: Event, rest: AsyncGenerator[Event, None]) -> AsyncIterator[str]:
        async with aclosing(rest):
            try:
                yield self._chunk({"role": "assistant", "content": ""})
                for line in self._lines(first):
                    yield line
                async for event in rest:
                    for line in self._lines(event):
                        yield line
            except Exception as error:  # noqa: BLE001  # the reply has begun: this is how it is reported
                yield _data(problem_json(500, message_of(error)))
            else:
                yield "data: [DONE]\n\n"

    def _lines(self, event: Event) -> list[str]:
        match event:
            case Delta(text) if text:
                content, self._tail = inert(text, self._tail), (self._tail + text)[-3:]
                return [self._chunk({"content": content})]
            case Done(answer):
                end = self._chunk({}, "stop", citations=answer_json(answer)["claims"])
                options = self._request.stream_options
                if options is None or not options.include_usage:
                    return [end]
                counted = self._head("chat.completion.chunk") | {"choices": [], "usage": self._usage(answer)}
                return [end, _data(counted)]
            case _:
                return []

    def _chunk(self, delta: dict[str, str], finish_reason: str | None = None, **extra: object) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return _data(self._head("chat.completion.chunk") | {"choices": [choice]} | extra)

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": MODEL}

    def _usage(self, answer: Answer) -> dict[str, int]:
        return sse.usage([message.text for message in self._request.messages], answer.text)


def _data(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
