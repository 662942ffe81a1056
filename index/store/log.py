"""What became of the rows, as the database itself tells it: derived files follow it instead of comparing all rows.

Row numbers are never used twice and only grow. So the passages of a state are the rows up to its last one, without
those that were removed by then; and a file made at a state lacks just what was removed before, and what came after.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from index.store.database import Database
from index.store.vectors import Rows


@dataclass(frozen=True, slots=True)
class Moment:
    """A state of the database: its revision, its name, and the last row that there was."""

    revision: int
    state: str
    last: int


class RowLog:
    """Rows that were removed, with the revision that removed them, as far as any reader of this process saw.

    Not thread-safe. Whoever reads does so inside `Database.snapshot`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._revisions = np.zeros(0, np.int64)
        self._rows = np.zeros(0, np.int64)
        self._seen: Moment | None = None

    def now(self) -> Moment:
        """Return the state that the calling thread sees, and learn what was removed until then."""
        ((revision, state, last),) = self._database.read(
            """SELECT (SELECT value + 0 FROM meta WHERE key = 'revision'),
                      (SELECT value FROM meta WHERE key = 'state'), (SELECT coalesce(max(row), 0) FROM passages)"""
        )
        moment = Moment(revision, state, last)
        if self._seen is None or not (self._seen.revision > revision or self.is_past(self._seen)):
            self._revisions, self._rows, self._seen = self._revisions[:0], self._rows[:0], None  # another history
        if self._seen is None or self._seen.revision < revision:
            after = self._seen.revision if self._seen else -1
            found = self._database.read(
                "SELECT revision, row FROM removed WHERE revision > ? ORDER BY revision, row", (after,)
            )
            fresh = np.array(found, np.int64).reshape(-1, 2)
            self._revisions = np.concatenate([self._revisions, fresh[:, 0]])
            self._rows = np.concatenate([self._rows, fresh[:, 1]])
            self._seen = moment
        return moment

    @property
    def seen(self) -> int:
        """The latest revision that any reader of this process saw."""
        return self._seen.revision if self._seen else -1

    def is_past(self, moment: Moment) -> bool:
        """Tell whether the state that the calling thread sees has come of this one, or is it."""
        known = "SELECT 1 FROM history WHERE revision = ? AND state = ?"
        return bool(self._database.read(known, (moment.revision, moment.state)))

    def is_to_come(self, moment: Moment) -> bool:
        """Tell whether this state is of the same history, but later than what the calling thread sees."""
        return not self.is_past(moment) and self._database.has_been(moment.revision, moment.state)

    def removed(self, after: int, until: int) -> Rows:
        """Return the rows that revisions beyond ``after`` removed, up to and including ``until``."""
        first, last = np.searchsorted(self._revisions, (after, until), "right")
        return np.sort(self._rows[first:last])
