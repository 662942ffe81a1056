"""A filter as a condition in SQL. Its values are only ever passed beside the statement, never written into it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from index.filters import Filter
from index.filters.expression import ORDERED, Both, Condition, Either, Expression, Negation
from index.filters.fields import OF_PASSAGES, STANDARD
from index.filters.languages import language_pattern
from index.store.postgres.fields import comparable
from index.store.postgres.server import Server

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition on ``p``, a row of passages, and its values."""

    text: str
    values: dict[str, object]


def compiled(where: Filter) -> Compiled:
    """Return a filter as a condition in SQL."""
    compiler = _Compiler()
    return Compiled(compiler.expression(where.expression), compiler.values)


def check(where: Filter, server: Server) -> None:
    """Compare the fields of a filter with those that there are; the names are read only where one is unusual.

    Raises:
        InputError: a field that no document has, where one has nearly that name.
    """
    if where.names() <= {*STANDARD}:
        return
    # Name by name through the index, rather than through all rows.
    found = server.read(
        """WITH RECURSIVE names AS (
               (SELECT name FROM fields ORDER BY name LIMIT 1)
               UNION ALL
               SELECT (SELECT name FROM fields WHERE name > n.name ORDER BY name LIMIT 1) FROM names n
               WHERE n.name IS NOT NULL)
           SELECT name FROM names WHERE name IS NOT NULL"""
    )
    where.check({*STANDARD, *(name for (name,) in found)})


@dataclass(slots=True)
class _Compiler:
    values: dict[str, object] = field(default_factory=dict)

    def expression(self, expression: Expression) -> str:
        match expression:
            case Both(parts):
                return "(" + " AND ".join(map(self.expression, parts)) + ")"
            case Either(parts):
                return "(" + " OR ".join(map(self.expression, parts)) + ")"
            case Negation(part):
                return f"(NOT {self.expression(part)})"
            case Condition():
                return self._condition(expression)

    def _condition(self, condition: Condition) -> str:
        """Sets that depend on nothing outside are hashed once, whatever stands around them."""
        holds = self._holds(condition)
        if condition.field == "source":
            found = f"p.document_id IN (SELECT document_id FROM origins WHERE {holds})"
        else:
            name = self._value(condition.field)
            found = f"p.document_id IN (SELECT document_id FROM fields WHERE name = {name} AND row IS NULL AND {holds})"
            if condition.field in OF_PASSAGES:
                found = f"({found} OR p.row IN (SELECT row FROM fields WHERE name = {name} AND row > 0 AND {holds}))"
        return f"(NOT {found})" if condition.operator.startswith("!") else found

    def _holds(self, condition: Condition) -> str:
        first, *others = condition.values
        match condition.operator:
            case "~" | "!~":
                return f"strpos(value, {self._value(comparable(first)[0])}) > 0"
            case "..":
                return f"({self._within(first)} AND {self._ordered('>=', first)} AND {self._ordered('<=', others[0])})"
            case "=" | "!=" | "in" if condition.field == "language":
                found = (f"value ~ {self._value(language_pattern(value))}" for value in condition.values)
                return f"({' OR '.join(found)})"
            case "=" | "!=" | "in":
                return "(" + " OR ".join(self._ordered("=", value) for value in condition.values) + ")"
            case operator:
                return self._ordered(operator, first)

    def _ordered(self, operator: str, value: str) -> str:
        """Return how a value compares: as dates where both are, else as numbers where both are, else as text."""
        text, date, number = comparable(value)
        cases = []
        if date is not None:
            mark = self._value(date)
            cases.append(f"WHEN date IS NOT NULL THEN left(date, {len(date)}) {operator} left({mark}, length(date))")
        if number is not None:
            cases.append(f"WHEN number IS NOT NULL THEN number {operator} {self._value(number)}")
        mark = self._value(text)
        otherwise = f"value {operator} {mark}"
        if cases and operator in ORDERED:
            otherwise = "FALSE"  # what is no date or number is neither below nor above one
        if operator == "=":
            otherwise = f"left(value, 200) = left({mark}, 200) AND {otherwise}"
        return f"CASE {' '.join(cases)} ELSE {otherwise} END" if cases else f"({otherwise})"

    def _within(self, value: str) -> str:
        """Return that a value is of the same kind as a bound, a date or a number."""
        _, date, number = comparable(value)
        kinds = {"date IS NOT NULL": date is not None, "number IS NOT NULL": number is not None}
        return "(" + " OR ".join(text for text, applies in kinds.items() if applies) + ")"

    def _value(self, value: object) -> str:
        """Pass a value; what cannot be stored is passed as what no document holds either."""
        name = f"value{len(self.values)}"
        self.values[name] = _UNSTORABLE.sub("\1", value) if isinstance(value, str) else value
        kind = "text" if isinstance(value, str) else "numeric"
        return f"%({name})s::{kind}"
