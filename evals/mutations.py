"""Claims about a passage, made from its own sentences: shortened, which stay true, and altered, which do not."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from index.sentences import sentence_spans
from index.terms import words
from index.types import Span
from rag.reader.dates import DATE
from rag.reader.spans import FIGURE, capitalised, has_speech, names, outside_speech, people
from rag.writer.facts import numbers, speakers

KINDS = ("number", "name", "polarity", "speaker", "date")
SENTENCES = 3
"""Sentences of a passage."""
_SHORTEST, _LONGEST = 40, 320
_LEAD = re.compile(
    r"^(?:(?:However|Meanwhile|Moreover|Furthermore|In addition|Also), |(?:On|In|At|By|After) [^,]{3,60}, )"
)
_ASIDE = re.compile(r"\s\([^()]*\)|, (?:who|which|where) [^,]+(?=,|\.$)|, [a-z][^,“”\"]{3,60}(?=, )")
_TAIL = re.compile(r", (?:while|although|but|and|after|before|because|saying|which|where|as|with) [^“”\"]*(?=\.$)")
_SAID = re.compile(r"^(?P<said>[A-Z“\"][^“”\"]+?),? (?:said|says) (?P<who>[A-Z][^,.]*)\.$")
_VERB = re.compile(r"\b(is|are|was|were|has|have|had|will|would|can|could|should|must|did|does)\b(?! not\b|n’t|n't)")
_NOT = re.compile(r" not\b|n’t\b|n't\b")
_TURNED = {
    "increased": "decreased",
    "rose": "fell",
    "before": "after",
    "more": "less",
    "won": "lost",
    "opened": "closed",
    "began": "ended",
    "above": "below",
    "first": "last",
    "supported": "opposed",
    "accepted": "rejected",
    "largest": "smallest",
}
_SPELLED = "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty".split()
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim about a passage; ``kind`` is how it was altered, or ``true``."""

    passage: str
    text: str
    kind: str


def claims(text: str, chance: random.Random) -> Iterator[Claim]:
    """Yield true and altered claims about each few sentences of a text."""
    spans = [span for line in _lines(text) for span in sentence_spans(text[line.start : line.end], line.start)]
    for first in range(0, len(spans) - SENTENCES + 1, SENTENCES):
        passage = text[spans[first].start : spans[first + SENTENCES - 1].end]
        one = chance.randrange(SENTENCES)
        for place, span in enumerate(spans[first : first + SENTENCES]):
            sentence = text[span.start : span.end]
            chosen = place == one or speakers(sentence)
            if chosen and _SHORTEST <= len(sentence) <= _LONGEST and sentence.endswith(".") and "\n" not in passage:
                yield from _about(sentence, passage, text, chance)


def _about(sentence: str, passage: str, text: str, chance: random.Random) -> Iterator[Claim]:
    said = shortened(sentence, chance)
    if said != sentence:
        yield Claim(passage, said, "true")
    for kind, altered in mutated(said, passage, text, chance).items():
        yield Claim(passage, altered, kind)


def shortened(sentence: str, chance: random.Random) -> str:
    """Return a sentence as somebody who retells it might: parts left out, who said it put first."""
    said = _SAID.match(sentence)
    if said and len(people(said["who"])) == 1:
        inner = said["said"]
        return f"{said['who']} said that {inner[0].lower() if not names(inner)[:1] else inner[0]}{inner[1:]}."
    for pattern in chance.sample((_LEAD, _ASIDE, _TAIL), 3):
        shorter = pattern.sub("", sentence, count=1)
        if shorter != sentence and len(shorter) >= _SHORTEST:
            return shorter[0].upper() + shorter[1:]
    return sentence


def mutated(claim: str, passage: str, text: str, chance: random.Random) -> Mapping[str, str]:
    """Return a claim altered in each way that applies; half of the replacements are taken from the passage itself."""
    found = {
        "number": _other_number(claim, passage, chance),
        "name": _other_name(claim, passage if chance.random() < 0.5 else text, chance),
        "polarity": _turned(claim, chance),
        "speaker": _other_speaker(claim, passage if chance.random() < 0.5 else text, chance),
        "date": _other_date(claim, passage, chance),
    }
    return {kind: altered for kind, altered in found.items() if altered and altered not in passage}


