"""What the store in PostgreSQL shows: documents, passages and the two searches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager

from index.filters import Filter
from index.store import rows
from index.store.base import DocumentInfo, Origin, StoredPassage, Totals
from index.store.postgres.dense import DenseSearch
from index.store.postgres.lexical import LexicalSearch
from index.store.postgres.rows import DOCUMENT, ORIGIN, PASSAGE, blob, passage
from index.store.postgres.server import Server
from index.types import Document, Matrix, Vector


class PostgresReading:
    """The part of a `Store` that changes nothing. Thread-safe."""

    def __init__(self, server: Server, dimension: int) -> None:
        self._server = server
        self._dimension = dimension
        self._dense = DenseSearch(server, dimension)
        self._lexical = LexicalSearch(server)

    def origins(self, document_ids: Sequence[str] | None = None) -> dict[str, Origin]:
        """See `Store`."""
        among, values = _among("document_id", document_ids)
        found = self._server.read(f"SELECT {ORIGIN} FROM origins {among} ORDER BY location", values)
        return {row[0]: Origin(*row) for row in found}

    def documents(self, document_ids: Sequence[str] | None = None) -> list[DocumentInfo]:
        """See `Store`."""
        among, values = _among("d.id", document_ids)
        found = self._server.read(
            f"""SELECT d.id, d.title, d.metadata, coalesce(l.characters, 0),
                       (SELECT array_agg(source) FROM origins o WHERE o.document_id = d.id), coalesce(l.passages, 0)
                FROM documents d LEFT JOIN listing l ON l.document_id = d.id {among}""",
            values,
        )
        listing = [_listed(row) for row in found]
        return sorted(listing, key=lambda info: (info.sources, info.id))

    def named(self, name: str) -> list[str]:
        """See `Store`."""
        if "\0" in name:
            return []  # which PostgreSQL stores in no text
        found = self._server.read(
            """SELECT id FROM documents WHERE id = %(name)s UNION
               SELECT document_id FROM origins WHERE source = %(name)s OR starts_with(source, %(name)s || '/')""",
            {"name": name},
        )
        return sorted(id_ for (id_,) in found)

    def sources(self, document_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """See `Store`."""
        found: dict[str, tuple[str, ...]] = {}
        for id_, source in self._server.read(
            "SELECT document_id, source FROM origins WHERE document_id = ANY(%s) ORDER BY source",
            (list(document_ids),),
        ):
            found[id_] = (*found.get(id_, ()), source)
        return found

    def document(self, document_id: str) -> Document | None:
        """See `Store`."""
        found = self._server.read(
            f"""SELECT {DOCUMENT}, checksum, (SELECT min(source) FROM origins o WHERE o.document_id = d.id)
                FROM documents d WHERE d.id = %s""",
            (document_id,),
        )
        return rows.document(found[0]) if found else None

    def holding(self, texts: Sequence[str]) -> list[list[str]]:
        """See `Store`."""
        asked = [text for text in dict.fromkeys(texts) if "\0" not in text]  # which PostgreSQL stores in no text
        found: dict[str, list[str]] = {}
        for text, id_ in self._server.read(
            "SELECT asked, id FROM documents, unnest(%s::text[]) AS asked WHERE strpos(text, asked) > 0 ORDER BY id",
            (asked,),
        ):
            found.setdefault(text, []).append(id_)
        return [found.get(text, []) for text in texts]

    def embedded(self, digests: Sequence[str]) -> dict[str, tuple[Vector, Matrix]]:
        """See `Store`."""
        found = self._server.read(
            "SELECT digest, vector_send(vector), sentence_vectors FROM passages WHERE digest = ANY(%s)",
            (list(digests),),
        )
        return rows.vectors_by_digest([(row[0], blob(row[1]), row[2]) for row in found], self._dimension)

    def passages(self, passage_ids: Sequence[str]) -> dict[str, StoredPassage]:
        """See `Store`."""
        found = self._server.read(f"SELECT {PASSAGE} FROM passages WHERE id = ANY(%s)", (list(passage_ids),))
        stored = (rows.stored_passage(passage(row), self._dimension) for row in found)
        return {each.passage.id: each for each in stored}

    def dense(self, query: Vector, k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """See `Store`; beyond 10,000 passages through a graph, whose best are compared exactly."""
        return self._dense.search(query, k, where)

    def similarities(self, query: Vector, passage_ids: Sequence[str]) -> dict[str, float]:
        """See `Store`."""
        found = self._server.read(
            "SELECT id, vector_send(vector) FROM passages WHERE id = ANY(%s)", (list(passage_ids),)
        )
        return {id_: float(rows.vector(blob(sent), self._dimension) @ query) for id_, sent in found}

    def lexical(self, words: Sequence[str], k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """See `Store`; the figures of SQLite's BM25 (k1 1.2, b 0.75), titles and headings at half weight."""
        return self._lexical.search(words, k, where)

    def frequencies(self, words: Sequence[str]) -> dict[str, int]:
        """See `Store`."""
        return self._lexical.frequencies(words)

    def count(self) -> int:
        """See `Store`."""
        ((passages,),) = self._server.read("SELECT passages FROM state")
        return int(passages)

    def totals(self) -> Totals:
        """See `Store`."""
        ((documents, characters, sources, passages, sentences, tokens),) = self._server.read(
            """SELECT count(*), coalesce(sum(characters), 0), (SELECT count(*) FROM origins),
                      coalesce(sum(passages), 0), coalesce(sum(sentences), 0), coalesce(sum(tokens), 0) FROM listing"""
        )
        return Totals(documents, sources, passages, sentences, tokens, characters)

    def revision(self) -> int:
        """See `Store`."""
        ((revision,),) = self._server.read("SELECT revision FROM state")
        return int(revision)

    def reading(self) -> AbstractContextManager[object]:
        """See `Store`."""
        return self._server.snapshot()


def _among(column: str, ids: Sequence[str] | None) -> tuple[str, tuple[list[str], ...]]:
    """Return a condition for a column, and what it takes; none where all are wanted."""
    return ("", ()) if ids is None else (f"WHERE {column} = ANY(%s)", (list(ids),))


def _listed(row: rows.Row) -> DocumentInfo:
    id_, title, metadata, characters, sources, passages = row
    return rows.document_info((id_, title, metadata, characters, json.dumps(sources or []), passages))
