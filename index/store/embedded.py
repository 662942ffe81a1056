"""The store in one folder: SQLite holds the truth, FAISS is derived from it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from index.errors import IndexDamaged, InputError
from index.filters.expression import Filter
from index.store import rows
from index.store.base import DocumentInfo, Origin, SourceTaken, StoredPassage, Totals
from index.store.database import SCHEMA, Database
from index.store.matching import Matching
from index.store.rows import COLUMNS
from index.store.vectors import VectorIndex
from index.store.verify import verify_database, verify_lexical, verify_vectors
from index.types import Document, Matrix, Vector


class EmbeddedStore:
    """A `Store` in a folder. Any number of processes may read; one writes at a time, the others wait.

    Thread-safe: each thread has a connection of its own.
    """

    def __init__(self, folder: Path, fingerprint: str, dimension: int) -> None:
        """Open the store, or make it.

        Raises:
            IndexDamaged: the file is no citechat index, or was made by another embedder or version.
            InputError: the folder cannot be written.

        """
        self._faiss_path = folder / "vectors.faiss"
        self._dimension = dimension
        self._lock = threading.RLock()
        self._vectors: VectorIndex | None = None
        self._vectors_state = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"Cannot write to {folder}: {error.strerror}.", "Choose another --home.") from error
        made_with = {"fingerprint": fingerprint, "dimension": str(dimension)}
        self._database = Database(folder / "index.sqlite3", made_with)
        self._matching = Matching(self._database)
        try:
            _check(self._database.meta(), {"schema": str(SCHEMA), **made_with}, folder / "index.sqlite3")
        except BaseException:
            self._database.close()
            raise

    # --- reading -----------------------------------------------------------------------------------------------

    def origins(self) -> dict[str, Origin]:
        """See `Store`."""
        found = self._database.read(f"SELECT {COLUMNS['origins']} FROM origins")
        return {row[0]: Origin(*row) for row in found}

    def documents(self) -> list[DocumentInfo]:
        """See `Store`."""
        found = self._database.read(
            """SELECT d.id, d.title, d.metadata, length(d.text),
                      (SELECT json_group_array(source) FROM origins o WHERE o.document_id = d.id),
                      (SELECT count(*) FROM passages p WHERE p.document_id = d.id)
               FROM documents d"""
        )
        listing = self._database.decoded(rows.document_info, found)
        return sorted(listing, key=lambda info: (info.sources, info.id))

    def document(self, document_id: str) -> Document | None:
        """See `Store`."""
        found = self._database.read(
            f"""SELECT {COLUMNS["documents"]}, (SELECT min(source) FROM origins o WHERE o.document_id = d.id)
                FROM documents d WHERE d.id = ?""",
            (document_id,),
        )
        documents = self._database.decoded(lambda row: rows.document(row[:-1], row[-1]), found)
        return documents[0] if documents else None

    def embedded(self, digests: Sequence[str]) -> dict[str, tuple[Vector, Matrix]]:
        """See `Store`."""
        found = self._database.read(
            "SELECT digest, vector, sentence_vectors FROM passages WHERE digest IN (SELECT value FROM json_each(?))",
            (json.dumps(list(digests)),),
        )
        return dict(self._database.decoded(lambda row: (row[0], rows.vectors(row[1:], self._dimension)), found))

    def passages(self, passage_ids: Sequence[str]) -> dict[str, StoredPassage]:
        """See `Store`."""
        found = self._database.read(
            f"SELECT {COLUMNS['passages']} FROM passages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(passage_ids)),),
        )
        stored = self._database.decoded(lambda row: rows.stored_passage(row, self._dimension), found)
        return {each.passage.id: each for each in stored}

    def dense(self, query: Vector, k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """See `Store`."""
        among = self._matching.rows(where) if where else None
        with self._lock:
            found = self._current_vectors().search(query, k, among)
        names: dict[int, str] = dict(
            self._database.read(
                "SELECT row, id FROM passages WHERE row IN (SELECT value FROM json_each(?))",
                (json.dumps([row for row, _ in found]),),
            )
        )
        return [(names[row], score) for row, score in found if row in names]

    def similarities(self, query: Vector, passage_ids: Sequence[str]) -> dict[str, float]:
        """See `Store`."""
        found = self._database.read(
            "SELECT id, vector FROM passages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(passage_ids)),),
        )
        decoded = self._database.decoded(lambda row: (row[0], rows.vector(row[1], self._dimension)), found)
        return {id_: float(vector @ query) for id_, vector in decoded}

    def lexical(self, words: Sequence[str], k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """See `Store`; SQLite's BM25 (k1 1.2, b 0.75), titles and headings at half weight."""
        if not words:
            return []
        condition, values = "", [" OR ".join(map(_quoted, dict.fromkeys(words)))]
        if where:
            condition = "AND rowid IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(self._matching.rows(where).tolist()))
        found = self._database.read(
            f"""SELECT p.id, -f.score FROM
                (SELECT rowid, bm25(passages_fts, 0.5, 1.0) AS score FROM passages_fts
                 WHERE passages_fts MATCH ? {condition} ORDER BY score, rowid LIMIT {int(k)}) f
                JOIN passages p ON p.row = f.rowid ORDER BY f.score, f.rowid""",
            values,
        )
        return [(id_, float(score)) for id_, score in found]

    def frequencies(self, words: Sequence[str]) -> dict[str, int]:
        """See `Store`."""
        found: dict[str, int] = dict(
            self._database.read(
                "SELECT term, doc FROM passages_vocabulary WHERE term IN (SELECT value FROM json_each(?))",
                (json.dumps(list(words)),),
            )
        )
        return {word: found.get(word, 0) for word in words}

    def count(self) -> int:
        """See `Store`."""
        ((passages,),) = self._database.read("SELECT count(*) FROM passages")
        return int(passages)

    def totals(self) -> Totals:
        """See `Store`."""
        ((documents, characters, sources, passages, sentences, tokens),) = self._database.read(
            """SELECT (SELECT count(*) FROM documents), (SELECT coalesce(sum(length(text)), 0) FROM documents),
                      (SELECT count(*) FROM origins), count(*),
                      coalesce(sum(json_array_length(sentences)), 0), coalesce(sum(tokens), 0) FROM passages"""
        )
        return Totals(documents, sources, passages, sentences, tokens, characters)

    def revision(self) -> int:
        """See `Store`."""
        return self._database.revision()

    def verify(self) -> list[str]:
        """See `Store`; also compares FAISS with the stored vectors, row by row."""
        try:
            with self._lock, self._database.snapshot() as connection:
                problems = verify_database(connection, self._dimension)
                problems = problems or verify_vectors(connection, self._current_vectors())
            return problems or verify_lexical(connection)
        except IndexDamaged as error:
            return [str(error)]

    def close(self) -> None:
        """See `Store`."""
        with self._lock:
            self._database.close()
            self._vectors, self._vectors_state = None, ""

    # --- writing -----------------------------------------------------------------------------------------------

    def put(self, document: Document, origin: Origin, passages: Sequence[StoredPassage]) -> None:
        """See `Store`."""
        with self._database.writing() as cursor:
            if not cursor.execute("SELECT 1 FROM documents WHERE id = ?", (document.id,)).fetchone():
                cursor.execute(*rows.insertion("documents", rows.document_row(document)))
                for stored in passages:
                    cursor.execute(*rows.insertion("passages", rows.passage_row(stored)))
            cursor.execute("DELETE FROM origins WHERE location = ?", (origin.location,))
            if cursor.execute("SELECT 1 FROM origins WHERE source = ?", (origin.source,)).fetchone():
                raise SourceTaken(
                    f"Another file has just been added as {origin.source}.", "Run the command again for a longer name."
                )
            cursor.execute(*rows.insertion("origins", rows.origin_row(origin)))
            orphans = cursor.execute(
                "SELECT id FROM documents WHERE id NOT IN (SELECT document_id FROM origins)"
            ).fetchall()
            _delete_documents(cursor, [id_ for (id_,) in orphans])

    def touch(self, origin: Origin) -> None:
        """See `Store`."""
        with self._database.writing() as cursor:
            same = (origin.location, origin.digest)
            if cursor.execute("DELETE FROM origins WHERE location = ? AND digest = ?", same).rowcount:
                cursor.execute(*rows.insertion("origins", rows.origin_row(origin)))

    def remove(self, document_ids: Sequence[str]) -> None:
        """See `Store`."""
        with self._database.writing() as cursor:
            _delete_documents(cursor, document_ids)
        self.forget()

    def forget(self) -> None:
        """See `Store`; merges the lexical index, which only marks words as removed, and empties SQLite's log."""
        if "removed" not in self._database.meta():
            return
        with self._database.writing() as cursor:
            cursor.execute("INSERT INTO passages_fts (passages_fts) VALUES ('optimize')")
            cursor.execute("DELETE FROM meta WHERE key = 'removed'")
        self._database.read("PRAGMA wal_checkpoint (TRUNCATE)")
        with suppress(OSError):
            self._faiss_path.unlink(missing_ok=True)

    # --- inside ------------------------------------------------------------------------------------------------

    def _current_vectors(self) -> VectorIndex:
        """Return FAISS as of the latest committed change. Call with the lock held."""
        state = self._database.state()
        if self._vectors is None:
            self._vectors = VectorIndex.load(self._faiss_path, self._dimension, state)
            self._vectors_state = state if self._vectors else ""
            self._vectors = self._vectors or VectorIndex(self._dimension)
        if state != self._vectors_state:
            self._catch_up(self._vectors)
            self._vectors_state = state
            self._save(self._vectors)
        return self._vectors

    def _catch_up(self, vectors: VectorIndex) -> None:
        stored = {row for (row,) in self._database.read("SELECT row FROM passages")}
        indexed = vectors.rows()
        vectors.remove(indexed - stored)
        found = self._database.read(
            "SELECT row, vector FROM passages WHERE row IN (SELECT value FROM json_each(?)) ORDER BY row",
            (json.dumps(sorted(stored - indexed)),),
        )
        decoded = self._database.decoded(lambda row: rows.vector(row[1], self._dimension), found)
        vectors.add([row for row, _ in found], np.array(decoded, np.float32))

    def _save(self, vectors: VectorIndex) -> None:
        try:
            vectors.save(self._faiss_path, self._vectors_state)
        except OSError:
            # Only a cache of what SQLite holds: without it the next start reads the vectors from there.
            with suppress(OSError):
                self._faiss_path.unlink(missing_ok=True)


