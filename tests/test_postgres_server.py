"""What must be so before PostgreSQL holds an index, and what is told where it is not."""

from __future__ import annotations

import random
import string
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import Connection

from index.errors import IndexDamaged, InputError, StoreUnavailable
from index.jobs.table import JobTable
from index.store.base import Store, Totals
from index.store.opening import open_server
from index.store.postgres import changes, requirements
from index.store.postgres.migrations import migrate, migrations, newest, version
from index.store.postgres.server import Server
from tests.documents import CANTEEN, LEAVE, origin, put, stored
from tests.embedding import HashingEmbedder
from tests.postgres import DATABASE, PASSWORD, ROLE, Postgres
from tests.stores import Place
from tests.terminal import run
from ui.kept.conversations import Exchange
from ui.kept.shared.codec import encoded
from ui.kept.shared.conversations import SharedConversations


def test_nobody_is_let_in_with_a_wrong_password(postgres: Postgres, schema: str) -> None:
    with pytest.raises(StoreUnavailable, match="password authentication failed") as refusal:
        Server(postgres.url(password="guess"), schema)
    assert "PGPASSWORD" in refusal.value.remedy
    assert "guess" not in str(refusal.value)


def test_a_database_that_is_not_there_is_told(postgres: Postgres, schema: str) -> None:
    with pytest.raises(StoreUnavailable, match='database "none" does not exist') as refusal:
        Server(postgres.url(database="none"), schema)
    assert "createdb" in refusal.value.remedy


def test_a_server_that_is_not_there_is_told(schema: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"Cannot connect to postgresql://127.0.0.1:1/x: ") as refusal:
        Server(f"postgresql://u:{PASSWORD.replace(' ', '')}@127.0.0.1:1/x", schema)
    assert PASSWORD.replace(" ", "") not in str(refusal.value)
    assert refusal.value.exit_code == 4


@pytest.mark.parametrize("url", ["postgresql://[x", "postgresql://h:port/x?nonsense=1"])
def test_an_address_that_cannot_be_read_is_told(url: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as refusal:
        Server(url)
    assert "postgresql://USER@HOST" in refusal.value.remedy


@pytest.fixture
def bare(postgres: Postgres) -> Iterator[str]:
    """A database without the extension."""
    postgres.as_superuser("CREATE DATABASE bare", f"GRANT CREATE ON DATABASE bare TO {ROLE}")
    yield "bare"
    postgres.as_superuser("DROP DATABASE bare WITH (FORCE)")


def test_an_extension_that_the_role_may_not_make_is_told(postgres: Postgres, bare: str) -> None:
    with pytest.raises(InputError, match="lacks the extension vector") as refusal:
        Server(postgres.url(database=bare))
    assert "as a superuser: CREATE EXTENSION vector" in refusal.value.remedy
    Server(postgres.url("postgres", database=bare)).close()  # who may, makes it
    Server(postgres.url(database=bare), "other").close()


def test_a_server_without_pgvector_is_told(postgres: Postgres, bare: str) -> None:
    if postgres.version < 18:
        pytest.skip("only from 18 on can a server be told not to see its extensions")
    postgres.as_superuser(f"ALTER DATABASE {bare} SET extension_control_path = '/nowhere'")
    with pytest.raises(InputError, match="lacks pgvector") as refusal:
        Server(postgres.url(database=bare))
    assert "Install it" in refusal.value.remedy


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("OLDEST", 990_000, "citechat needs 15 or later"), ("OLDEST_VECTOR", (99, 0), "citechat needs 0.8 or later")],
)
def test_an_old_version_is_told(
    postgres: Postgres, schema: str, monkeypatch: pytest.MonkeyPatch, name: str, value: object, told: str
) -> None:
    monkeypatch.setattr(requirements, name, value)
    with pytest.raises(InputError, match=told):
        Server(postgres.url(), schema)


