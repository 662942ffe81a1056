"""What `verify` finds in PostgreSQL, and what `repair` makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from index.filters import parse_filter
from index.store.base import Store
from tests.documents import CANTEEN, LEAVE, NEWS, put
from tests.embedding import HashingEmbedder
from tests.postgres import Postgres
from tests.stores import Place

QUERY = HashingEmbedder().embed_query("soup and days of leave")
OF_CANTEEN = f"WHERE document_id = '{CANTEEN.id}'"

PLANTED = {
    "text": f"UPDATE documents SET text = 'X' || substr(text, 2) WHERE id = '{CANTEEN.id}'",
    "half a text": f"UPDATE documents SET text = left(text, length(text) / 2) WHERE id = '{CANTEEN.id}'",
    "title": f"UPDATE documents SET title = 'Kitchen' WHERE id = '{CANTEEN.id}'",
    "date": "UPDATE documents SET metadata = replace(metadata, '2025-02-01', '2026-02-01')",
    "source": f"UPDATE origins SET source = 'kitchen.txt' {OF_CANTEEN}",
    "passage text": f"UPDATE passages SET text = 'X' || substr(text, 2) {OF_CANTEEN}",
    "passage offsets": f"UPDATE passages SET start = start + 1 {OF_CANTEEN}",
    "sentences": f"UPDATE passages SET sentences = '[[0, 9' {OF_CANTEEN}",
    "context": f"UPDATE passages SET context = '' {OF_CANTEEN}",
    "vector": f"UPDATE passages SET vector = (SELECT vector FROM passages WHERE document_id = '{NEWS.id}') "
    f"{OF_CANTEEN}",
    "half the sentence vectors": "UPDATE passages SET sentence_vectors = "
    f"substr(sentence_vectors, 1, length(sentence_vectors) / 2) {OF_CANTEEN}",
}

DERIVED = {
    "postings gone": f"DELETE FROM postings WHERE row IN (SELECT row FROM passages {OF_CANTEEN})",
    "a posting changed": "UPDATE postings SET frequency = frequency + 1 WHERE ctid = (SELECT min(ctid) FROM postings)",
    "a posting too many": "INSERT INTO postings SELECT 999, id, 2, 9, '\\x01000000' FROM terms WHERE term = 'soup'",
    "a count of a term": "UPDATE terms SET passages = passages + 1 WHERE term = 'soup'",
    "all terms": "DELETE FROM terms",
    "fields gone": f"DELETE FROM fields {OF_CANTEEN}",
    "a field changed": "UPDATE fields SET date = '1999' WHERE name = 'published'",
    "the source's value": "UPDATE origins SET value = 'elsewhere'",
    "the listing": "UPDATE listing SET tokens = tokens + 1",
    "nothing listed": "DELETE FROM listing",
    "counts": "UPDATE state SET passages = 7, length = 1",
}


@pytest.fixture
def store(postgres: Postgres, schema: str) -> Iterator[Store]:
    """A store with three documents."""
    with closing(Place.of("", postgres.url(), schema).open()) as store:
        for document, location in ((CANTEEN, "/a"), (LEAVE, "/b"), (NEWS, "/c")):
            put(store, document, location)
        yield store


def change(postgres: Postgres, schema: str, statement: str) -> None:
    postgres.as_superuser(f"SET search_path TO {schema}, public", statement)


@pytest.mark.parametrize("what", PLANTED)
def test_verify_finds_a_value_that_was_not_stored(postgres: Postgres, schema: str, store: Store, what: str) -> None:
    change(postgres, schema, PLANTED[what])
    found = store.verify()
    assert len(found) == 1
    assert CANTEEN.id in found[0] or "/a is not what was stored" in found[0]
    again = f"citechat index remove {CANTEEN.id}, then add the file again: citechat index add /a"
    assert found[0].endswith("citechat index verify --repair" if what == "passage text" else again)
    store.repair()
    assert (store.verify() == []) is (what == "passage text")
    store.remove([CANTEEN.id])
    put(store, CANTEEN, "/a")
    assert store.verify() == []


@pytest.mark.parametrize("what", DERIVED)
def test_what_is_derived_is_found_and_made_again(postgres: Postgres, schema: str, store: Store, what: str) -> None:
    where = parse_filter("published=2025 and source=/a")
    expected = store.lexical(["soup", "leave"], 9), store.dense(QUERY, 9, where), store.count(), store.totals()
    change(postgres, schema, DERIVED[what])
    found = store.verify()
    assert found
    assert all(line.endswith("Run: citechat index verify --repair") for line in found)
    assert store.repair() == ["The indexes, words, fields and counts were made again from documents and passages."]
    assert store.verify() == []
    again = store.lexical(["soup", "leave"], 9), store.dense(QUERY, 9, where), store.count(), store.totals()
    assert again == expected


def test_repair_of_a_sound_store_changes_nothing(store: Store) -> None:
    assert store.repair() == []
    assert store.verify() == []


def test_removed_words_are_in_no_table(postgres: Postgres, schema: str, store: Store) -> None:
    put(store, CANTEEN, "/a")
    store.remove([CANTEEN.id])
    for table in ("documents", "origins", "passages", "terms", "fields"):
        ((held,),) = postgres.as_superuser(f"SELECT count(*) FROM {schema}.{table} t WHERE t::text ILIKE '%canteen%'")
        assert held == 0, table
    done = store.compact()
    assert 0 < done.after <= done.before
    assert store.verify() == []
    assert store.lexical(["leave"], 9)
