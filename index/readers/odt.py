"""OpenDocument texts (.odt) -> blocks in document order."""

from __future__ import annotations

from index.readers.metadata import with_header_facts
from index.readers.odf import TextWalk, body, opened, properties
from index.readers.parsed import Parsed


def parse(data: bytes) -> Parsed:
    """Read a text. Raises ``Unreadable`` for bombs, encrypted and damaged files."""
    package = opened(data)
    title, fields = properties(package)
    blocks = list(TextWalk().blocks(body(package, "text")))
    found = with_header_facts(Parsed(blocks, title))
    return Parsed(blocks, found.title, {**fields, **found.metadata})
