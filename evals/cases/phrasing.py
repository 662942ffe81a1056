"""Questions that a sentence answers, by the shape of the sentence alone: English, and only where the shape is plain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.types import Quantity
from index.readers.dates import dates_in
from rag.reader.spans import has_speech, people

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_WORDS, MAX_WORDS = 4, 30
"""Shorter sentences rarely say enough to be asked about, longer ones make clumsy questions."""
_PAST = (
    "became began bought brought built chose drew fell found gave grew held kept knew laid led left lost made met paid "
    "ran read saw sent set sold spent spoke stood taught thought told took went won wrote"
).split()
_VERB = re.compile(rf"\s+(?:[a-z]+ed|{'|'.join(_PAST)})\b")
_SUBJECT = (
    r"(?:The|An?|Every|Each|All|Our)(?: (?!(?:and|or|but|that|which|who|if|when|as|than|whose)\b)[\w’'-]+){1,5}?"
    r"|[A-Z][\w’'-]+(?: (?:of|the|de|van|von|[A-Z][\w’'-]+)){0,4}"
)
_STATED = re.compile(
    rf"(?P<subject>{_SUBJECT}) (?P<verb>is|are|was|were|will|can|must|may|should) (?P<rest>(?:[^,;:()]|,(?=\d))+)[.!]"
)
_PRONOUNS = frozenset("he she it they we i you this that these those there here who what which both".split())
_LEADING = frozenset("the a an every each all our".split())
_COUNTED = re.compile(
    r"(?:about |at least |at most |up to |only )?(?P<number>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?) (?P<unit>[a-z]{3,})\b"
)
_KIND = re.compile(r"(?:an?|the) [^,;:()]{4,80}")
_PREPOSITION = re.compile(r",?\s*\b(?:on|in|since|by|until|from)?\s*$")


@dataclass(frozen=True, slots=True)
class Asking:
    """A question and what of the sentence answers it: a wording, a quantity, or a date."""

    question: str
    wording: str = ""
    quantity: Quantity | None = None
    date: str = ""


def questions_of(sentence: str) -> Iterator[Asking]:
    """Yield the questions that a sentence of running text answers, the most telling first; often there is none."""
    sentence = " ".join(sentence.split())
    if not MIN_WORDS <= len(sentence.split()) <= MAX_WORDS or has_speech(sentence) or sentence[-1] not in ".!":
        return
    yield from _who(sentence)
    stated = _STATED.fullmatch(sentence)
    if stated is None or stated["subject"].split()[0].lower() in _PRONOUNS:
        return
    first, _, others = stated["subject"].partition(" ")
    subject = f"{first.lower()} {others}" if first.lower() in _LEADING else stated["subject"]
    yield from _how_many(stated["verb"], subject, stated["rest"])
    yield from _when(stated["verb"], subject, stated["rest"])
    kind = _KIND.fullmatch(stated["rest"])
    if stated["verb"] in ("is", "was") and kind:
        asked = "Who" if subject[0].isupper() and " " in subject and people(subject) else "What"
        yield Asking(f"{asked} {stated['verb']} {subject}?", wording=kind[0])


def _who(sentence: str) -> Iterator[Asking]:
    person = next(iter(people(sentence)), None)
    if person is not None and person.start == 0 and _VERB.match(sentence, person.end):
        yield Asking(f"Who{sentence[person.end : -1]}?", wording=sentence[: person.end])


def _how_many(verb: str, subject: str, rest: str) -> Iterator[Asking]:
    counted = _COUNTED.match(rest)
    if counted is None or any(start < counted.end() for start, _, _ in dates_in(rest)):
        return
    left = rest[counted.end() :].strip()
    value = float(counted["number"].replace(",", ""))
    unit = counted["unit"]
    yield Asking(f"How many {unit} {verb} {subject} {left}".rstrip() + "?", quantity=Quantity(value, 0, {unit: 1.0}))


def _when(verb: str, subject: str, rest: str) -> Iterator[Asking]:
    dates = dates_in(rest)
    if len(dates) == 1:
        start, end, date = dates[0]
        before = _PREPOSITION.sub("", rest[:start])
        yield Asking(f"When {verb} {subject} {before}{rest[end:]}".rstrip() + "?", date=date)
