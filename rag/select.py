"""Which sentences make the answer: the best one, and more only where the question needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.question import Expects, Question
from rag.read import FEATURES, Candidate, covered
from rag.shorten import short_answer
from rag.when import Order

CLOSE_GAP = 0.7
"""More sentences are shown if their score is within this of the best (odds of 1 to 2): one where the reader is torn, or
several where the question asks for a list."""
RIVAL_GAP = 2.0
"""A sentence of another document that gives another value is named although its score is this much lower."""
RIVAL_SIMILARITY = 0.7
"""Cosine from which two sentences speak of the same thing."""
REPEATED = 0.7
"""A sentence whose terms are to this part in those already chosen adds nothing."""

_VALUES = (Expects.NUMBER, Expects.MONEY, Expects.DATE)


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen sentences, in the order to show them, and the short answer, if there is one."""

    candidates: tuple[Candidate, ...]
    short: str | None


def select(question: Question, candidates: Sequence[Candidate], known: frozenset[str], limit: int) -> Selection:
    """Choose at most ``limit`` sentences from candidates that are sorted by score, the best first.

    ``known`` are words of names, see `rag.read.known_names`.
    """
    best = _newest(candidates) if question.newest else candidates[0]
    chosen = [best]
    # A document that says the same with another value repeats most words, and is just what is wanted.
    for candidate in _elsewhere(question, candidates, known):
        if len(chosen) < limit:
            chosen.append(candidate)
    for candidate in () if question.newest else _close(question, candidates):
        if len(chosen) < limit and _as_named(candidate, best) and not _repeats(candidate, chosen):
            chosen.append(candidate)
    ordered = _in_order(chosen, question.order)
    return Selection(tuple(ordered), short_answer(question, ordered[0].text, known))


def _newest(candidates: Sequence[Candidate]) -> Candidate:
    """Return the sentence of the newest document among those that speak of the same thing as the best one."""
    best = candidates[0]
    rivals = [
        candidate
        for candidate in candidates[1:]
        if best.score - candidate.score <= RIVAL_GAP and float(candidate.vector @ best.vector) >= RIVAL_SIMILARITY
    ]
    return max([best, *rivals], key=lambda candidate: (candidate.published, candidate.score))


def _elsewhere(question: Question, candidates: Sequence[Candidate], known: frozenset[str]) -> Iterator[Candidate]:
    if question.newest:
        return
    if question.compares:
        yield from _others(candidates)
    elif question.expects in _VALUES:
        yield from _rivals(question, candidates, known)


def _close(question: Question, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    best = candidates[0]
    for candidate in candidates[1:] if question.plural else candidates[1:2]:
        if best.score - candidate.score > CLOSE_GAP:
            return
        if not question.plural or covered(question, candidate.stems) >= covered(question, best.stems) / 2:
            yield candidate


def _others(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield the best sentence of each other document, as long as it is near the best of all; the same words once."""
    seen = {candidates[0].document_id}
    said = [candidates[0].stems]
    for candidate in candidates[1:]:
        if candidates[0].score - candidate.score > RIVAL_GAP:
            return
        if candidate.document_id not in seen:
            seen.add(candidate.document_id)
            if candidate.stems not in said:
                said.append(candidate.stems)
                yield candidate


def _rivals(question: Question, candidates: Sequence[Candidate], known: frozenset[str]) -> Iterator[Candidate]:
    """Yield the first sentence of each other document that says the same thing with another value."""
    best = candidates[0]
    value = short_answer(question, best.text, known)
    seen = {best.document_id}
    for candidate in candidates[1:]:
        if best.score - candidate.score > RIVAL_GAP:
            return
        other = short_answer(question, candidate.text, known)
        similar = float(candidate.vector @ best.vector) >= RIVAL_SIMILARITY
        if candidate.document_id not in seen and similar and other and value and other != value:
            seen.add(candidate.document_id)
            yield candidate


def _as_named(candidate: Candidate, best: Candidate) -> bool:
    """Tell whether a sentence is about the names of the question as much as the best one is."""
    column = FEATURES.index("names_covered")
    return bool(candidate.features[column] >= best.features[column])


def _repeats(candidate: Candidate, chosen: Sequence[Candidate]) -> bool:
    said = frozenset().union(*(other.stems for other in chosen))
    return len(candidate.stems & said) >= REPEATED * len(candidate.stems)


def _in_order(chosen: Sequence[Candidate], order: Order | None) -> list[Candidate]:
    """Order by time if that is wanted, else by document, the one with the best sentence first, and as it reads."""
    documents = list(dict.fromkeys(candidate.document_id for candidate in chosen))
    ordered = sorted(chosen, key=lambda candidate: (documents.index(candidate.document_id), candidate.start))
    if order is None:
        return ordered
    return sorted(ordered, key=lambda candidate: candidate.published, reverse=order == "newest")
