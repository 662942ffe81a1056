"""Which cases of some suites are asked: those of a tag, those that failed before, never a draft unless told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from index.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evals.reports.stored import StoredReport
    from evals.types import Case, Suite

_CONDITION = re.compile(r"\s*(tag|id)\s*(!?=)\s*(\S.*?)\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """What a case must be: ``tag=who``, ``tag!=who``, ``id=draft-*`` (``*`` and ``?`` stand for anything)."""

    field: str
    negated: bool
    pattern: str

    def __str__(self) -> str:
        return f"{self.field}{'!=' if self.negated else '='}{self.pattern}"

    def holds(self, case: Case) -> bool:
        """Tell whether a case is so."""
        values = case.tags if self.field == "tag" else (case.id,)
        return any(fnmatchcase(value, self.pattern) for value in values) != self.negated


def parse_condition(text: str) -> Condition:
    """Read a condition; raise ``InputError`` if it is none."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise InputError(f"Cannot read the filter {text!r}.", "Write tag=who, tag!=who or id=draft-*.")
    return Condition(match[1], match[2] == "!=", match[3])


def choose(
    suites: Sequence[Suite],
    conditions: Sequence[Condition] = (),
    failed_in: StoredReport | None = None,
    drafts: bool = False,
) -> frozenset[str]:
    """Return the ids of the cases to ask: all conditions hold, and it failed in that report, if one is given.

    Raises ``InputError`` if none is left.
    """
    failed = None if failed_in is None else {case["id"] for case in failed_in["cases"] if not case["passed"]}
    cases = [case for suite in suites for case in suite.cases if drafts or not case.draft]
    chosen = frozenset(
        case.id
        for case in cases
        if all(condition.holds(case) for condition in conditions) and (failed is None or case.id in failed)
    )
    if not chosen:
        raise InputError(f"No case is left to ask: {', '.join(_reasons(suites, conditions, failed, drafts))}.")
    return chosen


def _reasons(
    suites: Sequence[Suite], conditions: Sequence[Condition], failed: set[str] | None, drafts: bool
) -> Iterator[str]:
    cases = [case for suite in suites for case in suite.cases]
    waiting = sum(case.draft and all(condition.holds(case) for condition in conditions) for case in cases)
    if waiting and not drafts:
        yield f"{waiting} of {len(cases)} are drafts (accept them by removing 'draft: true', or add --drafts)"
    if conditions:
        for condition in conditions:
            if not any(condition.holds(case) for case in cases):
                yield f"no case has {condition}"
        tags = sorted({tag for case in cases for tag in case.tags})
        yield f"the tags are {', '.join(tags)}" if tags else "no case has a tag"
    if failed is not None:
        yield f"of the report, {len(failed)} failed" if failed else "in the report, none failed"
