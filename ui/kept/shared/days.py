"""Days that all processes count together. See `ui.kept.days`."""

from __future__ import annotations

import hashlib
from datetime import date

from index.store.postgres.server import Server
from ui.kept.days import GAPS_A_DAY, Counts, Gap


class SharedDays:
    """Days in the database. Thread-safe. Follows `ui.kept.days.DayStore`."""

    def __init__(self, server: Server) -> None:
        """Use the tables of this server's schema; the server is closed by whoever opened it."""
        self._server = server

    def add(self, outcomes: Counts, questions: Counts, oldest: date) -> None:
        """See `ui.kept.days.DayStore`. Every process changes rows in one order: none waits for another."""
        with self._server.transaction() as connection:
            for (day, outcome), times in sorted(outcomes.items()):
                connection.execute(
                    """INSERT INTO day_outcomes VALUES (%s, %s, %s)
                       ON CONFLICT (day, outcome) DO UPDATE SET times = day_outcomes.times + excluded.times""",
                    (day, outcome, times),
                )
            for (day, text), times in sorted(questions.items()):
                digest = hashlib.sha256(text.encode()).digest()
                connection.execute(
                    """INSERT INTO day_questions SELECT %(day)s, %(digest)s, %(text)s, %(times)s
                       WHERE (SELECT count(*) FROM day_questions WHERE day = %(day)s) < %(most)s
                          OR EXISTS (SELECT 1 FROM day_questions WHERE day = %(day)s AND digest = %(digest)s)
                       ON CONFLICT (day, digest) DO UPDATE SET times = day_questions.times + excluded.times""",
                    {"day": day, "digest": digest, "text": text, "times": times, "most": GAPS_A_DAY},
                )
            connection.execute("DELETE FROM day_outcomes WHERE day < %s", (oldest,))
            connection.execute("DELETE FROM day_questions WHERE day < %s", (oldest,))

    def outcomes(self) -> list[tuple[date, str, int]]:
        """See `ui.kept.days.DayStore`."""
        rows = self._server.read("SELECT day, outcome, times FROM day_outcomes ORDER BY day, outcome")
        return [(day, outcome, times) for day, outcome, times in rows]

    def gaps(self, limit: int) -> list[Gap]:
        """See `ui.kept.days.DayStore`."""
        rows = self._server.read(
            """SELECT min(question), sum(times)::bigint, max(day) FROM day_questions GROUP BY digest
               ORDER BY sum(times) DESC, max(day) DESC, min(question) COLLATE "C" LIMIT %s""",
            (limit,),
        )
        return [Gap(question, times, day) for question, times, day in rows]

    def forget_questions(self) -> None:
        """See `ui.kept.days.DayStore`."""
        with self._server.transaction() as connection:
            connection.execute("DELETE FROM day_questions")

    def close(self) -> None:
        """See `ui.kept.days.DayStore`."""
