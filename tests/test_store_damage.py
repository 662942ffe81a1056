"""What a store makes of damaged files: nothing wrong is ever shown as sound."""

from __future__ import annotations

import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.errors import CitechatError, IndexDamaged, InputError
from index.filters import parse_filter
from index.store.base import DocumentAltered, StoredPassage
from index.store.embedded import EmbeddedStore
from index.store.vectors import VectorIndex
from index.types import Span
from tests.documents import CANTEEN, LEAVE, NEWS, origin, prose, put, stored
from tests.embedding import HashingEmbedder

EMBEDDER = HashingEmbedder()
LONG = prose("\n\n".join(f"Part {number} is about soup. " * 40 for number in range(3)).strip(), "Long")
QUERY = EMBEDDER.embed_query("soup and days of leave")


def opened(folder: Path, fingerprint: str = "hashing", dimension: int = EMBEDDER.dimension) -> EmbeddedStore:
    return EmbeddedStore(folder, fingerprint, dimension)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a closed store with three documents; its FAISS file is up to date."""
    store = opened(tmp_path / "home")
    for document, location in ((CANTEEN, "/a"), (LEAVE, "/b"), (NEWS, "/c")):
        put(store, document, location)
    assert len(store.dense(QUERY, 99)) == store.count()
    store.close()
    return tmp_path / "home"


def problems(home: Path) -> list[str]:
    store = opened(home)
    try:
        return store.verify()
    finally:
        store.close()


def change(home: Path, *statements: str) -> None:
    connection = sqlite3.connect(home / "index.sqlite3", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


# --- FAISS is derived ----------------------------------------------------------------------------------------------

BREAKS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "garbage": lambda _: b"\xff\x00 no index" * 100,
    "short": lambda content: content[:-9],
    "only a header": lambda content: content[:70],
    "longer": lambda content: content + b"\0",
    "another vector": lambda content: content[:-200] + bytes([content[-200] ^ 1]) + content[-199:],
    "another stamp": lambda content: b"0" * 64 + content[64:],
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_faiss_file_is_made_again(home: Path, broken: str) -> None:
    file = home / "vectors.faiss"
    good = file.read_bytes()
    store = opened(home)
    expected = store.dense(QUERY, 99)
    store.close()
    file.write_bytes(BREAKS[broken](good))
    store = opened(home)
    assert store.dense(QUERY, 99) == expected
    assert store.verify() == []
    store.close()
    assert file.read_bytes() == good


def test_a_missing_faiss_file_is_made_again(home: Path) -> None:
    (home / "vectors.faiss").unlink()
    store = opened(home)
    assert len(store.dense(QUERY, 99)) == store.count()
    assert (home / "vectors.faiss").exists()
    store.close()


def test_a_stale_faiss_file_is_brought_up_to_date(home: Path) -> None:
    stale = (home / "vectors.faiss").read_bytes()
    store = opened(home)
    store.remove([CANTEEN.id])
    put(store, prose("A new text about soup and leave."), "/d")
    store.close()
    (home / "vectors.faiss").write_bytes(stale)
    store = opened(home)
    found = {id_.split("-")[0] for id_, _ in store.dense(QUERY, 99)}
    assert found == {LEAVE.id, NEWS.id, prose("A new text about soup and leave.").id}
    store.close()


def test_the_faiss_file_of_another_index_is_not_taken(home: Path, tmp_path: Path) -> None:
    """Not even of one that has gone through as many changes."""
    other = opened(tmp_path / "other")
    for number in range(3):
        put(other, prose(f"Something else, number {number}."), f"/{number}")
    other.dense(QUERY, 1)
    other.close()
    (home / "vectors.faiss").write_bytes((tmp_path / "other" / "vectors.faiss").read_bytes())
    store = opened(home)
    assert {id_.split("-")[0] for id_, _ in store.dense(QUERY, 99)} == {CANTEEN.id, LEAVE.id, NEWS.id}
    ((nearest, cosine),) = store.dense(stored(CANTEEN, EMBEDDER)[0].vector, 1)
    assert (nearest, round(cosine, 5)) == (f"{CANTEEN.id}-0", 1.0)
    assert store.verify() == []
    store.close()


def test_a_faiss_file_that_cannot_be_written_is_done_without(home: Path) -> None:
    (home / "vectors.faiss").unlink()
    (home / "vectors.new").mkdir()
    store = opened(home)
    assert len(store.dense(QUERY, 99)) == store.count()
    store.close()
    assert not (home / "vectors.faiss").exists()


# --- opening -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fingerprint", "dimension"), [("other", EMBEDDER.dimension), ("hashing", 32)])
def test_vectors_of_another_embedder_are_not_mixed(home: Path, fingerprint: str, dimension: int) -> None:
    with pytest.raises(IndexDamaged, match="another embedder") as refusal:
        opened(home, fingerprint, dimension)
    assert "citechat.toml" in refusal.value.remedy
    assert problems(home) == []


def test_another_schema_is_told(home: Path) -> None:
    change(home, "UPDATE meta SET value = '99' WHERE key = 'schema'")
    with pytest.raises(IndexDamaged, match="schema 99"):
        opened(home)


def foreign_database(file: Path) -> None:
    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE photographs (name TEXT)")
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b"no database " * 1000),
        lambda file: file.write_bytes(b"\0" * 16 + file.read_bytes()[16:]),
        lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
        lambda file: file.write_bytes(file.read_bytes()[:5000]),
        foreign_database,
    ],
    ids=["text", "no header", "half", "first page", "foreign"],
)
def test_a_damaged_database_is_told(home: Path, damage: Callable[[Path], object]) -> None:
    damage(home / "index.sqlite3")
    with pytest.raises(IndexDamaged, match=re.escape(str(home / "index.sqlite3"))) as refusal:
        read_everything(home)
    assert refusal.value.exit_code == 3
    assert "add the documents again" in refusal.value.remedy


def test_a_folder_that_cannot_be_used_is_told(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "index.sqlite3").mkdir(parents=True)
    for folder in (tmp_path / "file", tmp_path / "file" / "inside", tmp_path / "folder"):
        with pytest.raises(InputError, match=str(folder)) as refusal:
            opened(folder)
        assert refusal.value.exit_code == 2
        assert "choose another --home" in refusal.value.remedy.lower()
    assert problems(home) == []


def read_everything(home: Path) -> tuple[object, ...]:
    """Everything that a store shows, or how it fails; verified."""
    store = opened(home)
    try:
        documents = store.documents()
        found = store.dense(QUERY, 1000)
        passages = store.passages([id_ for id_, _ in found])
        shown = (
            *(documents, [store.document(info.id) for info in documents], store.origins(), store.totals(), found),
            *(store.lexical(["soup", "leave", "went"], 99), store.frequencies(["soup"]), store.count()),
            [(each.passage, each.digest, each.tokens) for _, each in sorted(passages.items())],
            [each.vector.tobytes() + each.sentence_vectors.tobytes() for _, each in sorted(passages.items())],
        )
        damage = store.verify()
    finally:
        store.close()
    if damage:
        raise IndexDamaged(damage[0])
    return shown


def test_no_flipped_bit_goes_unnoticed(home: Path) -> None:
    """Whatever is not found is in a place that nothing is read from."""
    files = {path: path.read_bytes() for path in home.iterdir()}
    database = home / "index.sqlite3"
    expected = read_everything(home)
    chance = random.Random(3)  # noqa: S311
    used = [place for place, byte in enumerate(files[database]) if byte]
    outcomes: Counter[str] = Counter()
    for _ in range(250):
        for path in home.iterdir():
            path.unlink()
        for path, content in files.items():
            path.write_bytes(content)
        place = chance.choice(used)
        flipped = files[database][place] ^ 1 << chance.randrange(8)
        database.write_bytes(files[database][:place] + bytes([flipped]) + files[database][place + 1 :])
        outcomes[outcome(home, expected)] += 1
    assert outcomes.keys() == {"told", "harmless"}
    assert outcomes["told"] > 150


def outcome(home: Path, expected: object) -> str:
    try:
        return "harmless" if read_everything(home) == expected else "unnoticed"
    except CitechatError:
        return "told"


# --- verify --------------------------------------------------------------------------------------------------------

PLANTED = {
    "text": f"UPDATE documents SET text = 'X' || substr(text, 2) WHERE id = '{CANTEEN.id}'",
    "title": f"UPDATE documents SET title = 'Kitchen' WHERE id = '{CANTEEN.id}'",
    "date": "UPDATE documents SET metadata = replace(metadata, '2025-02-01', '2026-02-01')",
    "source": f"UPDATE origins SET source = 'kitchen.txt' WHERE document_id = '{CANTEEN.id}'",
    "passage text": f"UPDATE passages SET text = 'X' || substr(text, 2) WHERE document_id = '{CANTEEN.id}'",
    "passage offsets": f"UPDATE passages SET start = start + 1 WHERE document_id = '{CANTEEN.id}'",
    "sentences": f"UPDATE passages SET sentences = '[[0, 9' WHERE document_id = '{CANTEEN.id}'",
    "context": f"UPDATE passages SET context = '' WHERE document_id = '{CANTEEN.id}'",
    "vector": f"UPDATE passages SET vector = (SELECT vector FROM passages WHERE document_id = '{NEWS.id}') "
    f"WHERE document_id = '{CANTEEN.id}'",
    "sentence vectors": f"UPDATE passages SET sentence_vectors = zeroblob(length(sentence_vectors)) "
    f"WHERE document_id = '{CANTEEN.id}'",
}


@pytest.mark.parametrize("what", PLANTED)
def test_verify_finds_a_value_that_was_not_stored(home: Path, what: str) -> None:
    change(home, PLANTED[what])
    found = problems(home)
    assert len(found) == 1
    assert CANTEEN.id in found[0] or "/a is not what was stored" in found[0]
    again = f"citechat index remove {CANTEEN.id}, then add the file again: citechat index add /a"
    assert found[0].endswith("citechat index verify --repair" if what == "passage text" else again)


def test_verify_finds_rows_without_their_others(home: Path) -> None:
    change(home, f"DELETE FROM documents WHERE id = '{CANTEEN.id}'")
    found = problems(home)
    assert found[0] == "The document of /a is lost. Run: citechat index verify --repair"
    assert all(f"Passage {CANTEEN.id}-{n} belongs to no document." in line for n, line in enumerate(found[1:]))
    change(home, f"DELETE FROM passages WHERE document_id = '{CANTEEN.id}'", "DELETE FROM origins")
    assert sorted(problems(home)) == sorted(
        f"Document {document.id} has no source. "
        f"Its file alone can mend it; remove it: citechat index remove {document.id}"
        for document in (LEAVE, NEWS)
    )


def test_a_document_that_is_lost_is_named_by_its_file(home: Path) -> None:
    change(home, f"DELETE FROM documents WHERE id = '{CANTEEN.id}'")
    store = opened(home)
    assert store.repair()[0] == "The document of /a is lost. Add the file again: citechat index add /a"
    assert store.verify() == []
    store.close()


@pytest.mark.parametrize(("which", "told"), [("min", "has 19 of its 20 passages"), ("max", "lacks its last passages")])
def test_a_passage_that_is_lost_is_missed_also_after_a_repair(home: Path, which: str, told: str) -> None:
    store = opened(home)
    put(store, LONG, "/long")
    store.close()
    lost = f"SELECT {which}(row) FROM passages WHERE document_id = '{LONG.id}'"
    change(home, f"DELETE FROM passages WHERE row = ({lost})")
    store = opened(home)
    store.repair()
    assert store.verify() == [
        f"Document {LONG.id} {told}. Its file alone can mend it; "
        f"remove it: citechat index remove {LONG.id}, then add the file again: citechat index add /long"
    ]
    store.close()


def test_an_emptied_database_is_no_new_one(home: Path) -> None:
    """Beside the vectors of what it held; a file that was never written to is made."""
    (home / "index.sqlite3").write_bytes(b"")
    with pytest.raises(IndexDamaged, match="is empty, and was not"):
        opened(home)
    (home / "vectors.faiss").unlink()
    assert problems(home) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO passages_fts (passages_fts, rowid, context, text) "
        f"SELECT 'delete', row, context, text FROM passages WHERE document_id = '{CANTEEN.id}'",
        "INSERT INTO passages_fts (rowid, context, text) VALUES (999, '', 'what nobody wrote')",
        "INSERT INTO passages_fts (passages_fts) VALUES ('delete-all')",
    ],
)
def test_verify_finds_a_lexical_index_that_differs(home: Path, statement: str) -> None:
    change(home, statement)
    (found,) = problems(home)
    assert found.startswith("The lexical index differs from the passages")


def test_verify_finds_a_lexical_index_that_is_whole_but_cannot_be_searched(home: Path) -> None:
    store = opened(home)
    text = " ".join(f"word{number}" for number in range(3000))  # more than a page of the index holds
    put(store, prose(text, "Words"), "/words")
    store.close()
    change(home, "DELETE FROM passages_fts_idx")
    (found,) = problems(home)
    assert re.search(r"it does not find [1-9]\d* of its words\. Run: citechat index verify --repair", found)
    store = opened(home)
    store.repair()
    assert store.verify() == []
    store.close()


def planted(**changes: object) -> StoredPassage:
    """The only passage of the canteen's document, with something wrong in it."""
    (only,) = stored(CANTEEN, EMBEDDER)
    own = {name: changes.pop(name) for name in ("vector", "sentence_vectors") if name in changes}
    return replace(only, passage=replace(only.passage, **changes), **own)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("passage", "problem"),
    [
        (planted(start=1), "not at their offsets"),
        (planted(text="The canteen opens at one. It serves soup on Fridays."), "not at their offsets"),
        (planted(end=999), "not at their offsets"),
        (planted(sentences=()), "wrong size"),
        (planted(sentences=(Span(25, 52), Span(0, 25))), "not at their offsets"),
        (planted(sentences=(Span(0, 25), Span(20, 52))), "not at their offsets"),
        (planted(sentences=(Span(0, 25), Span(26, 54))), "not at their offsets"),
        (planted(vector=np.zeros(64, np.float32)), "not of unit length"),
        (planted(vector=np.full(64, np.nan, np.float32)), "not of unit length"),
        (planted(sentence_vectors=np.zeros((3, 64), np.float32)), "wrong size"),
        (planted(document_id="nobody"), None),
    ],
)
def test_verify_finds_what_should_never_have_been_stored(
    tmp_path: Path, passage: StoredPassage, problem: str | None
) -> None:
    store = opened(tmp_path)
    if problem is None:
        with pytest.raises(IndexDamaged):
            store.put(CANTEEN, origin(CANTEEN, "/a"), [passage])
        assert (store.documents(), store.verify()) == ([], [])
    else:
        store.put(CANTEEN, origin(CANTEEN, "/a"), [passage])
        assert any(problem in line and f"{CANTEEN.id}-0" in line for line in store.verify())
    store.close()


