"""reStructuredText -> the text without its marks; ``text`` knows its headings."""

from __future__ import annotations

from index.readers.marks import parse_marked, rules
from index.readers.parsed import Parsed

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
    return parse_marked(data, _RULES)
