"""Which sentences make the answer: the best one, and more only where the question needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from index.terms import stem, words
from rag.answer.shorten import short_answer, worded_answer
from rag.query.question import VALUES, Expects, Question
from rag.query.when import Order
from rag.reader.read import CELLS, FEATURES, Candidate, covered
from rag.reader.spans import has_speech
from rag.writer.facts import is_name

CLOSE_GAP = 0.7
"""More sentences are shown if their score is within this of the best (odds of 1 to 2): one where the reader is torn, or
several where the question asks for a list."""
RIVAL_GAP = 2.0
"""A sentence of another document that gives another value is named although its score is this much lower."""
UNIT_WORDS = 2
"""Words after a number among which is what it counts."""
RESTATED = 0.7
FEWEST = 3
"""Share of the words of two sentences, taken together without the names and numbers that only one of them has, that
both have where one restates the other; and how many words these are at least."""
REPEATED = 0.7
"""A sentence whose terms are to this part in those already chosen adds nothing."""
_WORDS = re.compile(
    r"^\W*(?:and |but |so )?what (?:did|does|do|has|have|had) (?-i:[A-ZÀ-Þ]).{1,80}"
    r"\b(?:say|said|tell|told|write|written|add|added|reply|replied|answer|announce)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen sentences, in the order to show them, and the short answer, if there is one.

    ``contrary`` are those of them that say otherwise than the best one.
    """

    candidates: tuple[Candidate, ...]
    short: str | None
    contrary: tuple[Candidate, ...] = ()


def select(question: Question, candidates: Sequence[Candidate], known: frozenset[str], limit: int) -> Selection:
    """Choose at most ``limit`` sentences from candidates that are sorted by score, the best first.

    ``known`` are words of names, see `rag.reader.read.known_names`.
    """
    spoken = _spoken(question, candidates)
    best = _newest(question, candidates, known) if question.newest else spoken or candidates[0]
    chosen = [best]
    # A document that says the same with another value repeats most words, and is just what is wanted.
    chosen += islice(_elsewhere(question, candidates, known), limit - 1)
    contrary = () if question.compares else tuple(chosen[1:])
    for candidate in () if question.newest or spoken else _close(question, candidates):
        if len(chosen) < limit and _as_named(candidate, best) and not _repeats(candidate, chosen):
            chosen.append(candidate)
    ordered = _in_order(chosen, question.order)
    return Selection(tuple(ordered), worded_answer(question, ordered[0].text, known), contrary)


