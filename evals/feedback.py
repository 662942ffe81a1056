"""What readers said of answers: the lines of ``feedback.jsonl`` in the home folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from index.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "feedback.jsonl"


@dataclass(frozen=True, slots=True)
class Words:
    """Words that an answer quoted, and the source that it named."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """A reader's judgement (``up``, ``down``, ``wrong_source``) of an answer, with the reason if one was given."""

    question: str
    verdict: str
    reason: str
    status: str
    quotes: tuple[Words, ...]


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


def _parse(where: str, line: str) -> Feedback:
    try:
        entry: dict[str, Any] = json.loads(line)
        quotes = tuple(Words(str(quote["source"]), str(quote["text"])) for quote in entry["quotes"])
        given = {key: str(entry[key]) for key in ("question", "verdict", "reason", "status")}
        return Feedback(**given, quotes=quotes)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{where} is no judgement of an answer ({error!r}).", "Remove the line.") from error
