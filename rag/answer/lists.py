"""What a sentence leads in belongs to it: a list with every item, or a line of code."""

from __future__ import annotations

import re

from index.sentences import sentence_spans
from index.types import Span

LONGEST = 1500
"""Characters of a list that is still shown whole."""
LONGEST_LINE = 300
"""Characters of a single line that is led in, such as a command."""

_LEADS_IN = re.compile(r":\s*$")
_ENDED = re.compile(r"[.!?:][\"'”’)]*\s*$")
_GAP = re.compile(r"\n+")
_ROW = re.compile(r"[^:;|]+: [^;]*; [^:;]+: |[^|]+ \| ")
_COUNTS = {
    word: number
    for number, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), start=2)
}
_COUNT = re.compile(rf"\b(?:{'|'.join(_COUNTS)})\b", re.I)


def whole_list(text: str, start: int, end: int, *, from_item: bool = False) -> Span | None:
    """Return the extent of a list or line together with the sentence that leads it in; ``None`` if there is none.

    ``start`` and ``end`` are those of the sentence that leads in or, with ``from_item``, also of one of the items. A
    list is a run of two lines or more without a blank line between them (how documents store their items), or as many
    paragraphs as the sentence that leads in announces (how lists come out of many a PDF). A line is a command or the
    like: no sentence, and none of several that look alike, which may be items.
    """
    if _LEADS_IN.search(text[start:end]):
        stop = _end_of_list(text, start, end)
    elif from_item:
        start, stop = _around(text, start)
    else:
        return None
    return Span(start, stop) if stop and stop - start <= LONGEST else None


def _end_of_list(text: str, start: int, end: int) -> int | None:
    gap = _GAP.match(text, end)
    if gap is None:
        return None
    blocks = list(re.finditer(r"(?:(?!\n\n).)+", text[gap.end() : end + LONGEST], re.S))
    if not blocks:
        return None
    announced = _COUNT.search(text, start, end)
    lines = blocks[0].group().split("\n")
    if len(lines) > 1:
        return None if any(_ROW.match(line) for line in lines) else gap.end() + blocks[0].end()
    number = _COUNTS[announced.group().lower()] if announced else int(_is_line(*(each.group() for each in blocks[:2])))
    return gap.end() + blocks[number - 1].end() if 0 < number <= len(blocks) else None


def _is_line(block: str, after: str = ".") -> bool:
    """Tell whether a block is a single line that is led in, ``after`` being what follows it."""
    ended = [bool(_ENDED.search(each)) for each in (block, after)]
    return ended == [False, True] and len(block) <= LONGEST_LINE and not _ROW.match(block)


def _around(text: str, position: int) -> tuple[int, int | None]:
    """Return the start of what leads in the list around a position, and the list's end."""
    first = text.rfind("\n\n", 0, position) + 2
    block_end = text.find("\n\n", position)
    lines = text[first : len(text) if block_end < 0 else block_end].split("\n")
    lead = text[:first].rstrip()
    if first < 2 or len(lines) < 3 or not lead.endswith(":") or any(_ROW.match(line) for line in lines):
        return position, None
    *_, opening = sentence_spans(lead[lead.rfind("\n") + 1 :], lead.rfind("\n") + 1)
    return opening.start, first + len("\n".join(lines))
