"""AsciiDoc -> the text without its marks; ``text`` knows its headings."""

from __future__ import annotations

from index.readers.marks import parse_marked, rules
from index.readers.parsed import Parsed

_RULES = rules(
    (r"\A(= .+\n)([^\n:=<]{3,80}?)[ \t]*<[^>\n]+@[^>\n]+>[ \t]*$", r"\1Author: \2"),
    (r"^(?://(?!/).*|:[\w-]+!?:.*|\[[^\]\n]*\][ \t]*|\|={3,}[ \t]*|-{4,}|={4,}|\.{4,}|_{4,}|\*{4,})$\n?", "\n"),
    (r"^\.(?=[A-Z])", ""),
    (r"(?:https?://|mailto:|link:|xref:)[^\s\[\]]*\[([^\]\n]+)\]", r"\1"),
    (r"<<[^,>\n]*,[ \t]*([^>\n]+)>>", r"\1"),
    (r"^\|[ \t]*(.+)", r"\1"),
    (r"(?<=\S)[ \t]+\|[ \t]*(?=\S)", " | "),
    (r"(?<![\w*_`])([*_`])(?=[^\s*_`])([^\n]{0,200}?[^\s*_`])\1(?![\w*_`])", r"\2"),
)


def parse(data: bytes) -> Parsed:
    """Read AsciiDoc. Raises ``Unreadable`` for binary data."""
    return parse_marked(data, _RULES)
