"""Which of the sentences that were read may be evidence. Documents are hostile: some are written for the machine.

What commands a machine is none, and neither is what orders an answer, unless the question is about just that. A title
that gives orders helps no sentence. A passage that asks the very question again and again was made to be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from index.terms import stem, words
from index.types import Span
from rag.orders import TELLING, about_machines, about_saying, commands, is_order, opens_turn, orders
from rag.question import Question
from rag.read import QUESTION_ENDS, Candidate
from rag.retrieve import Found

STUFFED = 2
"""How often a passage may not ask the question that it is found for."""
STUFFED_COST = 3.0
"""What the score of its sentences loses then: odds of 1 to 20."""
REPEATED = 0.8
"""Share of the question's term weight from which a question in a passage repeats it."""


def evidence(question: Question, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that may be evidence, best first; those of a passage stuffed with the question cost."""
    if not about_machines(question.text):
        candidates = _admissible(candidates, asked_to_say=about_saying(question.text))
    return _demoted(question, candidates)


def without_orders(found: Found) -> Found:
    """Return what was found without a title or heading that commands or orders."""
    context = _bare_context(found.stored.passage.context)
    if context == found.stored.passage.context:
        return found
    return replace(found, stored=replace(found.stored, passage=replace(found.stored.passage, context=context)))


@lru_cache(maxsize=4096)
def _bare_context(context: str) -> str:
    return " · ".join(part for part in context.split(" · ") if not is_order(part))


def _admissible(candidates: Sequence[Candidate], *, asked_to_say: bool) -> list[Candidate]:
    kept: list[Candidate] = []
    turns: list[tuple[str, Span]] = []
    for each in candidates:
        if each.stems.isdisjoint(TELLING):
            kept.append(each)
        elif commands(each.text):
            if opens_turn(each.text):
                turns.append((each.document_id, _rest_of_paragraph(each)))
        elif asked_to_say or not orders(each.text):
            kept.append(each)
    return [each for each in kept if not any(_inside(each, *turn) for turn in turns)] if turns else kept


def _rest_of_paragraph(candidate: Candidate) -> Span:
    passage = candidate.found.stored.passage
    end = passage.text.find("\n", candidate.end - passage.start)
    return Span(candidate.end, passage.end if end < 0 else passage.start + end)


def _inside(candidate: Candidate, document_id: str, extent: Span) -> bool:
    return candidate.document_id == document_id and extent.start <= candidate.start < extent.end


def _demoted(question: Question, candidates: Sequence[Candidate]) -> list[Candidate]:
    found = {each.found.stored.passage.id: each.found for each in candidates}
    stuffed = {id_ for id_, each in found.items() if _is_stuffed(question, each)}
    if not stuffed:
        return list(candidates)
    scored = [
        replace(each, score=each.score - STUFFED_COST) if each.found.stored.passage.id in stuffed else each
        for each in candidates
    ]
    return sorted(scored, key=lambda each: -round(each.score, 6))


def _is_stuffed(question: Question, found: Found) -> bool:
    passage = found.stored.passage
    if sum(map(passage.text.count, QUESTION_ENDS)) < STUFFED or not question.weight:
        return False
    texts = [passage.text[span.start - passage.start : span.end - passage.start] for span in passage.sentences]
    return sum(text.endswith(QUESTION_ENDS) and _repeats(question, text) for text in texts) >= STUFFED


def _repeats(question: Question, text: str) -> bool:
    said = {stem(word.group()) for word in words(text)}
    return sum(weight for term, weight in question.terms.items() if term in said) >= REPEATED * question.weight
