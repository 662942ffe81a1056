"""Who a pronoun means: ``He [Zelensky] also added``. The brackets are ours and stay outside the quote."""

from __future__ import annotations

import re

from index.sentences import sentence_spans
from index.types import Document
from rag.spans import coordinated, outside_speech, people

LOOK_BACK = 1500
"""Characters before a quote in which its pronoun's person is looked for."""

_PRONOUN = re.compile(r"\b(He|She|he|she|They|they)\b")
_SINGLE = frozenset({"he", "she"})


def explain_pronoun(document: Document, start: int, end: int) -> tuple[str, str] | None:
    """Return a quote's text with its first pronoun explained, and the explanation; ``None`` if there is no need.

    Only a pronoun outside quoted speech with no person named before it in the quote is explained, and only by a name
    that the document gives before.
    """
    text = document.text[start:end]
    narrated = outside_speech(text)
    match = _PRONOUN.search(narrated)
    if match is None or people(narrated[: match.start()]):
        return None
    person = _mentioned_before(document, start, plural=match.group().lower() not in _SINGLE)
    if person is None or person in narrated:
        return None
    explanation = f"[{person}]"
    return f"{text[: match.end()]} {explanation}{text[match.end() :]}", explanation


def _mentioned_before(document: Document, start: int, *, plural: bool) -> str | None:
    opening = max(0, start - LOOK_BACK)
    before = document.text[opening:start]
    blocks = [block for block in before.split("\n") if block.strip()]
    for block in reversed(blocks):
        for span in reversed(list(sentence_spans(block))):
            narrated = outside_speech(block[span.start : span.end])
            groups = [group for group in coordinated(narrated, people(narrated)) if len(group) > 1 or not plural]
            if groups:
                group = groups[0]
                return narrated[group[0].start : group[-1].end if plural else group[0].end]
    return None
