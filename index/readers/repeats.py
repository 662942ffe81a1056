"""Removal of text that a document repeats.

Scraped pages repeat paragraphs: verbatim, run together into one paragraph next to the originals, or with their own
beginning once more at the end. Each stretch is kept where it stands first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.readers.parsed import RawBlock

SHORTEST_REPEAT = 40
"""Shorter texts (``Yes.``) may be meant each time they occur; in characters."""

_NEIGHBOURS = 6
_LONGEST = 20_000
_MOST_STRETCHES = 8


def without_repeats(blocks: Iterable[RawBlock]) -> list[RawBlock]:
    """Return ``blocks``, whose texts are normalised, with each repeated stretch of a paragraph kept once."""
    found = list(blocks)
    kept: list[RawBlock] = []
    seen: set[str] = set()
    recent: deque[str] = deque(maxlen=_NEIGHBOURS)
    for raw, following in zip_longest(found, found[1:]):
        in_parts = raw.glue is not None or (following is not None and following.glue is not None)
        if raw.kind != "paragraph" or in_parts or len(raw.text) < SHORTEST_REPEAT:
            kept.append(raw)
            continue
        text = "" if raw.text in seen else _new_part(raw.text, recent)
        seen.add(raw.text)
        if text:
            kept.append(raw if text == raw.text else replace(raw, text=text))
        if len(text) >= SHORTEST_REPEAT:
            recent.append(text)
    return kept


def _new_part(text: str, recent: Collection[str]) -> str:
    """Return ``text`` without what ``recent`` paragraphs, or its own beginning, say already."""
    for _ in range(_MOST_STRETCHES if len(text) <= _LONGEST else 0):
        rest = text[: len(text) - _own_beginning_again(text)].rstrip()
        for other in recent:
            rest = rest.removesuffix(other).removeprefix(other).strip()
        if rest == text:
            break
        text = rest
    return "" if any(text in other for other in recent) else text


def _own_beginning_again(text: str) -> int:
    """Return the length of the ending of ``text`` that is also its beginning; 0 if there is none to speak of."""
    first = text.find(text[-SHORTEST_REPEAT:])
    length = first + SHORTEST_REPEAT
    return length if 2 * length <= len(text) and text.endswith(text[:length]) else 0
