"""Which questions made by rules read like a person's and stand alone: one that does not is worse than none."""

from __future__ import annotations

import re

from rag.query.language import content_words

MAX_WORDS = 20
TELLING = 3
"""Words with content that a question without a name needs, so that it asks for one thing among many documents."""
_LEANS = re.compile(
    r"\b(?:this|these|those|such|here|there|it|them|they|we|us|our|you|your|I|me|my|he|she|another|others"
    r"|today|yesterday|tomorrow|tonight|ago|(?:last|next|past) (?:week|month|year|night|season|\w+day))\b"
)
"""Words that lean on the text around the sentence or on the day when it was written."""
_ODD = re.compile(r"[–—:;()\[\]{}\"“”/*?!]|\.\.|,$| that$")
_OPEN = re.compile(
    r"\b(?:of|in|on|at|to|for|with|by|from|and|or|that|which|who|as|than|the|an?|both|into|over|was|is|are|not)$"
)
"""Words with which no question ends: something was cut off."""
_NAMED = re.compile(r"\s[“‘'\"]?[A-Z][\w’'-]+")


def is_askable(question: str) -> bool:
    """Tell whether a question reads like a person's: short, whole, and clear without the text that it comes from."""
    asked = question.removesuffix("?")
    return len(asked.split()) <= MAX_WORDS and not any(bad.search(asked) for bad in (_ODD, _LEANS, _OPEN))


def is_telling(question: str) -> bool:
    """Tell whether a question says enough to be asked over many documents: a name, or several words with content."""
    return bool(_NAMED.search(question)) or len(content_words(question)) >= TELLING
