"""Conditions, how they are joined, and what a document must have to pass.

A field has no value, one, or several (a list of authors). A condition holds if **any** value satisfies it. ``!=``,
``!~`` and ``not in`` are exactly ``not`` of their opposites, so a document without the field passes them, and passes no
other condition.

Two dates compare at the precision of the less precise one: ``published<=2025-11`` includes all of November, and a
document of 2025 is neither before nor after 2025-11-01. Two numbers compare as numbers (``9 < 10``, ``8 = 8.0``).
A language equals what is called or coded otherwise, and what is narrower (`index.filters.languages`). Everything else
compares as text, without case, in Unicode's composed form, and by code point for order; but what is no date or number
is neither below nor above one.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from index.errors import InputError
from index.filters.fields import Fields
from index.filters.folding import folded
from index.filters.languages import language_pattern

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~", "!~", "in", ".."]

ORDERED = ("<", "<=", ">", ">=", "..")
"""The operators that ask for more than being equal or contained."""

DATE = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

_DATE_AND_TIME = re.compile(rf"(?P<date>{DATE.pattern})(?:T.*)?")
_NEAR = 0.75
"""Likeness of two field names, by `difflib`, from which one is taken for a slip of the other."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison. ``values`` are several for ``in``, low and high for ``..``, and one for every other operator.

    ``position`` is where the field stands in the filter's text (code points).
    """

    field: str
    operator: Operator
    values: tuple[str, ...]
    position: int = dataclasses.field(default=0, compare=False)

    def matches(self, fields: Fields) -> bool:
        """Tell whether any of the field's values satisfies the condition (for ``!=`` and ``!~``: none the opposite)."""
        held = any(map(self._holds, fields.get(self.field, ())))
        return held != self.operator.startswith("!")

    def conditions(self) -> Iterator[Condition]:
        """Yield the condition itself."""
        yield self

    def _holds(self, actual: str) -> bool:
        first = self.values[0]
        if self.operator in ORDERED and _is_measure(first) and not _comparable(actual, first):
            return False
        match self.operator:
            case "=" | "!=" | "in" if self.field == "language":
                return any(re.fullmatch(language_pattern(value), folded(actual)) for value in self.values)
            case "=" | "!=" | "in":
                return any(_order(actual, value) == 0 for value in self.values)
            case "~" | "!~":
                return folded(first) in folded(actual)
            case "<":
                return _order(actual, first) < 0
            case "<=":
                return _order(actual, first) <= 0
            case ">":
                return _order(actual, first) > 0
            case ">=":
                return _order(actual, first) >= 0
            case "..":
                return _order(actual, first) >= 0 >= _order(actual, self.values[1])


@dataclass(frozen=True, slots=True)
class Both:
    """``and``: all parts must hold."""

    parts: tuple[Expression, ...]

    def matches(self, fields: Fields) -> bool:
        """Tell whether all parts hold."""
        return all(part.matches(fields) for part in self.parts)

    def conditions(self) -> Iterator[Condition]:
        """Yield the conditions of the parts, in order."""
        for part in self.parts:
            yield from part.conditions()


@dataclass(frozen=True, slots=True)
class Either:
    """``or``: one of the parts must hold."""

    parts: tuple[Expression, ...]

    def matches(self, fields: Fields) -> bool:
        """Tell whether one of the parts holds."""
        return any(part.matches(fields) for part in self.parts)

    def conditions(self) -> Iterator[Condition]:
        """Yield the conditions of the parts, in order."""
        for part in self.parts:
            yield from part.conditions()


@dataclass(frozen=True, slots=True)
class Negation:
    """``not``: the part must not hold."""

    part: Expression

    def matches(self, fields: Fields) -> bool:
        """Tell whether the part does not hold."""
        return not self.part.matches(fields)

    def conditions(self) -> Iterator[Condition]:
        """Yield the conditions of the part."""
        yield from self.part.conditions()


Expression = Condition | Both | Either | Negation


@dataclass(frozen=True, slots=True)
class Filter:
    """An expression, and the text that it was read from."""

    expression: Expression
    text: str = dataclasses.field(default="", compare=False)

    def matches(self, fields: Fields) -> bool:
        """Tell whether a document or passage with these fields passes."""
        return self.expression.matches(fields)

    def names(self) -> frozenset[str]:
        """Return the fields that are asked for."""
        return frozenset(condition.field for condition in self.expression.conditions())

    def check(self, known: Collection[str]) -> None:
        """Compare the fields with those that there are.

        Raises:
            InputError: a field is not there, but one of nearly its name is. Any other field is merely one that no
                document has.
        """
        for condition in self.expression.conditions():
            near = difflib.get_close_matches(condition.field, sorted(known), 1, _NEAR)
            if condition.field not in known and near:
                raise InputError(
                    f"No document has the field {condition.field!r}, which stands at character "
                    f"{condition.position + 1} of the filter {self.text!r}.",
                    f"Did you mean {near[0]}?",
                )


def date_of(value: str) -> str | None:
    """Return the date of a value that is one, without its time."""
    found = _DATE_AND_TIME.fullmatch(value)
    return found["date"] if found else None


def number_of(value: str) -> Decimal | None:
    """Return the number that a value is, if it is one."""
    return Decimal(value) if NUMBER.fullmatch(value) else None


def _order(left: str, right: str) -> int:
    """Return -1, 0 or 1: how ``left`` stands to ``right`` (as dates, numbers or text)."""
    a, b = date_of(left), date_of(right)
    if a and b:
        precision = min(len(a), len(b))
        left, right = a[:precision], b[:precision]
    elif (x := number_of(left)) is not None and (y := number_of(right)) is not None:
        return (x > y) - (x < y)
    else:
        left, right = folded(left), folded(right)
    return (left > right) - (left < right)


def _is_measure(value: str) -> bool:
    """Tell whether a value is a date or a number."""
    return date_of(value) is not None or number_of(value) is not None


def _comparable(left: str, right: str) -> bool:
    """Tell whether both are dates or both are numbers."""
    return any(shape.fullmatch(left) and shape.fullmatch(right) for shape in (_DATE_AND_TIME, NUMBER))


def joined(*filters: Filter | None) -> Filter | None:
    """Return the filter that all of these must pass, ``None`` where there is none."""
    given = [each for each in filters if each is not None]
    if len(given) < 2:
        return given[0] if given else None
    return Filter(Both(tuple(each.expression for each in given)), " and ".join(f"({each.text})" for each in given))