def test_verify_compares_faiss_with_the_stored_vectors(home: Path) -> None:
    connection = sqlite3.connect(home / "index.sqlite3")
    ((state,),) = connection.execute("SELECT value FROM meta WHERE key = 'state'")
    rows = [row for (row,) in connection.execute("SELECT row FROM passages ORDER BY row")]
    connection.close()
    wrong = VectorIndex(EMBEDDER.dimension)
    wrong.add([*rows[:-1], 77], np.array([QUERY] * len(rows)))
    wrong.save(home / "vectors.faiss", state)
    found = problems(home)
    assert len(found) == len(rows)
    assert found[-1].startswith("FAISS holds 1 passages too many and lacks 1.")
    assert all("Run: citechat index verify --repair" in line for line in found)
    (home / "vectors.faiss").unlink()
    assert problems(home) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE passages SET sentences = '['",
        'UPDATE passages SET sentences = \'[["a", "b"]]\'',
        "UPDATE passages SET sentences = '[[0, 1, 2]]'",
        "UPDATE passages SET start = 'x'",
        "UPDATE passages SET sentence_vectors = x'00'",
        "UPDATE passages SET vector = x'0000'",
    ],
)
def test_a_passage_that_cannot_be_decoded_has_no_words(home: Path, statement: str) -> None:
    (passage,) = stored(CANTEEN, EMBEDDER)
    change(home, statement, "UPDATE meta SET value = 'x' WHERE key = 'state'")
    store = opened(home)
    read = store.passages([passage.passage.id])[passage.passage.id]
    assert (read.passage.document_id, read.passage.text, bool(read.vector.any())) == (CANTEEN.id, "", False)
    assert bool(store.embedded([passage.digest])) == ("vector" not in statement)
    assert len(store.dense(QUERY, 9)) == store.count()
    assert len(store.verify()) >= 3
    store.close()


def test_metadata_that_cannot_be_decoded_are_left_out(home: Path) -> None:
    change(home, "UPDATE documents SET metadata = '{', pages = '['", "UPDATE listing SET metadata = '['")
    store = opened(home)
    assert [info.metadata for info in store.documents()] == [{}, {}, {}]
    assert store.dense(QUERY, 9, parse_filter("page = 1 or outlet = x")) == []
    assert len(store.dense(QUERY, 9, parse_filter("source = news.md or not page = 1"))) == store.count()
    with pytest.raises(DocumentAltered):
        store.document(CANTEEN.id)
    store.close()
