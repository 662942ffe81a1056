"""Which passages pass a filter. The filter is evaluated here, over stored values; none of its text reaches SQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

import numpy as np

from index.filters import Filter
from index.filters.fields import OF_PASSAGES, STANDARD, Fields, document_fields, passage_fields
from index.store.database import Database
from index.store.rows import metadata_of, pages_of
from index.store.vectors import Rows

_KEPT = 8
"""Filters whose passages are remembered: a question is searched for twice, a conversation often by one filter."""


class Matching:
    """The passages that pass a filter, as of the latest committed change. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: dict[tuple[str, Filter], Rows] = {}
        self._fields: tuple[str, dict[str, Fields]] = "", {}

    def rows(self, where: Filter) -> Rows:
        """Return the rows of the passages that pass, in order.

        Raises:
            InputError: a field that no document has, where one has nearly that name.
        """
        key = (self._database.state(), where)
        found = self._found.get(key)
        if found is None:
            with self._database.snapshot() as connection:
                fields = self._fields_at(key[0], connection)
                where.check({*STANDARD, *(name for each in fields.values() for name in each)})
                passing = self._passages if where.names() & {*OF_PASSAGES} else _of_documents
                found = np.array(sorted(passing(connection, fields, where)), np.int64)
            for old in list(self._found)[: 1 - _KEPT]:
                self._found.pop(old, None)
            self._found[key] = found
        return found

    def _fields_at(self, state: str, connection: sqlite3.Connection) -> dict[str, Fields]:
        """Return the fields of all documents; those of the latest state are remembered, for other filters."""
        known, fields = self._fields
        if known != state:
            fields = dict(map(_document, _documents(connection)))
            self._fields = state, fields
        return fields

    def _passages(self, connection: sqlite3.Connection, fields: dict[str, Fields], where: Filter) -> Iterator[int]:
        """Yield the passages that pass, each judged by its own heading and pages."""
        pages = {id_: pages_of(stored) for id_, stored in connection.execute("SELECT id, pages FROM documents")}
        for row, document_id, heading, start, end in connection.execute(
            "SELECT row, document_id, heading, start, end FROM passages"
        ):
            own = (number for number, first, last in pages.get(document_id, ()) if first < end and start < last)
            if where.matches(passage_fields(fields.get(document_id, {}), heading, own)):
                yield row


def _of_documents(connection: sqlite3.Connection, fields: dict[str, Fields], where: Filter) -> Iterator[int]:
    """Yield all passages of the documents that pass."""
    documents = [id_ for id_, each in fields.items() if where.matches(each)]
    yield from (
        row
        for (row,) in connection.execute(
            "SELECT row FROM passages WHERE document_id IN (SELECT value FROM json_each(?))", (json.dumps(documents),)
        )
    )


def _documents(connection: sqlite3.Connection) -> list[tuple[str, str, str, str]]:
    return connection.execute(
        """SELECT l.document_id, l.title, l.metadata, json_group_array(o.source)
           FROM listing l JOIN origins o ON o.document_id = l.document_id GROUP BY l.document_id"""
    ).fetchall()


def _document(row: tuple[str, str, str, str]) -> tuple[str, Fields]:
    id_, title, metadata, sources = row
    return id_, document_fields(title, json.loads(sources), metadata_of(metadata))
