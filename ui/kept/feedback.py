"""Readers' judgements of answers, a JSON object each, for those who improve the documents or the evals."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from ui.kept.conversations import Exchange

Verdict = Literal["up", "down", "wrong_source"]


class Judgements(Protocol):
    """What readers think of answers: in a file (`FeedbackLog`), or shared by several processes. Thread-safe."""

    def append(self, exchange: Exchange, verdict: Verdict, reason: str = "") -> None:
        """Record what a reader thinks of an answer, with what it takes to ask again."""
        ...

    def entries(self, limit: int) -> list[dict[str, Any]]:
        """Return the last judgements, the latest first."""
        ...

    def entry(self, message_id: str) -> dict[str, Any] | None:
        """Return the last judgement of an answer, if there is one."""
        ...


class FeedbackLog:
    """Appends judgements to a file. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def append(self, exchange: Exchange, verdict: Verdict, reason: str = "") -> None:
        """Record what a reader thinks of an answer, with what it takes to ask again."""
        line = json.dumps(judgement(exchange, verdict, reason), ensure_ascii=False) + "\n"
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)

    def entries(self, limit: int) -> list[dict[str, Any]]:
        """Return the last judgements, the latest first; a line that was damaged is left out."""
        with self._lock:
            lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        return [entry for line in reversed(lines[-limit:]) if (entry := parsed(line))]

    def entry(self, message_id: str) -> dict[str, Any] | None:
        """Return the last judgement of an answer, if there is one."""
        return next((each for each in self.entries(10**6) if each["message_id"] == message_id), None)


def judgement(exchange: Exchange, verdict: Verdict, reason: str) -> dict[str, Any]:
    """Return a judgement of an answer, with what it takes to ask again, as JSON values."""
    quotes = exchange.answer.quotes if exchange.answer else ()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "verdict": verdict,
        "reason": reason,
        **asked_again(exchange),
        "quotes": [
            {"source": quote.source, "start": quote.start, "end": quote.end, "text": quote.text} for quote in quotes
        ],
    }


def asked_again(exchange: Exchange) -> dict[str, Any]:
    """Return what it takes to ask again, and what was answered: a follow-up also as it was understood alone."""
    answer = exchange.answer
    return {
        "message_id": exchange.id,
        "question": exchange.question,
        "standalone_question": answer.standalone_question if answer else exchange.question,
        "filter": exchange.where,
        "status": answer.status if answer else exchange.state,
        "answer": answer.text if answer else exchange.text,
    }


def parsed(line: str) -> dict[str, Any] | None:
    """Return a judgement from its line; ``None`` if the line is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "message_id" in entry else None
