"""Sentences of documents as quotes and claims: sliced from the stored text, compared with it, and named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from index.errors import IndexDamaged
from index.types import Document, Span
from rag.answer.explain import explain_pronoun, with_antecedent
from rag.answer.lists import whole_list
from rag.reader.orders import is_order
from rag.reader.read import Candidate
from rag.retrieval.copies import Copies
from rag.retrieval.distinct import Found
from rag.types import Claim, Quote, Source
from rag.writer import verify


@dataclass(frozen=True, slots=True)
class Picked:
    """A sentence to quote; an item of a list brings the whole list where the question ``lists``."""

    candidate: Candidate
    lists: bool


def quoted(picked: Iterable[Picked], document_of: Callable[[str], Document | None]) -> tuple[Claim, ...]:
    """Quote sentences, numbered from 1; what another process removed since they were found is left out.

    Raises:
        IndexDamaged: a quote is not what its document says there.
    """
    claims: list[Claim] = []
    seen: dict[str, list[Span]] = defaultdict(list)
    for each in picked:
        candidate = each.candidate
        document = document_of(candidate.document_id)
        if document is None:
            continue
        listed = whole_list(document.text, candidate.start, candidate.end, from_item=each.lists)
        leaning = with_antecedent(document.text, candidate.start, candidate.end)
        if leaning and any(shown.end > leaning.start for shown in seen[document.id] if shown.start < leaning.end):
            leaning = None
        alone = Span(candidate.start, candidate.end)
        extent = listed or leaning or alone
        if extent != alone and _brings_orders(document, extent) and not is_order(candidate.text):
            extent = alone
        if not any(shown.start <= candidate.start < shown.end for shown in seen[document.id]):
            seen[document.id].append(extent)
            claims.append(_claim(document, extent, len(claims) + 1))
    return tuple(claims)


def _brings_orders(document: Document, extent: Span) -> bool:
    return any(map(is_order, document.text[extent.start : extent.end].split("\n")))


def _claim(document: Document, extent: Span, number: int) -> Claim:
    quote = Quote(
        n=number,
        document_id=document.id,
        source=document.source,
        title=document.title,
        page=document.page_of(extent.start),
        start=extent.start,
        end=extent.end,
        text=document.text[extent.start : extent.end],
        published=document.metadata.get("published"),
        outlet=document.metadata.get("outlet"),
        author=document.metadata.get("author"),
    )
    if not verify.is_exact(quote, document):
        raise IndexDamaged(f"A passage of {document.source} is not where the index says.", "Run: citechat index verify")
    explained = explain_pronoun(document, quote.start, quote.end)
    text, explanations = (explained[0], [explained[1]]) if explained else (quote.text, [])
    return Claim(text, verify.support(text, explanations, [quote]), (quote,))


def source_of(found: Found, document_of: Callable[[str], Document | None], copies: Copies) -> Source | None:
    """Return a passage as it is listed with an answer, ``None`` if it was removed since it was found."""
    passage = found.stored.passage
    document = document_of(passage.document_id)
    if document is None:
        return None
    return Source(
        document_id=document.id,
        source=document.source,
        title=document.title,
        page=document.page_of(passage.start),
        start=passage.start,
        end=passage.end,
        score=round(found.score, 4),
        text=passage.text,
        published=document.metadata.get("published"),
        outlet=document.metadata.get("outlet"),
        author=document.metadata.get("author"),
        also_in=copies.of_hit(found, document.source),
    )
