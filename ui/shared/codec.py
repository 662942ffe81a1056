"""An exchange as text and back. ASCII: a question may hold what PostgreSQL takes in no text."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from rag.types import Answer, Claim, Quote, Source
from ui.conversations import Exchange

Found = TypeVar("Found", Source, Quote)


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
        "hits": _all(Source, values["hits"]),
        "quotes": _all(Quote, values["quotes"]),
        "answer": _answer(answer) if answer else None,
        "asked": datetime.fromisoformat(values["asked"]),
    }
    return Exchange(**values)


def _answer(values: dict[str, Any]) -> Answer:
    claims = tuple(Claim(claim["text"], claim["support"], _all(Quote, claim["quotes"])) for claim in values["claims"])
    return Answer(**values | {"claims": claims, "hits": _all(Source, values["hits"])})


def _all(kind: Callable[..., Found], values: list[dict[str, Any]]) -> tuple[Found, ...]:
    return tuple(kind(**each | {"also_in": tuple(each["also_in"])}) for each in values)
