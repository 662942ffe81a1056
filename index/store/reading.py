"""What the store in one folder shows: documents, passages and the two searches."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np

from index.bm25 import CONTEXT_WEIGHT
from index.filters import Filter
from index.store import rows
from index.store.base import DocumentInfo, Origin, StoredPassage, Totals
from index.store.database import Database
from index.store.derived import Derived
from index.store.log import Moment
from index.store.matching import Matching
from index.store.rows import COLUMNS
from index.store.words import DerivedWords, Phrase
from index.terms import stems_of_each
from index.types import Document, Matrix, Vector

_TIES = 16
"""Rows beyond those asked for that are looked at first, for some that are as good as the last one."""


class StoredReading:
    """The part of a `Store` that changes nothing. Thread-safe."""

    def __init__(self, database: Database, derived: Derived, dimension: int) -> None:
        self._database = database
        self._derived = derived
        self._dimension = dimension
        self._matching = Matching(database)

    def origins(self, document_ids: Sequence[str] | None = None) -> dict[str, Origin]:
        """See `Store`."""
        among, values = _among("document_id", document_ids)
        found = self._database.read(f"SELECT {COLUMNS['origins']} FROM origins {among}", values)
        return {row[0]: Origin(*row) for row in found}

    def documents(self, document_ids: Sequence[str] | None = None) -> list[DocumentInfo]:
        """See `Store`."""
        among, values = _among("document_id", document_ids)
        found = self._database.read(
            f"""SELECT document_id, title, metadata, characters,
                       (SELECT json_group_array(source) FROM origins o WHERE o.document_id = l.document_id), passages
                FROM listing l {among}""",
            values,
        )
        listing = [rows.document_info(row) for row in found]
        return sorted(listing, key=lambda info: (info.sources, info.id))

    def named(self, name: str) -> list[str]:
        """See `Store`."""
        found = self._database.read(
            # "0" comes right after "/": between them lies what is called after a folder or a container.
            """SELECT id FROM documents WHERE id = :name UNION
               SELECT document_id FROM origins WHERE source = :name UNION
               SELECT document_id FROM origins WHERE source > :name || '/' AND source < :name || '0'""",
            {"name": name},
        )
        return [id_ for (id_,) in found]

    def sources(self, document_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """See `Store`."""
        found: dict[str, tuple[str, ...]] = {}
        for id_, source in self._database.read(
            "SELECT document_id, source FROM origins WHERE document_id IN (SELECT value FROM json_each(?)) "
            "ORDER BY source",
            (json.dumps(list(document_ids)),),
        ):
            found[id_] = (*found.get(id_, ()), source)
        return found

    def document(self, document_id: str) -> Document | None:
        """See `Store`."""
        found = self._database.read(
            f"""SELECT {COLUMNS["documents"]}, checksum, (SELECT min(source) FROM origins o WHERE o.document_id = d.id)
                FROM documents d WHERE d.id = ?""",
            (document_id,),
        )
        return rows.document(found[0]) if found else None

    def holding(self, texts: Sequence[str]) -> list[list[str]]:
        """See `Store`."""
        found: list[list[str]] = [[] for _ in texts]
        with self._database.snapshot() as connection:
            for id_, stored in connection.execute("SELECT id, text FROM documents"):
                for ids, text in zip(found, texts, strict=True):
                    if text in stored:
                        ids.append(id_)
        return found

    def embedded(self, digests: Sequence[str]) -> dict[str, tuple[Vector, Matrix]]:
        """See `Store`."""
        found = self._database.read(
            "SELECT digest, vector, sentence_vectors FROM passages WHERE digest IN (SELECT value FROM json_each(?))",
            (json.dumps(list(digests)),),
        )
        return rows.vectors_by_digest(found, self._dimension)

    def passages(self, passage_ids: Sequence[str]) -> dict[str, StoredPassage]:
        """See `Store`."""
        found = self._database.read(
            f"SELECT {COLUMNS['passages']} FROM passages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(passage_ids)),),
        )
        stored = (rows.stored_passage(row, self._dimension) for row in found)
        return {each.passage.id: each for each in stored}

    def dense(self, query: Vector, k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """See `Store`."""
        with self._database.snapshot():
            among = self._matching.rows(where) if where else None
            with self._derived.vectors() as vectors:
                found = with_ties(lambda number: vectors.search(query, number, among), k)
            return self._named(found, k)

    def _named(self, found: Sequence[tuple[int, float]], k: int) -> list[tuple[str, float]]:
        """Return the ids of the best ``k`` rows; equal ones stand in the order of their ids."""
        names: dict[int, str] = dict(
            self._database.read(
                "SELECT row, id FROM passages WHERE row IN (SELECT value FROM json_each(?))",
                (json.dumps([row for row, _ in found]),),
            )
        )
        known = ((names[row], score) for row, score in found if row in names)  # a damaged index may hold others
        return sorted(known, key=lambda hit: (-hit[1], hit[0]))[:k]

    def similarities(self, query: Vector, passage_ids: Sequence[str]) -> dict[str, float]:
        """See `Store`."""
        found = self._database.read(
            "SELECT id, vector FROM passages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(passage_ids)),),
        )
        return {id_: float(rows.vector(stored, self._dimension) @ query) for id_, stored in found}

    def lexical(self, words: Sequence[str], k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """See `Store`; SQLite's BM25 (k1 1.2, b 0.75), titles and headings at half weight."""
        if not words:
            return []
        with self._database.snapshot():
            with self._derived.words() as lent:
                best = self._by_sqlite(words, where) if lent is None else self._by_postings(*lent, words, where)
                found = with_ties(best, k)
            return self._named(found, k)

    def _by_postings(
        self, derived: DerivedWords, now: Moment, words: Sequence[str], where: Filter | None
    ) -> Callable[[int], list[tuple[int, float]]]:
        distinct = list(dict.fromkeys(words))
        cut = stems_of_each(distinct)
        phrases = [self._phrase(word) for word, stems in zip(distinct, cut, strict=True) if len(stems) > 1]
        single = [stems[0] for stems in cut if len(stems) == 1]
        among = self._matching.rows(where) if where else None
        return lambda number: derived.search(now, single, phrases, number, self._derived.count(), among)

    def _phrase(self, words: str) -> Phrase:
        """Return the rows that hold a phrase, with its part of their score; SQLite knows which they are."""
        found = self._database.read(
            f"""SELECT rowid, -bm25(passages_fts, {CONTEXT_WEIGHT}, 1.0) FROM passages_fts
                WHERE passages_fts MATCH ? ORDER BY rowid""",
            (_quoted(words),),
        )
        rows_, scores = zip(*found, strict=True) if found else ((), ())
        return np.array(rows_, np.int64), np.array(scores, np.float64)

    def _by_sqlite(self, words: Sequence[str], where: Filter | None) -> Callable[[int], list[tuple[int, float]]]:
        condition, values = "", [" OR ".join(map(_quoted, dict.fromkeys(words)))]
        if where:
            # The plus keeps the index from being asked anew for each of these rows.
            condition = "AND +rowid IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(self._matching.rows(where).tolist()))

        def best(number: int) -> list[tuple[int, float]]:
            found = self._database.read(
                f"""SELECT rowid, bm25(passages_fts, {CONTEXT_WEIGHT}, 1.0) AS score FROM passages_fts
                    WHERE passages_fts MATCH ? {condition} ORDER BY score LIMIT {number}""",
                values,
            )
            return [(row, -float(score)) for row, score in found]

        return best

    def frequencies(self, words: Sequence[str]) -> dict[str, int]:
        """See `Store`."""
        with self._derived.words() as lent:
            if lent is not None:
                views = lent[0].views(lent[1])
                return {word: sum(view.frequency(word) for view in views) for word in words}
        found: dict[str, int] = dict(
            self._database.read(
                "SELECT term, doc FROM passages_vocabulary WHERE term IN (SELECT value FROM json_each(?))",
                (json.dumps(list(words)),),
            )
        )
        return {word: found.get(word, 0) for word in words}

    def count(self) -> int:
        """See `Store`."""
        return self._derived.count()

    def totals(self) -> Totals:
        """See `Store`."""
        ((documents, characters, sources, passages, sentences, tokens),) = self._database.read(
            "SELECT documents, characters, sources, passages, sentences, tokens FROM totals"
        )
        return Totals(documents, sources, passages, sentences, tokens, characters)

    def revision(self) -> int:
        """See `Store`."""
        return self._database.revision()

    def reading(self) -> AbstractContextManager[object]:
        """See `Store`."""
        return self._database.snapshot()


def _among(column: str, ids: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """Return a condition for a column, and what it takes; none where all are wanted."""
    if ids is None:
        return "", ()
    return f"WHERE {column} IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)


def with_ties(best: Callable[[int], list[tuple[int, float]]], k: int) -> list[tuple[int, float]]:
    """Return the best ``k`` rows and all that are as good as the last of them; ``best`` finds a number of them."""
    number = k + _TIES
    while True:
        found = best(number)
        if len(found) < number or found[-1][1] < found[k - 1][1]:
            return found
        number *= 4


def _quoted(word: str) -> str:
    """Return a word as FTS5 takes it literally."""
    return '"' + word.replace('"', '""').replace("\0", "") + '"'
