"""Text that means something line by line (logs, settings, source code) -> its lines as they stand."""

from __future__ import annotations

from index.readers.decode import decode
from index.readers.parsed import Parsed, RawBlock


def parse(data: bytes) -> Parsed:
    """Read text of any kind without joining its lines. Raises ``Unreadable`` for binary data."""
    return Parsed([RawBlock("code", decode(data))])
