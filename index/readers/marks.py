"""What readers of texts with plain marks share: rules that take the marks away, and no more than the marks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.readers.decode import decode
from index.readers.parsed import Parsed
from index.readers.text import parse_text

Rules = Sequence[tuple[re.Pattern[str], str]]
"""What is replaced by what, one after another."""


def rules(*pairs: tuple[str, str]) -> Rules:
    """Return rules of patterns in which ``^`` and ``$`` are the ends of a line."""
    return tuple((re.compile(pattern, re.MULTILINE), replacement) for pattern, replacement in pairs)


def applied(text: str, wanted: Rules) -> str:
    """Return ``text`` with the rules applied."""
    for pattern, replacement in wanted:
        text = pattern.sub(replacement, text)
    return text


def parse_marked(data: bytes, wanted: Rules) -> Parsed:
    """Read a text without the marks that the rules take away. Raises ``Unreadable`` for binary data."""
    return parse_text(applied(decode(data).replace("\r\n", "\n"), wanted))
