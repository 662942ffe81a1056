"""What the conversation spoke of last: the persons or the thing that a pronoun of the next question means."""

from __future__ import annotations

import re

from index.types import Span
from rag.query.question import Expects, analyse
from rag.reader.spans import coordinated, people
from rag.types import Turn

_NO_NOUN = (
    "is|are|was|were|be|been|do|does|did|has|have|had|will|would|can|could|should|must|may|might|to|and|or|not|who|what"
    "|when|where|why|how|which|whose|that|it|they|he|she|of|for|on|in|at|by|with|from|about"
    "|the|a|an|my|our|your"
)
_NOUN = rf"(?!(?:{_NO_NOUN})\b)[\w’'-]+"
_LAST_PHRASE = re.compile(
    rf"\b(?:the|a|an|my|our|your) {_NOUN}(?: {_NOUN}){{0,3}}(?: (?:of|for|on|in) (?:(?:the|a|an|my|our|your) )?{_NOUN}"
    rf"(?: {_NOUN}){{0,3}})*(?=\s*\?*\s*$)",
    re.I,
)
_TURNED_ROUND = re.compile(
    r"\b(?:(?P<be>is|are|was|were|been)|do|does|did|has|have|had|will|would|can|should|must) $", re.I
)
_PARTICIPLE = re.compile(r" \w+(?:ed|en|ilt|old|ent|aid|ade|eld|ound|ught|one|awn|own)$")
_PREPOSITION = re.compile(r" (?:of|for|on|in) ", re.I)
_SHORT_ANSWER = re.compile(r"^\*\*(.+?)\.?\*\*")


def _persons(text: str) -> list[Span]:
    """Return the people whom a text names; the word that opens a sentence is one only where there is no other."""
    return people(text, frozenset()) or people(text)


def persons_meant(asked: str, answered: str, *, plural: bool) -> str | None:
    """Return whom the conversation spoke of last: a short answer to "who", else the last question's people.

    Where a question asked who, its answer comes first. Several are meant by several named together, if there are any.
    """
    short = _SHORT_ANSWER.match(answered)
    who = analyse(asked).expects is Expects.PERSON
    if short and who:
        return short[1]
    texts = (asked, short[1] if short else "", answered)
    named = [(text, list(coordinated(text, _persons(text)))) for text in (reversed(texts) if who else texts)]
    if plural:
        together = [(text, [group for group in groups if len(group) > 1]) for text, groups in named]
        named = [each for each in together if each[1]] + named
    for text, groups in named:
        if groups:
            group = groups[-1] if text == asked else groups[0]
            return text[group[0].start : group[-1].end] if plural else text[group[0].start : group[0].end]
    return None


def thing_meant(asked: str) -> str | None:
    """Return the noun phrase that ends a question; ``None`` if none does.

    ``When was the draft published?`` is about *the draft*: after an auxiliary verb, the last word is a verb too.
    """
    phrase = _LAST_PHRASE.search(asked)
    if phrase is None:
        return None
    text = phrase.group()
    turned = _TURNED_ROUND.search(asked[: phrase.start()])
    if turned and (not turned["be"] or _PARTICIPLE.search(text)):
        first = _PREPOSITION.split(text, maxsplit=1)[0]
        text = first if first.count(" ") > 1 else text
        text = text[: text.rindex(" ")] if text.count(" ") > 1 else text
    return text


def two_persons(turn: Turn) -> list[Span] | None:
    """Return the two persons whom an answer names together, if it names two."""
    if turn.role == "user":
        return None
    return next((group for group in coordinated(turn.content, people(turn.content)) if len(group) == 2), None)