def _spoken(question: Question, candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the best sentence with quoted speech where what somebody said is asked and the best one has none.

    That somebody spoke somewhere, as tables have it, is not what was said; another sentence gives way to speech nearby.
    """
    best = candidates[0]
    if not _WORDS.search(question.text) or has_speech(best.text):
        return None
    near = candidates if CELLS in best.text else [each for each in candidates if best.score - each.score <= RIVAL_GAP]
    return next((each for each in near if has_speech(each.text) and _as_named(each, best)), None)


def _newest(question: Question, candidates: Sequence[Candidate], known: frozenset[str]) -> Candidate:
    """Return the sentence of the newest document among those that tell the same thing as the best one, or its value."""
    best = candidates[0]

    def value(candidate: Candidate) -> bool:
        return question.expects is not Expects.PROSE and bool(short_answer(question, candidate.text, known))

    near = [candidate for candidate in candidates if best.score - candidate.score <= RIVAL_GAP]
    giving = [candidate for candidate in near if value(candidate)]
    alike = [each for each in candidates if each.is_like(best) and (each in near or _same_row(each, best))]
    pool = giving or [best, *alike]
    return max(pool, key=lambda candidate: (candidate.published, candidate.score))


def _restated(candidate: Candidate, best: Candidate) -> bool:
    """Tell whether a sentence is the other one but for names or numbers, of which each has its own."""
    own, its = _own(candidate, best), _own(best, candidate)
    both = candidate.stems & best.stems
    rest = (candidate.stems | best.stems) - own - its
    return bool(own and its) and len(both) >= max(FEWEST, RESTATED * len(rest)) and _as_named(candidate, best)


def _own(candidate: Candidate, other: Candidate) -> set[str]:
    """Return the stems of the names and numbers of a sentence that the other one lacks."""
    found = {stem(word.group()) for word in words(candidate.text) if is_name(word.group())}
    return (found & candidate.stems) - other.stems


def _same_row(candidate: Candidate, best: Candidate) -> bool:
    """Tell whether two rows of tables are of the same thing: their first cells are the same."""
    first = best.text.partition(CELLS)[0]
    return CELLS in best.text and CELLS in candidate.text and candidate.text.partition(CELLS)[0] == first


def _elsewhere(question: Question, candidates: Sequence[Candidate], known: frozenset[str]) -> Iterator[Candidate]:
    if question.newest:
        return
    if question.compares:
        yield from _others(candidates, ordered=question.order is not None)
    else:
        yield from _rivals(question, candidates, known)


def _close(question: Question, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    best = candidates[0]
    for candidate in candidates[1:] if question.plural else candidates[1:2]:
        if best.score - candidate.score > CLOSE_GAP:
            return
        if not question.plural or covered(question, candidate.stems) >= covered(question, best.stems) / 2:
            yield candidate


def _others(candidates: Sequence[Candidate], *, ordered: bool) -> Iterator[Candidate]:
    """Yield the best sentence of each other document, as long as it is near the best of all; the same words once.

    Where they are ``ordered`` by time, near is what speaks of the same thing.
    """
    best = candidates[0]
    seen = {best.document_id}
    said = [best.stems]
    for candidate in candidates[1:]:
        near = best.score - candidate.score <= RIVAL_GAP or (ordered and candidate.is_like(best))
        if candidate.document_id in seen or not (near or _same_row(candidate, best)):
            continue
        seen.add(candidate.document_id)
        if candidate.stems not in said:
            said.append(candidate.stems)
            yield candidate


def _rivals(question: Question, candidates: Sequence[Candidate], known: frozenset[str]) -> Iterator[Candidate]:
    """Yield the first sentence of each other document that says the same thing with another value.

    The same row of another table does, and the same sentence with another name or number, however their scores are.
    """
    best = candidates[0]
    value = short_answer(question, best.text, known)
    seen = {best.document_id}
    for candidate in candidates[1:]:
        if candidate.document_id in seen or not _has_at_least(candidate, best, "years_covered"):
            continue
        if _same_row(candidate, best) or _restated(candidate, best):
            seen.add(candidate.document_id)
            if candidate.text != best.text:
                yield candidate
        elif question.expects in VALUES and candidate.is_like(best):
            other = short_answer(question, candidate.text, known)
            near = best.score - candidate.score <= RIVAL_GAP
            if other and value and other != value and (near or _measures_alike(candidate, other, best, value)):
                seen.add(candidate.document_id)
                yield candidate


def _measures_alike(candidate: Candidate, other: str, best: Candidate, value: str) -> bool:
    """Tell whether a sentence probably answers, about the names asked, and counts what the best one does."""
    answers = candidate.log_odds > 0 and _as_named(candidate, best)
    return answers and not _following(candidate.text, other).isdisjoint(_following(best.text, value))


def _following(text: str, value: str) -> set[str]:
    """Return the stems of the next words after a value that stands in a text."""
    after = words(text[text.index(value) + len(value) :])
    return {stem(word.group()) for word in islice(after, UNIT_WORDS)}


def _as_named(candidate: Candidate, best: Candidate) -> bool:
    """Tell whether a sentence is about the names of the question as much as the best one is."""
    return _has_at_least(candidate, best, "names_covered")


def _has_at_least(candidate: Candidate, best: Candidate, feature: str) -> bool:
    column = FEATURES.index(feature)
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
