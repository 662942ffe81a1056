"""Eval cases out of feedback and gaps: a draft in one click, a case of ``citechat eval run`` once it is filled in."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from evals.cases.format import load_cases
from index.errors import InputError

Draft = dict[str, Any]
"""A case without its answer: id, question, filter, tags, and what was answered and said about it."""

Origin = Literal["feedback", "gap"]
"""What a draft comes from; the tag of its case."""


class Cases:
    """``drafts.jsonl`` and ``cases.jsonl`` in the folder ``cases`` of the home. Thread-safe."""

    def __init__(self, home: Path) -> None:
        self._drafts = home / "cases" / "drafts.jsonl"
        self.finished = home / "cases" / "cases.jsonl"
        self._lock = threading.RLock()

    def drafts(self) -> list[Draft]:
        """Return the drafts, the latest last."""
        return _lines(self._drafts)

    def draft(self, entry: Mapping[str, Any], origin: Origin) -> Draft:
        """Make a draft of an answer: its message_id, question, answer, status, and a reader's reason.

        A follow-up is asked as it was understood alone (``standalone_question``), under the ``filter`` it had, where
        the entry says so. The same one again changes nothing.
        """
        draft = {
            "id": f"{origin}-{re.sub(r'[^A-Za-z0-9]', '', entry['message_id'])[:12].lower()}",
            "question": entry.get("standalone_question") or entry["question"],
            **({"filter": entry["filter"]} if entry.get("filter") else {}),
            "tags": [origin],
            "seen": {"answer": entry["answer"], "status": entry["status"], "reason": entry["reason"]},
        }
        with self._lock:
            drafts = [each for each in self.drafts() if each["id"] != draft["id"]]
            _write(self._drafts, [*drafts, draft])
        return draft

    def finish(self, name: str, expected: str, *, unanswerable: bool) -> None:
        """Turn a draft into a case. ``expected`` has a line for each thing a right answer says, wordings parted by |.

        Raises:
            InputError: there is no such draft, or the case would not be well-formed; nothing is changed then.
        """
        groups = [[each.strip() for each in line.split("|") if each.strip()] for line in expected.splitlines()]
        groups = [group for group in groups if group]
        if unanswerable == bool(groups):
            raise InputError("Say either what a right answer holds, or that there is none in the documents.")
        with self._lock:
            drafts = self.drafts()
            draft = next((each for each in drafts if each["id"] == name), None)
            if draft is None:
                raise InputError(f"There is no draft {name!r}.", "Reload the page.")
            case: Draft = {key: draft[key] for key in ("id", "question", "filter", "tags") if key in draft}
            case |= {"unanswerable": True} if unanswerable else {"answer": groups}
            cases = [each for each in _lines(self.finished) if each["id"] != name]
            trial = self.finished.with_suffix(".new.jsonl")
            _write(trial, [*cases, case])
            try:
                load_cases(trial)
            except InputError:
                trial.unlink()
                raise
            trial.replace(self.finished)
            self.discard(name)

    def discard(self, name: str) -> None:
        """Drop a draft."""
        with self._lock:
            _write(self._drafts, [each for each in self.drafts() if each["id"] != name])


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _write(path: Path, values: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    fresh.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in values), encoding="utf-8")
    fresh.replace(path)