def _replaced(claim: str, span: Span, other: str) -> str:
    return claim[: span.start] + other + claim[span.end :]


def _other_number(claim: str, passage: str, chance: random.Random) -> str | None:
    dates = [match.span() for match in DATE.finditer(claim)]
    places = [
        Span(*match.span())
        for match in re.finditer(rf"\b(?:{FIGURE.pattern}|{'|'.join(_SPELLED)})\b", claim)
        if not any(start <= match.start() < end for start, end in dates)
    ]
    if not places:
        return None
    span = chance.choice(places)
    old = claim[span.start : span.end]
    rest = [match.group() for match in FIGURE.finditer(passage) if numbers(match.group()) != numbers(old)]
    if old.lower() in _SPELLED:
        return _replaced(claim, span, chance.choice([word for word in _SPELLED if word != old.lower()]))
    if rest and chance.random() < 0.5:
        return _replaced(claim, span, chance.choice(rest))
    digits = re.search(r"\d", old)
    return (
        _replaced(claim, span, re.sub(r"\d", lambda match: str((int(match[0]) + 3) % 9 + 1), old)) if digits else None
    )


def _other_name(claim: str, source: str, chance: random.Random) -> str | None:
    known = frozenset(capitalised(source)) | frozenset(capitalised(claim))
    own = [span for span in names(outside_speech(claim), known) if not DATE.search(claim[span.start : span.end])]
    others = sorted({source[span.start : span.end] for span in names(source, known)})
    others = [
        name
        for name in others
        if not DATE.search(name) and name not in claim and not any(w in claim for w in name.split())
    ]
    if not own or not others:
        return None
    return _replaced(claim, chance.choice(own), chance.choice(others))


def _turned(claim: str, chance: random.Random) -> str | None:
    """Return a claim that says the opposite: a *not* more or less, or a word turned."""
    told = outside_speech(claim)
    turned = [match for match in words(told) if match.group() in _TURNED]
    if turned and chance.random() < 0.5:
        match = chance.choice(turned)
        return _replaced(claim, Span(*match.span()), _TURNED[match.group()])
    negation = _NOT.search(told)
    if negation:
        return _replaced(claim, Span(*negation.span()), "")
    verb = _VERB.search(told)
    return _replaced(claim, Span(verb.end(), verb.end()), " not") if verb else None


def _other_speaker(claim: str, source: str, chance: random.Random) -> str | None:
    who = speakers(claim)
    known = frozenset(capitalised(source)) | frozenset(capitalised(claim))
    own = people(outside_speech(claim), known)
    others = sorted({source[span.start : span.end] for span in people(source, known)})
    others = [name for name in others if not any(word in claim for word in name.split())]
    if not (who or has_speech(claim)) or not own or not others:
        return None
    speaking = [
        span
        for span in own
        if any(each & other for each in speakers(f"{claim[span.start : span.end]} said") for other in who)
    ]
    return _replaced(claim, chance.choice(speaking), chance.choice(others)) if speaking else None


def _other_date(claim: str, passage: str, chance: random.Random) -> str | None:
    dates = [match for match in DATE.finditer(claim) if re.search(r"\d|[A-Z]", match.group())]
    if not dates:
        return None
    match = chance.choice(dates)
    old = match.group()
    rest = [other.group() for other in DATE.finditer(passage) if other.group() not in old and old not in other.group()]
    if rest and chance.random() < 0.5:
        return _replaced(claim, Span(*match.span()), chance.choice(rest))
    for listed in (_MONTHS, _DAYS):
        for word in listed:
            if word in old:
                return claim.replace(old, old.replace(word, chance.choice([each for each in listed if each != word])))
    return claim.replace(old, re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 4) % 10), old))


def _lines(text: str) -> Sequence[Span]:
    return [Span(match.start(), match.end()) for match in re.finditer(r"[^\n]+", text)]
