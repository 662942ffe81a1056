"""The short answer: the words of a sentence that answer by themselves, if there are any."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.terms import stem, terms, words
from index.types import Span
from rag.query.question import Expects, Question
from rag.reader.read import CELLS, expected_spans
from rag.reader.spans import FREQUENCY, MONEY, UNIT, coordinated, spans_of

_BY = re.compile(r"\bby (?:the )?(?:[a-z]+ |[A-Z]\w+ (?:of )?){0,4}$")
_ENUMERABLE = (Expects.PERSON, Expects.NAME, Expects.PLACE)
_HOW_OFTEN = re.compile(
    r"\bhow (?:often|frequently)\b|\bwie (?:oft|häufig)\b|\b(?:con qué frecuencia|cada cuánto)\b"
    r"|\b(?:à quelle fréquence|tous les combien)\b",
    re.I,
)
_MEASURED = re.compile(r"\bhow (?:long|tall|large|big|far|high|deep|wide|thick|heavy|fast|old|hot|cold)\b", re.I)
_WHICH = re.compile(r"\b(?:what|which|how much|welche[rsnm]?|was|wie viel|qué|cuál|cuánto|quelle?|combien)\b", re.I)
_COST = re.compile(r"\b(?:costs?|price|pay|kostet|kosten|cuesta|cuestan|coûte|coûtent)\b", re.I)


def worded_answer(question: Question, sentence: str, known: frozenset[str]) -> str | None:
    """Return the short answer as it is shown: whole where :func:`short_answer` gives the bare value.

    *How often* takes the phrase (``every five years``), a measure its unit, and of a row of a table that has no span of
    the expected kind answers the cell whose column is asked for.
    """
    if _HOW_OFTEN.search(question.text) and (found := _nearest(question, sentence, spans_of(FREQUENCY, sentence))):
        return sentence[found[0].start : found[-1].end]
    spans = _best(question, sentence, known)
    if not spans:
        return _cell(question, sentence)
    unit = UNIT.match(sentence, spans[-1].end) if _MEASURED.search(question.text) else None
    return short_answer(question, sentence, known) if unit is None else sentence[spans[0].start : unit.end()]


def short_answer(question: Question, sentence: str, known: frozenset[str]) -> str | None:
    """Return the words of ``sentence`` that answer, or ``None`` if the question wants prose or no span fits.

    Of several spans of the expected kind, the one nearest to the question's own words wins; names that the sentence
    enumerates are given together.
    """
    return _joined([sentence[span.start : span.end] for span in _best(question, sentence, known)]) or None


def _best(question: Question, sentence: str, known: frozenset[str]) -> list[Span]:
    return _nearest(question, sentence, expected_spans(question, sentence, known))


def _nearest(question: Question, sentence: str, spans: list[Span]) -> list[Span]:
    if not spans:
        return []
    groups = list(coordinated(sentence, spans)) if question.expects in _ENUMERABLE else [[span] for span in spans]
    places = _matched(question, sentence)
    return min(groups, key=lambda group: (_distance(question, sentence, group, places), group[0].start))


def _cell(question: Question, sentence: str) -> str | None:
    """Return the cell that answers, if the row is of what is asked and just one of its columns is asked for."""
    if CELLS not in sentence or question.compares or not _WHICH.search(question.text):
        return None
    cells = [(name, value) for name, colon, value in (each.partition(": ") for each in sentence.split(CELLS)) if colon]
    named = [value for name, value in cells if _speaks_of(question, name)]
    if not named and _COST.search(question.text):
        named = [value for _, value in cells if MONEY.fullmatch(value)]
    of_it = any(_speaks_of(question, value) for _, value in cells if value not in named)
    return named[0] if len(named) == 1 and of_it and not _speaks_of(question, named[0]) else None


def _speaks_of(question: Question, text: str) -> bool:
    return any(term.stem in question.terms for term in terms(text))


def _matched(question: Question, sentence: str) -> list[Span]:
    return [Span(term.start, term.end) for term in terms(sentence) if term.stem in question.terms]


def _distance(question: Question, sentence: str, group: Sequence[Span], places: Sequence[Span]) -> float:
    """Return how far a group stands from the question's words in the sentence, in characters; less is better."""
    start, end = group[0].start, group[-1].end
    if question.counted and _counts(question.counted, sentence, group[-1]):
        return -1.0
    if question.expects is Expects.PERSON and _BY.search(sentence[:start]):
        return -1.0
    gaps = sorted(max(start - place.end, place.start - end, 0) for place in places)
    return sum(gaps[:2]) / max(1, len(gaps[:2])) if gaps else float(start)


def _counts(counted: str, sentence: str, span: Span) -> bool:
    """Tell whether a number counts the thing asked for: its word is in the span or among the three after it."""
    following = [stem(word.group()) for word in words(sentence[span.start : span.end + 60])]
    return counted in following[: len(words(sentence[span.start : span.end])) + 3]


def _joined(pieces: Sequence[str]) -> str:
    return "".join(pieces) if len(pieces) < 2 else f"{', '.join(pieces[:-1])} and {pieces[-1]}"
