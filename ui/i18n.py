"""What the chat page says, in the reader's language: ``locales/*.json`` and `rag.answer.said`, plurals, dates by CLDR.

A message is a text with ``{places}``, or, where it counts something, a text for each plural category of its language.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Literal

from rag.answer.said import catalogue
from rag.query.language import LANGUAGES, Language

_LOCALES = Path(__file__).with_name("locales")


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages of one language."""

    language: Language
    entries: Mapping[str, str | Mapping[str, str]]

    def text(self, key: str, **values: str) -> str:
        """Return a message with its places filled in."""
        return str(self.entries[key]).format_map(values)

    def count(self, key: str, number: int, **values: str) -> str:
        """Return a message about a number of things; ``{n}`` in it is the number."""
        from babel import Locale
        from babel.numbers import format_decimal

        forms = self.entries[key]
        if isinstance(forms, str):
            raise TypeError(f"The message {key!r} has no plural forms.")
        form = forms.get(Locale.parse(self.language).plural_form(number), forms["other"])
        return form.format_map({"n": format_decimal(number, locale=self.language), **values})

    def date(self, iso: str) -> str:
        """Return an ISO 8601 date as people write it; a year, a year and month, or what is no date, as precisely."""
        from babel.dates import format_date, format_skeleton

        try:
            match iso[:10].split("-"):
                case [year, month, day]:
                    return format_date(date(int(year), int(month), int(day)), "medium", self.language)
                case [year, month]:
                    return format_skeleton("yMMM", date(int(year), int(month), 1), locale=self.language)
                case _:
                    return iso
        except ValueError:
            return iso

    def moment(self, when: datetime) -> str:
        """Return a day and its time as people write them, with the zone."""
        from babel.dates import format_date, format_time

        day, hour = format_date(when, "medium", self.language), format_time(when, "short", when.tzinfo, self.language)
        return f"{day}, {hour} {when:%Z}"


@cache
def messages(language: Language) -> Messages:
    """Return the messages of a language."""
    own = json.loads((_LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return Messages(language, own | catalogue(language))


def negotiate(accept_language: str, chosen: Language | Literal["auto"] = "auto") -> Language:
    """Return the language to speak: the operator's choice, or the first of ``Accept-Language`` that there is."""
    if chosen != "auto":
        return chosen
    return next((language for language in _preferred(accept_language) if language in LANGUAGES), "en")


def _preferred(accept_language: str) -> Iterable[Language]:
    """Yield the languages of the header by their weight (RFC 9110, 12.5.4), the variants left out."""
    weighted: list[tuple[float, str]] = []
    for part in accept_language[:1000].split(","):
        name, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or "1")
        except ValueError:
            continue
        weighted.append((weight, name.strip().lower().split("-")[0]))
    for weight, name in sorted(weighted, key=lambda pair: -pair[0]):
        for language in LANGUAGES:
            if weight > 0 and name == language:
                yield language
