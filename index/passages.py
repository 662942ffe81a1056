"""Documents to passages: whole sentences of one section, packed to a token budget.

A passage never crosses a heading and never exceeds what the embedder reads, so nothing is silently cut off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from index.sentences import sentence_spans
from index.types import Block, Document, Passage, Span

CountTokens = Callable[[Sequence[str]], list[int]]
"""Counts the embedder's tokens of each text, special tokens not counted."""

CONTEXT_TOKENS = 32
"""How many tokens of title, headings and date go with each passage at most."""

_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence (or a piece of one that is too long) with its size."""

    span: Span
    tokens: int


def split_document(document: Document, count_tokens: CountTokens, budget: int) -> list[Passage]:
    """Split a document into passages whose context and text together have at most ``budget`` tokens."""
    passages: list[Passage] = []
    placed: set[Block] = set()
    for headings, body in _sections(document):
        titles = [document.text[heading.start : heading.end] for heading in headings]
        context, context_tokens = _context(document, titles, count_tokens, budget)
        room = budget - context_tokens
        # What the context has no room for is a passage of its own, or it could not be found.
        left_out = [
            [heading]
            for heading, title in zip(headings, titles, strict=True)
            if title not in context and heading not in placed and heading not in body
        ]
        placed.update(headings)
        for group in chain.from_iterable(
            _pack(_units(document, blocks, count_tokens, room), room) for blocks in (*left_out, body)
        ):
            start, end = group[0].start, group[-1].end
            passages.append(
                Passage(
                    id=f"{document.id}-{len(passages)}",
                    document_id=document.id,
                    ordinal=len(passages),
                    start=start,
                    end=end,
                    text=document.text[start:end],
                    heading=titles[-1] if titles else "",
                    context=context,
                    sentences=tuple(group),
                )
            )
    return passages


def _sections(document: Document) -> Iterator[tuple[tuple[Block, ...], list[Block]]]:
    """Yield the headings and the body of each section; a heading without a body is its own body."""
    path: list[Block] = []
    body: list[Block] = []
    for block in document.blocks:
        if block.kind != "heading":
            body.append(block)
            continue
        if body or (path and block.level <= path[-1].level):
            yield tuple(path), body or [path[-1]]
        body = []
        path = [*(heading for heading in path if heading.level < block.level), block]
    if body or path:
        yield tuple(path), body or [path[-1]]


def lead(context: str) -> str:
    """Return what is embedded before a passage's text."""
    return f"{context}. " if context else ""


def _context(document: Document, headings: Sequence[str], count_tokens: CountTokens, budget: int) -> tuple[str, int]:
    """Join title, headings and date of publication, the outermost dropped first, within the allowance."""
    allowance = min(CONTEXT_TOKENS, budget // 4)
    published = document.metadata.get("published", "")[:10]
    parts = list(dict.fromkeys([document.title, *headings, published]))
    while parts:
        context = " · ".join(part for part in parts if part)
        tokens = count_tokens([lead(context)])[0]
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
    cut = max((space.start() for space in _SPACE.finditer(text, span.start + 1, middle)), default=middle)
    for start, end in ((span.start, cut), (cut, span.end)):
        piece = text[start:end]
        trimmed = Span(end - len(piece.lstrip()), start + len(piece.rstrip()))
        if trimmed.start < trimmed.end:
            yield from _halves(text, trimmed, count_tokens, budget)


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
