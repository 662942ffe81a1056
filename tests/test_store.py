from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.store.base import UNSETTLED, SourceTaken, StaleVersion, Store, StoredPassage, Totals
from index.types import Page
from tests.documents import CANTEEN, LEAVE, NEWS, origin, prose, put, stored
from tests.embedding import HashingEmbedder
from tests.stores import Place, both

ROOT = Path(__file__).parent.parent
EMBEDDER = HashingEmbedder()
QUERY = EMBEDDER.embed_query("soup and days of leave")


@both
class TestStore:
    """What every store does."""

    def test_a_document_is_kept_as_it_came(self, store: Store) -> None:
        paged = replace(LEAVE, pages=(Page(1, 0, 60), Page(2, 60, len(LEAVE.text))))
        passages = put(store, paged, "/leave.pdf", "leave.pdf")
        assert store.document(paged.id) == replace(paged, source="leave.pdf")
        assert store.document("none") is None
        found = store.passages([each.passage.id for each in passages] + ["none"])
        assert list(found.values()) != []
        for each in passages:
            assert_same(found[each.passage.id], each)
        assert store.origins() == {"/leave.pdf": origin(paged, "/leave.pdf", "leave.pdf")}

    def test_documents_are_listed_by_source(self, store: Store) -> None:
        for document, source in ((LEAVE, "b.txt"), (CANTEEN, "a.txt"), (NEWS, "c.txt")):
            put(store, document, f"/{source}", source)
        put(store, LEAVE, "/copy.txt", "0.txt")
        listing = store.documents()
        assert [(info.id, info.sources) for info in listing] == [
            (LEAVE.id, ("0.txt", "b.txt")),
            (CANTEEN.id, ("a.txt",)),
            (NEWS.id, ("c.txt",)),
        ]
        assert (listing[1].title, listing[1].metadata) == ("Canteen", CANTEEN.metadata)
        assert (listing[0].characters, listing[0].passages) == (len(LEAVE.text), len(stored(LEAVE, EMBEDDER)))
        assert store.document(LEAVE.id).source == "0.txt"  # type: ignore[union-attr]

    def test_documents_are_found_by_what_they_are_called(self, store: Store) -> None:
        for document, source in ((LEAVE, "a.zip/b.txt"), (CANTEEN, "a.zip"), (NEWS, "a.zip0")):
            put(store, document, f"/{source}", source)
        assert sorted(store.named("a.zip")) == sorted([LEAVE.id, CANTEEN.id])
        assert store.named("a.zip/b.txt") == store.named(LEAVE.id) == [LEAVE.id]
        assert store.named("a.zi") == store.named("a.zip/") == store.named("%") == store.named("\0") == []
        assert [info.id for info in store.documents([NEWS.id, LEAVE.id, "nothing"])] == [LEAVE.id, NEWS.id]
        assert store.documents([]) == []
        assert store.origins([NEWS.id, "nothing"]) == {"/a.zip0": origin(NEWS, "/a.zip0", "a.zip0")}
        assert store.origins([]) == {}

    def test_texts_are_found_in_documents_as_they_stand(self, store: Store) -> None:
        put(store, LEAVE, "/a")
        put(store, CANTEEN, "/b")
        both = sorted([LEAVE.id, CANTEEN.id])
        assert store.holding([CANTEEN.text[4:30], "e", "\0", CANTEEN.text.upper()]) == [[CANTEEN.id], both, [], []]
        assert store.holding([]) == []

    def test_a_new_version_replaces_the_old_one(self, store: Store) -> None:
        put(store, CANTEEN, "/a")
        put(store, NEWS, "/b")
        put(store, LEAVE, "/a")
        assert {info.id for info in store.documents()} == {LEAVE.id, NEWS.id}
        assert store.origins()["/a"].document_id == LEAVE.id
        assert store.document(CANTEEN.id) is None
        assert store.passages([f"{CANTEEN.id}-0"]) == {}
        assert store.lexical(["canteen"], 9) == []
        assert store.frequencies(["canteen"]) == {"canteen": 0}
        assert ids(store.dense(QUERY, 99)) == {
            each.passage.id for doc in (LEAVE, NEWS) for each in stored(doc, EMBEDDER)
        }
        assert store.verify() == []

    def test_one_document_with_two_sources_stays_until_both_have_left(self, store: Store) -> None:
        put(store, CANTEEN, "/a")
        put(store, CANTEEN, "/b")
        assert store.count() == 1
        put(store, LEAVE, "/a")
        assert store.document(CANTEEN.id) is not None
        put(store, LEAVE, "/b")
        assert [info.sources for info in store.documents()] == [("/a", "/b")]

    def test_the_same_version_again_changes_nothing(self, store: Store) -> None:
        passages = put(store, CANTEEN, "/a")
        before = store.documents(), store.passages([passages[0].passage.id]), store.dense(QUERY, 9)
        put(store, CANTEEN, "/a")
        after = store.documents(), store.passages([passages[0].passage.id]), store.dense(QUERY, 9)
        assert before[0] == after[0]
        assert before[2] == after[2]
        assert_same(before[1][passages[0].passage.id], after[1][passages[0].passage.id])

    def test_a_source_name_that_another_file_has_is_refused(self, store: Store) -> None:
        put(store, CANTEEN, "/x/a.txt", "a.txt")
        with pytest.raises(SourceTaken, match=re.escape("a.txt")):
            put(store, LEAVE, "/y/a.txt", "a.txt")
        assert [info.id for info in store.documents()] == [CANTEEN.id]
        assert store.origins().keys() == {"/x/a.txt"}

    def test_a_stale_version_is_refused(self, store: Store) -> None:
        put(store, CANTEEN, "/a")
        before = store.revision()
        for document, expected in ((LEAVE, ""), (LEAVE, NEWS.id)):
            with pytest.raises(StaleVersion, match=r"/a has been changed by somebody else"):
                store.put(document, origin(document, "/a"), stored(document, EMBEDDER), expected=expected)
        assert ([info.id for info in store.documents()], store.revision()) == ([CANTEEN.id], before)
        store.put(LEAVE, origin(LEAVE, "/a"), stored(LEAVE, EMBEDDER), expected=CANTEEN.id)
        store.put(NEWS, origin(NEWS, "/b"), stored(NEWS, EMBEDDER), expected="")
        assert {info.id for info in store.documents()} == {LEAVE.id, NEWS.id}

    def test_settling_updates_only_what_still_points_to_the_same(self, store: Store) -> None:
        put(store, CANTEEN, "/a")
        fresh = replace(origin(CANTEEN, "/a"), size=7, modified_ns=8)
        store.settle("/a", [fresh])
        assert store.origins() == {"/a": fresh}
        store.settle("/a", [replace(fresh, document_id="other", size=9)])
        store.settle("/none", [replace(fresh, location="/none", source="/none")])
        assert store.origins() == {"/a": fresh}
        assert store.verify() == []

    def test_settling_a_container_removes_what_is_gone_from_it(self, store: Store) -> None:
        for document, location in ((CANTEEN, "/a.zip/x"), (LEAVE, "/a.zip/in/y"), (NEWS, "/a.zip0"), (NEWS, "/a.zi")):
            put(store, document, location)
        left = replace(origin(LEAVE, "/a.zip/in/y"), modified_ns=8)
        store.settle("/a.zip", [left])
        assert store.origins().keys() == {"/a.zip/in/y", "/a.zip0", "/a.zi"}
        assert store.origins()["/a.zip/in/y"] == left
        assert {info.id for info in store.documents()} == {LEAVE.id, NEWS.id}
        assert store.verify() == []

    def test_a_container_that_is_not_stored_whole_is_not_settled(self, store: Store) -> None:
        put(store, CANTEEN, "/a.zip/x")
        store.settle("/a.zip", [origin(CANTEEN, "/a.zip/x"), origin(LEAVE, "/a.zip/y")])
        assert store.origins()["/a.zip/x"].modified_ns == UNSETTLED

    def test_removing_a_document_unsettles_what_came_with_it(self, store: Store) -> None:
        for document, location in ((CANTEEN, "/a.zip/x"), (LEAVE, "/a.zip/y"), (NEWS, "/b")):
            put(store, document, location)
        together = [
            replace(origin(document, at), digest="d") for document, at in ((CANTEEN, "/a.zip/x"), (LEAVE, "/a.zip/y"))
        ]
        store.settle("/a.zip", together)
        store.remove([CANTEEN.id])
        assert store.origins() == {
            "/a.zip/y": replace(together[1], modified_ns=UNSETTLED),
            "/b": origin(NEWS, "/b"),
        }
        assert store.verify() == []

    def test_remove_takes_documents_with_their_sources(self, store: Store) -> None:
        for document, location in ((CANTEEN, "/a"), (CANTEEN, "/b"), (LEAVE, "/c")):
            put(store, document, location)
        store.remove([CANTEEN.id, "unknown"])
        assert [info.id for info in store.documents()] == [LEAVE.id]
        assert store.origins().keys() == {"/c"}
        store.remove([LEAVE.id])
        assert store.totals() == Totals(0, 0, 0, 0, 0, 0)
        assert (store.dense(QUERY, 9), store.lexical(["soup"], 9), store.verify()) == ([], [], [])

    def test_a_change_that_is_interrupted_changes_nothing(self, store: Store) -> None:
        put(store, CANTEEN, "/a")
        before = store.documents(), store.origins(), store.totals(), store.revision()
        for interruption in (KeyboardInterrupt, MemoryError):
            with pytest.raises(interruption):
                store.put(LEAVE, origin(LEAVE, "/a"), Interrupted(stored(LEAVE, EMBEDDER), interruption))
            assert (store.documents(), store.origins(), store.totals(), store.revision()) == before
            assert store.verify() == []
        put(store, LEAVE, "/a")
        assert [info.id for info in store.documents()] == [LEAVE.id]

    def test_vectors_are_found_by_what_they_were_made_of(self, store: Store) -> None:
        passages = put(store, LEAVE, "/a")
        found = store.embedded([passages[0].digest, "unknown"])
        assert found.keys() == {passages[0].digest}
        vector, sentences = found[passages[0].digest]
        assert np.array_equal(vector, passages[0].vector)
        assert np.abs(sentences - passages[0].sentence_vectors).max() < 1e-3

    def test_similarities_are_cosines_of_the_stored_vectors(self, store: Store) -> None:
        passages = [*put(store, LEAVE, "/a"), *put(store, NEWS, "/b")]
        found = store.similarities(QUERY, [*(each.passage.id for each in passages), "unknown"])
        assert found == pytest.approx({each.passage.id: float(each.vector @ QUERY) for each in passages}, abs=1e-6)

    def test_totals_count_everything(self, store: Store) -> None:
        passages = [*put(store, LEAVE, "/a"), *put(store, NEWS, "/b")]
        put(store, NEWS, "/c")
        assert store.totals() == Totals(
            documents=2,
            sources=3,
            passages=len(passages),
            sentences=sum(len(each.passage.sentences) for each in passages),
            tokens=sum(each.tokens for each in passages),
            characters=len(LEAVE.text) + len(NEWS.text),
        )
        assert store.count() == len(passages)

    def test_the_revision_grows_with_every_change(self, store: Store) -> None:
        revisions = [store.revision()]
        for change in (
            lambda: put(store, CANTEEN, "/a"),
            lambda: put(store, LEAVE, "/a"),
            lambda: store.remove([LEAVE.id]),
        ):
            change()
            revisions.append(store.revision())
        assert revisions == sorted(set(revisions))
        assert store.revision() == revisions[-1]


