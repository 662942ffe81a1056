"""Readers' judgements of answers, one JSON object a line, for those who improve the documents or the evals."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ui.conversations import Exchange

Verdict = Literal["up", "down", "wrong_source"]


class FeedbackLog:
    """Appends judgements to a file. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def append(self, exchange: Exchange, verdict: Verdict, reason: str = "") -> None:
        """Record what a reader thinks of an answer, with what it takes to ask again."""
        answer = exchange.answer
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "message_id": exchange.id,
            "verdict": verdict,
            "reason": reason,
            "question": exchange.question,
            "status": answer.status if answer else exchange.state,
            "answer": answer.text if answer else exchange.text,
            "quotes": [
                {"source": quote.source, "start": quote.start, "end": quote.end, "text": quote.text}
                for quote in (answer.quotes if answer else ())
            ],
        }
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)

    def entries(self, limit: int) -> list[dict[str, Any]]:
        """Return the last judgements, the latest first; a line that was damaged is left out."""
        with self._lock:
            lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        return [entry for line in reversed(lines[-limit:]) if (entry := _parsed(line))]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "message_id" in entry else None
