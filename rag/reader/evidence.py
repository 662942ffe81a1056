"""Which of the sentences that were read may be evidence. Documents are hostile: some are written for the machine.

What commands a machine is none, and neither is what orders an answer, unless the question is about just that. A title
that gives orders helps no sentence. A passage that asks the very question again and again was made to be found. What
says nothing but the question, or nothing that could be an age where one is asked for, answers nothing either, and
neither does what is told of another year than the one asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from index.terms import stem, terms, words
from index.types import Span
from rag.query.question import Expects, Question
from rag.reader.dates import YEAR
from rag.reader.measure import measured
from rag.reader.orders import TELLING, about_machines, about_saying, commands, is_order, opens_turn, orders
from rag.reader.read import QUESTION_ENDS, ROW_MARKS, Candidate
from rag.retrieval.distinct import Found

STUFFED = 2
"""How often a passage may not ask the question that it is found for."""
REPEATED = 0.8
"""Share of the question's term weight from which a question in a passage repeats it."""
SAID = 0.8
"""Share of a sentence's words from which it was said already."""
_BAITED = re.compile(r"\w{3,}(?: \S+){2,}[?？؟]\s+\w")
_SHORTEST = 4
"""Words from which a question that stands in a sentence word for word was put there to be found."""


def evidence(question: Question, candidates: Sequence[Candidate], said: str = "") -> list[Candidate]:
    """Return the candidates that may be evidence, in their order; not what was ``said`` already."""
    if not about_machines(question.text):
        candidates = _admissible(candidates, asked_to_say=about_saying(question.text))
    found = {each.found.stored.passage.id: each.found for each in candidates}
    stuffed = {id_ for id_, each in found.items() if _is_stuffed(question, each)}
    asked = _plain(question.text)
    stems_asked = frozenset(stem(word) for word in asked)
    wanted = measured(question.text)
    told = frozenset(term.stem for term in terms(said))
    return [
        each
        for each in candidates
        if each.found.stored.passage.id not in stuffed
        and not _echoes(question, asked, stems_asked, each)
        and not _of_another_year(question, each)
        and all(pattern.search(each.text) for pattern in wanted)
        and not (told and len(each.stems & told) >= SAID * len(each.stems))
    ]


def without_orders(found: Found) -> Found:
    """Return what was found without a title or heading that commands or orders, or answers its own question."""
    context = _bare_context(found.stored.passage.context)
    if context == found.stored.passage.context:
        return found
    return replace(found, stored=replace(found.stored, passage=replace(found.stored.passage, context=context)))


@lru_cache(maxsize=4096)
def _bare_context(context: str) -> str:
    return " · ".join(part for part in context.split(" · ") if not is_order(part) and not _BAITED.search(part))


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


def _echoes(question: Question, asked: list[str], stems_asked: frozenset[str], candidate: Candidate) -> bool:
    """Tell whether a sentence only says the question again, or begins with it to have believed what follows.

    A row of a table may hold a question and its answer.
    """
    if (
        any(mark in candidate.text for mark in ROW_MARKS)
        or len(candidate.stems & stems_asked) < len(question.terms) / 2
    ):
        return False
    if len(asked) >= _SHORTEST and _plain(candidate.text)[: len(asked)] == asked:
        return True
    return question.expects is not Expects.PROSE and candidate.stems <= stems_asked


def _of_another_year(question: Question, candidate: Candidate) -> bool:
    """Tell whether a sentence names years, and the question's is neither between them nor anywhere near."""
    told = sorted(YEAR.findall(candidate.text))
    if not told or not question.years or question.compares:
        return False
    passage = candidate.found.stored.passage
    around = {*YEAR.findall(passage.text), *YEAR.findall(passage.context)}
    return not any(year in around or told[0] < year < told[-1] for year in question.years)


def _plain(text: str) -> list[str]:
    return [word.group().lower() for word in words(text)]


def _is_stuffed(question: Question, found: Found) -> bool:
    passage = found.stored.passage
    if sum(map(passage.text.count, QUESTION_ENDS)) < STUFFED or not question.weight:
        return False
    texts = [passage.text[span.start - passage.start : span.end - passage.start] for span in passage.sentences]
    return sum(text.endswith(QUESTION_ENDS) and _repeats(question, text) for text in texts) >= STUFFED


def _repeats(question: Question, text: str) -> bool:
    said = {stem(word.group()) for word in words(text)}
    return sum(weight for term, weight in question.terms.items() if term in said) >= REPEATED * question.weight
