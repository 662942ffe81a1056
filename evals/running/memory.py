"""Answers that an unchanged system gave before, kept in the home folder: a run goes on where one stopped.

A file holds the answers of one system, which is everything that `answerer.describe` names: models, documents, settings,
calibration, code. Each answer is a line, written as soon as it is there, so an interrupted run loses none. What is kept
is the answer, never the judgement: a case whose expectations change is judged anew.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from evals.running.asking import Asked
from index.errors import InputError
from rag.answer.serialize import answer_of
from rag.query.when import when

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evals.types import Case
    from rag.types import Turn

FOLDER = "answers"
KEY = 64
"""Characters of a line that say what was asked, before a space and the answer."""
KEPT = 8
"""Systems over the same documents whose answers are kept; the longest unused one goes first."""


class AnswerMemory:
    """The answers of one system; follows `asking.Memory`. ``found`` counts the answers that were known."""

    def __init__(self, home: Path, system: Mapping[str, object], repetition: int = 0, *, fresh: bool = False) -> None:
        """``repetition`` tells apart the answers of a system that is asked the same several times.

        ``fresh`` gives none of the answers that are known, and keeps the new ones.

        Answers over other documents are erased: what was removed from the index is not kept here.

        Raises:
            InputError: the folder cannot be written.
        """
        self.found = 0
        self._repetition = repetition
        name = hashlib.sha256(json.dumps(system, sort_keys=True).encode()).hexdigest()[:16]
        self._path = home / "evals" / FOLDER / f"{system['index']}-{name}.jsonl"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _prune(self._path, str(system["index"]))
            self._path.touch()
            content = self._path.read_bytes()
            if content and not content.endswith(b"\n"):  # a run ended in the middle of a line
                with self._path.open("ab") as file:
                    file.write(b"\n")
        except OSError as error:
            raise InputError(f"Cannot write {self._path}: {error.strerror}.", "Choose another --home.") from error
        lines = [] if fresh else content.split(b"\n")
        self._known: dict[bytes, bytes] = {line[:KEY]: line[KEY + 1 :] for line in lines if line}

    def get(self, case: Case, history: Sequence[Turn]) -> Asked | None:
        """Return the answer to a case after a conversation, if it is known and whole."""
        line = self._known.get(self._key(case, history).encode())
        if line is None:
            return None
        with suppress(ValueError, TypeError, KeyError):
            asked = _parse(json.loads(line.decode("utf-8", "replace")))
            self.found += 1
            return replace(asked, answer=replace(asked.answer, question=case.question))
        return None

    def put(self, case: Case, history: Sequence[Turn], asked: Asked) -> None:
        """Keep an answer."""
        line = f"{self._key(case, history)} {json.dumps(asdict(asked), ensure_ascii=False)}\n"
        with self._path.open("ab", buffering=0) as file:
            file.write(line.encode("utf-8", "surrogatepass"))  # one write: lines of several threads do not mix

    def _key(self, case: Case, history: Sequence[Turn]) -> str:
        turns = [(turn.role, turn.content) for turn in history]
        day = _day(case, history)
        asked = [case.question, turns, case.filter, self._repetition, *([day.isoformat()] if day else [])]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _day(case: Case, history: Sequence[Turn]) -> date | None:
    """Return the day on which a case is asked, where its answer may depend on it, as that of *last Friday?* does."""
    if case.today is not None:
        return case.today
    now, then = date.today(), date.min.replace(year=2)
    asked = [case.question, *(turn.content for turn in history if turn.role == "user")]
    return now if any(when(text, now) != when(text, then) for text in asked) else None


def forget(home: Path) -> None:
    """Erase all answers that are kept in a home folder, because documents that they quote may be gone."""
    for path in (home / "evals" / FOLDER).glob("*.jsonl"):
        path.unlink(missing_ok=True)


def _prune(used: Path, index: str) -> None:
    others = [path for path in used.parent.glob("*.jsonl") if path != used]
    same = sorted(
        (path for path in others if path.name.startswith(f"{index}-")), key=lambda path: -path.stat().st_mtime_ns
    )
    for path in {*others} - {*same[: KEPT - 1]}:
        path.unlink(missing_ok=True)


def _parse(data: Mapping[str, Any]) -> Asked:
    return Asked(**{**data, "answer": answer_of(data["answer"])})
