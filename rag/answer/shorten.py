"""The short answer: the span of a sentence that answers by itself, if there is one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.terms import stem, terms, words
from index.types import Span
from rag.query.question import Expects, Question
from rag.reader.read import expected_spans
from rag.reader.spans import coordinated

_BY = re.compile(r"\bby (?:the )?(?:[a-z]+ |[A-Z]\w+ (?:of )?){0,4}$")
_ENUMERABLE = (Expects.PERSON, Expects.NAME, Expects.PLACE)


def short_answer(question: Question, sentence: str, known: frozenset[str]) -> str | None:
    """Return the words of ``sentence`` that answer, or ``None`` if the question wants prose or no span fits.

    Of several spans of the expected kind, the one nearest to the question's own words wins; names that the sentence
    enumerates are given together.
    """
    spans = expected_spans(question, sentence, known)
    if not spans:
        return None
    groups = list(coordinated(sentence, spans)) if question.expects in _ENUMERABLE else [[span] for span in spans]
    places = _matched(question, sentence)
    best = min(groups, key=lambda group: (_distance(question, sentence, group, places), group[0].start))
    return _joined([sentence[span.start : span.end] for span in best])


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
    return pieces[0] if len(pieces) == 1 else f"{', '.join(pieces[:-1])} and {pieces[-1]}"
