"""What a quote leaves open: whom a pronoun means (``He [Zelensky] also added``), what *this* is.

The brackets are ours and stay outside the quote; *this* is explained by quoting the sentence before as well.
"""

from __future__ import annotations

import re

from index.sentences import sentence_spans
from index.types import Block, Document, Span
from rag.reader.orders import is_order
from rag.reader.spans import capitalised, coordinated, outside_speech, people, placed

LOOK_BACK = 1500
"""Characters before a quote in which its pronoun's person is looked for."""

LONGEST_ANTECEDENT = 300
"""Characters of a sentence that is quoted only because the next one leans on it."""

_LEANS = re.compile(
    r"^(?:This|These|Those|It|Its|Such|Neither|Nor)\b"
    r"|\bthis(?=[.,;!?]|\s+(?:in|at|on|by|to|for|and|with)\b)|\bso(?=[.!?])"
)
_ROW = re.compile(r"^[^:;]+: [^;]*; [^:;]+: ")
_PRONOUN = re.compile(r"\b(He|She|he|she|They|they|His|his|Her|her|Their|their)\b")
_SINGLE = frozenset({"he", "she", "his", "her"})
_POSSESSIVE = frozenset({"his", "her", "their"})


def explain_pronoun(document: Document, start: int, end: int) -> tuple[str, str] | None:
    """Return a quote's text with its first pronoun explained, and the explanation; ``None`` if there is no need.

    Only a pronoun outside quoted speech with no person named before it in the quote is explained, and only by a name
    that the document gives before, under the same heading or in it.
    """
    text = document.text[start:end]
    narrated = outside_speech(text)
    match = _PRONOUN.search(narrated)
    known = frozenset(capitalised(document.text))
    if match is None or _people(narrated[: match.start()], known):
        return None
    person = _mentioned_before(document, start, known, plural=match.group().lower() not in _SINGLE)
    if person is None or person in narrated:
        return None
    explanation = f"[{person}’s]" if match.group().lower() in _POSSESSIVE else f"[{person}]"
    return f"{text[: match.end()]} {explanation}{text[match.end() :]}", explanation


def with_antecedent(text: str, start: int, end: int) -> Span | None:
    """Return the extent of a sentence and the one before it in its paragraph, if it leans on that one.

    ``It has two wheels`` does. ``None`` if it stands alone, opens its paragraph, or the sentence before is longer than
    `LONGEST_ANTECEDENT`.
    """
    if not _LEANS.search(outside_speech(text[start:end])):
        return None
    opening = text.rfind("\n", 0, start) + 1
    before = list(sentence_spans(text[opening:start], opening))
    if not before or before[-1].end - before[-1].start > LONGEST_ANTECEDENT:
        return None
    return Span(before[-1].start, end)


def _mentioned_before(document: Document, start: int, known: frozenset[str], *, plural: bool) -> str | None:
    heading = max((block for block in document.blocks if _is_heading(block, start)), key=_start, default=None)
    opening = max(start - LOOK_BACK, heading.end if heading else 0)  # what stands before a heading is another matter
    before = document.text[opening:start]
    blocks = [block for block in before.split("\n") if block.strip() and not _ROW.search(block)]
    if heading and heading.end == opening:
        blocks.insert(0, document.text[heading.start : heading.end].replace(":", ";"))  # it labels no cell of a table
    for block in reversed(blocks):
        for span in reversed(list(sentence_spans(block))):
            if is_order(block[span.start : span.end]):
                continue
            narrated = outside_speech(block[span.start : span.end])
            groups = [
                group for group in coordinated(narrated, _people(narrated, known)) if len(group) > 1 or not plural
            ]
            if groups:
                group = groups[0]
                return narrated[group[0].start : group[-1].end if plural else group[0].end]
    return None


def _is_heading(block: Block, start: int) -> bool:
    return block.kind == "heading" and block.end <= start


def _start(block: Block) -> int:
    return block.start


def _people(text: str, known: frozenset[str]) -> list[Span]:
    return [span for span in people(text, known) if not placed(text, span)]
