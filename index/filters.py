"""Filters over documents: ``published>=2025-11-01 and outlet=AP``.

A condition compares one field of a document with a value; all conditions must hold. Dates compare by their text, which
ISO 8601 orders rightly, at the precision of the shorter side: ``published<=2025-11`` includes all of November. Text
compares without case. A document without the field matches only ``!=``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from index.errors import InputError

Operator = Literal["=", "!=", "<", "<=", ">", ">="]

_CONDITION = re.compile(
    r"""\s*(?P<field>[\w-]+)\s*(?P<operator>!=|<=|>=|=|<|>)\s*
        (?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"=<>,][^,]*?))\s*(?:(?P<more>\band\b|,)|$)""",
    re.VERBOSE | re.IGNORECASE,
)
_DATE_FIELDS = ("published", "modified")
_DATE = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison."""

    field: str
    operator: Operator
    value: str

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Tell whether a document with these fields satisfies the condition."""
        actual = fields.get(self.field)
        if actual is None:
            return self.operator == "!="
        left, right = actual.casefold(), self.value.casefold()
        if self.field in _DATE_FIELDS:
            precision = min(len(left), len(right))
            left, right = left[:precision], right[:precision]
        match self.operator:
            case "=":
                return left == right
            case "!=":
                return left != right
            case "<":
                return left < right
            case "<=":
                return left <= right
            case ">":
                return left > right
            case ">=":
                return left >= right


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold."""

    conditions: tuple[Condition, ...]

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Tell whether a document with these fields passes."""
        return all(condition.matches(fields) for condition in self.conditions)


def parse_filter(text: str) -> Filter:
    """Parse ``field op value`` conditions joined by ``and`` or commas.

    Raises:
        InputError: the text is not a filter, or a date field is compared with something that is no date.

    """
    conditions: list[Condition] = []
    position = 0
    more = True
    while more:
        match = _CONDITION.match(text, position)
        if match is None:
            raise InputError(
                f"Cannot read the filter {text!r} at {text[position:].strip()!r}.",
                'Write field, operator and value, as in: published>=2025-11-01 and outlet="The Example".',
            )
        value = match["quoted"] if match["quoted"] is not None else match["bare"]
        field = match["field"].lower()
        if field in _DATE_FIELDS and not _DATE.fullmatch(value):
            raise InputError(f"{value!r} is not a date in the filter {text!r}.", "Write 2025, 2025-11 or 2025-11-01.")
        conditions.append(Condition(field, cast("Operator", match["operator"]), value))
        position, more = match.end(), match["more"] is not None
    return Filter(tuple(conditions))
