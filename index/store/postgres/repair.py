"""Mending what can be made again from what is proved sound. Nothing is embedded, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import Connection

from index.store.postgres import changes, fields, lexicon
from index.store.postgres.derived import Differences, expected_fields, expected_listing
from index.store.postgres.verify import Batch, batches
from index.store.rows import Row, checksum
from index.store.sound import restored

_TABLES = ("documents", "origins", "passages", "listing", "terms", "postings", "fields")


def repair(connection: Connection) -> list[str]:
    """Mend passages that their document proves, and what is derived; return what was mended, in words."""
    mended = list(_passages(connection))
    differences = Differences(connection)
    for batch in batches(connection):
        differences.compare(_sound(batch), batch.passages, batch.origins)
    if mended or differences.problems():
        for table in _TABLES:
            connection.execute(f"REINDEX TABLE {table}")
        _derive(connection)
        mended.append("The indexes, words, fields and counts were made again from documents and passages.")
    return mended


def _passages(connection: Connection) -> Iterator[str]:
    """Give passages the text that stands in their document, where their checksum proves that it was theirs."""
    for batch in batches(connection):
        texts = {row[0]: row[2] for row in batch.documents}
        for number, (*values, expected), _ in (each for own in batch.passages.values() for each in own):
            if checksum(values) == expected:
                continue
            text = restored(texts[values[1]], values, expected)
            if text is not None:
                connection.execute("UPDATE passages SET text = %s WHERE row = %s", (text, number))
                yield f"Passage {values[0]} was given the text of its document again."


def _sound(batch: Batch) -> list[Row]:
    """Return the documents that are as they were stored; of the others nothing can be derived."""
    return [row for row in batch.documents if checksum(row[:-1]) == row[-1]]


def _derive(connection: Connection) -> None:
    """Make again what is derived, batch by batch."""
    for table in ("postings", "terms", "fields", "listing"):
        connection.execute(f"DELETE FROM {table}")  # not TRUNCATE, which whoever reads now would see
    passages = total = 0
    for batch in batches(connection):
        made = [
            (number, *lexicon.postings(own[6], own[7])) for each in batch.passages.values() for number, own, _ in each
        ]
        changes.index_words(connection, made)
        for number, _, length in made:
            connection.execute(
                "UPDATE passages SET length = %s WHERE row = %s AND length != %s", (length, number, length)
            )
        for document in batch.documents:
            changes.insert_fields(connection, expected_fields(document, batch.passages[document[0]]))
            listed = (document[0], *expected_listing(document, batch.passages[document[0]]))
            connection.execute("INSERT INTO listing VALUES (%s, %s, %s, %s, %s)", listed)
        for location, source, *_ in (own for each in batch.origins.values() for own in each):
            value = "UPDATE origins SET value = %s, date = %s, number = %s WHERE location = %s"
            connection.execute(value, (*fields.comparable(source), location))
        passages += len(made)
        total += sum(length for _, _, length in made)
    connection.execute("UPDATE state SET passages = %s, length = %s", (passages, total))
