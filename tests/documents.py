"""Documents made of blocks, and what a store keeps of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from index.passages import lead, split_document
from index.store.base import Origin, Store, StoredPassage
from index.types import Block, BlockKind, Document
from tests.embedding import HashingEmbedder

Piece = tuple[BlockKind, str, int]
"""A block to come: its kind, its text, its level."""

BUDGET = 40
"""Tokens of a passage: two or three short sentences."""


def document(pieces: Sequence[Piece], title: str = "", published: str = "") -> Document:
    """Lay out blocks as the readers do, a blank line between them."""
    text, blocks = "", []
    for kind, content, level in pieces:
        text += "\n\n" if text else ""
        blocks.append(Block(kind, len(text), len(text) + len(content), level))
        text += content
    return Document("d", "d.txt", title, text, {"published": published}, (), tuple(blocks))


def prose(text: str, title: str = "", **metadata: str) -> Document:
    """A document of paragraphs; its id is a digest of the text."""
    made = document([("paragraph", paragraph, 0) for paragraph in text.split("\n\n")], title)
    return replace(made, id=hashlib.sha256(text.encode()).hexdigest()[:16], metadata=metadata)


def stored(document: Document, embedder: HashingEmbedder) -> list[StoredPassage]:
    """The passages of a document as a store takes them."""
    passages = split_document(document, embedder.count_tokens, BUDGET)
    counts = embedder.count_tokens([lead(passage.context) + passage.text for passage in passages])
    return [
        StoredPassage(passage, hashlib.sha256(repr(passage).encode()).hexdigest(), tokens, each.passage, each.sentences)
        for passage, tokens, each in zip(passages, counts, embedder.embed_passages(passages), strict=True)
    ]


def origin(document: Document, location: str, source: str = "") -> Origin:
    """Where a document came from; the source is the location unless another is named."""
    digest = hashlib.sha256(document.text.encode()).hexdigest()
    return Origin(location, source or location, len(document.text), 1, digest, document.id)


def put(store: Store, document: Document, location: str, source: str = "") -> list[StoredPassage]:
    """Store a document as if it came from the file at ``location``."""
    passages = stored(document, HashingEmbedder())
    store.put(document, origin(document, location, source), passages)
    return passages


CANTEEN = prose("The canteen opens at noon. It serves soup on Fridays.", "Canteen", published="2025-02-01", outlet="HR")
LEAVE = prose(
    "Staff get 25 days of paid leave a year. Days that are left lapse on 31 March.\n\n"
    "Nobody may take more than ten days in a row, says the head of staff. Ask her in writing, and ask her early.\n\n"
    "Sick leave is another matter. Call your manager before ten.",
    "Leave",
    published="2024",
)
NEWS = prose("“We will not go,” said Kofi Annan’s aide. Then they went.", published="2025-11-21", outlet="The Example")
