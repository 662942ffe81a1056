"""The values that travel between the parts of the index.

All offsets are code points in ``Document.text`` (Python string indices), end-exclusive, so
``document.text[start:end]`` is always the text they speak of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
"""One embedding, shape ``(dimension,)``, unit length."""

Matrix = npt.NDArray[np.float32]
"""Embeddings in rows, shape ``(count, dimension)``, each row of unit length."""

BlockKind = Literal["heading", "paragraph", "item", "row", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit of a document: a heading, a paragraph, a list item, a table row, code.

    ``level`` is 1-6 for headings and 0 for everything else.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Original:
    """A file that has the bytes of a document: all of it, or, at ``location``, a container that it lies in."""

    document_id: str
    path: Path
    location: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a paginated document: its number as printed on readers' screens (from 1) and its extent."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file or of a container's member, normalised once and never changed afterwards.

    ``id`` is the first 16 hex digits of the SHA-256 of its bytes, so identical files are one document.
    ``source`` is the name people know it by (relative to the folder that was added; ``archive.zip/inner/report.md``).
    ``metadata`` holds strings only; the field names with a meaning of their own are ``published`` and
    ``modified`` (ISO 8601 dates, as precise as the file says), ``author``, ``outlet``, ``language``, ``format``,
    and ``unread``, which says what could not be read of it.
    ``blocks`` are in order, do not overlap, and never contain a blank line.
    """

    id: str
    source: str
    title: str
    text: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    pages: tuple[Page, ...] = ()
    blocks: tuple[Block, ...] = ()

    def page_of(self, offset: int) -> int | None:
        """Return the number of the page that holds ``offset``, or ``None`` for a document without pages."""
        return next((page.number for page in self.pages if page.start <= offset < page.end), None)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a document's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrievable stretch of a document: whole sentences of one section, within the embedder's limit.

    ``text == document.text[start:end]``. ``sentences`` are document offsets, in order, inside the passage.
    ``context`` (title, headings, date) is searched and embedded with the text but is no part of it.
    """

    id: str
    document_id: str
    ordinal: int
    start: int
    end: int
    text: str
    heading: str
    context: str
    sentences: tuple[Span, ...]