def test_a_role_that_may_not_make_the_tables_is_told(postgres: Postgres, schema: str) -> None:
    postgres.as_superuser(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    try:
        with pytest.raises(InputError, match="has no tables yet; the role may not make them") as refusal:
            Server(postgres.url("guest"), schema)
        assert f"CREATE SCHEMA {schema} AUTHORIZATION ROLE" in refusal.value.remedy
        postgres.as_superuser(f"CREATE SCHEMA {schema} AUTHORIZATION guest")
        Server(postgres.url("guest"), schema).close()  # no right to the database is needed then
    finally:
        postgres.as_superuser(f"DROP SCHEMA {schema} CASCADE", "DROP ROLE guest")


def test_a_role_that_may_only_read_reads(postgres: Postgres, schema: str) -> None:
    place = Place.of("", postgres.url(), schema)
    with closing(place.open()) as store:
        put(store, CANTEEN, "/a")
    postgres.as_superuser(
        f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'",
        f"GRANT USAGE ON SCHEMA {schema} TO reader",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader",
    )
    try:
        with closing(Place.of("", postgres.url("reader"), schema).open()) as reader:
            assert [info.id for info in reader.documents()] == [CANTEEN.id]
            assert reader.lexical(["soup"], 5)
            assert reader.verify() == []
            with pytest.raises(InputError, match=r"The role may not do this: permission denied") as refusal:
                put(reader, LEAVE, "/b")
            assert "docs/deploy.md" in refusal.value.remedy
    finally:
        postgres.as_superuser("DROP OWNED BY reader", "DROP ROLE reader")


def test_a_server_that_only_reads_is_told(postgres: Postgres, schema: str) -> None:
    with closing(Place.of("", postgres.url(), schema).open()) as store:
        put(store, CANTEEN, "/a")
    only = postgres.url() + "?options=-cdefault_transaction_read_only%3Don"
    with closing(Place.of("", only, schema).open()) as store:
        assert len(store.documents()) == 1
        with pytest.raises(InputError, match="only reads"):
            put(store, LEAVE, "/b")


def test_a_name_that_is_too_long_is_told_and_nothing_is_stored(postgres: Postgres, schema: str) -> None:
    name = "/" + "".join(random.Random(2).choices(string.ascii_letters, k=9000))  # noqa: S311
    with closing(Place.of("", postgres.url(), schema).open()) as store:
        with pytest.raises(InputError, match="too long for the server") as refusal:
            put(store, CANTEEN, name)
        assert refusal.value.remedy == "Shorten the file's name."
        assert (store.documents(), store.count(), store.verify()) == ([], 0, [])


# --- versions of the tables ----------------------------------------------------------------------------------------


def test_migrations_are_numbered_from_one() -> None:
    assert [step.version for step in migrations()] == list(range(1, newest() + 1))


@pytest.mark.parametrize("released", range(1, newest() + 1))
def test_tables_of_every_version_are_brought_forward(postgres: Postgres, schema: str, released: int) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"SET search_path TO {schema}, public")
        migrate(connection, schema, "the test", upto=released)
        assert version(connection, schema) == released
        _fill(connection, released)
        with closing(Place.of("", postgres.url(), schema).open()) as store:
            assert version(connection, schema) == newest()
            assert store.verify() == []
            assert store.document(CANTEEN.id) == replace(CANTEEN, source="/a")
            assert store.lexical(["soup"], 5)
            kept = stored(CANTEEN, HashingEmbedder())
            sizes = (
                1,
                1,
                len(kept),
                sum(len(each.passage.sentences) for each in kept),
                sum(each.tokens for each in kept),
            )
            assert store.totals() == Totals(*sizes, len(CANTEEN.text))
            assert [(info.characters, info.passages) for info in store.documents()] == [(len(CANTEEN.text), len(kept))]
            put(store, LEAVE, "/b")
            assert store.verify() == []
        if released >= 2:
            server = open_server(postgres.url(), schema)
            assert [job.file.name for job in JobTable(server).jobs("waiting")] == ["a.txt"]
            with closing(SharedConversations(server)) as conversations:
                said = conversations.whoever("said")
            assert said is not None
            assert said.question == "Soup?"
            server.close()


