"""A line of JSON for each answer, on the logger ``citechat.answers``. No text of a question unless that is enabled."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

_log = logging.getLogger("citechat.answers")


@dataclass(frozen=True, slots=True)
class AnswerLog:
    """Writes down how answers ended; ``questions`` says whether what was asked is written, too."""

    questions: bool = False

    def write(self, question: str, outcome: str, seconds: float, first_evidence: float | None) -> None:
        """Record an answer: its outcome, and the seconds until the first evidence (if there was any) and the end."""
        entry: dict[str, object] = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": "answer",
            "outcome": outcome,
            "seconds": round(seconds, 4),
            "first_evidence": None if first_evidence is None else round(first_evidence, 4),
            "characters": len(question),
        }
        if self.questions:
            entry["question"] = question
        _log.info(json.dumps(entry))


def log_to_stderr() -> None:
    """Show these lines on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False
