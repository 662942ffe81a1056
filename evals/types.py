"""The values of a case file: what is asked, and what a right answer holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from rag.types import Turn

CASE_KEYS = (
    "id",
    "question",
    "history",
    "follows",
    "answer",
    "ordered",
    "numbers",
    "dates",
    "forbidden",
    "evidence",
    "unanswerable",
    "status",
    "filter",
    "today",
    "tags",
    "weight",
    "must_pass",
    "draft",
)
"""What may be said of a case in a file."""

Expected = Literal["answered", "not_found", "clarify"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the answer stands: a source (its whole path or the end of it) and, if given, words in it."""

    source: str
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that a right answer states: ``value`` give or take ``tolerance`` (both in the first unit).

    ``units`` maps the wordings of a unit to how many of the first unit it is: ``{"km": 1, "m": 0.001}``. Without units
    the bare number counts, whatever stands beside it.
    """

    value: float
    tolerance: float = 0.0
    units: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        spread = f" ± {self.tolerance:g}" if self.tolerance else ""
        unit = f" {next(iter(self.units))}" if self.units else ""
        return f"{self.value:.15g}{spread}{unit}"


@dataclass(frozen=True, slots=True)
class Case:
    """A question and what a right answer to it holds.

    ``answer`` is a tuple of groups: a right answer has, of every group, at least one wording, in the order of the
    groups where ``ordered``; and it states every one of ``quantities`` and ``dates`` (ISO 8601, as precise as wanted).
    All three are empty unless the ``status`` wanted is ``answered``. ``follows`` names the case that was asked just
    before in the same conversation: its question and the answer it got come before the turns of ``history``.
    ``today`` is the day on which it is asked (none: the day of the run).
    ``weight`` is what the case counts in every mean. A ``draft`` is not asked until a person accepts it. ``where`` is
    ``file:line``.
    """

    id: str
    question: str
    answer: tuple[tuple[str, ...], ...] = ()
    history: tuple[Turn, ...] = ()
    forbidden: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    unanswerable: bool = False
    filter: str | None = None
    tags: tuple[str, ...] = ()
    where: str = ""
    quantities: tuple[Quantity, ...] = ()
    dates: tuple[str, ...] = ()
    ordered: bool = False
    ambiguous: bool = False
    follows: str | None = None
    weight: float = 1.0
    must_pass: bool = False
    draft: bool = False
    today: date | None = None

    @property
    def status(self) -> Expected:
        """The right status of the answer: ``unanswerable`` means ``not_found``, ``ambiguous`` means ``clarify``."""
        return "not_found" if self.unanswerable else "clarify" if self.ambiguous else "answered"


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one file, and the documents and settings they are about (none: those of the home folder)."""

    path: Path
    corpus: tuple[Path, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()
