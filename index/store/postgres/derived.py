"""What is derived from documents and passages: postings, fields, counts. Compared with them, and made again."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection

from index.store.postgres import fields, lexicon
from index.store.rows import Row

_ONE, _OTHER = 3, 4
"""Where start and end stand in the row of a passage."""

Passages = Mapping[str, Sequence[tuple[int, Row, int]]]
"""By document: number in the table, row, length in terms."""


def expected_fields(document: Row, passages: Sequence[tuple[int, Row, int]]) -> list[fields.FieldRow]:
    """Return the rows that filters are to find for a document and its passages."""
    id_, title, _, metadata, pages, *_ = document
    found = list(fields.document_rows(id_, title, json.loads(metadata)))
    for number, own, _ in passages:
        found += fields.extent_rows(number, id_, own[5], json.loads(pages), own[_ONE], own[_OTHER])
    return found


def expected_listing(document: Row, passages: Sequence[tuple[int, Row, int]]) -> tuple[int, int, int, int]:
    """Return what a listing is to show of a document: characters, passages, sentences, tokens."""
    tokens, vector, of_sentences = 10, 11, 12
    # A sentence vector has half the bytes of a passage's. Counted so, no damage to the offsets stops it.
    sentences = sum(2 * len(own[of_sentences]) // max(1, len(own[vector])) for _, own, _ in passages)
    return len(document[2]), len(passages), sentences, sum(own[tokens] for _, own, _ in passages)


class Differences:
    """Counts how what is derived differs from what it is derived from."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: Counter[str] = Counter()
        self._passages = 0
        self._length = 0

    def compare(self, documents: Sequence[Row], passages: Passages, origins: Mapping[str, Sequence[Row]]) -> None:
        """Compare some documents with what is derived from them."""
        self._compare_fields(documents, passages)
        self._compare_listing(documents, passages)
        self._compare_sources([row for each in origins.values() for row in each])
        self._compare_words([each for own in passages.values() for each in own])

    def problems(self) -> list[str]:
        """Return the differences in words, once all documents were compared."""
        count = {
            "postings of no passage": "SELECT count(*) FROM postings o WHERE NOT EXISTS "
            "(SELECT 1 FROM passages p WHERE p.row = o.row)",
            "terms with a wrong count": "SELECT count(*) FROM terms t LEFT JOIN (SELECT term, count(*) AS number "
            "FROM postings GROUP BY term) o ON o.term = t.id WHERE t.passages != coalesce(o.number, 0)",
        }
        for what, statement in count.items():
            ((number,),) = self._connection.execute(statement.encode()).fetchall()
            self._found[what] += number
        problems = [
            f"The lexical index differs from the passages: {number} {what}"
            for what, number in self._found.items()
            if number and what not in _OTHERS
        ]
        problems += [f"{number} {what}" for what in _OTHERS if (number := self._found[what])]
        ((counted, length),) = self._connection.execute("SELECT passages, length FROM state").fetchall()
        if (counted, length) != (self._passages, self._length):
            problems.append(
                f"{counted} passages are counted with {length} terms, not {self._passages} with {self._length}"
            )
        return problems

    def _compare_fields(self, documents: Sequence[Row], passages: Passages) -> None:
        stored: dict[str, list[Any]] = defaultdict(list)
        ids = [row[0] for row in documents]
        for row in self._connection.execute(f"SELECT {fields.COLUMNS} FROM fields WHERE document_id = ANY(%s)", (ids,)):
            stored[row[0]].append(row)
        for document in documents:
            expected = Counter(expected_fields(document, passages.get(document[0], ())))
            self._found[_FIELDS] += Counter(stored[document[0]]) != expected

    def _compare_listing(self, documents: Sequence[Row], passages: Passages) -> None:
        ids = [row[0] for row in documents]
        statement = """SELECT document_id, characters, passages, sentences, tokens FROM listing
                       WHERE document_id = ANY(%s)"""
        stored = {id_: tuple(own) for id_, *own in self._connection.execute(statement, (ids,))}
        for document in documents:
            expected = expected_listing(document, passages.get(document[0], ()))
            self._found[_LISTED] += stored.get(document[0]) != expected

    def _compare_sources(self, origins: Sequence[Row]) -> None:
        expected = {row[0]: fields.comparable(row[1]) for row in origins}
        found = self._connection.execute(
            "SELECT location, value, date, number FROM origins WHERE location = ANY(%s)", (list(expected),)
        )
        self._found[_SOURCES] += sum(expected[location] != tuple(own) for location, *own in found)

    def _compare_words(self, passages: Sequence[tuple[int, Row, int]]) -> None:
        stored: dict[int, dict[str, tuple[int, int, bytes]]] = defaultdict(dict)
        found = self._connection.execute(
            """SELECT o.row, t.term, o.frequency, o.length, o.positions FROM postings o JOIN terms t ON t.id = o.term
               WHERE o.row = ANY(%s)""",
            ([number for number, _, _ in passages],),
        )
        for number, term, *posting in found:
            stored[number][term] = (posting[0], posting[1], posting[2])
        for number, own, length in passages:
            terms, expected = lexicon.postings(own[6], own[7])
            postings = {term: (each.frequency, expected, each.positions) for term, each in terms.items()}
            self._found["passages with other words"] += stored[number] != postings or length != expected
            self._passages += 1
            self._length += expected


_FIELDS = "documents have other values for filters than they should"
_SOURCES = "sources have other values for filters than they should"
_LISTED = "documents are listed with other sizes than they have"
_OTHERS = (_FIELDS, _SOURCES, _LISTED)
