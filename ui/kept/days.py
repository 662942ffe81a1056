"""How the questions of each day ended, and what found nothing: kept over a restart, bounded, no text unless allowed.

Counting never waits: what is new lies in memory until a thread of its own has stored it, every two seconds and when
the server ends.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol

from index.errors import CitechatError
from ui.web.metrics import OUTCOMES, Outcome

DAYS = 60
"""Days that are kept."""
GAPS_A_DAY = 500
"""Different questions of a day whose text is kept; of further ones only the number is."""
STORE_S = 2.0
"""Seconds until what was counted is stored; as much is lost where the power fails."""
FILE = "days.sqlite3"

_log = logging.getLogger(__name__)

Day = tuple[date, Mapping[Outcome, int]]
Counts = Mapping[tuple[date, str], int]
"""Something of a day (an outcome, a question), and how often it was there."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A question that found nothing: how often in the days that are kept, and when last."""

    question: str
    times: int
    last: date


class DayStore(Protocol):
    """Where days are kept. Thread-safe; every call may fail with `CitechatError`."""

    def add(self, outcomes: Counts, questions: Counts, oldest: date) -> None:
        """Add to what is there, all or nothing, and forget what is before ``oldest``."""
        ...

    def outcomes(self) -> Iterable[tuple[date, str, int]]:
        """Return days, outcomes and numbers, the earliest day first."""
        ...

    def gaps(self, limit: int) -> list[Gap]:
        """Return the questions that were asked most often, of equal ones the latest."""
        ...

    def forget_questions(self) -> None:
        """Erase the text of every question."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class Daybook:
    """Counts days on their way to where they are kept. Thread-safe."""

    def __init__(
        self,
        kept: DayStore,
        *,
        questions: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        store_s: float = STORE_S,
    ) -> None:
        """Keep the text of questions that find nothing only if ``questions``; what is there of earlier days goes."""
        self._kept = kept
        self.questions = questions
        self._now = now
        self._store_s = store_s
        self._lock, self._storing = threading.Lock(), threading.Lock()
        self._outcomes: Counter[tuple[date, str]] = Counter()
        self._asked: Counter[tuple[date, str]] = Counter()
        self._ended = threading.Event()
        self._anything = threading.Event()
        if not questions:
            self._trying(kept.forget_questions)
        self._thread = threading.Thread(target=self._work, name="days", daemon=True)
        self._thread.start()

    def count(self, outcome: Outcome, question: str) -> None:
        """Record how an answer ended. Never waits."""
        day = self._now().date()
        text = " ".join(question.replace("\0", " ").split()).encode(errors="replace").decode()
        with self._lock:
            self._outcomes[day, outcome] += 1
            room = (day, text) in self._asked or len(self._asked) < GAPS_A_DAY
            if outcome == "not_found" and self.questions and text and room:
                self._asked[day, text] += 1
        self._anything.set()

    def days(self) -> list[Day]:
        """Return how answers ended, day by day (UTC), the latest last; days without any are left out.

        Raises:
            CitechatError: they cannot be read.
        """
        self._store()
        counted = {(day, outcome): times for day, outcome, times in self._kept.outcomes()}
        days = sorted({day for day, _ in counted})[-DAYS:]
        return [(day, {each: counted[day, each] for each in OUTCOMES if (day, each) in counted}) for day in days]

    def gaps(self, limit: int) -> list[Gap]:
        """Return the questions that found nothing, those asked most often first; none unless their text is kept.

        Raises:
            CitechatError: they cannot be read.
        """
        self._store()
        return self._kept.gaps(limit) if self.questions else []

    def close(self) -> None:
        """Store what is new, and end."""
        self._ended.set()
        self._anything.set()
        self._thread.join()
        self._trying(self._store)
        self._kept.close()

    def _work(self) -> None:
        while not self._ended.is_set():
            self._anything.wait()
            self._ended.wait(self._store_s)
            self._anything.clear()
            if not self._ended.is_set() and not self._trying(self._store):
                self._anything.set()  # once more

    def _store(self) -> None:
        with self._storing:
            with self._lock:
                outcomes, self._outcomes = self._outcomes, Counter()
                asked, self._asked = self._asked, Counter()
            if not outcomes:
                return
            try:
                self._kept.add(outcomes, asked, self._now().date() - timedelta(days=DAYS - 1))
            except CitechatError:
                with self._lock:
                    self._outcomes += outcomes
                    self._asked += asked
                raise

    def _trying(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except CitechatError as error:
            _log.warning("What was asked today is not stored yet: %s", error)
            return False
        return True


class DaysInFile:
    """Days in a SQLite file of the home folder. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Open the file or make it; if that is impossible, say so and keep days in memory.

        Statistics are no reason for a server not to start.
        """
        self._lock = threading.Lock()
        try:
            self._file = _opened(path)
        except (sqlite3.Error, OSError) as error:
            _log.warning(
                "%s cannot be used (%s): days are counted from now on, and forgotten at the end. Remedy: move it away.",
                path,
                error,
            )
            self._file = _opened(None)

    def add(self, outcomes: Counts, questions: Counts, oldest: date) -> None:
        """See `DayStore`."""
        with self._transaction() as file:
            file.executemany(
                """INSERT INTO outcomes VALUES (?, ?, ?)
                   ON CONFLICT (day, outcome) DO UPDATE SET times = times + excluded.times""",
                [(day.isoformat(), name, times) for (day, name), times in outcomes.items()],
            )
            file.executemany(
                """INSERT INTO questions SELECT :day, :text, :times
                   WHERE (SELECT count(*) FROM questions WHERE day = :day) < :most
                      OR EXISTS (SELECT 1 FROM questions WHERE day = :day AND question = :text)
                   ON CONFLICT (day, question) DO UPDATE SET times = times + excluded.times""",
                [
                    {"day": day.isoformat(), "text": text, "times": times, "most": GAPS_A_DAY}
                    for (day, text), times in questions.items()
                ],
            )
            for table in ("outcomes", "questions"):
                file.execute(f"DELETE FROM {table} WHERE day < ?", (oldest.isoformat(),))

    def outcomes(self) -> list[tuple[date, str, int]]:
        """See `DayStore`."""
        with self._transaction() as file:
            rows = file.execute("SELECT day, outcome, times FROM outcomes ORDER BY day, outcome").fetchall()
        return [(date.fromisoformat(day), outcome, times) for day, outcome, times in rows]

    def gaps(self, limit: int) -> list[Gap]:
        """See `DayStore`."""
        with self._transaction() as file:
            rows = file.execute(
                """SELECT question, sum(times), max(day) FROM questions GROUP BY question
                   ORDER BY sum(times) DESC, max(day) DESC, question LIMIT ?""",
                (limit,),
            ).fetchall()
        return [Gap(question, times, date.fromisoformat(day)) for question, times, day in rows]

    def forget_questions(self) -> None:
        """See `DayStore`."""
        with self._transaction() as file:
            file.execute("DELETE FROM questions")

    def close(self) -> None:
        """See `DayStore`."""
        with self._lock:
            self._file.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._file:
                    yield self._file
            except sqlite3.Error as error:
                raise CitechatError(f"{FILE} cannot be read or written: {error}.", "Move it away.") from error


def _opened(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    file = sqlite3.connect(":memory:" if path is None else path, check_same_thread=False, timeout=5)
    try:
        file.executescript(
            """PRAGMA secure_delete = ON;  -- what an operator does not allow is overwritten
               CREATE TABLE IF NOT EXISTS outcomes (day TEXT, outcome TEXT, times INTEGER NOT NULL,
                   PRIMARY KEY (day, outcome)) WITHOUT ROWID;
               CREATE TABLE IF NOT EXISTS questions (day TEXT, question TEXT, times INTEGER NOT NULL,
                   PRIMARY KEY (day, question)) WITHOUT ROWID;"""
        )
    except sqlite3.Error:
        file.close()
        raise
    return file
