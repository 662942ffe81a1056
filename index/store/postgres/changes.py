"""What a change does to the rows, inside one transaction of the one writer."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from psycopg import Connection, errors

from index.store import rows
from index.store.base import UNSETTLED, Origin, StoredPassage
from index.store.changes import refuse_stale, taken
from index.store.postgres import fields, lexicon
from index.store.postgres.rows import DOCUMENT, ORIGIN, PASSAGE_NAMES, written_passage
from index.store.rows import checksum
from index.types import Document

REMOVED = "removed"
"""Key in ``meta`` while words of removed documents may still be on disk."""

_NUMBERS = "ARRAY (SELECT nextval(pg_get_serial_sequence('passages', 'row')) FROM generate_series(1, %s))"


def put(
    connection: Connection,
    document: Document,
    origin: Origin,
    passages: Sequence[StoredPassage],
    expected: str | None,
) -> None:
    """Store a document and point its origin to it; see `Store.put`."""
    ((known, there, numbers),) = connection.execute(
        f"""SELECT (SELECT document_id FROM origins WHERE location = %s),
           EXISTS (SELECT 1 FROM documents WHERE id = %s), {_NUMBERS}""",
        (origin.location, document.id, len(passages)),
    ).fetchall()
    refuse_stale(origin.location, known or "", expected)
    try:
        with connection.pipeline():  # nothing below waits for an answer
            if not there:
                _insert(connection, [(document, passages)], numbers)
            connection.execute("DELETE FROM origins WHERE location = %s", (origin.location,))
            _insert_origins(connection, [origin])
    except errors.UniqueViolation as error:
        if error.diag.constraint_name != "origins_source_key":
            raise
        raise taken(origin.source) from error
    if known not in (None, document.id):
        _delete_orphans(connection, [known])


def put_new(connection: Connection, made: Sequence[tuple[Document, Origin, Sequence[StoredPassage]]]) -> None:
    """Store many documents at once, none of which is there, nor its origin."""
    count = sum(len(passages) for _, _, passages in made)
    ((numbers,),) = connection.execute(f"SELECT {_NUMBERS}", (count,)).fetchall()
    with connection.pipeline():
        _insert(connection, [(document, passages) for document, _, passages in made], numbers)
        _insert_origins(connection, (origin for _, origin, _ in made))


def move(connection: Connection, location: str, origin: Origin) -> bool:
    """Move an origin whose content is unchanged; see `Store.move`."""
    known = "DELETE FROM origins WHERE location = %s AND digest = %s AND document_id = %s"
    if not connection.execute(known, (location, origin.digest, origin.document_id)).rowcount:
        return False
    _point(connection, origin)
    return True


def settle(connection: Connection, location: str, origins: Sequence[Origin]) -> None:
    """Make these origins all that the file at ``location`` consists of; see `Store.settle`."""
    gone = connection.execute(
        # "0" comes right after "/": between them lies what is called after a folder or a container.
        """DELETE FROM origins WHERE (location = %s OR location > %s AND location < %s) AND location != ALL(%s)
           RETURNING document_id""",
        (location, f"{location}/", f"{location}0", [origin.location for origin in origins]),
    ).fetchall()
    known = "DELETE FROM origins WHERE location = %s AND document_id = %s"
    there = [origin for origin in origins if connection.execute(known, (origin.location, origin.document_id)).rowcount]
    whole = len(there) == len(origins)
    _insert_origins(connection, (each if whole else replace(each, modified_ns=UNSETTLED) for each in there))
    _delete_orphans(connection, [id_ for (id_,) in gone])


def remove(connection: Connection, document_ids: Sequence[str]) -> None:
    """Remove documents with their origins; see `Store.remove`."""
    found = "SELECT location FROM origins WHERE document_id = ANY(%s)"
    drop(connection, [location for (location,) in connection.execute(found, (list(document_ids),)).fetchall()])
    delete(connection, document_ids)


def drop(connection: Connection, locations: Sequence[str]) -> None:
    """Remove origins, and the documents that no other origin points to; see `Store.drop`."""
    _unsettle(connection, locations)
    gone = connection.execute(
        "DELETE FROM origins WHERE location = ANY(%s) RETURNING document_id", (list(locations),)
    ).fetchall()
    _delete_orphans(connection, [id_ for (id_,) in gone])


def delete(connection: Connection, document_ids: Sequence[str]) -> None:
    """Remove documents with all that belongs to them."""
    if not document_ids:
        return
    doomed = (list(document_ids),)
    connection.execute(
        """WITH gone AS (DELETE FROM postings WHERE row IN (SELECT row FROM passages WHERE document_id = ANY(%s))
                         RETURNING term)
           UPDATE terms t SET passages = t.passages - g.number
           FROM (SELECT term, count(*) AS number FROM gone GROUP BY term) g WHERE t.id = g.term""",
        doomed,
    )
    connection.execute("DELETE FROM origins WHERE document_id = ANY(%s)", doomed)
    connection.execute(
        """WITH gone AS (DELETE FROM passages WHERE document_id = ANY(%s) RETURNING length)
           UPDATE state SET passages = passages - (SELECT count(*) FROM gone),
                            length = length - (SELECT coalesce(sum(length), 0) FROM gone)""",
        doomed,
    )
    connection.execute("DELETE FROM documents WHERE id = ANY(%s)", doomed)
    connection.execute(
        "INSERT INTO meta VALUES (%s, 'not forgotten yet') ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (REMOVED,),
    )


def index_words(connection: Connection, numbered: Sequence[tuple[int, dict[str, lexicon.Posting], int]]) -> None:
    """Insert the postings of passages: the row of each, its terms and its length.

    A term that is there is found first: inserting it and being refused would use up an id.
    """
    words = [
        (row, term, posting.frequency, length, posting.positions)
        for row, terms, length in numbered
        for term, posting in terms.items()
    ]
    connection.execute(
        """WITH words AS MATERIALIZED (SELECT * FROM unnest(
               %b::bigint[], %b::text[], %b::int[], %b::int[], %b::bytea[])
               AS w (row, term, frequency, length, places)),
           holding AS MATERIALIZED (SELECT term, count(*) AS number FROM words GROUP BY term),
           known AS (UPDATE terms t SET passages = t.passages + h.number FROM holding h
                     WHERE t.term = h.term RETURNING t.id, t.term),
           fresh AS (INSERT INTO terms (term, passages) SELECT term, number FROM holding h
                     WHERE NOT EXISTS (SELECT 1 FROM terms t WHERE t.term = h.term) RETURNING id, term)
           INSERT INTO postings (row, term, frequency, length, positions)
           SELECT w.row, t.id, w.frequency, w.length, w.places
           FROM words w JOIN (SELECT * FROM known UNION ALL SELECT * FROM fresh) t ON t.term = w.term""",
        _columns(words, 5),
    )


def insert_fields(connection: Connection, values: Iterable[fields.FieldRow]) -> None:
    """Insert what filters may ask for."""
    connection.execute(
        f"""INSERT INTO fields ({fields.COLUMNS}) SELECT * FROM unnest(
            %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::numeric[])""",
        _columns(list(values), 6),
    )


def _insert(
    connection: Connection, made: Sequence[tuple[Document, Sequence[StoredPassage]]], numbers: Iterable[int]
) -> None:
    """Insert documents with their passages, which get these numbers, and all that is derived from them."""
    for values in (rows.document_row(document) for document, _ in made):
        connection.execute(
            f"INSERT INTO documents ({DOCUMENT}, checksum) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (*values, checksum(values)),
        )
    written, words, of_passages = [], [], []
    owned = [(document, stored) for document, passages in made for stored in passages]
    for row, (document, stored) in zip(numbers, owned, strict=True):
        own = rows.passage_row(stored)
        terms, length = lexicon.of_passage(stored.passage)
        written.append((row, *written_passage(own), checksum(own), length))
        words.append((row, terms, length))
        of_passages.append(fields.passage_rows(row, document, stored.passage))
    connection.execute(
        f"""INSERT INTO passages (row, {PASSAGE_NAMES}, checksum, length) OVERRIDING SYSTEM VALUE SELECT * FROM unnest(
            %b::bigint[], %b::text[], %b::text[], %b::int[], %b::int[], %b::int[], %b::text[], %b::text[], %b::text[],
            %b::text[], %b::text[], %b::int[], %s::vector[], %b::bytea[], %b::text[], %b::int[])""",
        _columns(written, 16),
    )
    index_words(connection, words)
    of_documents = (fields.document_rows(each.id, each.title, each.metadata) for each, _ in made)
    insert_fields(connection, itertools.chain(*of_documents, *of_passages))
    connection.execute(
        "UPDATE state SET passages = passages + %s, length = length + %s",
        (len(words), sum(length for *_, length in words)),
    )


def _columns(found: Sequence[Sequence[object]], number: int) -> list[list[object]]:
    """Return rows as columns, which are passed as arrays: one statement, however many there are."""
    return [list(column) for column in zip(*found, strict=True)] or [[] for _ in range(number)]


def _point(connection: Connection, origin: Origin) -> None:
    if connection.execute("SELECT 1 FROM origins WHERE source = %s", (origin.source,)).fetchone():
        raise taken(origin.source)
    _insert_origins(connection, [origin])


def _insert_origins(connection: Connection, origins: Iterable[Origin]) -> None:
    for origin in origins:
        values = rows.origin_row(origin)
        connection.execute(
            f"INSERT INTO origins ({ORIGIN}, checksum, value, date, number) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (*values, checksum(values), *fields.comparable(origin.source)),
        )


def _delete_orphans(connection: Connection, document_ids: Sequence[str]) -> None:
    """Remove those of these documents that no origin points to any more."""
    orphans = connection.execute(
        """SELECT id FROM documents d WHERE id = ANY(%s)
           AND NOT EXISTS (SELECT 1 FROM origins o WHERE o.document_id = d.id)""",
        (list(document_ids),),
    ).fetchall()
    delete(connection, [id_ for (id_,) in orphans])


def _unsettle(connection: Connection, locations: Sequence[str]) -> None:
    """Let the files that these locations lie in be read again when they are added again."""
    found = connection.execute(
        f"""DELETE FROM origins WHERE digest IN (SELECT digest FROM origins WHERE location = ANY(%s))
            RETURNING {ORIGIN}""",
        (list(locations),),
    ).fetchall()
    _insert_origins(connection, (replace(Origin(*row), modified_ns=UNSETTLED) for row in found))