class Interrupted(list[StoredPassage]):
    """Passages of which the second never comes."""

    def __init__(self, passages: Sequence[StoredPassage], interruption: type[BaseException]) -> None:
        super().__init__(passages)
        self.interruption = interruption

    def __iter__(self) -> Iterator[StoredPassage]:
        yield self[0]
        raise self.interruption


def assert_same(one: StoredPassage, other: StoredPassage) -> None:
    assert (one.passage, one.digest, one.tokens) == (other.passage, other.digest, other.tokens)
    assert np.array_equal(one.vector, other.vector)
    assert np.abs(one.sentence_vectors - other.sentence_vectors).max() < 1e-3


def ids(found: Sequence[tuple[str, float]]) -> set[str]:
    return {id_ for id_, _ in found}


OTHER_PROCESS = """
import sys
from tests.documents import prose, put
from tests.embedding import HashingEmbedder
from tests.stores import Place
store = Place.of(*sys.argv[1:]).open()
print([info.sources[0] for info in store.documents()])
print([id_ for id_, _ in store.dense(HashingEmbedder().embed_query("soup"), 9)])
put(store, prose("A third text about soup."), "/third")
store.remove([store.documents()[0].id])
print(store.verify())
store.close()
"""


@both
def test_processes_see_each_others_changes(store: Store, place: Place) -> None:
    put(store, CANTEEN, "/a")
    put(store, NEWS, "/b")
    best, second = (id_ for id_, _ in store.dense(EMBEDDER.embed_query("soup"), 9))
    other = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, *place.arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert other.stdout.splitlines() == ["['/a', '/b']", repr([best, second]), "[]"]
    third = prose("A third text about soup.")
    assert [info.id for info in store.documents()] == [NEWS.id, third.id]
    assert [id_ for id_, _ in store.dense(EMBEDDER.embed_query("soup"), 9)] == [f"{third.id}-0", f"{NEWS.id}-0"]
    assert store.verify() == []


