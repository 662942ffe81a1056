"""Documents to passages: whole sentences of one section, packed to a token budget.

A passage never crosses a heading and never exceeds what the embedder reads, so nothing is silently cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from index.sentences import sentence_spans
from index.types import Block, Document, Passage, Span

CountTokens = Callable[[Sequence[str]], list[int]]
"""Counts the embedder's tokens of each text, special tokens not counted."""

CONTEXT_TOKENS = 32
"""How many tokens of title, headings and date go with each passage at most."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence (or a piece of one that is too long) with its size."""

    span: Span
    tokens: int


def split_document(document: Document, count_tokens: CountTokens, budget: int) -> list[Passage]:
    """Split a document into passages whose context and text together have at most ``budget`` tokens."""
    passages: list[Passage] = []
    for headings, blocks in _sections(document):
        context, context_tokens = _context(document, headings, count_tokens, budget)
        for group in _pack(_units(document, blocks, count_tokens, budget - context_tokens), budget - context_tokens):
            start, end = group[0].start, group[-1].end
            passages.append(
                Passage(
                    id=f"{document.id}-{len(passages)}",
                    document_id=document.id,
                    ordinal=len(passages),
                    start=start,
                    end=end,
                    text=document.text[start:end],
                    heading=headings[-1] if headings else "",
                    context=context,
                    sentences=tuple(group),
                )
            )
    return passages


def _sections(document: Document) -> Iterator[tuple[tuple[str, ...], list[Block]]]:
    """Yield the heading path and body of each section; a heading without a body is its own body."""
    path: list[tuple[int, str]] = []
    body: list[Block] = []
    heading: Block | None = None
    for block in document.blocks:
        if block.kind != "heading":
            body.append(block)
            continue
        if body or (heading is not None and block.level <= heading.level):
            yield tuple(title for _, title in path), body or [heading]  # type: ignore[list-item]
        body = []
        heading = block
        path = [entry for entry in path if entry[0] < block.level]
        path.append((block.level, document.text[block.start : block.end]))
    if body or heading is not None:
        yield tuple(title for _, title in path), body or [heading]  # type: ignore[list-item]


def _context(document: Document, headings: Sequence[str], count_tokens: CountTokens, budget: int) -> tuple[str, int]:
    """Join title, headings and date of publication, the outermost dropped first, within the allowance."""
    allowance = min(CONTEXT_TOKENS, budget // 4)
    published = document.metadata.get("published", "")[:10]
    parts = list(dict.fromkeys([document.title, *headings, published]))
    while parts:
        context = " · ".join(part for part in parts if part)
        tokens = count_tokens([context])[0]
        if tokens <= allowance:
            return context, tokens
        parts.pop(0)
    return "", 0


def _units(document: Document, blocks: Sequence[Block], count_tokens: CountTokens, budget: int) -> list[_Unit]:
    spans: list[Span] = []
    for block in blocks:
        text = document.text[block.start : block.end]
        if block.kind in ("paragraph", "item", "code"):
            spans.extend(sentence_spans(text, block.start))
        else:
            spans.append(Span(block.start, block.end))
    counts = count_tokens([document.text[span.start : span.end] for span in spans])
    units: list[_Unit] = []
    for span, tokens in zip(spans, counts, strict=True):
        if tokens <= budget:
            units.append(_Unit(span, tokens))
        else:
            units.extend(_halves(document.text, span, count_tokens, budget))
    return units


def _halves(text: str, span: Span, count_tokens: CountTokens, budget: int) -> Iterator[_Unit]:
    """Cut an overlong sentence near its middle, at white space where there is any, until each piece fits."""
    tokens = count_tokens([text[span.start : span.end]])[0]
    if tokens <= budget or span.end - span.start < 2:
        yield _Unit(span, tokens)
        return
    middle = (span.start + span.end) // 2
    space = text.rfind(" ", span.start + 1, middle)
    cut = space if space > span.start else middle
    yield from _halves(text, Span(span.start, cut), count_tokens, budget)
    resume = cut + (text[cut] == " ")
    if resume < span.end:
        yield from _halves(text, Span(resume, span.end), count_tokens, budget)


def _pack(units: Sequence[_Unit], budget: int) -> Iterator[list[Span]]:
    """Group sentences into as few passages as fit, of about equal size, so that none is left tiny."""
    total = sum(unit.tokens for unit in units)
    groups = max(1, -(-total // budget))
    target = total / groups
    group: list[Span] = []
    size = 0
    for unit in units:
        if group and (size + unit.tokens > budget or size + unit.tokens / 2 > target):
            yield group
            group, size = [], 0
        group.append(unit.span)
        size += unit.tokens
    if group:
        yield group
