"""reStructuredText -> the text without its marks; ``text`` knows its headings."""

from __future__ import annotations

from index.readers.decode import decode
from index.readers.marks import applied, rules
from index.readers.parsed import Parsed
from index.readers.text import parse_text

_RULES = rules(
    (r"^[ \t]*\.\. (?:note|warning|tip|important|hint|caution|attention|danger|seealso)::[ \t]*", ""),
    (r"^[ \t]*\.\. (?:[\w-]+::|_|\[).*\n(?:[ \t]+:[\w-]+:.*\n)*", "\n"),
    (r"^:(\w+):[ \t]+(?=\S)", r"\1: "),
    (r"``([^`\n]+)``", r"\1"),
    (r"(?::[\w:]+:)?`([^`<\n]+?)\s*<[^`>\n]+>`_{0,2}", r"\1"),
    (r"(?::[\w:]+:)?`([^`\n]+)`_{0,2}", r"\1"),
    (r"(?<![\w*])(\*{1,2})(?=[^\s*])([^*\n]+)(?<!\s)\1(?![\w*])", r"\2"),
    (r"::$", ":"),
)


def parse(data: bytes) -> Parsed:
    """Read reStructuredText. Raises ``Unreadable`` for binary data."""
    return parse_text(applied(decode(data).replace("\r\n", "\n"), _RULES))
