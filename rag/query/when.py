"""What a question says about time: a day or period of publication, ``latest``, ``newest first``.

``Last Friday`` is reckoned from the day on which it is asked. A period is a filter on when documents were published; it
is tried beside the question as it stands, because documents also speak of other times than their own. Of a single day
papers also tell on the days after: there, what they say of that day counts (``on Friday``, in Monday's paper).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

MONTHS = "january february march april may june july august september october november december".split()
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()

TOLD_WITHIN = timedelta(days=4)
"""How long after a day papers tell of it by the name of its weekday."""

Order = Literal["newest", "oldest"]

_MONTH = rf"(?P<month>{'|'.join(MONTHS)}|{'|'.join(name[:3] for name in MONTHS if len(name) > 4)}|sept)\.?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_MONTH_2, _DAY_2 = (
    part.replace("(?P<month>", "(?P<month2>").replace("(?P<day>", "(?P<day2>") for part in (_MONTH, _DAY)
)
_WEEKDAY = rf"(?:(?:{'|'.join(WEEKDAYS)}),? )?"
_LEAD = r"(?:(?:\b(?P<bound>since|after|from|before|until|by|up to)|\b(?:in|on|during|of|for|at))\s+(?:the )?)"
_ISO = re.compile(rf"{_LEAD}?\b(?P<year>\d{{4}})-(?P<month>\d\d)(?:-(?P<day>\d\d))?\b", re.I)
_DAY_MONTH = re.compile(rf"{_LEAD}{_WEEKDAY}{_DAY}(?: of)? {_MONTH},? {_YEAR}\b", re.I)
_MONTH_DAY = re.compile(rf"{_LEAD}{_WEEKDAY}{_MONTH} {_DAY},? {_YEAR}\b", re.I)
_MONTH_YEAR = re.compile(rf"{_LEAD}{_MONTH},? {_YEAR}\b", re.I)
_BARE_YEAR = re.compile(
    rf"{_LEAD}{_YEAR}\b(?P<later> (?:or|and) (?:later|after)| onwards?)?(?P<earlier> (?:or|and) (?:earlier|before))?",
    re.I,
)
_RELATIVE = re.compile(
    r"\b(?:(?P<near>yesterday|today)|(?<!from )(?<!of )(?<!than )(?:on )?(?P<which>last|this|past) "
    rf"(?P<unit>week|month|year|{'|'.join(WEEKDAYS)}))\b(?!['’]s)",
    re.I,
)
_NAMED_DAY = re.compile(
    rf"\b(?:(?P<weekday>{'|'.join(WEEKDAYS)})|(?P<near>yesterday|today|last night)"
    rf"|(?:{_DAY}(?: of)? {_MONTH}|{_MONTH_2} {_DAY_2})(?:,? {_YEAR})?)\b(?!['’]s)",
    re.I,
)
_FIRST = re.compile(
    r",?\s*(?:\b(?:in|by) )?\b(?:(?P<newest>(?:the )?(?:newest|latest|most recent)(?: one)? first"
    r"|(?:in )?reverse chronological order)"
    r"|(?P<oldest>(?:the )?(?:oldest|earliest)(?: one)? first|(?:in )?chronological order|over the years|over time))",
    re.I,
)
_NEWEST = re.compile(
    r"\b(?:latest|most recent(?:ly)?|newest|most up[- ]to[- ]date|current(?:ly)?|nowadays|at present|at the moment"
    r"|these days|as of (?:now|today)|right now|now(?=\s*[?.]*$))\b\s*",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Period:
    """Days of publication, both included, either end open; ``fine`` unless it is a year, which is a word like any."""

    first: date | None
    last: date | None
    fine: bool

    @property
    def condition(self) -> str:
        """The period as a filter."""
        if self.first and self.last:
            return f"published={self.first}..{self.last}"
        return f"published>={self.first}" if self.first else f"published<={self.last}"

    @property
    def day(self) -> date | None:
        """The day, if it is one."""
        return self.first if self.first == self.last else None

    @property
    def told(self) -> Period:
        """The days on which papers tell of it: of a single day, the days after too."""
        return replace(self, last=self.day + TOLD_WITHIN) if self.day else self


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what it says about time.

    ``text`` is the question with days instead of *yesterday*, and ``plain`` the one without words about time.
    """

    text: str
    plain: str
    period: Period | None = None
    newest: bool = False
    order: Order | None = None

    @property
    def then(self) -> str:
        """The question for what was published at its time, whose papers name a day by its weekday."""
        if self.period is None or self.period.day is None:
            return self.plain
        return f"{self.plain.rstrip(' ?.')} on {WEEKDAYS[self.period.day.weekday()].title()}?"


