"""A filter's text to its expression, with errors that point at the place."""

from __future__ import annotations

import re
from typing import NoReturn, cast

from index.errors import InputError
from index.filters.expression import DATE, NUMBER, Both, Condition, Either, Expression, Filter, Negation, Operator
from index.filters.fields import DATE_FIELDS, canonical

LONGEST = 10_000
"""Characters of a filter."""

DEEPEST = 40
"""Brackets and ``not`` inside each other."""

_FIELD = r"""(?:[\w-]+(?:\.[\w-]+)*|"[^"]*"|'[^']*')"""
_OPERATOR = re.compile(r"\s*(!=|<=|>=|!~|=|<|>|~)\s*")
_NAME = re.compile(rf"\s*({_FIELD})")
_IN = re.compile(r"\s+(not\s+)?in\s*\(", re.IGNORECASE)
_NOT = re.compile(rf"\s*not(?=[\s(])(?!{_OPERATOR.pattern})", re.IGNORECASE)
_OPEN, _CLOSE, _COMMA = (re.compile(rf"\s*\{mark}") for mark in "(),")
_AND = re.compile(r"\s*(?:\band(?![\w-])|,)", re.IGNORECASE)
_OR = re.compile(r"\s*\bor(?![\w-])", re.IGNORECASE)
_END_OF_BARE = re.compile(
    rf"\s+(?:and(?:[\s(]|$)|or(?=[\s(])\s*(?:\(\s*|not\s+|not(?=\())*{_FIELD}(?:{_OPERATOR.pattern}|{_IN.pattern}))",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"""\s*(["'])(.*?)\1""", re.DOTALL)
_MARKS = "\"'"
_RANGE = re.compile(rf"({DATE.pattern}|{NUMBER.pattern})\.\.({DATE.pattern}|{NUMBER.pattern})")

_EXAMPLE = 'Write field, operator and value, as in: published>=2025-11-01 and outlet="The Example".'
_DATES = "Write 2025, 2025-11 or 2025-11-01."


def parse_filter(text: str) -> Filter:
    """Parse the text of a filter; the grammar is in `index.filters`.

    Raises:
        InputError: the text is not a filter, or a date field is compared with something that is no date.
    """
    if len(text) > LONGEST:
        raise InputError(f"The filter has {len(text):,} characters; at most {LONGEST:,} are read.", "Write less.")
    return Filter(_Parser(text).parse(), text)


class _Parser:
    """Recursive descent over the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._brackets = 0
        self._depth = 0

    def parse(self) -> Expression:
        expression = self._expression()
        if self._text[self._position :].strip():
            closing = _CLOSE.match(self._text, self._position)
            self._refuse("this bracket was never opened" if closing else "and, or, or the end is expected")
        return expression

    def _expression(self) -> Expression:
        parts = [self._conjunction()]
        while self._takes(_OR):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _conjunction(self) -> Expression:
        parts = [self._operand()]
        while self._takes(_AND):
            parts.append(self._operand())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _operand(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse(f"more than {DEEPEST} brackets inside each other are not read")
        if self._takes(_NOT):
            operand: Expression = Negation(self._operand())
        elif self._takes(_OPEN):
            self._brackets += 1
            operand = self._expression()
            if not self._takes(_CLOSE):
                self._refuse("a closing bracket is missing")
            self._brackets -= 1
        else:
            operand = self._condition()
        self._depth -= 1
        return operand

    def _condition(self) -> Expression:
        name = self._takes(_NAME)
        if not name or not name[1].strip(_MARKS):
            self._refuse("a field is missing")
        field, position = canonical(name[1].strip(_MARKS)), name.start(1)
        if among := self._takes(_IN):
            condition = Condition(field, "in", self._list(field), position)
            return Negation(condition) if among[1] else condition
        operator = self._takes(_OPERATOR)
        if not operator:
            self._refuse(f"an operator such as = or >= is missing after {name[1]!r}")
        quoted = _QUOTED.match(self._text, self._position)
        value = self._value()
        bounds = _RANGE.fullmatch(value) if operator[1] in ("=", "!=") and not quoted else None
        if bounds:
            low, _, high = value.partition("..")
            within = Condition(field, "..", (self._dated(field, low), self._dated(field, high)), position)
            return Negation(within) if operator[1] == "!=" else within
        if operator[1] not in ("~", "!~"):
            self._dated(field, value)
        return Condition(field, cast("Operator", operator[1]), (value,), position)

    def _list(self, field: str) -> tuple[str, ...]:
        self._brackets += 1
        values = [self._dated(field, self._value())]
        while self._takes(_COMMA):
            values.append(self._dated(field, self._value()))
        if not self._takes(_CLOSE):
            self._refuse("a closing bracket is missing")
        self._brackets -= 1
        return tuple(values)

    def _value(self) -> str:
        if quoted := self._takes(_QUOTED):
            return quoted[2]
        space = re.compile(r"\s*").match(self._text, self._position)
        start = space.end() if space else self._position
        if self._text.startswith((*_MARKS,), start):
            self._refuse("this quotation mark is never closed")
        end = self._bare_end(start)
        if start == end or self._text[start] in "=<>":
            self._refuse("a value is missing")
        self._position = end
        return self._text[start:end].rstrip()

    def _bare_end(self, start: int) -> int:
        """Find where a bare value ends; brackets that open and close inside it belong to it."""
        opened = 0
        before = ""
        for place in range(start, len(self._text)):
            character = self._text[place]
            if character == "(":
                opened += 1
            elif character == ")" and opened:
                opened -= 1
            elif (
                character == ","
                or (character == ")" and self._brackets)
                or (character.isspace() and not before.isspace() and _END_OF_BARE.match(self._text, place))
            ):
                return place
            before = character
        return len(self._text)

    def _dated(self, field: str, value: str) -> str:
        if field in DATE_FIELDS and not DATE.fullmatch(value):
            raise InputError(
                f"The field {field!r} holds dates, and {value!r} in the filter {self._text!r} is none.", _DATES
            )
        return value

    def _takes(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._position)
        if match:
            self._position = match.end()
        return match

    def _refuse(self, problem: str) -> NoReturn:
        rest = self._text[self._position :]
        place = self._position + len(rest) - len(rest.lstrip())
        near = repr(rest.strip()[:30]) if rest.strip() else "its end"
        raise InputError(
            f"Cannot read the filter {self._text!r} at {near} (character {place + 1}): {problem}.", _EXAMPLE
        )
