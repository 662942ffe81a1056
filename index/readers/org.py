"""Org files -> the text without its marks; headings are handed on as ``text`` knows them."""

from __future__ import annotations

from index.readers.marks import parse_marked, rules
from index.readers.parsed import Parsed

_RULES = rules(
    (r"^#\+(?:TITLE|title):[ \t]*(.+)", r"= \1\n"),
    (r"^#\+(AUTHOR|DATE|author|date):[ \t]*(.+)", r"\1: \2"),
    (r"^[ \t]*#\+\w+.*\n?", "\n"),
    (r"^#(?: .*)?$\n?", ""),
    (r"^[ \t]*:[A-Za-z][\w-]*:.*\n?", ""),
    (r"^[ \t]*(?:SCHEDULED|DEADLINE|CLOSED):.*\n?", ""),
    (r"^\*{1,6}[ \t]+(?:(?:TODO|DONE)[ \t]+)?(.+?)(?:[ \t]+:[\w@:]+:)?[ \t]*$", r"\n== \1\n"),
    (r"\[\[[^\]\n]{1,2000}\]\[([^\]\n]{1,2000})\]\]", r"\1"),
    (r"\[\[([^\]\n]{1,2000})\]\]", r"\1"),
    (r"[<\[](\d{4}-\d\d-\d\d)(?: [^>\]\n]{0,40})?[>\]]", r"\1"),
    (r"^[ \t]*\|[-+]+\|?[ \t]*$\n?", ""),
    (r"^[ \t]*\|[ \t]*(.*?)[ \t]*\|[ \t]*$", r"\n\1\n"),
    (r"(?<![\w*/=~+])([*/=~+])(?=\S)([^\n]{0,200}?[^\s*/=~+])\1(?![\w*/=~+])", r"\2"),
)


def parse(data: bytes) -> Parsed:
    """Read an Org file. Raises ``Unreadable`` for binary data."""
    return parse_marked(data, _RULES)
