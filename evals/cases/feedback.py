"""What readers said of answers: the lines of ``feedback.jsonl`` in the home folder, or the rows of the database."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from index.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from rag.settings import Settings

FILE = "feedback.jsonl"
_SHORT = re.compile(r"\*\*([^*\n]+?)\.?\*\*")
"""The short answer, which an answer begins with in bold."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words that an answer quoted, and the source that it named."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """A reader's judgement (``up``, ``down``, ``wrong_source``) of an answer, with the reason if one was given.

    ``question`` is the reader's, a follow-up as citechat understood it alone; ``filter`` is what it was asked under.
    ``short`` is the short answer, if there was one.
    """

    question: str
    verdict: str
    reason: str
    status: str
    quotes: tuple[Words, ...]
    filter: str = ""
    short: str = ""


def read_feedback(path: Path) -> list[Feedback]:
    """Return the judgements of a file, the oldest first; none if there is no file.

    A last line that was not written to its end is left out. Raises ``InputError``, with the line, on any other that
    is no judgement.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", "Check the file.") from error
    whole = lines[:-1]
    return [_parse(f"{path}:{number}", line) for number, line in enumerate(whole, 1) if line.strip()]


def saved_feedback(settings: Settings) -> list[Feedback]:
    """Return the judgements that the settings lead to, the oldest first: those of the database, if there is one.

    Raises:
        StoreUnavailable: the database is not there.
        InputError: something among them is no judgement.
    """
    if not settings.store.get_secret_value():
        return read_feedback(settings.home / FILE)
    from index.store.opening import open_server

    server = open_server(settings.store.get_secret_value(), settings.store_schema, 1)
    try:
        rows = server.read("SELECT number, entry FROM feedback ORDER BY number")
        return [_parse(f"Row {number} of the table feedback in {server.shown}", entry) for number, entry in rows]
    finally:
        server.close()


def _parse(where: str, line: str) -> Feedback:
    try:
        entry: dict[str, Any] = json.loads(line)
        quotes = tuple(Words(str(quote["source"]), str(quote["text"])) for quote in entry["quotes"])
        given = {key: str(entry[key]) for key in ("question", "verdict", "reason", "status")}
        given["question"] = str(entry.get("standalone_question") or given["question"])
        short = _SHORT.match(str(entry.get("answer") or ""))
        return Feedback(
            **given, quotes=quotes, filter=str(entry.get("filter") or ""), short=short[1].strip() if short else ""
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{where} is no judgement of an answer ({error!r}).", "Remove the line.") from error
