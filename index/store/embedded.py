"""The store in one folder: SQLite holds the truth, FAISS is derived from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from index.errors import IndexDamaged, InputError
from index.filters.expression import Filter
from index.store import changes, rows
from index.store.base import Compaction, DocumentInfo, Origin, StoredPassage, Totals
from index.store.database import SCHEMA, Database
from index.store.derived import DerivedVectors
from index.store.lock import WriterLock
from index.store.matching import Matching
from index.store.repair import repair_database
from index.store.rows import COLUMNS
from index.store.verify import verify_database, verify_lexical, verify_vectors
from index.types import Document, Matrix, Vector

_OWN_FILES = ("index.sqlite3", "vectors.")


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
        self._folder = folder
        self._dimension = dimension
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"Cannot write to {folder}: {error.strerror}.", "Choose another --home.") from error
        made_with = {"fingerprint": fingerprint, "dimension": str(dimension)}
        self._database = Database(folder / "index.sqlite3", made_with)
        self._matching = Matching(self._database)
        self._vectors = DerivedVectors(folder / "vectors.faiss", self._database, dimension)
        self._lock = WriterLock(folder / "writer.lock")
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
            f"""SELECT {COLUMNS["documents"]}, (SELECT min(source) FROM origins o WHERE o.document_id = d.id)
                FROM documents d WHERE d.id = ?""",
            (document_id,),
        )
        documents = self._database.decoded(lambda row: rows.document(row[:-1], row[-1]), found)
        return documents[0] if documents else None

    def holding(self, text: str) -> list[str]:
        """See `Store`."""
        return [id_ for (id_,) in self._database.read("SELECT id FROM documents WHERE instr(text, ?) > 0", (text,))]

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
        with self._database.snapshot():
            among = self._matching.rows(where) if where else None
            with self._vectors.current() as vectors:
                found = vectors.search(query, k, among)
            return self._named(found)

    def _named(self, found: Sequence[tuple[int, float]]) -> list[tuple[str, float]]:
        names: dict[int, str] = dict(
            self._database.read(
                "SELECT row, id FROM passages WHERE row IN (SELECT value FROM json_each(?))",
                (json.dumps([row for row, _ in found]),),
            )
        )
        return [(names[row], score) for row, score in found]

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
        with self._database.snapshot():
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

    def reading(self) -> AbstractContextManager[object]:
        """See `Store`."""
        return self._database.snapshot()

    def verify(self) -> list[str]:
        """See `Store`; also compares FAISS with the stored vectors, row by row."""
        try:
            with self._database.snapshot() as connection:
                problems = verify_database(connection, self._dimension)
                if not problems:
                    with self._vectors.current() as vectors:
                        problems = verify_vectors(connection, vectors)
            return problems or verify_lexical(connection)
        except IndexDamaged as error:
            return [str(error)]

    def close(self) -> None:
        """See `Store`."""
        self._database.close()
        self._vectors.close()

    # --- writing -----------------------------------------------------------------------------------------------

    def patience(self, seconds: float, tell: Callable[[str], None]) -> None:
        """See `Store`."""
        self._lock.wait, self._lock.tell = seconds, tell

    def changing(self) -> AbstractContextManager[None]:
        """See `Store`."""
        return self._lock.held()

    def put(self, document: Document, origin: Origin, passages: Sequence[StoredPassage]) -> None:
        """See `Store`."""
        with self._lock.held(), self._database.writing() as cursor:
            changes.put(cursor, document, origin, passages)

    def touch(self, origin: Origin) -> None:
        """See `Store`."""
        with self._lock.held(), self._database.writing() as cursor:
            changes.move(cursor, origin.location, origin)

    def move(self, location: str, origin: Origin) -> bool:
        """See `Store`."""
        with self._lock.held(), self._database.writing() as cursor:
            return changes.move(cursor, location, origin)

    def drop(self, locations: Sequence[str]) -> None:
        """See `Store`."""
        with self._lock.held():
            with self._database.writing() as cursor:
                changes.drop(cursor, locations)
            self.forget()

    def remove(self, document_ids: Sequence[str]) -> None:
        """See `Store`."""
        with self._lock.held():
            with self._database.writing() as cursor:
                changes.delete(cursor, document_ids)
            self.forget()

    def forget(self) -> None:
        """See `Store`; merges the lexical index, and empties SQLite's log."""
        if changes.REMOVED not in self._database.meta():
            return
        with self._lock.held():
            with self._database.writing() as cursor:
                changes.forget(cursor)
            self._database.checkpoint()
            self._vectors.drop()

    def compact(self) -> Compaction:
        """See `Store`."""
        with self._lock.held():
            before = self._bytes()
            with self._database.writing() as cursor:
                changes.forget(cursor)
            self._database.vacuum()
            self._vectors.drop()
            with self._vectors.current():
                pass
            return Compaction(before, self._bytes())

    def repair(self) -> list[str]:
        """See `Store`."""
        with self._lock.held():
            differs = self._faiss_differs()
            mended = repair_database(self._database)
            if differs:
                self._vectors.drop()
                mended.append("The FAISS file was made again from the stored vectors.")
            return mended

    def _faiss_differs(self) -> bool:
        try:
            with self._database.snapshot() as connection, self._vectors.current() as vectors:
                return bool(verify_vectors(connection, vectors))
        except IndexDamaged:
            return True  # it was made of rows that are damaged

    def _bytes(self) -> int:
        return sum(file.stat().st_size for file in self._folder.iterdir() if file.name.startswith(_OWN_FILES))


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
