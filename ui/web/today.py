"""The asker's day: a browser says which it is where it is, a server knows only its own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import Field

APART = timedelta(days=1)
"""How far the day somewhere on earth can be from the day in UTC: from UTC-12 to UTC+14."""

Today = Annotated[
    date | None,
    Field(
        description="The day where the asker is, in ISO 8601: what *last Friday* is reckoned from. It counts if it is "
        "at most one day from the server's day in UTC; otherwise, and where it is missing, the server's own day does.",
        examples=["2026-03-28"],
    ),
]
"""The field of a request."""


def believed(today: date | None) -> date | None:
    """Return a day that may be today somewhere; ``None`` for one that can be nowhere, as of a clock that is wrong."""
    return today if today and abs(today - datetime.now(UTC).date()) <= APART else None


def read(text: str) -> date | None:
    """Return the day of a text from a browser, if it is one and may be today."""
    try:
        return believed(date.fromisoformat(text))
    except ValueError:
        return None