@both
def test_a_reader_sees_the_old_version_or_the_new_one(store: Store, place: Place) -> None:
    versions = [
        prose(f"Version {name} of the text is about {name}.\n\nIt says {name}. {'Word. ' * length}".strip())
        for name, length in (("alpha", 40), ("beta", 80))
    ]
    sizes = {version.id: len(stored(version, EMBEDDER)) for version in versions}
    put(store, versions[0], "/a")
    problems: list[object] = []
    reads = [0, 0]
    done = threading.Event()

    def read(reader: int) -> None:
        other = place.open()
        while not done.is_set():
            (info,) = other.documents()
            found = other.lexical(["alpha", "beta"], 99)
            if info.passages != sizes[info.id] or len({id_.split("-")[0] for id_, _ in found}) != 1:
                problems.append((info, found))
            problems.extend(other.verify())
            reads[reader] += 1
        other.close()

    readers = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    for thread in readers:
        thread.start()
    changes = 0
    while (changes < 20 or min(reads) < 20) and not problems:
        changes += 1
        put(store, versions[changes % 2], "/a")
    done.set()
    for thread in readers:
        thread.join()
    assert problems == []
    assert [info.id for info in store.documents()] == [versions[changes % 2].id]


@both
def test_threads_share_a_store(store: Store) -> None:
    put(store, CANTEEN, "/a")
    answers: list[object] = []

    def work(number: int) -> None:
        document = prose(f"Text number {number} about soup.")
        put(store, document, f"/{number}")
        answers.append(f"{document.id}-0" in ids(store.dense(QUERY, 99)))
        answers.append(f"{document.id}-0" in ids(store.lexical(["soup"], 99)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 12
    assert store.count() == 7
    assert store.verify() == []
