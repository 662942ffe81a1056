"""From one store to another and back: the same rows, the same answers; interrupted, resumed, refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from index.errors import IndexDamaged, InputError
from index.store.base import DocumentInfo, Store
from index.store.migrate import Migration, migrate
from tests.documents import CANTEEN, LEAVE, NEWS, prose, put
from tests.embedding import HashingEmbedder
from tests.postgres import Postgres
from tests.stores import Place
from tests.terminal import run

EMBEDDER = HashingEmbedder()
QUESTIONS = ["soup", "days of leave", "Kofi Annan's aide went"]
OTHERS = [prose(f"Text number {number} about soup and leave, by day {number % 7}.", "Texts") for number in range(30)]


@pytest.fixture
def folder(tmp_path: Path) -> Place:
    return Place(tmp_path / "folder")


@pytest.fixture
def database(postgres: Postgres, schema: str, tmp_path: Path) -> Place:
    return Place(tmp_path, postgres.url(), schema)


@pytest.fixture(params=["to the database", "to the folder"])
def pair(request: pytest.FixtureRequest, folder: Place, database: Place) -> Iterator[tuple[Store, Store]]:
    """A store with documents, and an empty one of the other kind."""
    places = (folder, database) if request.param == "to the database" else (database, folder)
    with closing(places[0].open()) as source, closing(places[1].open()) as target:
        for document, location in ((CANTEEN, "/a"), (LEAVE, "/b.zip/x"), (NEWS, "/b.zip/y"), (CANTEEN, "/copy")):
            put(source, document, location, location[1:])
        for number, document in enumerate(OTHERS):
            put(source, document, f"/{number}")
        yield source, target


def answers(store: Store) -> tuple[object, ...]:
    return (
        *(store.documents(), store.origins(), store.totals(), store.frequencies(["soup", "leav"])),
        [store.document(info.id) for info in store.documents()],
        [[id_ for id_, _ in store.dense(EMBEDDER.embed_query(question), 20)] for question in QUESTIONS],
        [[(id_, round(score, 6)) for id_, score in store.lexical(question.split(), 20)] for question in QUESTIONS],
    )


def test_a_copy_holds_and_answers_the_same(pair: tuple[Store, Store]) -> None:
    source, target = pair
    told: list[DocumentInfo] = []
    documents = len(source.documents())
    assert migrate(source, target, told.append) == Migration(documents, source.count(), 0)
    assert told == source.documents()
    assert answers(target) == answers(source)
    assert migrate(source, target, told.append) == Migration(0, 0, documents)


def test_an_interrupted_copy_goes_on(pair: tuple[Store, Store]) -> None:
    source, target = pair
    heard = 0

    def interrupt(_: DocumentInfo) -> None:
        nonlocal heard
        heard += 1
        if heard == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(source, target, interrupt)
    source.remove([OTHERS[0].id])
    put(source, prose("A new version of the text about soup."), "/1")
    done = migrate(source, target, lambda _: None) if not target.origins().keys() - source.origins().keys() else None
    if done is None:  # what was removed meanwhile had been copied: it is named, and removed by whoever decides
        with pytest.raises(InputError, match="1 sources that are not in the other one, such as /0"):
            migrate(source, target, lambda _: None)
        target.remove([OTHERS[0].id])
        done = migrate(source, target, lambda _: None)
    assert done.already > 0
    assert done.documents > 0
    assert answers(target) == answers(source)


def test_a_target_with_other_documents_is_left_as_it_is(pair: tuple[Store, Store]) -> None:
    source, target = pair
    put(target, prose("Something else."), "/else")
    with pytest.raises(InputError, match="such as /else"):
        migrate(source, target, lambda _: None)
    assert [origin.source for origin in target.origins().values()] == ["/else"]


def test_a_damaged_index_is_not_copied(postgres: Postgres, database: Place, folder: Place) -> None:
    with closing(database.open()) as source, closing(folder.open()) as target:
        put(source, CANTEEN, "/a")
        postgres.as_superuser(f"UPDATE {database.schema}.documents SET title = 'Kitchen'")
        with pytest.raises(IndexDamaged, match="is damaged, in 1 places; the first: Document"):
            migrate(source, target, lambda _: None)
        assert target.documents() == []


def test_a_copy_that_differs_is_told(postgres: Postgres, database: Place, folder: Place) -> None:
    """Here an earlier copy was cut into other passages."""
    with closing(folder.open()) as source, closing(database.open()) as target:
        put(source, CANTEEN, "/a")
        put(target, CANTEEN, "/a")
        postgres.as_superuser(f"UPDATE {database.schema}.postings SET length = length + 5")
        with pytest.raises(IndexDamaged, match="The copy is damaged"):
            migrate(source, target, lambda _: None)


def test_the_command_line_migrates_there_and_back(
    database: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("The canteen opens at noon. It serves soup on Fridays.")
    home = tmp_path / "home"
    assert run("index", "add", tmp_path / "a.txt", "--home", home).code == 0
    for name, value in database.settings.items():
        monkeypatch.setenv(name, value)
    assert run("index", "list", "--json", "--home", home).json == []
    done = run("index", "migrate", home, database.url, "--home", home)
    assert (done.code, done.output) == (0, "Copied 1 document, 1 passage. Both hold and answer the same.\n")
    again = run("index", "migrate", home, database.url, "--home", home, "--json")
    assert again.json == {"documents": 0, "passages": 0, "already": 1}
    listed = run("index", "list", "--json", "--home", home).json
    assert [each["sources"] for each in listed] == [["a.txt"]]
    assert run("index", "verify", "--home", home).output == "The index is sound: 1 document, 1 passage.\n"
    assert "noon" in run("ask", "When does the canteen open?", "--home", home).output
    assert run("index", "migrate", database.url, tmp_path / "back", "--home", home).code == 0
    monkeypatch.delenv("CITECHAT_STORE")
    assert run("index", "list", "--json", "--home", tmp_path / "back").json == listed
    missing = run("index", "migrate", tmp_path / "none", database.url, "--home", home)
    assert (missing.code, "There is no index in" in missing.errors) == (2, True)
    assert not (tmp_path / "none").exists()


def test_a_dump_is_restored_and_proved(postgres: Postgres, database: Place, tmp_path: Path) -> None:
    """By the commands of docs/postgres.md."""
    with closing(database.open()) as store:
        for number, document in enumerate((CANTEEN, LEAVE, NEWS, *OTHERS)):
            put(store, document, f"/{number}")
        expected = answers(store)
    dump = tmp_path / "citechat.dump"
    postgres.program("pg_dump", "--format=custom", f"--schema={database.schema}", f"--file={dump}", database.url)
    postgres.as_superuser(f"DROP SCHEMA {database.schema} CASCADE")
    restore = ("--clean", "--if-exists", "--single-transaction", dump)
    postgres.program("pg_restore", f"--dbname={database.url}", *restore)
    with closing(database.open()) as store:
        assert store.verify() == []
        assert answers(store) == expected
        put(store, prose("One more."), "/more")
        assert store.verify() == []
