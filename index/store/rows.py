"""Values to rows and back. The last column of every row is a checksum over the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np

from index.store.base import DocumentAltered, DocumentInfo, Origin, StoredPassage
from index.types import Block, Document, Matrix, Page, Passage, Span, Vector

Row = tuple[Any, ...]

COLUMNS = {
    "documents": "id, title, text, metadata, pages, blocks",
    "origins": "location, source, size, modified_ns, digest, document_id",
    "passages": "id, document_id, ordinal, start, end, heading, context, text, sentences, digest, tokens, vector, "
    "sentence_vectors",
}
"""The columns of each table in order, without the checksum and without what SQLite numbers itself."""


def checksum(values: Sequence[object]) -> str:
    """Return the SHA-256 of a row's values and their types."""
    digest = hashlib.sha256()
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode()
        digest.update(f"{type(value).__name__} {len(data)} ".encode() + data)
    return digest.hexdigest()


def insertion(table: str, values: Row) -> tuple[str, Row]:
    """Return the statement that inserts a row, and what it takes."""
    marks = ", ".join("?" * (len(values) + 1))
    return f"INSERT INTO {table} ({COLUMNS[table]}, checksum) VALUES ({marks})", (*values, checksum(values))


def document_row(document: Document) -> Row:
    """Return the row of a document; its source is in its origins."""
    metadata = json.dumps(dict(document.metadata), sort_keys=True)
    pages = json.dumps([[page.number, page.start, page.end] for page in document.pages])
    blocks = json.dumps([[block.kind, block.start, block.end, block.level] for block in document.blocks])
    return document.id, document.title, document.text, metadata, pages, blocks


def document(row: Row) -> Document:
    """Return the document of a row, which its checksum and its source follow.

    Raises:
        DocumentAltered: the row is not what was stored.
    """
    *values, expected, source = row
    id_, title, text, metadata, pages, blocks = values
    if checksum(values) != expected:
        raise DocumentAltered(str(id_), str(source), str(text))
    return Document(
        id=id_,
        source=source,
        title=title,
        text=text,
        metadata=json.loads(metadata),
        pages=tuple(Page(*page) for page in json.loads(pages)),
        blocks=tuple(Block(*block) for block in json.loads(blocks)),
    )


def document_info(row: Row) -> DocumentInfo:
    """Return a document in a listing from: id, title, metadata, characters, JSON list of sources, passages."""
    id_, title, metadata, characters, sources, passages = row
    return DocumentInfo(id_, title, tuple(sorted(json.loads(sources))), metadata_of(metadata), characters, passages)


def metadata_of(stored: str) -> dict[str, str]:
    """Return the metadata of a document; none where they cannot be decoded, which ``verify`` tells."""
    try:
        found = json.loads(stored)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def pages_of(stored: str) -> list[tuple[int, int, int]]:
    """Return number, start and end of a document's pages; none where they cannot be decoded."""
    try:
        return [(number, start, end) for number, start, end in json.loads(stored)]
    except (TypeError, ValueError):
        return []


def origin_row(origin: Origin) -> Row:
    """Return the row of an origin."""
    return origin.location, origin.source, origin.size, origin.modified_ns, origin.digest, origin.document_id


def passage_row(stored: StoredPassage) -> Row:
    """Return the row of a passage: the vector in float32, those of its sentences in float16."""
    passage = stored.passage
    return (
        *(passage.id, passage.document_id, passage.ordinal, passage.start, passage.end),
        *(passage.heading, passage.context, passage.text),
        json.dumps([[span.start, span.end] for span in passage.sentences]),
        *(stored.digest, stored.tokens),
        stored.vector.astype(np.float32).tobytes(),
        stored.sentence_vectors.astype(np.float16).tobytes(),
    )


def stored_passage(row: Row, dimension: int) -> StoredPassage:
    """Return the passage of a row. One that cannot be decoded has no text, and its document has: so it is known."""
    id_, document_id, ordinal, start, end, heading, context, text, sentences, digest, tokens, own, of_sentences = row
    try:
        spans = _spans(start, end, sentences)
        both = vectors((own, of_sentences), dimension)
    except (TypeError, ValueError):
        passage = Passage(id_, document_id, ordinal, 0, 1, "", "", "", (Span(0, 1),))
        return StoredPassage(passage, "", 0, np.zeros(dimension, np.float32), np.zeros((1, dimension), np.float32))
    passage = Passage(id_, document_id, ordinal, start, end, text, heading, context, spans)
    return StoredPassage(passage, digest, tokens, *both)


def _spans(start: object, end: object, sentences: str) -> tuple[Span, ...]:
    """Return the sentences of a passage; ``ValueError`` or ``TypeError`` if they or its own extent are no offsets."""
    found = json.loads(sentences)
    if not all(isinstance(place, int) for place in chain((start, end), *found)):
        raise ValueError("no offsets")
    return tuple(Span(first, last) for first, last in found)


def vectors(row: Row, dimension: int) -> tuple[Vector, Matrix]:
    """Return a passage's vector and those of its sentences; ``ValueError`` or ``TypeError`` if they are none."""
    own, of_sentences = row
    matrix = np.frombuffer(of_sentences, np.float16).reshape(-1, dimension)
    return np.frombuffer(own, np.float32).reshape(dimension), matrix.astype(np.float32)


def vectors_by_digest(found: Sequence[Row], dimension: int) -> dict[str, tuple[Vector, Matrix]]:
    """Return the vectors of rows of digest, vector, sentence vectors; what cannot be decoded is left out."""
    known = {}
    for digest, *row in found:
        with suppress(TypeError, ValueError):
            known[digest] = vectors(tuple(row), dimension)
    return known


def vector(blob: bytes, dimension: int) -> Vector:
    """Return a passage's vector; one that cannot be decoded is like nothing."""
    try:
        return np.frombuffer(blob, np.float32).reshape(dimension)
    except (TypeError, ValueError):
        return np.zeros(dimension, np.float32)


def matrix(blobs: Sequence[bytes], dimension: int) -> Matrix:
    """Return the vectors of passages in rows."""
    return np.array([vector(blob, dimension) for blob in blobs], np.float32).reshape(-1, dimension)
