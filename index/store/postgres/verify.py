"""Proof that a store in PostgreSQL is sound: rows against their checksums and each other, what is derived against them.

What the server itself keeps whole, its pages and indexes, it checks by its own means: data checksums and ``amcheck``.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from psycopg import Connection

from index.store.postgres.derived import Differences
from index.store.postgres.rows import DOCUMENT, ORIGIN, PASSAGE, passage
from index.store.rows import Row, checksum
from index.store.sound import (
    CUT_SHORT,
    MEND,
    OWNERS,
    end_of_blocks,
    fault_of_vectors,
    miscounted,
    pages_divide,
    remedy,
    restored,
    sentences_lie_within,
)

BATCH = 100
"""Documents that are read at a time."""


@dataclass(slots=True)
class Batch:
    """Some documents with all that belongs to them: rows as in SQLite, by document, their checksums last."""

    documents: list[Row]
    origins: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    passages: dict[str, list[tuple[int, Row, int]]] = field(default_factory=lambda: defaultdict(list))
    """Of each: its number in the table, the row, its length in terms."""

    def remedy(self, document: str) -> str:
        """Name the commands that mend a document."""
        return remedy(document, sorted(str(row[0]) for row in self.origins[document]))


def batches(connection: Connection) -> Iterator[Batch]:
    """Yield all documents with what belongs to them."""
    ids = [id_ for (id_,) in connection.execute("SELECT id FROM documents ORDER BY id").fetchall()]
    for start in range(0, len(ids), BATCH):
        some = (ids[start : start + BATCH],)
        documents = f"SELECT {DOCUMENT}, checksum FROM documents WHERE id = ANY(%s) ORDER BY id"
        batch = Batch(connection.execute(documents, some).fetchall())
        for row in connection.execute(f"SELECT {ORIGIN}, checksum FROM origins WHERE document_id = ANY(%s)", some):
            batch.origins[row[OWNERS["origins"]]].append(row)
        found = f"SELECT row, length, {PASSAGE}, checksum FROM passages WHERE document_id = ANY(%s) ORDER BY row"
        for number, length, *values in connection.execute(found, some):
            own = passage(tuple(values))
            batch.passages[own[OWNERS["passages"]]].append((number, own, length))
        yield batch


def verify(connection: Connection, dimension: int) -> list[str]:
    """Return what is wrong, in words, each with its remedy; an empty list is a sound store."""
    altered: list[str] = []
    wrong: list[str] = []
    differences = Differences(connection)
    for batch in batches(connection):
        altered += _checksums(batch)
        if not altered:
            wrong += [*_of_documents(batch), *_of_passages(batch, dimension)]
            differences.compare(batch.documents, batch.passages, batch.origins)
    return altered or wrong or [f"{problem}. {MEND}" for problem in differences.problems()]


def _checksums(batch: Batch) -> Iterator[str]:
    texts = {row[0]: row[2] for row in batch.documents}
    of_passages = [own for each in batch.passages.values() for _, own, _ in each]
    of_origins = [own for each in batch.origins.values() for own in each]
    for table, found in (("documents", batch.documents), ("origins", of_origins), ("passages", of_passages)):
        for *values, expected in found:
            if checksum(values) != expected:
                owner = values[OWNERS[table]]
                mendable = table == "passages" and restored(texts.get(owner), values, expected)
                means = MEND if mendable else batch.remedy(owner)
                yield f"{table.removesuffix('s').title()} {values[0]} is not what was stored. {means}"


def _of_documents(batch: Batch) -> Iterator[str]:
    for id_, _, text, _, pages, blocks, *_ in batch.documents:
        if not batch.origins[id_]:
            yield f"Document {id_} has no source. {batch.remedy(id_)}"
        ordinals = [own[2] for _, own, _ in batch.passages[id_]]
        misnamed = sum(own[0] != f"{id_}-{own[2]}" for _, own, _ in batch.passages[id_])
        if not ordinals:
            yield f"Document {id_} has no passages. {batch.remedy(id_)}"
        elif misnamed or len(ordinals) != max(ordinals) + 1:
            yield f"Document {id_} {miscounted(len(ordinals), max(ordinals), misnamed)}. {batch.remedy(id_)}"
        elif max(own[4] for _, own, _ in batch.passages[id_]) < end_of_blocks(blocks):
            yield f"Document {id_} {CUT_SHORT}. {batch.remedy(id_)}"
        if not pages_divide(len(text), pages):
            yield f"Document {id_}: its pages do not divide its text. {batch.remedy(id_)}"


def _of_passages(batch: Batch, dimension: int) -> Iterator[str]:
    texts = {row[0]: row[2] for row in batch.documents}
    for _, own, _ in itertools.chain(*batch.passages.values()):
        id_, document, _, start, end, _, _, text, sentences, _, _, vector, sentence_vectors, _ = own
        same = len(text) == end - start and texts[document][start:end] == text
        if not same or not sentences_lie_within(start, end, sentences):
            yield f"Passage {id_}: its text or sentences are not at their offsets. {batch.remedy(document)}"
        if fault := fault_of_vectors(sentences, vector, sentence_vectors, dimension):
            yield f"Passage {id_}: {fault}. {batch.remedy(document)}"
