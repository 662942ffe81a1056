"""An answer as server-sent events.

The ``data`` of each is JSON with the event's name in ``type``::

    sources    {sources: [hit]}                                              what was found, before any of it is read
    quotes     {quotes: [quote]}                                             what the answer will be made from, if any
    token      {text}                                                        the next piece of the answer
    citations  {status, confidence, short_answer, answer, claims, hits, ...} the whole answer, checked
    done       {message_id, conversation_id, status, model, usage}           the end
    error      {code, message}                                               the end, too early

``citations`` has the shape of ``citechat ask --json``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import Any

from rag.answer.serialize import answer_json
from rag.tokens import count
from rag.types import Delta, Done, Event, Evidence, Quoted, Turn
from ui.kept.conversations import Exchange, Transcripts
from ui.web.problems import code_of, message_of

EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["sources", "quotes", "token", "citations", "done", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
"""One event of the stream, as the description of the interface has it."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(slots=True)
class Reply:
    """One answer on its way to a reader: encodes its events and records what becomes of it."""

    conversations: Transcripts
    conversation_id: str
    exchange: Exchange
    history: tuple[Turn, ...]

    async def encode(self, first: Event, rest: AsyncGenerator[Event, None]) -> AsyncIterator[str]:
        """Yield the events of the module's description. ``first`` was already taken from the events."""
        async with aclosing(rest):
            try:
                for message in self._messages(first):
                    yield message
                async for event in rest:
                    messages = self._messages(event)
                    if isinstance(event, Done):  # a reader who hears that it is done finds it on every host
                        await self.conversations.saved(self.exchange.id)
                    for message in messages:
                        yield message
            except Exception as error:  # noqa: BLE001  # the reply has begun: this is how it is reported
                text = message_of(error)
                self._record(replace(self.exchange, state="failed", text=text))
                yield sse("error", {"code": code_of(error), "message": text})
            finally:
                self._record(replace(self.exchange, state="stopped"))

    def _messages(self, event: Event) -> list[str]:
        match event:
            case Evidence(hits):
                self._record(replace(self.exchange, hits=hits))
                return [sse("sources", {"sources": [asdict(hit) for hit in hits]})]
            case Quoted(quotes):
                self._record(replace(self.exchange, quotes=quotes))
                return [sse("quotes", {"quotes": [asdict(quote) for quote in quotes]})]
            case Delta(""):
                return []
            case Delta(text):
                self._record(replace(self.exchange, text=self.exchange.text + text))
                return [sse("token", {"text": text})]
            case Done(answer):
                self._record(replace(self.exchange, state="complete", text=answer.text, answer=answer))
                asked = [turn.content for turn in self.history] + [self.exchange.question]
                done = {
                    "message_id": self.exchange.id,
                    "conversation_id": self.conversation_id,
                    "status": answer.status,
                    "model": answer.model,
                    "usage": usage(asked, answer.text),
                }
                return [sse("citations", answer_json(answer)), sse("done", done)]

    def _record(self, exchange: Exchange) -> None:
        if self.exchange.state == "running":
            self.exchange = exchange
            self.conversations.record(exchange)


def sse(name: str, data: dict[str, Any]) -> str:
    """Encode one event."""
    return f"event: {name}\ndata: {json.dumps({'type': name} | data, ensure_ascii=False)}\n\n"


def usage(prompt: Sequence[str], completion: str) -> dict[str, int]:
    """Return the numbers of tokens of a prompt's texts and of an answer."""
    asked, written = sum(map(count, prompt)), count(completion)
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}
