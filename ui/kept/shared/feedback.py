"""Readers' judgements that all processes see."""

from __future__ import annotations

import json
from typing import Any

from index.store.postgres.server import Server
from ui.kept.conversations import Exchange
from ui.kept.feedback import Verdict, judgement, parsed


class SharedFeedback:
    """Judgements in the database. Thread-safe."""

    def __init__(self, server: Server) -> None:
        """Use the tables of this server's schema."""
        self._server = server

    def append(self, exchange: Exchange, verdict: Verdict, reason: str = "") -> None:
        """See `ui.kept.feedback.Judgements`."""
        entry = json.dumps(judgement(exchange, verdict, reason))
        with self._server.connection() as connection:
            connection.execute("INSERT INTO feedback (message, entry) VALUES (%s, %s)", (exchange.id, entry))

    def entries(self, limit: int) -> list[dict[str, Any]]:
        """See `ui.kept.feedback.Judgements`."""
        return self._entries("SELECT entry FROM feedback ORDER BY number DESC LIMIT %s", limit)

    def entry(self, message_id: str) -> dict[str, Any] | None:
        """See `ui.kept.feedback.Judgements`."""
        last = "SELECT entry FROM feedback WHERE message = %s ORDER BY number DESC LIMIT 1"
        return next(iter(self._entries(last, message_id)), None)

    def _entries(self, statement: str, value: object) -> list[dict[str, Any]]:
        return [entry for (line,) in self._server.read(statement, (value,)) if (entry := parsed(line))]
