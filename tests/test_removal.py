"""What is removed is gone: the receipt says so, and after compacting no byte of it is left."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import pytest

from index.corpus import Corpus
from index.removal import Removal
from index.store.embedded import EmbeddedStore
from index.store.vectors import VectorIndex
from tests.conftest import MakeCorpus
from tests.documents import CANTEEN, LEAVE, NEWS, prose, put
from tests.embedding import HashingEmbedder
from tests.terminal import run
from tests.test_corpus import add, write
from ui.receipt import traces

SECRET = "Zanzibar nutmeg is kept in the xylophone cupboard. Quillfeather alone may open it."
OTHER = "The canteen opens at noon. It serves soup on Fridays."


def test_a_receipt_counts_what_went(corpus: Corpus, tmp_path: Path) -> None:
    write(tmp_path, {"secret.txt": SECRET, "other.txt": OTHER})
    add(corpus, tmp_path / "secret.txt", tmp_path / "other.txt")
    info = corpus.find("secret.txt")
    (receipt,) = corpus.remove(["secret.txt"])
    assert (receipt.id, receipt.title, receipt.sources, receipt.kept_sources) == (
        info.id,
        "Secret",
        ("secret.txt",),
        (),
    )
    assert (receipt.passages, receipt.vectors, receipt.characters) == (1, 3, len(SECRET))
    assert receipt.bytes == len(SECRET) + 4 * 64 + 2 * 2 * 64
    assert receipt.still_found == {"dense": 0, "lexical": 0, "exact": 0}
    assert receipt.elsewhere == ()
    assert corpus.store.dense(corpus.embedder.embed_query(SECRET), 9)[0][0].startswith(corpus.find("other.txt").id)
    assert corpus.store.lexical(["Zanzibar", "Quillfeather"], 9) == []
    assert corpus.store.holding(["Zanzibar"]) == [[]]


def test_a_receipt_names_who_says_the_same(corpus: Corpus, tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": SECRET, "b.txt": f"{SECRET}\n\n{OTHER}", "c.txt": OTHER})
    add(corpus, *(tmp_path / name for name in ("a.txt", "b.txt", "c.txt")))
    (receipt,) = corpus.remove(["a.txt"])
    assert receipt.elsewhere == ("b.txt",)
    assert receipt.still_found == {"dense": 0, "lexical": 0, "exact": 0}


def test_one_name_of_two_goes_alone(corpus: Corpus, tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": SECRET, "b.txt": SECRET, "c.txt": SECRET})
    add(corpus, *(tmp_path / name for name in ("a.txt", "b.txt", "c.txt")))
    (receipt,) = corpus.remove(["a.txt"])
    assert (receipt.sources, receipt.kept_sources, receipt.passages) == (("a.txt",), ("b.txt", "c.txt"), 0)
    assert corpus.find("b.txt").sources == ("b.txt", "c.txt")
    (receipt,) = corpus.remove(["b.txt", "c.txt"])
    assert (receipt.sources, receipt.kept_sources, receipt.passages) == (("b.txt", "c.txt"), (), 1)
    assert corpus.documents() == []
    add(corpus, *(tmp_path / name for name in ("a.txt", "b.txt")))
    (receipt,) = corpus.remove([corpus.find("a.txt").id])
    assert receipt.sources == ("a.txt", "b.txt")
    assert corpus.verify() == []


def test_a_member_with_a_twin_elsewhere_comes_back_with_its_container(corpus: Corpus, tmp_path: Path) -> None:
    write(tmp_path, {"secret.txt": SECRET})
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("secret.txt", SECRET)
        archive.writestr("other.txt", OTHER)
    add(corpus, tmp_path / "secret.txt", tmp_path / "all.zip")
    (receipt,) = corpus.remove(["all.zip/secret.txt"])
    assert receipt.kept_sources == ("secret.txt",)
    add(corpus, tmp_path / "all.zip")
    assert corpus.find("secret.txt").sources == ("all.zip/secret.txt", "secret.txt")


def held(home: Path, *words: str) -> set[str]:
    """Which of the words stand in which files of a folder, as they are or as the lexical index has them."""
    return {
        f"{word} in {file.name}"
        for file in home.rglob("*")
        if file.is_file()
        for word in words
        for form in (word, word.lower())
        if form.encode() in file.read_bytes()
    }


def test_compacting_leaves_no_byte_of_what_was_removed_or_replaced(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = ("Zanzibar", "xylophone", "Quillfeather")
    write(tmp_path, {"in/secret.txt": SECRET, "in/other.txt": OTHER, "in/old.txt": "Quillfeather wrote this."})
    corpus = make_corpus()
    add(corpus, tmp_path / "in")
    corpus.store.dense(corpus.embedder.embed_query(SECRET), 9)
    assert held(home, *words)
    write(tmp_path, {"in/old.txt": "Nobody wrote this."})
    add(corpus, tmp_path / "in" / "old.txt")
    corpus.remove(["secret.txt"])
    done = corpus.compact()
    assert 0 < done.after <= done.before
    assert held(home, *words) == set()
    assert held(home, "canteen") == {"canteen in index.sqlite3"}
    assert corpus.verify() == []
    corpus.store.close()
    assert held(home, *words) == set()


def test_a_reader_does_not_hold_up_a_removal(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    """What it still reads stays in the log; the receipt says so, and the next change or `compact` erases it."""
    write(tmp_path, {"secret.txt": SECRET, "other.txt": OTHER, "more.txt": "More soup."})
    corpus, reader = make_corpus(), make_corpus()
    add(corpus, tmp_path / "secret.txt", tmp_path / "other.txt")
    heard: list[str] = []
    corpus.store.patience(60, heard.append)
    with reader.store.reading():
        assert reader.store.count() == 2
        begun = time.monotonic()
        (receipt,) = corpus.remove(["secret.txt"])
        assert time.monotonic() - begun < 25  # SQLite itself would wait for 30
        assert (receipt.erased, receipt.still_found) == (False, {"dense": 0, "lexical": 0, "exact": 0})
        assert reader.store.count() == 2
        assert held(tmp_path / "home", "Quillfeather")
    add(corpus, tmp_path / "more.txt")
    assert not corpus.store.has_traces()
    assert held(tmp_path / "home", "Quillfeather") == set()
    assert corpus.verify() == []


def test_compacting_waits_for_a_reader_and_says_so(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    write(tmp_path, {"secret.txt": SECRET, "other.txt": OTHER})
    corpus, reader = make_corpus(), make_corpus()
    add(corpus, tmp_path / "secret.txt", tmp_path / "other.txt")
    told, go_on = threading.Event(), threading.Event()

    def read() -> None:
        with reader.store.reading():
            reader.store.count()
            told.set()
            go_on.wait(60)

    thread = threading.Thread(target=read)
    thread.start()
    told.wait(60)
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        go_on.set()

    corpus.store.patience(60, hear)
    assert corpus.remove(["secret.txt"])[0].erased is False
    corpus.compact()
    thread.join()
    assert [line.endswith("as it was; waiting for it.") for line in heard] == [True]
    assert not corpus.store.has_traces()
    assert held(tmp_path / "home", "Quillfeather") == set()


def test_the_receipt_says_how_to_erase_what_is_left() -> None:
    left = Removal("a", "A", ("a.txt",), erased=False)
    assert traces([replace(left, erased=True)], "press Compact.") == []
    (line,) = traces([left, replace(left, erased=True)], "press Compact.")
    assert line.endswith("To erase them, press Compact.")


def test_the_command_line_compacts(tmp_path: Path) -> None:
    done = run("index", "compact", "--json", "--home", tmp_path)
    assert (done.code, done.json["after"] > 0) == (0, True)
    assert run("index", "compact", "--home", tmp_path).output.startswith("The index took ")


def test_compacting_gives_space_back_and_keeps_every_answer(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, "hashing", 64)
    for number in range(40):
        put(store, prose(f"Text {number} is about soup. " * 20), f"/{number}")
    put(store, CANTEEN, "/a")
    put(store, LEAVE, "/b")
    store.remove([info.id for info in store.documents() if info.sources[0] not in ("/a", "/b")])
    query = HashingEmbedder().embed_query("soup")
    before = store.documents(), store.dense(query, 9), store.lexical(["soup"], 9), store.origins()
    done = store.compact()
    assert done.after < done.before / 2
    assert (store.documents(), store.dense(query, 9), store.lexical(["soup"], 9), store.origins()) == before
    assert store.verify() == []
    store.close()
    assert (tmp_path / "vectors.faiss").exists()


# --- repair --------------------------------------------------------------------------------------------------------


def change(home: Path, *statements: str) -> None:
    connection = sqlite3.connect(home / "index.sqlite3", isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("damage", "mended"),
    [
        ("INSERT INTO passages_fts (passages_fts) VALUES ('delete-all')", ["The lexical index was made again"]),
        ("INSERT INTO passages_fts (rowid, context, text) VALUES (999, '', 'x')", ["The lexical index was made again"]),
        ("DELETE FROM passages_fts_data WHERE id > 10", ["The lexical index was made again"]),
        (
            f"DELETE FROM documents WHERE id = '{CANTEEN.id}'",
            ["The document of /a is lost. Add the file again", "1 passages that", "The listing of the"],
        ),
        ("UPDATE totals SET passages = passages + 1", ["The listing of the documents was made again"]),
        (f"DELETE FROM listing WHERE document_id = '{CANTEEN.id}'", ["The listing of the documents was made again"]),
        ("UPDATE listing SET title = 'Another'", ["The listing of the documents was made again"]),
        (
            f"UPDATE passages SET text = 'X' || substr(text, 2) WHERE document_id = '{CANTEEN.id}'",
            ["The lexical index was made again", f"Passage {CANTEEN.id}-0 was given the text"],
        ),
    ],
)
def test_repair_mends_what_can_be_made_again(tmp_path: Path, damage: str, mended: list[str]) -> None:
    store = EmbeddedStore(tmp_path, "hashing", 64)
    for document, location in ((CANTEEN, "/a"), (LEAVE, "/b"), (NEWS, "/c")):
        put(store, document, location)
    store.dense(HashingEmbedder().embed_query("soup"), 1)
    change(tmp_path, damage)
    assert store.verify() != []
    assert all("verify --repair" in problem for problem in store.verify())
    done = store.repair()
    assert [text for text, expected in zip(done, mended, strict=True) if not text.startswith(expected)] == []
    assert store.verify() == []
    assert store.repair() == []
    assert [id_ for id_, _ in store.lexical(["leave"], 9)] != []
    store.close()


TABLES = ("data", "idx", "docsize", "config")
"""What SQLite keeps the lexical index in, each as a table of its own."""


def spoil_page(home: Path, table: str, content: bytes) -> None:
    """Write over the first page of a table, from its ninth byte on if ``content`` is short."""
    with closing(sqlite3.connect(home / "index.sqlite3")) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
        ((size,),) = connection.execute("PRAGMA page_size")
    with (home / "index.sqlite3").open("r+b") as file:
        file.seek((page - 1) * size + (0 if len(content) == size else 8))
        file.write(content)


@pytest.mark.parametrize(
    "damage",
    [
        *(partial(spoil_page, table=f"passages_fts_{table}", content=bytes(4096)) for table in TABLES),
        *(partial(spoil_page, table=f"passages_fts_{table}", content=b"\xff" * 90) for table in TABLES),
        lambda home: change(home, "UPDATE passages_fts_data SET block = x'ffffffffff' WHERE id = 10"),
        lambda home: change(home, "DELETE FROM sqlite_master WHERE name = 'passages_fts_config'"),
        lambda home: change(home, "DELETE FROM sqlite_master WHERE name = 'passages_fts'"),
    ],
)
def test_repair_makes_a_lexical_index_that_sqlite_cannot_open(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    store = EmbeddedStore(tmp_path, "hashing", 64)
    for document, location in ((CANTEEN, "/a"), (LEAVE, "/b"), (NEWS, "/c")):
        put(store, document, location)
    words = store.lexical(["soup", "leave"], 9)
    nearest = store.dense(HashingEmbedder().embed_query("soup"), 9)
    vectors = [each.vector.tobytes() for each in store.passages([id_ for id_, _ in nearest]).values()]
    store.close()
    damage(tmp_path)
    with (
        closing(EmbeddedStore(tmp_path, "hashing", 64)) as store,
        closing(EmbeddedStore(tmp_path, "hashing", 64)) as reader,
    ):
        assert reader.count() == len(vectors)
        assert all("verify --repair" in problem for problem in store.verify() or [""])
        assert "The lexical index was made again from the passages." in store.repair()
        assert store.verify() == store.repair() == reader.verify() == []
        assert reader.lexical(["soup", "leave"], 9) == words
        assert [each.vector.tobytes() for each in store.passages([id_ for id_, _ in nearest]).values()] == vectors
        put(store, prose("Fresh bread."), "/d")
        store.remove([CANTEEN.id])
        assert len(reader.lexical(["bread", "canteen"], 9)) == 1


def test_repair_makes_faiss_again(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, "hashing", 64)
    put(store, CANTEEN, "/a")
    query = HashingEmbedder().embed_query("soup")
    expected = store.dense(query, 9)
    with store._derived.vectors() as vectors:
        assert isinstance(vectors, VectorIndex)
        vectors.remove([1])
        vectors.add([77], HashingEmbedder().embed_query("other")[None])
    assert "FAISS holds 1 passages too many and lacks 1" in store.verify()[0]
    assert store.repair() == ["The FAISS file was made again from the stored vectors."]
    assert store.dense(query, 9) == expected
    assert store.verify() == []
    store.close()


def test_repair_guesses_nothing(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, "hashing", 64)
    put(store, CANTEEN, "/a b.txt", "a b.txt")
    change(tmp_path, "UPDATE documents SET text = 'X' || substr(text, 2)")
    assert store.repair() == []
    (problem,) = store.verify()
    assert problem.endswith(
        f"Its file alone can mend it; remove it: citechat index remove {CANTEEN.id}, "
        "then add the file again: citechat index add '/a b.txt'"
    )
    store.remove([CANTEEN.id])
    put(store, CANTEEN, "/a b.txt", "a b.txt")
    assert store.verify() == []
    store.close()
