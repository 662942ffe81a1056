"""What was asked and answered, kept on the server so that no client can forge it.

Everything is bounded in number and age, and reached by ids that cannot be guessed; where it is known whose a
conversation is (a visitor of a site, or of the chat page), nobody else reads it even with its id.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, Protocol

from rag.types import Answer, Quote, Source, Turn

State = Literal["running", "complete", "stopped", "failed"]

MAX_CONVERSATIONS = 1_000
MAX_EXCHANGES = 100
MAX_PER_VISITOR = 50
MAX_AGE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what became of it.

    ``text`` is the answer as far as it is written, or the problem if it failed; ``hits`` is what was found, ``quotes``
    what the answer is written from; ``answer`` is there once ``state`` is ``complete``. ``where`` is the filter it was
    asked under, in words of ``index.filters``; empty for all documents. ``left`` says that it was stopped because the
    reader began a new conversation.
    """

    id: str
    question: str
    state: State = "running"
    text: str = ""
    hits: tuple[Source, ...] = ()
    quotes: tuple[Quote, ...] = ()
    answer: Answer | None = None
    where: str = ""
    left: bool = False
    asked: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation of one visitor."""

    id: str
    exchanges: tuple[Exchange, ...]


@dataclass(slots=True)
class _Conversation:
    used: float
    visitor: str | None = None
    owner: Hashable = None
    exchanges: OrderedDict[str, Exchange] = field(default_factory=OrderedDict)


class Transcripts(Protocol):
    """The conversations of all readers: in this process (`Conversations`), or shared by several. Thread-safe."""

    @property
    def remote(self) -> bool:
        """Whether a call may wait for a server, which an event loop must not."""
        ...

    def begin(
        self,
        conversation_id: str | None,
        question: str,
        owner: Hashable = None,
        *,
        visitor: str | None = None,
        where: str = "",
    ) -> tuple[str, Exchange]:
        """See `Conversations.begin`."""
        ...

    def record(self, exchange: Exchange) -> None:
        """See `Conversations.record`. Never waits."""
        ...

    async def saved(self, message_id: str) -> None:
        """Return once what was recorded of an exchange that has ended is stored where every process finds it."""
        ...

    def stop(self, conversation_id: str, visitor: str | None = None, *, left: bool = False) -> None:
        """See `Conversations.stop`."""
        ...

    def rewind(self, conversation_id: str, position: int, visitor: str | None = None) -> str | None:
        """See `Conversations.rewind`."""
        ...

    def of(self, visitor: str) -> tuple[Conversation, ...]:
        """See `Conversations.of`."""
        ...

    def forget(self, visitor: str, conversation_id: str | None = None) -> None:
        """See `Conversations.forget`."""
        ...

    def exchanges(
        self, conversation_id: str, owner: Hashable = None, visitor: str | None = None
    ) -> tuple[Exchange, ...]:
        """See `Conversations.exchanges`."""
        ...

    def exchange(self, message_id: str, owner: Hashable = None, visitor: str | None = None) -> Exchange | None:
        """See `Conversations.exchange`."""
        ...

    def whoever(self, message_id: str) -> Exchange | None:
        """See `Conversations.whoever`."""
        ...

    def recent(self, limit: int) -> list[tuple[Exchange, ...]]:
        """See `Conversations.recent`."""
        ...

    def history(self, conversation_id: str, owner: Hashable = None, visitor: str | None = None) -> tuple[Turn, ...]:
        """See `Conversations.history`."""
        ...


class Conversations:
    """The conversations of all readers of this process. Thread-safe."""

    remote = False

    def __init__(
        self,
        max_conversations: int = MAX_CONVERSATIONS,
        max_exchanges: int = MAX_EXCHANGES,
        max_age_s: float = MAX_AGE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_conversations = max_conversations
        self._max_exchanges = max_exchanges
        self._max_age_s = max_age_s
        self._clock = clock
        self._lock = threading.RLock()
        self._conversations: OrderedDict[str, _Conversation] = OrderedDict()
        self._conversation_of: dict[str, str] = {}

    def begin(
        self,
        conversation_id: str | None,
        question: str,
        owner: Hashable = None,
        *,
        visitor: str | None = None,
        where: str = "",
    ) -> tuple[str, Exchange]:
        """Record a question and return the conversation's id and the new exchange.

        ``owner`` is a visitor of a site, ``visitor`` one of the chat page, whose list of conversations it is on:
        nobody else reads the conversation, even with its id. An id that is not known (forgotten, made up, or another's)
        is not adopted: a new conversation begins.
        """
        with self._lock:
            self._forget_old()
            known = self._conversations.get(conversation_id) if conversation_id else None
            if conversation_id is None or known is None or (known.owner, known.visitor) != (owner, visitor):
                conversation_id = secrets.token_urlsafe(16)
                self._conversations[conversation_id] = _Conversation(self._clock(), visitor, owner)
                self._make_room(visitor)
            conversation = self._conversations[conversation_id]
            conversation.used = self._clock()
            self._conversations.move_to_end(conversation_id)
            exchange = Exchange(secrets.token_urlsafe(16), question, where=where)
            conversation.exchanges[exchange.id] = exchange
            self._conversation_of[exchange.id] = conversation_id
            while len(conversation.exchanges) > self._max_exchanges:
                del self._conversation_of[conversation.exchanges.popitem(last=False)[0]]
            while len(self._conversations) > self._max_conversations:
                self._drop(next(iter(self._conversations)))
            return conversation_id, exchange

    def record(self, exchange: Exchange) -> None:
        """Replace the stored exchange of the same id, unless it is no longer kept or was stopped."""
        with self._lock:
            stored = self._find(exchange.id)
            if stored is not None and stored.state == "running":
                self._conversations[self._conversation_of[exchange.id]].exchanges[exchange.id] = exchange

    async def saved(self, message_id: str) -> None:
        """Return: what was recorded is there."""

    def stop(self, conversation_id: str, visitor: str | None = None, *, left: bool = False) -> None:
        """Mark what is still running in a visitor's conversation as stopped, and whether they left it for a new one."""
        for exchange in self.exchanges(conversation_id, visitor=visitor):
            if exchange.state == "running":
                self.record(replace(exchange, state="stopped", left=left))

    def rewind(self, conversation_id: str, position: int, visitor: str | None = None) -> str | None:
        """Forget a visitor's exchanges from ``position`` (from 0) on; return the first question forgotten, if any."""
        with self._lock:
            conversation = self._conversations.get(conversation_id)
            own = conversation is not None and self._owned(conversation_id, None, visitor)
            if conversation is None or not own or not 0 <= position < len(conversation.exchanges):
                return None
            removed = list(conversation.exchanges.values())[position:]
            for exchange in removed:
                del conversation.exchanges[exchange.id], self._conversation_of[exchange.id]
            return removed[0].question

    def of(self, visitor: str) -> tuple[Conversation, ...]:
        """Return the conversations of a visitor, the one used last first."""
        with self._lock:
            self._forget_old()
            return tuple(
                Conversation(id_, tuple(conversation.exchanges.values()))
                for id_, conversation in reversed(self._conversations.items())
                if conversation.visitor == visitor and conversation.exchanges
            )

    def forget(self, visitor: str, conversation_id: str | None = None) -> None:
        """Forget one conversation of a visitor, or all of them; another's is left alone."""
        with self._lock:
            for id_, conversation in list(self._conversations.items()):
                if conversation.visitor == visitor and conversation_id in (None, id_):
                    self._drop(id_)

    def exchanges(
        self, conversation_id: str, owner: Hashable = None, visitor: str | None = None
    ) -> tuple[Exchange, ...]:
        """Return a conversation in order; empty if it is not known to this owner and visitor."""
        with self._lock:
            self._forget_old()
            own = self._owned(conversation_id, owner, visitor)
            return tuple(self._conversations[conversation_id].exchanges.values()) if own else ()

    def exchange(self, message_id: str, owner: Hashable = None, visitor: str | None = None) -> Exchange | None:
        """Return one exchange, or ``None`` if it is not known to this owner and visitor."""
        with self._lock:
            self._forget_old()
            own = self._owned(self._conversation_of.get(message_id, ""), owner, visitor)
            return self._find(message_id) if own else None

    def whoever(self, message_id: str) -> Exchange | None:
        """Return one exchange, whosever it is: for the operator."""
        with self._lock:
            self._forget_old()
            return self._find(message_id)

    def recent(self, limit: int) -> list[tuple[Exchange, ...]]:
        """Return the conversations used last, the latest first: for the operator."""
        with self._lock:
            self._forget_old()
            latest = list(self._conversations.values())[: -limit - 1 : -1]
            return [tuple(conversation.exchanges.values()) for conversation in latest if conversation.exchanges]

    def history(self, conversation_id: str, owner: Hashable = None, visitor: str | None = None) -> tuple[Turn, ...]:
        """Return the turns that were completed, for the next question; none of another's conversation."""
        with self._lock:
            return completed(self.exchanges(conversation_id, owner, visitor))

    def _owned(self, conversation_id: str, owner: Hashable, visitor: str | None) -> bool:
        conversation = self._conversations.get(conversation_id)
        return conversation is not None and conversation.owner == owner and conversation.visitor in (None, visitor)

    def _find(self, message_id: str) -> Exchange | None:
        owner = self._conversation_of.get(message_id)
        return self._conversations[owner].exchanges[message_id] if owner else None

    def _make_room(self, visitor: str | None) -> None:
        own = [id_ for id_, conversation in self._conversations.items() if conversation.visitor == visitor]
        if visitor is not None and len(own) > MAX_PER_VISITOR:
            self._drop(own[0])

    def _forget_old(self) -> None:
        oldest = self._clock() - self._max_age_s
        while self._conversations and next(iter(self._conversations.values())).used < oldest:
            self._drop(next(iter(self._conversations)))

    def _drop(self, conversation_id: str) -> None:
        for message_id in self._conversations.pop(conversation_id).exchanges:
            del self._conversation_of[message_id]


def completed(exchanges: Iterable[Exchange]) -> tuple[Turn, ...]:
    """Return the turns of the exchanges that were completed."""
    turns: list[Turn] = []
    for exchange in exchanges:
        if exchange.answer is not None:
            turns += Turn("user", exchange.question), Turn("assistant", exchange.answer.text)
    return tuple(turns)
