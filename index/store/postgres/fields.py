"""What filters may ask for, as rows: values folded, dates and numbers beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from index.filters.expression import date_of, number_of
from index.filters.fields import document_fields, passage_fields
from index.filters.folding import folded
from index.types import Document, Passage

COLUMNS = "document_id, row, name, value, date, number"

FieldRow = tuple[str, int | None, str, str, str | None, Decimal | None]

_DIGITS = 16_000
"""Characters of a number at most: PostgreSQL's own bound is a little above."""


def comparable(value: str) -> tuple[str, str | None, Decimal | None]:
    """Return a value as it is compared: folded, as a date, as a number."""
    return folded(value), date_of(value), number_of(value) if len(value) <= _DIGITS else None


def document_rows(id_: str, title: str, metadata: Mapping[str, str]) -> Iterator[FieldRow]:
    """Yield the rows of a document. Its sources are not among them: they change without it, see ``origins``."""
    for name, values in document_fields(title, (), metadata).items():
        if name != "source":
            yield from ((id_, None, name, *comparable(value)) for value in dict.fromkeys(values))


def passage_rows(row: int, document: Document, passage: Passage) -> Iterator[FieldRow]:
    """Yield the rows of a passage: its heading, and the pages that it stands on."""
    pages = [(page.number, page.start, page.end) for page in document.pages]
    return extent_rows(row, document.id, passage.heading, pages, passage.start, passage.end)


def extent_rows(
    row: int, document_id: str, heading: str, pages: Sequence[Sequence[int]], start: int, end: int
) -> Iterator[FieldRow]:
    """Yield the rows of a passage from ``start`` to ``end``; ``pages`` are number, start, end."""
    numbers = [number for number, first, last in pages if first < end and start < last]
    for name, values in passage_fields({}, heading, numbers).items():
        yield from ((document_id, row, name, *comparable(value)) for value in values)
