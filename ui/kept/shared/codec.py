"""An exchange as text and back. ASCII: a question may hold what PostgreSQL takes in no text."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from rag.answer.serialize import answer_of, found_of
from rag.types import Quote, Source
from ui.kept.conversations import Exchange


def encoded(exchange: Exchange) -> str:
    """Return an exchange as JSON."""
    return json.dumps(asdict(exchange) | {"asked": exchange.asked.isoformat()})


def decoded(text: str) -> Exchange:
    """Return an exchange from what `encoded` made of it.

    Raises:
        ValueError, TypeError, KeyError: it is something else.
    """
    values = json.loads(text)
    answer = values["answer"]
    values |= {
        "hits": found_of(Source, values["hits"]),
        "quotes": found_of(Quote, values["quotes"]),
        "answer": answer_of(answer) if answer else None,
        "asked": datetime.fromisoformat(values["asked"]),
    }
    return Exchange(**values)
