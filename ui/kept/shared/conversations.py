"""Conversations that all processes see. See `ui.kept.conversations` for what they promise.

An answer is written by one process. It keeps the answer in memory until it is complete, and writes it into the
database when it begins, when its sources are known, from time to time, and when it ends: a reader is told that an
answer is done once that is stored. An answer whose process is gone is shown as stopped.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass, field, replace

from psycopg import Connection

from index.errors import CitechatError, StoreUnavailable
from index.store.postgres.server import Row, Server
from rag.types import Turn
from ui.kept.conversations import MAX_AGE_S, MAX_EXCHANGES, MAX_PER_VISITOR, Conversation, Exchange, completed
from ui.kept.shared.codec import decoded, encoded
from ui.web.sites import Visit

MAX_CONVERSATIONS = 100_000
WRITE_S = 1.0
"""Seconds between two writes of an answer that grows."""
GONE_S = 180.0
"""Seconds without a write after which whoever wrote an answer is taken to be gone; longer than its longest silence."""
PATIENCE_S = 30.0
"""Seconds that a complete answer waits for a server that is away."""
CLEANING_S = 60.0
"""Seconds between two looks for conversations that are too old or too many."""

_ROW = f"""e.id, e.content, CASE WHEN e.state = 'running' AND e.touched < now() - interval '{GONE_S:g} seconds'
    THEN 'stopped' ELSE e.state END"""
_AGE = "c.used > now() - make_interval(secs => %(age)s)"
_OWN = "c.owner IS NOT DISTINCT FROM %(owner)s AND (c.visitor IS NULL OR c.visitor = %(visitor)s)"


@dataclass(slots=True)
class _Running:
    """An answer that this process writes."""

    exchange: Exchange
    conversation: str
    owner: str | None
    visitor: str | None
    written: float = 0.0
    sources: bool = False
    saved: Future[None] = field(default_factory=Future)


class SharedConversations:
    """The conversations of all readers, in the database. Thread-safe."""

    remote = True

    def __init__(
        self,
        server: Server,
        max_conversations: int = MAX_CONVERSATIONS,
        max_exchanges: int = MAX_EXCHANGES,
        max_age_s: float = MAX_AGE_S,
        cleaning_s: float = CLEANING_S,
    ) -> None:
        """Use the tables of this server's schema."""
        self._server = server
        self._max_conversations = max_conversations
        self._max_exchanges = max_exchanges
        self._max_age_s = max_age_s
        self._lock = threading.RLock()
        self._running: dict[str, _Running] = {}
        self._writers = ThreadPoolExecutor(2, thread_name_prefix="transcripts")
        self._cleaning_s = cleaning_s
        self._cleaned = float("-inf")

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
        exchange = Exchange(secrets.token_urlsafe(16), question, where=where)
        who = _owner(owner), _visitor(visitor)
        with self._server.transaction() as connection:
            if conversation_id is None or not self._is_known(connection, conversation_id, who):
                conversation_id = secrets.token_urlsafe(16)
                connection.execute(
                    "INSERT INTO conversations (id, owner, visitor) VALUES (%s, %s, %s)", (conversation_id, *who)
                )
                self._make_room(connection, who[1])
            connection.execute("UPDATE conversations SET used = now() WHERE id = %s", (conversation_id,))
            connection.execute(
                "INSERT INTO exchanges (id, conversation, state, content) VALUES (%s, %s, 'running', %s)",
                (exchange.id, conversation_id, encoded(exchange)),
            )
            pushed_out = connection.execute(
                """DELETE FROM exchanges WHERE number IN (SELECT number FROM exchanges WHERE conversation = %s
                   ORDER BY number DESC OFFSET %s) RETURNING id""",
                (conversation_id, self._max_exchanges),
            ).fetchall()
            self._clean(connection)
        self._drop([id_ for (id_,) in pushed_out])
        with self._lock:
            self._running[exchange.id] = _Running(exchange, conversation_id, *who, time.monotonic())
        return conversation_id, exchange

    def record(self, exchange: Exchange) -> None:
        """See `Conversations.record`. Returns at once; `saved` waits until it is stored."""
        with self._lock:
            running = self._running.get(exchange.id)
            if running is None or running.exchange.state != "running":
                return
            running.exchange = exchange
            due = time.monotonic() - running.written >= WRITE_S
            if exchange.state != "running" or due or (exchange.hits and not running.sources):
                running.written, running.sources = time.monotonic(), bool(exchange.hits)
                self._writers.submit(self._write, running)

    async def saved(self, message_id: str) -> None:
        """Return once an exchange that has ended is stored.

        Raises:
            StoreUnavailable: it could not be.
        """
        with self._lock:
            running = self._running.get(message_id)
        if running is not None:
            await asyncio.shield(asyncio.wrap_future(running.saved))

    def stop(self, conversation_id: str, visitor: str | None = None, *, left: bool = False) -> None:
        """See `Conversations.stop`; also what another process writes."""
        with self._server.transaction() as connection:
            found = connection.execute(
                f"""SELECT e.id, e.content FROM exchanges e JOIN conversations c ON c.id = e.conversation
                    WHERE c.id = %(id)s AND e.state = 'running' AND {_OWN} FOR UPDATE OF e""",
                {"id": conversation_id, "owner": None, "visitor": _visitor(visitor)},
            ).fetchall()
            for id_, content in found:
                with self._lock:
                    running = self._running.get(id_)
                    exchange = running.exchange if running else decoded(content)
                    if exchange.state == "running":
                        exchange = replace(exchange, state="stopped", left=left)
                    if running:
                        running.exchange = exchange
                _store(connection, exchange)
        self._drop([id_ for id_, _ in found])

    def rewind(self, conversation_id: str, position: int, visitor: str | None = None) -> str | None:
        """See `Conversations.rewind`."""
        if position < 0:
            return None
        with self._server.transaction() as connection:
            removed = connection.execute(
                f"""DELETE FROM exchanges WHERE number IN (SELECT e.number FROM exchanges e
                        JOIN conversations c ON c.id = e.conversation WHERE c.id = %(id)s AND {_OWN}
                        ORDER BY e.number OFFSET %(position)s) RETURNING number, id, content""",
                {"id": conversation_id, "owner": None, "visitor": _visitor(visitor), "position": position},
            ).fetchall()
        self._drop([id_ for _, id_, _ in removed])
        return decoded(min(removed)[2]).question if removed else None

    def of(self, visitor: str) -> tuple[Conversation, ...]:
        """See `Conversations.of`."""
        return self._conversations("c.visitor = %(visitor)s", MAX_PER_VISITOR, visitor=_visitor(visitor))

    def recent(self, limit: int) -> list[tuple[Exchange, ...]]:
        """See `Conversations.recent`."""
        return [conversation.exchanges for conversation in self._conversations("true", limit)]

    def forget(self, visitor: str, conversation_id: str | None = None) -> None:
        """See `Conversations.forget`."""
        with self._server.transaction() as connection:
            gone = connection.execute(
                """WITH gone AS (SELECT id FROM conversations WHERE visitor = %s AND (%s::text IS NULL OR id = %s))
                   DELETE FROM exchanges WHERE conversation IN (SELECT id FROM gone) RETURNING id""",
                (_visitor(visitor), conversation_id, conversation_id),
            ).fetchall()
            connection.execute(
                "DELETE FROM conversations WHERE visitor = %s AND (%s::text IS NULL OR id = %s)",
                (_visitor(visitor), conversation_id, conversation_id),
            )
        self._drop([id_ for (id_,) in gone])

    def exchanges(
        self, conversation_id: str, owner: Hashable = None, visitor: str | None = None
    ) -> tuple[Exchange, ...]:
        """See `Conversations.exchanges`."""
        who = {"owner": _owner(owner), "visitor": _visitor(visitor)}
        return self._exchanges(f"c.id = %(id)s AND {_OWN}", id=conversation_id, **who)

    def exchange(self, message_id: str, owner: Hashable = None, visitor: str | None = None) -> Exchange | None:
        """See `Conversations.exchange`."""
        who = _owner(owner), _visitor(visitor)
        with self._lock:
            running = self._running.get(message_id)
            if running is not None and running.exchange.state == "running":
                own = running.owner == who[0] and running.visitor in (None, who[1])
                return running.exchange if own else None
        found = self._exchanges(f"e.id = %(id)s AND {_OWN}", id=message_id, owner=who[0], visitor=who[1])
        return found[0] if found else None

    def whoever(self, message_id: str) -> Exchange | None:
        """See `Conversations.whoever`."""
        found = self._exchanges("e.id = %(id)s", id=message_id)
        return found[0] if found else None

    def history(self, conversation_id: str, owner: Hashable = None, visitor: str | None = None) -> tuple[Turn, ...]:
        """See `Conversations.history`."""
        return completed(self.exchanges(conversation_id, owner, visitor))

    def close(self) -> None:
        """Store what is still to be stored."""
        self._writers.shutdown(wait=True)

    def _write(self, running: _Running) -> None:
        """Store an exchange as it is now; one that has ended waits for a server that is away."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with self._lock:
                exchange = running.exchange
            try:
                with self._server.connection() as connection:
                    there = _store(connection, exchange)
                break
            except StoreUnavailable as error:
                if exchange.state == "running":
                    return  # the next write has it too
                if time.monotonic() >= deadline:
                    self._settle(running, error)
                    return
                time.sleep(0.1)
            except CitechatError as error:
                self._settle(running, error)
                return
        if exchange.state != "running" or not there:  # where it is not, it was stopped or forgotten elsewhere
            self._settle(running)

    def _settle(self, running: _Running, error: CitechatError | None = None) -> None:
        with self._lock:
            self._running.pop(running.exchange.id, None)
            if running.saved.done():
                return
            if error is None:
                running.saved.set_result(None)
            else:
                running.saved.set_exception(error)

    def _drop(self, ids: Sequence[str]) -> None:
        with self._lock:
            for id_ in ids:
                running = self._running.get(id_)
                if running is not None:
                    self._settle(running)

    def _exchanges(self, condition: str, **values: object) -> tuple[Exchange, ...]:
        held = self._held()
        rows = self._server.read(
            f"""SELECT {_ROW} FROM exchanges e JOIN conversations c ON c.id = e.conversation
                WHERE {condition} AND {_AGE} ORDER BY e.number""",
            values | {"age": self._max_age_s},
        )
        return tuple(self._server.decoded(lambda row: _newest(row, held), rows))

    def _conversations(self, condition: str, limit: int, **values: object) -> tuple[Conversation, ...]:
        held = self._held()
        rows = self._server.read(
            f"""SELECT {_ROW}, c.id FROM (SELECT id, used FROM conversations c WHERE {condition} AND {_AGE}
                    ORDER BY used DESC, id LIMIT %(limit)s) c
                JOIN exchanges e ON e.conversation = c.id ORDER BY c.used DESC, c.id, e.number""",
            values | {"limit": limit, "age": self._max_age_s},
        )
        found: dict[str, list[Exchange]] = {}
        for row, exchange in zip(rows, self._server.decoded(lambda row: _newest(row, held), rows), strict=True):
            found.setdefault(row[3], []).append(exchange)
        return tuple(Conversation(id_, tuple(exchanges)) for id_, exchanges in found.items())

    def _held(self) -> dict[str, Exchange]:
        """Return what this process writes. To be taken before rows are read: meanwhile it may be stored and let go."""
        with self._lock:
            return {id_: running.exchange for id_, running in self._running.items()}

    def _is_known(self, connection: Connection, conversation_id: str, who: tuple[str | None, ...]) -> bool:
        found = connection.execute(
            f"SELECT owner, visitor FROM conversations c WHERE id = %(id)s AND {_AGE} FOR UPDATE",
            {"id": conversation_id, "age": self._max_age_s},
        ).fetchone()
        return found == who

    def _make_room(self, connection: Connection, visitor: str | None) -> None:
        connection.execute(
            """DELETE FROM conversations WHERE id IN (SELECT id FROM conversations WHERE visitor = %s
               ORDER BY used DESC, id OFFSET %s)""",
            (visitor, MAX_PER_VISITOR),
        )

    def _clean(self, connection: Connection) -> None:
        """Now and then delete what is too old or too much. What another process deletes just now is left to it."""
        if time.monotonic() - self._cleaned < self._cleaning_s:
            return
        self._cleaned = time.monotonic()
        connection.execute(
            """DELETE FROM conversations WHERE id IN (SELECT id FROM conversations
               WHERE used < now() - make_interval(secs => %s)
               OR used < (SELECT used FROM conversations ORDER BY used DESC OFFSET %s LIMIT 1)
               FOR UPDATE SKIP LOCKED)""",
            (self._max_age_s, self._max_conversations - 1),
        )


def _store(connection: Connection, exchange: Exchange) -> bool:
    """Replace a stored exchange that runs; tell whether there was one."""
    return bool(
        connection.execute(
            "UPDATE exchanges SET state = %s, content = %s, touched = now() WHERE id = %s AND state = 'running'",
            (exchange.state, encoded(exchange), exchange.id),
        ).rowcount
    )


def _newest(row: Row, held: Mapping[str, Exchange]) -> Exchange:
    """Return a stored exchange, or the newer one that this process held of it."""
    id_, content, state = row[:3]
    if state == "running" and id_ in held:
        return held[id_]
    return replace(decoded(content), state=state)


def _owner(owner: Hashable) -> str | None:
    if owner is None:
        return None
    return json.dumps(astuple(owner) if isinstance(owner, Visit) else repr(owner))


def _visitor(visitor: str | None) -> str | None:
    """Return what stands for a visitor: the name in the cookie lets its holder read, so it is not stored."""
    return None if visitor is None else hashlib.sha256(visitor.encode()).hexdigest()
