"""A document as the sources panel shows it: its blocks in order, with the quotes of an answer marked in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import Any

from index.types import Block, Document
from rag.types import Quote, Source

CONTEXT = 200_000
"""Code points of a document that are sent on either side of a quote."""


def cited(
    document: Document, sources: Sequence[tuple[int, Quote | Source]], current: int, names: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a document as JSON values; ``sources`` are what to mark, each with its number.

    ``names`` are all names of its file: those besides its own are ``also``. ``also_in`` are the other documents that
    say the same as source ``current``: a quote word for word, a passage that was found nearly so.

    ``blocks`` is a list of ``{kind, level, page, parts, gap}``: ``parts`` are ``[text, n]`` with ``n`` the number of
    the quote that the text belongs to, 0 for none; ``gap`` is the white space up to the next block. Joined, they are
    the text of the document, or what is around quote ``current`` where ``cut_before`` or ``cut_after`` says so.
    """
    anchor = next(source for n, source in sources if n == current)
    first, last = max(0, anchor.start - CONTEXT), min(len(document.text), anchor.end + CONTEXT)
    # The current quote is painted last, so that it is whole where others overlap it.
    ordered = sorted(sources, key=lambda numbered: numbered[0] == current)
    return {
        "id": document.id,
        "title": document.title,
        "source": document.source,
        "published": document.metadata.get("published"),
        "outlet": document.metadata.get("outlet"),
        "author": document.metadata.get("author"),
        "format": document.metadata.get("format"),
        "page": document.page_of(anchor.start),
        "also": [name for name in names if name != document.source],
        "also_in": [name for name in anchor.also_in if name not in (document.source, *names)],
        "blocks": list(_blocks(document, ordered, first, last)),
        "cut_before": first > 0,
        "cut_after": last < len(document.text),
    }


def _blocks(
    document: Document, sources: Sequence[tuple[int, Quote | Source]], first: int, last: int
) -> Iterator[dict[str, Any]]:
    page = None
    for block, until in _extents(document):
        start, end, until = max(block.start, first), min(block.end, last), min(until, last)
        if start >= until:
            continue
        number = document.page_of(block.start)
        yield {
            "kind": block.kind,
            "level": block.level,
            "page": number if number != page else None,
            "parts": list(_parts(document.text, start, end, sources)) if start < end else [],
            "gap": document.text[max(start, end) : until],
        }
        page = number


def _extents(document: Document) -> Iterator[tuple[Block, int]]:
    """Yield each block with where the next one begins; what no block covers is a paragraph."""
    position = 0
    blocks = [block for block in document.blocks if block.start < block.end]
    for block, following in zip_longest(blocks, blocks[1:]):
        if document.text[position : block.start].strip() or (position == 0 and block.start):
            yield Block("paragraph", position, block.start), block.start
        position = following.start if following else len(document.text)
        if document.text[block.end : position].strip():
            yield block, block.end
            position = block.end
        else:
            yield block, position
    if position < len(document.text):
        yield Block("paragraph", position, len(document.text)), len(document.text)


def _parts(text: str, start: int, end: int, sources: Sequence[tuple[int, Quote | Source]]) -> Iterator[tuple[str, int]]:
    edges = {start, end}
    for _, source in sources:
        edges |= {edge for edge in (source.start, source.end) if start < edge < end}
    bounds = sorted(edges)
    for left, right in pairwise(bounds):
        owner = 0
        for n, source in sources:
            if source.start <= left and right <= source.end:
                owner = n
        yield text[left:right], owner