def when(question: str, today: date) -> Asked:
    """Return what a question says about time; ``today`` is the asker's."""
    order = _FIRST.search(question)
    if order:
        question = _without(question, order)
        return Asked(question, question, order="newest" if order["newest"] else "oldest")
    question, relative = _explicit(question, today)
    if newest := _NEWEST.search(question):
        plain = _without(question, newest)
        return Asked(plain, plain, newest=True)
    for pattern in (_ISO, _DAY_MONTH, _MONTH_DAY, _MONTH_YEAR, _BARE_YEAR):
        found = pattern.search(question)
        period = _period(found) if found else None
        if found and period:
            return Asked(question, _without(question, found), relative or period)
    return Asked(question, question, relative)


def tells_of(text: str, published: date, day: date) -> bool:
    """Tell whether a text names a day as a paper does that was published on another or the same day."""
    return any(_day_of(found, published) == day for found in _NAMED_DAY.finditer(text))


def _day_of(found: re.Match[str], published: date) -> date | None:
    if name := found["weekday"]:
        return published - timedelta(_days_back(published, name.lower(), this=True))
    if near := found["near"]:
        return published - timedelta(near.lower() in ("yesterday", "last night"))
    month = _month_number(found["month"] or found["month2"])
    try:
        return date(int(found["year"] or published.year), month or 0, int(found["day"] or found["day2"]))
    except ValueError:
        return None


def _without(question: str, found: re.Match[str]) -> str:
    rest = f"{question[: found.start()]} {question[found.end() :]}"
    return re.sub(r"\s+([?.,!])", r"\1", " ".join(rest.split())).strip(" ,")


def _explicit(question: str, today: date) -> tuple[str, Period | None]:
    """Return the question with a day or month in the place of one that is told from today, and its period."""
    found = _RELATIVE.search(question)
    if found is None:
        return question, None
    near, which, unit = (found[name] and found[name].lower() for name in ("near", "which", "unit"))
    if near or unit in WEEKDAYS:
        back = {"today": 0, "yesterday": 1}[near] if near else _days_back(today, unit or "", this=which == "this")
        day = today - timedelta(back)
        shown = f"on {WEEKDAYS[day.weekday()].title()}, {day.day} {MONTHS[day.month - 1].title()} {day.year}"
        return question[: found.start()] + shown + question[found.end() :], Period(day, day, True)
    first, last, shown = _SPANS[unit or ""](today, 0 if which == "this" else 1)
    text = question[: found.start()] + shown + question[found.end() :] if shown else question
    return text, Period(first, last, unit != "year")


def _days_back(today: date, weekday: str, *, this: bool) -> int:
    """Return how many days ago a weekday was; *last Friday* on a Friday is a week ago, *this Friday* is today."""
    back = (today.weekday() - WEEKDAYS.index(weekday)) % 7
    return back if back or this else 7


def _week(today: date, back: int) -> tuple[date, date, str]:
    monday = today - timedelta(today.weekday() + 7 * back)
    return monday, monday + timedelta(6), ""


def _month(today: date, back: int) -> tuple[date, date, str]:
    first = today.replace(day=1)
    if back:
        first = (first - timedelta(1)).replace(day=1)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    return first, last, f"in {MONTHS[first.month - 1].title()} {first.year}"


def _year(today: date, back: int) -> tuple[date, date, str]:
    year = today.year - back
    return date(year, 1, 1), date(year, 12, 31), f"in {year}"


_SPANS: dict[str, Callable[[date, int], tuple[date, date, str]]] = {"week": _week, "month": _month, "year": _year}


def _period(found: re.Match[str]) -> Period | None:
    """Return the period of a date; ``None`` if there is no such day."""
    parts = found.groupdict()
    year = int(parts["year"])
    month = _month_number(parts.get("month"))
    day = int(parts["day"]) if parts.get("day") else None
    try:
        first = date(year, month or 1, day or 1)
        last = date(year, month or 12, day or monthrange(year, month or 12)[1])
    except (ValueError, IndexError):
        return None
    bound = (parts["bound"] or "").lower()
    if bound in ("since", "from") or parts.get("later"):
        return Period(first, None, True)
    if bound == "after":
        return Period(last + timedelta(1), None, True)
    if bound == "before":
        return Period(None, first - timedelta(1), True)
    if bound or parts.get("earlier"):
        return Period(None, last, True)
    return Period(first, last, month is not None)


def _month_number(name: str | None) -> int | None:
    if not name:
        return None
    if name.isdigit():
        return int(name)
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name.lower()[:3]))
