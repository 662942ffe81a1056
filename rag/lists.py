"""Lists answer as a whole: the sentence that leads in, and every item."""

from __future__ import annotations

import re

from index.types import Span

LONGEST = 1500
"""Characters of a list that is still shown whole."""

_LEADS_IN = re.compile(r":\s*$")
_GAP = re.compile(r"\n+")
_ROW = re.compile(r"[^:;|]+: [^;]*(?:; [^:;]+: |$)|[^|]+ \| ")


def whole_list(text: str, start: int, end: int) -> Span | None:
    """Return the extent of a sentence that leads in a list, together with the list; ``None`` if it leads in none.

    A list is a run of two lines or more without a blank line between them (how documents store their items).
    """
    if not _LEADS_IN.search(text[start:end]):
        return None
    gap = _GAP.match(text, end)
    if gap is None:
        return None
    stop = text.find("\n\n", gap.end())
    stop = len(text) if stop < 0 else stop
    lines = text[gap.end() : stop].split("\n")
    if len(lines) < 2 or stop - start > LONGEST or any(_ROW.match(line) for line in lines):
        return None
    return Span(start, stop)
