"""The store in one folder: SQLite holds the truth, FAISS is derived from it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from index.errors import IndexDamaged, InputError
from index.filters import Filter
from index.store.base import DocumentInfo, Origin, StoredPassage, Totals
from index.store.vectors import Rows, VectorIndex
from index.store.verify import verify_database
from index.types import Document, Matrix, Page, Passage, Span, Vector

SCHEMA = 1
"""Version of the tables in ``schema.sql``."""

WRITE_WAIT = 30.0
"""Seconds that a writer waits for another one before it gives up."""

_PASSAGE = """id, document_id, ordinal, start, end, heading, context, text, sentences, digest, tokens, vector,
              sentence_vectors"""


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
        self._path = folder / "index.sqlite3"
        self._faiss_path = folder / "vectors.faiss"
        self._dimension = dimension
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.RLock()
        self._vectors: VectorIndex | None = None
        self._vectors_revision = -1
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._create(fingerprint)
        except OSError as error:
            raise InputError(f"Cannot write to {folder}: {error.strerror}.", "Choose another --home.") from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error
        self._check(fingerprint)

    # --- reading -----------------------------------------------------------------------------------------------

    def origins(self) -> dict[str, Origin]:
        """See `Store`."""
        rows = self._read("SELECT location, source, size, modified_ns, digest, document_id FROM origins")
        return {row[0]: Origin(*row) for row in rows}

    def documents(self) -> list[DocumentInfo]:
        """See `Store`."""
        rows = self._read(
            """SELECT d.id, d.title, d.metadata, length(d.text),
                      (SELECT json_group_array(source) FROM origins o WHERE o.document_id = d.id),
                      (SELECT count(*) FROM passages p WHERE p.document_id = d.id)
               FROM documents d"""
        )
        listing = [
            DocumentInfo(id_, title, tuple(sorted(json.loads(sources))), json.loads(metadata), characters, passages)
            for id_, title, metadata, characters, sources, passages in rows
        ]
        return sorted(listing, key=lambda info: (info.sources, info.id))

    def document(self, document_id: str) -> Document | None:
        """See `Store`."""
        rows = self._read(
            """SELECT d.id, (SELECT min(source) FROM origins o WHERE o.document_id = d.id), d.title, d.text,
                      d.metadata, d.pages FROM documents d WHERE d.id = ?""",
            (document_id,),
        )
        for id_, source, title, text, metadata, pages in rows:
            return Document(
                id_, source, title, text, json.loads(metadata), tuple(Page(*page) for page in json.loads(pages))
            )
        return None

    def embedded(self, digests: Sequence[str]) -> dict[str, tuple[Vector, Matrix]]:
        """See `Store`."""
        rows = self._read(
            "SELECT digest, vector, sentence_vectors FROM passages WHERE digest IN (SELECT value FROM json_each(?))",
            (json.dumps(list(digests)),),
        )
        return {digest: (_vector(vector), self._matrix(matrix)) for digest, vector, matrix in rows}

    def passages(self, passage_ids: Sequence[str]) -> dict[str, StoredPassage]:
        """See `Store`."""
        rows = self._read(
            f"SELECT {_PASSAGE} FROM passages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(passage_ids)),),
        )
        return {row[0]: self._stored(row) for row in rows}

    def dense(self, query: Vector, k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """See `Store`."""
        among = self._matching_rows(where) if where else None
        with self._lock:
            found = self._current_vectors().search(query, k, among)
        names = dict(
            self._read(
                "SELECT row, id FROM passages WHERE row IN (SELECT value FROM json_each(?))",
                (json.dumps([row for row, _ in found]),),
            )
        )
        return [(names[row], score) for row, score in found if row in names]

    def lexical(self, words: Sequence[str], k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """See `Store`; SQLite's BM25 (k1 1.2, b 0.75), titles and headings at half weight."""
        if not words:
            return []
        condition, values = "", [" OR ".join(f'"{word}"' for word in dict.fromkeys(words)).replace("\0", "")]
        if where:
            condition = "AND rowid IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(self._matching_rows(where).tolist()))
        rows = self._read(
            f"""SELECT p.id, -f.score FROM
                (SELECT rowid, bm25(passages_fts, 0.5, 1.0) AS score FROM passages_fts
                 WHERE passages_fts MATCH ? {condition} ORDER BY score, rowid LIMIT {int(k)}) f
                JOIN passages p ON p.row = f.rowid ORDER BY f.score, f.rowid""",
            values,
        )
        return [(id_, float(score)) for id_, score in rows]

    def frequencies(self, words: Sequence[str]) -> dict[str, int]:
        """See `Store`."""
        rows = self._read(
            "SELECT term, doc FROM passages_vocabulary WHERE term IN (SELECT value FROM json_each(?))",
            (json.dumps(list(words)),),
        )
        found = dict(rows)
        return {word: int(found.get(word, 0)) for word in words}

    def count(self) -> int:
        """See `Store`."""
        ((passages,),) = self._read("SELECT count(*) FROM passages")
        return int(passages)

    def totals(self) -> Totals:
        """See `Store`."""
        ((documents, characters, sources, passages, sentences, tokens),) = self._read(
            """SELECT (SELECT count(*) FROM documents), (SELECT coalesce(sum(length(text)), 0) FROM documents),
                      (SELECT count(*) FROM origins), count(*),
                      coalesce(sum(json_array_length(sentences)), 0), coalesce(sum(tokens), 0) FROM passages"""
        )
        return Totals(documents, sources, passages, sentences, tokens, characters)

    def revision(self) -> int:
        """See `Store`."""
        ((value,),) = self._read("SELECT value FROM meta WHERE key = 'revision'")
        return int(value)

    def verify(self) -> list[str]:
        """See `Store`; also compares FAISS with the stored vectors, row by row."""
        try:
            with self._lock:
                return verify_database(self._connection(), self._current_vectors(), self._dimension)
        except sqlite3.DatabaseError as error:
            return [str(self._damaged(error))]

    def close(self) -> None:
        """See `Store`."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
            self._local = threading.local()
            self._vectors, self._vectors_revision = None, -1

    # --- writing -----------------------------------------------------------------------------------------------

    def put(self, document: Document, origin: Origin, passages: Sequence[StoredPassage]) -> None:
        """See `Store`."""
        with self._writing() as cursor:
            if not cursor.execute("SELECT 1 FROM documents WHERE id = ?", (document.id,)).fetchone():
                _insert_document(cursor, document, passages)
            cursor.execute(
                "INSERT OR REPLACE INTO origins VALUES (?, ?, ?, ?, ?, ?)",
                (
                    origin.location,
                    origin.source,
                    origin.size,
                    origin.modified_ns,
                    origin.digest,
                    origin.document_id,
                ),
            )
            orphans = cursor.execute(
                "SELECT id FROM documents WHERE id NOT IN (SELECT document_id FROM origins)"
            ).fetchall()
            _delete_documents(cursor, [id_ for (id_,) in orphans])

    def touch(self, origin: Origin) -> None:
        """See `Store`."""
        with self._writing() as cursor:
            cursor.execute(
                "UPDATE origins SET size = ?, modified_ns = ? WHERE location = ? AND digest = ?",
                (origin.size, origin.modified_ns, origin.location, origin.digest),
            )

    def remove(self, document_ids: Sequence[str]) -> None:
        """See `Store`."""
        with self._writing() as cursor:
            _delete_documents(cursor, document_ids)

    # --- inside ------------------------------------------------------------------------------------------------

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, WRITE_WAIT, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            with self._lock:
                self._connections.append(connection)
            self._local.connection = connection
        return connection

    def _create(self, fingerprint: str) -> None:
        connection = self._connection()
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return
            for statement in _statements(Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")):
                connection.execute(statement)
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [
                    ("schema", str(SCHEMA)),
                    ("fingerprint", fingerprint),
                    ("dimension", str(self._dimension)),
                    ("revision", "0"),
                ],
            )

    def _check(self, fingerprint: str) -> None:
        meta = dict(self._read("SELECT key, value FROM meta"))
        again = f"Remove {self._path.parent} and add the documents again, or choose another --home."
        if meta.get("schema") != str(SCHEMA):
            raise IndexDamaged(f"The index {self._path} has schema {meta.get('schema')}, not {SCHEMA}.", again)
        if meta.get("fingerprint") != fingerprint:
            raise IndexDamaged(
                f"The index {self._path} was made with another embedder ({meta.get('fingerprint')}, now {fingerprint}).",
                "Set the embedder back in citechat.toml or CITECHAT_EMBEDDER. " + again,
            )

    def _damaged(self, error: sqlite3.Error) -> IndexDamaged | InputError:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return InputError(
                f"Another process has been writing to {self._path} for {WRITE_WAIT:.0f} seconds.",
                "Let it finish, then try again.",
            )
        if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
            return InputError(
                f"The disk is full; nothing of the last document was stored in {self._path}.",
                "Free some space and run the command again: what is stored already is kept.",
            )
        if isinstance(error, sqlite3.OperationalError) and "readonly" in str(error):
            return InputError(
                f"The index {self._path} is read-only.", "Change its permissions or choose another --home."
            )
        return IndexDamaged(
            f"The index {self._path} is damaged: {error}.",
            "Restore it from a backup, or remove its folder and add the documents again.",
        )

    def _read(self, statement: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        try:
            return self._connection().execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        """Hold the one write transaction; commit at the end, or change nothing."""
        connection = self._connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                cursor = connection.cursor()
                yield cursor
                cursor.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _matching_rows(self, where: Filter) -> Rows:
        documents = [
            info.id
            for info in self.documents()
            if any(where.matches({**info.metadata, "title": info.title, "source": source}) for source in info.sources)
        ]
        rows = self._read(
            "SELECT row FROM passages WHERE document_id IN (SELECT value FROM json_each(?))",
            (json.dumps(documents),),
        )
        return np.array([row for (row,) in rows], np.int64)

    def _current_vectors(self) -> VectorIndex:
        """Return FAISS as of the latest committed change. Call with the lock held."""
        revision = self.revision()
        if self._vectors is None:
            self._vectors = VectorIndex.load(self._faiss_path, self._dimension, str(revision))
            self._vectors_revision = revision if self._vectors else -1
            self._vectors = self._vectors or VectorIndex(self._dimension)
        if revision != self._vectors_revision:
            self._catch_up(self._vectors)
            self._vectors_revision = revision
            self._save(revision)
        return self._vectors

    def _catch_up(self, vectors: VectorIndex) -> None:
        stored = {row for (row,) in self._read("SELECT row FROM passages")}
        indexed = vectors.rows()
        vectors.remove(indexed - stored)
        missing = sorted(stored - indexed)
        rows = self._read(
            "SELECT row, vector FROM passages WHERE row IN (SELECT value FROM json_each(?)) ORDER BY row",
            (json.dumps(missing),),
        )
        vectors.add([row for row, _ in rows], np.array([_vector(vector) for _, vector in rows], np.float32))

    def _save(self, revision: int) -> None:
        try:
            if self._vectors is not None:
                self._vectors.save(self._faiss_path, str(revision))
        except OSError:
            # Only a cache of what SQLite holds: without it the next start reads the vectors from there.
            self._faiss_path.unlink(missing_ok=True)

    def _matrix(self, blob: bytes) -> Matrix:
        return np.frombuffer(blob, np.float16).reshape(-1, self._dimension).astype(np.float32)

    def _stored(self, row: tuple) -> StoredPassage:  # type: ignore[type-arg]
        (
            id_,
            document_id,
            ordinal,
            start,
            end,
            heading,
            context,
            text,
            sentences,
            digest,
            tokens,
            vector,
            matrix,
        ) = row
        spans = tuple(Span(*span) for span in json.loads(sentences))
        passage = Passage(id_, document_id, ordinal, start, end, text, heading, context, spans)
        return StoredPassage(passage, digest, tokens, _vector(vector), self._matrix(matrix))


def _vector(blob: bytes) -> Vector:
    return np.frombuffer(blob, np.float32)


def _statements(script: str) -> Iterator[str]:
    """Split a script into statements; a trigger holds semicolons of its own."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _insert_document(cursor: sqlite3.Cursor, document: Document, passages: Sequence[StoredPassage]) -> None:
    cursor.execute(
        "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)",
        (
            document.id,
            document.title,
            document.text,
            hashlib.sha256(document.text.encode()).hexdigest(),
            json.dumps(dict(document.metadata), sort_keys=True),
            json.dumps([[page.number, page.start, page.end] for page in document.pages]),
        ),
    )
    cursor.executemany(
        f"INSERT INTO passages ({_PASSAGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                stored.passage.id,
                stored.passage.document_id,
                stored.passage.ordinal,
                stored.passage.start,
                stored.passage.end,
                stored.passage.heading,
                stored.passage.context,
                stored.passage.text,
                json.dumps([[span.start, span.end] for span in stored.passage.sentences]),
                stored.digest,
                stored.tokens,
                stored.vector.astype(np.float32).tobytes(),
                stored.sentence_vectors.astype(np.float16).tobytes(),
            )
            for stored in passages
        ),
    )


def _delete_documents(cursor: sqlite3.Cursor, document_ids: Sequence[str]) -> None:
    doomed = json.dumps(list(document_ids))
    for table, column in (("origins", "document_id"), ("passages", "document_id"), ("documents", "id")):
        cursor.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (doomed,))
