"""A role that may read a part of the index: the database keeps the rest from it, whatever it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from index.errors import InputError
from index.filters import parse_filter
from index.store.base import Store
from index.store.opening import open_server
from index.store.postgres.rights import Reader, let_read, let_read_nothing, readers
from rag.settings import Settings
from tests.documents import CANTEEN, LEAVE, NEWS, put
from tests.embedding import HashingEmbedder
from tests.postgres import PASSWORD, Postgres
from tests.stores import Place
from tests.terminal import run
from ui.kept.keeping import Keeping, open_keeping

QUERY = HashingEmbedder().embed_query("soup and days of leave")
TABLES = ("documents", "origins", "passages", "fields", "postings", "terms")


@pytest.fixture
def store(postgres: Postgres, schema: str) -> Iterator[Store]:
    """A store with two documents of one folder and one of another."""
    with closing(Place.of("", postgres.url(), schema).open()) as store:
        put(store, CANTEEN, "/a", "hr/canteen.txt")
        put(store, LEAVE, "/b", "hr/leave.txt")
        put(store, NEWS, "/c", "news/annan.txt")
        yield store


@pytest.fixture
def role(postgres: Postgres, schema: str) -> Iterator[str]:
    """A role of the database that may do nothing yet."""
    name = f"{schema} Reader's"
    postgres.as_superuser(f"""CREATE ROLE "{name}" LOGIN PASSWORD '{PASSWORD}'""")
    yield name
    postgres.as_superuser(f'DROP OWNED BY "{name}"', f'DROP ROLE "{name}"')


@pytest.fixture
def let(postgres: Postgres, schema: str, role: str) -> Callable[..., None]:
    """Let the role read what passes a filter."""

    def do(filter_: str, *, serving: bool = False) -> None:
        with closing(open_server(postgres.url(), schema)) as server:
            let_read(server, role, parse_filter(filter_), serving=serving)

    return do


def of(postgres: Postgres, role: str) -> str:
    return postgres.url(role.replace(" ", "%20"))


def seen(postgres: Postgres, schema: str, role: str) -> dict[str, int]:
    """How many rows the role sees of each table, past citechat."""
    with psycopg.connect(of(postgres, role)) as connection:
        counts = {}
        for table in TABLES:
            ((counts[table],),) = connection.execute(f"SELECT count(*) FROM {schema}.{table}".encode()).fetchall()
        return counts


def test_a_role_reads_its_part_and_nothing_else(
    postgres: Postgres, schema: str, store: Store, role: str, let: Callable[..., None]
) -> None:
    let('source~"hr/"')
    hr = parse_filter('source~"hr/"')
    with closing(Place.of("", of(postgres, role), schema).open()) as part:
        assert [info.id for info in part.documents()] == [info.id for info in store.documents() if info.id != NEWS.id]
        assert part.document(NEWS.id) is None
        assert part.document(CANTEEN.id) == store.document(CANTEEN.id)
        assert part.dense(QUERY, 99) == store.dense(QUERY, 99, hr)
        assert part.lexical(["soup", "leave", "aide"], 99) == store.lexical(["soup", "leave", "aide"], 99, hr)
        assert part.lexical(["aide"], 99) == []
        assert part.frequencies(["soup", "aide"]) == {"soup": 1, "aide": 0}
        assert part.passages([f"{NEWS.id}-0"]) == {}
        assert part.holding(["Kofi Annan"]) == [[]]
        assert part.totals().documents == 2
        assert {origin.document_id for origin in part.origins().values()} == {CANTEEN.id, LEAVE.id}
        put(store, NEWS, "/c", "hr/annan.txt")  # it comes into the part, in the sight of who has it open
        assert part.lexical(["aide"], 99)
        put(store, NEWS, "/c", "news/annan.txt")
        assert part.lexical(["aide"], 99) == []
        with pytest.raises(InputError, match="may not"):
            put(part, NEWS, "/d")
        with pytest.raises(InputError, match="only the whole can be verified"):
            part.verify()


def test_the_wall_is_the_databases_own(
    postgres: Postgres, schema: str, store: Store, role: str, let: Callable[..., None]
) -> None:
    let("outlet=HR")
    whole = seen(postgres, schema, "postgres")
    part = seen(postgres, schema, role)
    assert (part["documents"], part["origins"], whole["documents"]) == (1, 1, 3)
    assert all(0 < part[table] < whole[table] for table in TABLES)
    assert seen(postgres, schema, "citechat") == whole  # the owner's, and a worker's with it
    with psycopg.connect(of(postgres, role), autocommit=True) as connection:
        ((words,),) = connection.execute(f"SELECT array_agg(term) FROM {schema}.terms".encode()).fetchall()
        assert "soup" in words
        assert not {"annan", "manag", "leav"} & set(words)
        for statement in (
            "SET row_security = off; SELECT * FROM {}.documents",
            "ALTER TABLE {}.documents DISABLE ROW LEVEL SECURITY",
            "SELECT * FROM {}.jobs",
            "SELECT * FROM {}.secrets",
            "SELECT * FROM {}.sessions",
            "SELECT * FROM {}.feedback",
            "UPDATE {}.readers SET filter = ''",
            "SET ROLE citechat",
            "DELETE FROM {}.documents",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction)):
                connection.execute(statement.format(schema).encode())
    assert store.verify() == []


@pytest.mark.usefixtures("store")
def test_other_roles_read_on_what_they_read_before(
    postgres: Postgres, schema: str, role: str, let: Callable[..., None]
) -> None:
    other = f"{schema}_other"
    postgres.as_superuser(
        f"CREATE ROLE {other} LOGIN PASSWORD '{PASSWORD}'",
        f"GRANT USAGE ON SCHEMA {schema} TO {other}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {other}",
    )
    try:
        before = seen(postgres, schema, other)
        let("outlet=HR")
        assert seen(postgres, schema, other) == before
        with closing(Place.of("", postgres.url(other), schema).open()) as reader:
            assert reader.verify() == []
    finally:
        postgres.as_superuser(f"DROP OWNED BY {other}", f"DROP ROLE {other}")
    postgres.as_superuser(f'DROP OWNED BY "{role}"')
    let("not outlet=HR")
    assert seen(postgres, schema, role)["documents"] == 2
    with closing(open_server(postgres.url(), schema)) as server:
        assert readers(server) == [Reader(role, "not outlet=HR", False)]
        let_read_nothing(server, role)
        assert readers(server) == []
        with pytest.raises(InputError, match="reads no part"):
            let_read_nothing(server, role)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        seen(postgres, schema, role)


def test_a_web_server_of_a_part_keeps_its_readers_to_itself(
    postgres: Postgres, schema: str, role: str, let: Callable[..., None], tmp_path: Path
) -> None:
    let('source~"hr/"', serving=True)

    def keeping(url: str) -> Keeping:
        given = {"home": tmp_path, "store": url, "store_schema": schema, "signing_key": "k" * 32}
        return open_keeping(Settings.model_validate(given))

    whole, part = keeping(postgres.url()), keeping(of(postgres, role))
    _, theirs = whole.conversations.begin(None, "What did the aide say?", visitor="ann")
    whole.feedback.append(theirs, "down", "secret")
    id_, own = part.conversations.begin(None, "Soup?", visitor="ann")
    part.feedback.append(own, "up")
    assert part.conversations.whoever(theirs.id) is None
    assert [each.id for each in part.conversations.of("ann")] == [id_]
    assert [entry["message_id"] for entry in part.feedback.entries(9)] == [own.id]
    assert part.conversations.whoever(own.id) == own
    part.conversations.forget("ann")
    assert whole.conversations.whoever(theirs.id) is not None
    assert [entry["message_id"] for entry in whole.feedback.entries(9)] == [own.id, theirs.id]
    assert part.buckets("questions", 60, 1).wait("a") == 0.0  # each process's own, for want of a right to the table
    whole.close()
    part.close()


@pytest.mark.usefixtures("store")
def test_a_role_that_no_wall_holds_is_refused(postgres: Postgres, schema: str, role: str) -> None:
    with closing(open_server(postgres.url(), schema)) as server:
        for free, told in (("postgres", "superuser"), ("citechat", "owns the tables"), ("nobody", "no role 'nobody'")):
            with pytest.raises(InputError, match=told):
                let_read(server, free, parse_filter("outlet=HR"))
        postgres.as_superuser(f'GRANT citechat TO "{role}"')
        with pytest.raises(InputError, match="everything as 'citechat'"):
            let_read(server, role, parse_filter("outlet=HR"))
        postgres.as_superuser(f'REVOKE citechat FROM "{role}"')
        with pytest.raises(InputError, match="'page' is a field of their passages"):
            let_read(server, role, parse_filter("outlet=HR and page=3"))
        assert readers(server) == []


@pytest.mark.usefixtures("store")
def test_what_a_filter_says_cannot_leave_it(
    postgres: Postgres, schema: str, role: str, let: Callable[..., None]
) -> None:
    let("outlet=\"x'); END; GRANT ALL ON SCHEMA public TO PUBLIC; -- %(value0)s %s {body} $$ '\" or title=Leave")
    assert seen(postgres, schema, role)["documents"] == 1


@pytest.mark.usefixtures("store")
def test_the_command_line_lists_lets_and_takes_back(
    postgres: Postgres, schema: str, role: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "Only a database has roles" in run("index", "readers", "--home", tmp_path).errors
    monkeypatch.setenv("CITECHAT_STORE", postgres.url())
    monkeypatch.setenv("CITECHAT_STORE_SCHEMA", schema)
    assert run("index", "readers").output == "No role is kept to a part of the index.\n"
    assert "--filter FILTER, or --remove" in run("index", "readers", role).errors
    assert "Name it before" in run("index", "readers", "--serving").errors
    let = run("index", "readers", role, "--filter", "outlet=HR", "--serving", "--json")
    assert let.json == {"readers": [{"role": role, "filter": "outlet=HR", "serving": True}]}
    assert run("index", "readers").output == f"{role:20} outlet=HR (serving)\n"
    assert run("index", "readers", role, "--remove").code == 0