def _check(meta: dict[str, str], expected: dict[str, str], path: Path) -> None:
    """Compare what an index was made with to what is to be used.

    Raises:
        IndexDamaged: they differ.
    """
    again = f"Remove {path} and add the documents again, or choose another --home."
    if meta.get("schema") != expected["schema"]:
        raise IndexDamaged(f"The index {path} has schema {meta.get('schema')}, not {SCHEMA}.", again)
    if (meta.get("fingerprint"), meta.get("dimension")) != (expected["fingerprint"], expected["dimension"]):
        raise IndexDamaged(
            f"The index {path} was made with another embedder "
            f"({meta.get('fingerprint')}, now {expected['fingerprint']}).",
            "Set the embedder back in citechat.toml or CITECHAT_EMBEDDER. " + again,
        )


def _quoted(word: str) -> str:
    """Return a word as FTS5 takes it literally."""
    return '"' + word.replace('"', '""').replace("\0", "") + '"'


def _delete_documents(cursor: sqlite3.Cursor, document_ids: Sequence[str]) -> None:
    if not document_ids:
        return
    doomed = json.dumps(list(document_ids))
    for table, column in (("origins", "document_id"), ("passages", "document_id"), ("documents", "id")):
        cursor.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (doomed,))
    cursor.execute("INSERT OR REPLACE INTO meta VALUES ('removed', 'not forgotten yet')")
