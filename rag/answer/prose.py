"""An answer as text, and as the events in which the text arrives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from index.errors import ModelFailed
from rag.answer.said import remarked, said
from rag.query.language import Language, language_of
from rag.tracing import Steps
from rag.types import Answer, Claim, Delta, Done, Event, Remark
from rag.writer.write import Writer

_WORD = re.compile(r"\S+\s*")


def with_prose(answer: Answer, language: Language | None) -> Answer:
    """Return an answer with its text, made from its other fields as ``Answer`` says."""
    pieces = [*map(_cited, answer.claims), *_said(answer.remarks_after, language)]
    return replace(answer, text=_beginning(answer, language) + " ".join(pieces))


def spoken(answer: Answer) -> Iterator[Event]:
    """Yield the text of an answer word by word, then the answer."""
    for piece in _WORD.findall(answer.text):
        yield Delta(piece)
    yield Done(answer)


def written(writer: Writer, quoted: Answer, offered: Sequence[Claim], steps: Steps) -> Iterator[Event]:
    """Have a language model write an answer from what is ``offered``; where it fails, go on as ``quoted`` does.

    Where the documents differ, quotes that it passes over are shown all the same.
    """
    claims: list[Claim] = []
    language = language_of(quoted.question, quoted.standalone_question)
    model, notice, wrote = quoted.model, None, False
    yield Delta(_beginning(quoted, language))
    try:
        with closing(writer.write(quoted.standalone_question, offered)) as sentences:
            for sentence in sentences:
                claim = sentence.claim if sentence else None
                wrote = wrote or sentence is not None
                if sentence:
                    steps.inside("verify", sentence.seconds, outcome=sentence.outcome)
                yield Delta(_next(claim, claims) if claim else "")
                if sentence and claim:
                    claims.append(claim)
                    model = writer.llm.name if sentence.outcome == "kept" else model
    except ModelFailed as error:
        notice = said("broke_off" if claims else "fell_back", language, problem=str(error))
    if not claims:
        notice = notice or said("nothing_held" if wrote else "wrote_nothing", language)
    shown = {quote.n for claim in claims for quote in claim.quotes}
    differing = {n for remark in quoted.remarks_before for n in remark.quotes}
    for claim in quoted.claims:
        n = claim.quotes[0].n
        if n not in shown and (notice or n in differing):
            yield Delta(_next(claim, claims))
            claims.append(claim)
    told = {quote.n for claim in claims for quote in claim.quotes}
    remarks = tuple(remark for remark in quoted.remarks if told.issuperset(remark.quotes))
    answer = replace(quoted, claims=tuple(claims), model=model, notice=notice, remarks=remarks)
    for remark in _said(answer.remarks_after, language):
        yield Delta(f" {remark}")
    steps.lap("write", model=model, quotes=len(offered), fell_back=int(bool(notice)))
    yield Done(replace(with_prose(answer, language), timings_ms=steps.total()))


def _next(claim: Claim, before: Sequence[Claim]) -> str:
    return (" " if before else "") + _cited(claim)


def _beginning(answer: Answer, language: Language | None) -> str:
    """Return what stands before the claims, with the space that follows it."""
    lead = [f"**{answer.heading.rstrip('.')}.**"] if answer.heading else []
    return "".join(f"{piece} " for piece in [*lead, *_said(answer.remarks_before, language)])


def _said(remarks: Sequence[Remark], language: Language | None) -> list[str]:
    return [remarked(remark, language) for remark in remarks]


def _cited(claim: Claim) -> str:
    return claim.text + "".join(f" [{quote.n}]" for quote in claim.quotes)
