"""Cases that nobody has accepted yet: proposed from documents, or from what readers said of answers.

A draft is marked as such and does not count until a person removes the mark. From documents, a question is proposed
only if citechat, asked it, quotes the very sentence it was made of; what it should say is what the sentence says.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import yaml

from evals.scoring.metrics import overlaps
from evals.scoring.text import contains
from index.sentences import sentence_spans
from rag.answer.lists import whole_list
from rag.suggest.listing import questions_of_lines
from rag.suggest.phrasing import is_row, named_in, questions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from evals.cases.feedback import Feedback
    from evals.running.answerer import Answerer
    from index.types import Document
    from rag.suggest.asking import Asking

    Propose = Callable[[str, frozenset[str] | None], Iterator[Asking]]

TRIED = 3
"""Questions that are asked for each that is wanted, at most."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed case: its entry in a case file, and what a person should know who accepts it."""

    entry: dict[str, Any]
    note: str = ""
    quotes: tuple[str, ...] = field(default=())


def from_documents(
    pipeline: Answerer,
    limit: int,
    progress: Callable[[], object] | None = None,
    propose: Propose = questions_of,
) -> Iterator[Draft]:
    """Yield at most ``limit`` drafts from the documents of a pipeline, taking the documents in turn.

    ``propose`` gives the questions that a sentence answers, the best first, given the words of the document's names.
    """
    proposals = [_proposals(pipeline.corpus.document(info.id), propose) for info in pipeline.corpus.documents()]
    found: set[str] = set()
    asked = 0
    while proposals and len(found) < limit and asked < limit * TRIED:
        proposing = proposals.pop(0)
        proposal = next(proposing, None)
        if proposal is None:
            continue
        proposals.append(proposing)
        asking, source, sentence = proposal
        if asking.question in found:
            continue
        asked += 1
        answer = pipeline.ask(asking.question)
        found_in = [quote.text for quote in answer.quotes] + [hit.text for hit in answer.hits]
        quoted = any(quote.source == source and overlaps(quote.text, sentence) for quote in answer.quotes)
        if quoted and not _answered_otherwise(asking, found_in):
            found.add(asking.question)
            yield _from_sentence(asking, source, sentence)
        if progress is not None:
            progress()


def _answered_otherwise(asking: Asking, texts: Iterable[str]) -> bool:
    """Tell whether a text answers the same question in another way: then no answer is the right one."""
    said = (each for text in texts for _, sentence in _sentences(text) for each in questions_of(sentence))
    return any(each.question == asking.question and each != asking for each in said)


def _proposals(document: Document, propose: Propose) -> Iterator[tuple[Asking, str, str]]:
    text = document.text
    known = named_in(text)
    for start, sentence in _sentences(text):
        listed = whole_list(text, start, start + len(sentence))
        if listed is not None:
            whole = text[start : listed.end]
            yield from ((each, document.source, whole) for each in questions_of_lines(sentence, whole[len(sentence) :]))
        asked = islice(propose(sentence, known), None if is_row(sentence) else 1)  # each cell is a fact of its own
        yield from ((asking, document.source, sentence) for asking in asked)


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield the sentences of a text, and the rows of its tables, each with its place."""
    for paragraph in re.finditer(r"\S(?:.|\n(?!\s*\n))*", text):
        start, lines = paragraph.start(), paragraph[0].split("\n")
        if all(map(is_row, lines)):
            for line in lines:
                yield start, line
                start += len(line) + 1
        else:
            yield from (
                (start + span.start, paragraph[0][span.start : span.end]) for span in sentence_spans(paragraph[0])
            )


def _from_sentence(asking: Asking, source: str, sentence: str) -> Draft:
    wanted: dict[str, Any] = {"answer": [[wording] for wording in asking.listed or (asking.wording,)]}
    if asking.number is not None:
        value, unit = asking.number
        shown = int(value) if value == int(value) else value
        wanted = {"numbers": [{"value": shown, "unit": [unit]}]}
    elif asking.date:
        wanted = {"dates": [asking.date]}
    evidence = [{"source": source, "quote": sentence}]
    entry = {"id": named(asking.question), "question": asking.question, **wanted, "evidence": evidence}
    return Draft({**entry, "tags": ["proposed"], "draft": True}, quotes=(sentence,))


def from_feedback(judged: Sequence[Feedback]) -> Iterator[Draft]:
    """Yield a draft for each question that readers judged; of several judgements of one question the last counts."""
    latest = {each.question: each for each in judged}
    for each in latest.values():
        said = f"A reader said: {each.verdict.replace('_', ' ')}" + (f" ({each.reason})" if each.reason else "")
        wanted, tag, advice = _wanted(each)
        asked = {"id": named(each.question), "question": each.question}
        entry = asked | ({"filter": each.filter} if each.filter else {}) | wanted
        quotes = tuple(quote.text for quote in each.quotes)
        yield Draft({**entry, "tags": ["from-use", tag], "draft": True}, f"{said}. {advice}", quotes)


def _wanted(judged: Feedback) -> tuple[dict[str, Any], str, str]:
    """Return what a right answer may be, a tag, and what a person should do about it."""
    if judged.status != "answered":
        if judged.verdict == "up":
            return {"unanswerable": True}, "refused", "Rightly refused, so far."
        return {"unanswerable": True}, "gap", "A gap: add a document and the answer, or leave it."
    if judged.verdict == "up" and judged.quotes:
        evidence = [{"source": quote.source, "quote": quote.text} for quote in judged.quotes]
        if judged.short and any(contains(quote.text, judged.short) for quote in judged.quotes):
            return {"answer": [[judged.short]], "evidence": evidence}, "praised", "Is this what matters of it?"
        wanted = {"answer": [[quote.text] for quote in judged.quotes], "evidence": evidence}
        return wanted, "praised", "Shorten the answer to the words that matter."
    advice = "Write what the right answer holds, or leave it if the documents do not say."
    return {"unanswerable": True}, "complaint", advice


def named(question: str) -> str:
    """Return an id made of the first words of a question."""
    return "-".join(re.findall(r"\w+", question.lower())[:8]) or "question"


def render_drafts(drafts: Sequence[Draft], folder: Path, corpus: Sequence[Path] = ()) -> str:
    """Return drafts as a YAML case file in ``folder``, with ids that differ and a line on what to do with each."""
    pieces = ["# Proposed cases. They do not count until you have read one and removed its line 'draft: true'.\n"]
    if corpus:
        pieces.append(_yaml([{"corpus": [os.path.relpath(path, folder) for path in corpus]}]))
    taken: dict[str, int] = {}
    for draft in drafts:
        name = draft.entry["id"]
        taken[name] = taken.get(name, 0) + 1
        entry = draft.entry | ({"id": f"{name}-{taken[name]}"} if taken[name] > 1 else {})
        pieces.append((f"# {_one_line(draft.note)}\n" if draft.note else "") + _yaml([entry]))
    return "\n".join(pieces)


def _yaml(value: object) -> str:
    return str(yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=110))


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