def _fill(connection: Connection, released: int) -> None:
    """Store as a program of this version did: the tables of the index are those of the first."""
    connection.execute("INSERT INTO meta VALUES ('fingerprint', 'hashing'), ('dimension', '64')")
    changes.put(connection, CANTEEN, origin(CANTEEN, "/a"), stored(CANTEEN, HashingEmbedder()), None)
    if released >= 2:
        connection.execute("INSERT INTO jobs (location, path, name) VALUES ('/a.txt', '/a.txt', 'a.txt')")
        connection.execute("INSERT INTO conversations (id) VALUES ('talk')")
        exchange = ("said", encoded(Exchange("said", "Soup?")))
        connection.execute(
            "INSERT INTO exchanges (id, conversation, state, content) VALUES (%s, 'talk', 'running', %s)", exchange
        )


def test_processes_that_start_together_make_the_tables_once(postgres: Postgres, schema: str) -> None:
    opened: list[Store] = []
    threads = [
        threading.Thread(target=lambda: opened.append(Place.of("", postgres.url(), schema).open())) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6
    for store in opened:
        store.close()
    assert postgres.as_superuser(f"SELECT count(*) FROM {schema}.migrations") == [(newest(),)]


def test_tables_of_a_later_version_are_left_alone(postgres: Postgres, schema: str) -> None:
    """At the start, and by a program that runs while another one brings them forward."""
    with closing(Place.of("", postgres.url(), schema).open()) as store:
        put(store, CANTEEN, "/a")
        postgres.as_superuser(f"INSERT INTO {schema}.migrations VALUES (99, 'to_come')")
        with pytest.raises(IndexDamaged, match=rf"are of version 99; this citechat knows up to {newest()}\.") as told:
            Server(postgres.url(), schema)
        assert "Update citechat here" in told.value.remedy
        with pytest.raises(IndexDamaged, match="version 99"):
            put(store, LEAVE, "/b")
        assert [info.id for info in store.documents()] == [CANTEEN.id]


def test_vectors_of_another_embedder_are_not_mixed(postgres: Postgres, schema: str) -> None:
    place = Place.of("", postgres.url(), schema)
    place.open().close()
    for fingerprint, dimension in (("other", 64), ("hashing", 32)):
        with pytest.raises(IndexDamaged, match="another embedder") as refusal:
            place.open(fingerprint, dimension)
        assert "CITECHAT_EMBEDDER" in refusal.value.remedy


def test_a_name_that_is_none_for_a_schema_is_refused(postgres: Postgres) -> None:
    with pytest.raises(InputError, match="no name for a schema"):
        Server(postgres.url(), 'x"; DROP SCHEMA public')


def test_the_command_line_tells_without_the_password(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITECHAT_STORE", postgres.url(password="guess"))
    told = run("index", "list")
    assert (told.code, "guess" in told.errors) == (4, False)
    assert told.errors.startswith(f"citechat: Cannot connect to postgresql://127.0.0.1:{postgres.port}/{DATABASE}: ")
    monkeypatch.setenv("CITECHAT_STORE", "mysql://guess")
    told = run("index", "list")
    assert (told.code, "guess" in told.errors) == (2, False)
    assert "Setting store: " in told.errors


def test_a_store_in_a_folder_needs_no_driver(tmp_path: Path) -> None:
    """The packages of the extra are imported by what uses them alone."""
    program = (
        "import sys; from pathlib import Path; from index.store.opening import open_store; "
        f"open_store(Path({str(tmp_path)!r}), '', 'citechat', 'x', 4).close(); print('psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"
