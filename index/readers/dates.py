"""Dates of any shape, as ISO 8601."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

_MONTH = r"\b(?P<{0}>[^\W\d_]{{3,10}})\.?"
_SHAPES = tuple(
    re.compile(shape, re.IGNORECASE)
    for shape in (
        r"(?<!\d)(?P<year>\d{4})[-/](?P<month>\d{1,2})(?:[-/](?P<day>\d{1,2}))?(?!\d)(?:T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?",
        r"(?<!\d)(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})(?!\d)",
        r"(?<!\d)(?P<a>\d{1,2})[/-](?P<b>\d{1,2})[/-](?P<year>\d{4})(?!\d)",
        r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?[\s-]+(?:de\s+|of\s+)?"
        + _MONTH.format("name")
        + r",?[\s-]+(?:del?\s+)?(?P<year>\d{4})(?!\d)",
        _MONTH.format("name") + r"\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})(?!\d)",
        _MONTH.format("name") + r",?\s+(?:del?\s+|of\s+)?(?P<year>\d{4})(?!\d)",
        r"(?P<year>\d{4})\s*年\s*(?P<month>\d{1,2})\s*月(?:\s*(?P<day>\d{1,2})\s*日)?",
    )
)
_MONTHS = "january february march april may june july august september october november december".split()
_ENGLISH = {called: number for number, name in enumerate(_MONTHS, 1) for called in (name, name[:3])}
_WEEKDAY = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend|"
    r"lunes|martes|mi[ée]rcoles|jueves|viernes|s[áa]bado|domingo|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche|"
    r"mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mi[ée]|jue|vie|s[áa]b|dom|mer|jeu|"
    r"ven|sam|dim)\b\.?,?\s+$",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"[,\s]*(?:(?:at|um|à|a las|às|[-–—|•·])\s*)?\d{1,2}[:.h]\d{2}(?::\d{2}(?:\.\d+)?)?"
    r"\s*(?:[ap]\.?\s?m\.?(?!\w))?\s*(?:Uhr|hrs?)?\s*(?:\(?[A-Z]{2,5}\)?(?!\w))?\s*(?:[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)


def parse_date(text: str) -> str:
    """Return the ISO 8601 date that ``text`` is, as precise as it says (day, month or year), or the empty string.

    Only dates from 1900 to 2100 count. In ``3/4/2024`` the day and the month cannot be told apart: the year counts.
    """
    text = text.strip()
    if re.fullmatch(r"(?:19|20)\d\d", text):
        return text
    found = dates_in(text)
    if len(found) != 1:
        return ""
    start, end, iso_date = found[0]
    return iso_date if not (text[:start] + text[end:]).strip(" .,;()") else ""


def dates_in(text: str) -> list[tuple[int, int, str]]:
    """Return (start, end, ISO 8601 date) of the dates in ``text``, with their weekdays and times of day, in order."""
    found: list[tuple[int, int, str]] = []
    for shape in _SHAPES:
        for match in shape.finditer(text):
            overlaps = any(start < match.end() and match.start() < end for start, end, _ in found)
            if not overlaps and (iso_date := _iso(match.groupdict())):
                weekday = _WEEKDAY.search(text, 0, match.start())
                time = _TIME.match(text, match.end())
                start = weekday.start() if weekday else match.start()
                found.append((start, time.end() if time else match.end(), iso_date))
    return sorted(found)


def _iso(parts: dict[str, str | None]) -> str:
    year = int(parts["year"] or 0)
    if not 1900 <= year <= 2100:
        return ""
    if "a" in parts:
        return _iso_from_ambiguous(year, int(parts["a"] or 0), int(parts["b"] or 0))
    month = _month(name.lower()) if (name := parts.get("name")) else int(parts.get("month") or 0)
    return _iso_from_numbers(year, month, int(parts.get("day") or 0))


def _iso_from_ambiguous(year: int, first: int, second: int) -> str:
    candidates = {_iso_from_numbers(year, second, first), _iso_from_numbers(year, first, second)} - {""}
    return candidates.pop() if len(candidates) == 1 else f"{year}" if candidates else ""


def _iso_from_numbers(year: int, month: int, day: int) -> str:
    try:
        found = date(year, month, day or 1).isoformat()
    except ValueError:
        return ""
    return found if day else found[:7]


@lru_cache(maxsize=512)
def _month(name: str) -> int:
    """Return the number of the month called ``name`` in one of the languages, 0 if it is no month."""
    if name in _ENGLISH:  # dateparser takes a fifth of a second to open
        return _ENGLISH[name]
    from dateparser.date import DateDataParser

    parser = DateDataParser(
        languages=["en", "es", "de", "fr", "it", "pt", "nl"],
        settings={"REQUIRE_PARTS": ["month", "year"], "PREFER_DAY_OF_MONTH": "first", "PARSERS": ["absolute-time"]},
    )
    found = parser.get_date_data(f"15 {name} 2000").date_obj
    return found.month if found is not None and (found.day, found.year) == (15, 2000) else 0
