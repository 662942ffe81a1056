"""Filters over documents and passages: ``published>=2025-11-01 and (outlet=AP or author~roe)``.

::

    expression = conjunction { "or" conjunction }
    conjunction = operand { ("and" | ",") operand }
    operand = "not" operand | "(" expression ")" | condition
    condition = field operator value | field ["not"] "in" "(" value { "," value } ")"
    operator = "=" "!=" "<" "<=" ">" ">=" "~" (contains) "!~" (does not contain)

A value stands in double or single quotation marks, or bare; ``LOW..HIGH`` after ``=`` or ``!=`` is a range of dates or
numbers, ends included. ``or`` inside a bare value belongs to it unless a condition follows. The rules of comparing are
in `index.filters.expression`, the fields in `index.filters.fields`.
"""

from __future__ import annotations

from index.filters.expression import Filter, joined
from index.filters.parser import parse_filter

__all__ = ["Filter", "joined", "parse_filter"]
