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


def prose(short: str | None, claims: Sequence[Claim], remarks: Sequence[Remark], language: Language | None) -> str:
    """Return the text of an answer: the short answer in bold, each claim with its citations, and the remarks."""
    return _lead(short) + " ".join([*map(_cited, claims), *(remarked(remark, language) for remark in remarks)])


def spoken(answer: Answer) -> Iterator[Event]:
    """Yield the text of an answer word by word, then the answer."""
    for piece in _WORD.findall(answer.text):
        yield Delta(piece)
    yield Done(answer)


def written(writer: Writer, quoted: Answer, offered: Sequence[Claim], steps: Steps) -> Iterator[Event]:
    """Have a language model write an answer from what is ``offered``; where it fails, go on as ``quoted`` does."""
    claims: list[Claim] = []
    language = language_of(quoted.question, quoted.standalone_question)
    model, notice, wrote = quoted.model, None, False
    yield Delta(_lead(quoted.short_answer))
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
    for claim in quoted.claims if notice else ():
        if claim.quotes[0].n not in shown:
            yield Delta(_next(claim, claims))
            claims.append(claim)
    told = {quote.n for claim in claims for quote in claim.quotes}
    remarks = tuple(remark for remark in quoted.remarks if told.issuperset(remark.quotes))
    for remark in remarks:
        yield Delta(f" {remarked(remark, language)}")
    text = prose(quoted.short_answer, claims, remarks, language)
    steps.lap("write", model=model, quotes=len(offered), fell_back=int(bool(notice)))
    whole = replace(quoted, text=text, claims=tuple(claims), model=model, notice=notice, remarks=remarks)
    yield Done(replace(whole, timings_ms=steps.total()))


def _next(claim: Claim, before: Sequence[Claim]) -> str:
    return (" " if before else "") + _cited(claim)


def _lead(short: str | None) -> str:
    return f"**{short.rstrip('.')}.** " if short else ""


def _cited(claim: Claim) -> str:
    return claim.text + "".join(f" [{quote.n}]" for quote in claim.quotes)
