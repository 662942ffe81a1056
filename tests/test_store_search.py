"""The two searches of a store, against brute force and against the published formula."""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import pytest

from index.filters import Filter, parse_filter
from index.store.base import Store, StoredPassage
from index.store.embedded import EmbeddedStore
from index.terms import stem
from tests.documents import CANTEEN, LEAVE, prose, put
from tests.embedding import HashingEmbedder

EMBEDDER = HashingEmbedder()
QUERY = EMBEDDER.embed_query("soup and days of leave")

VOCABULARY = "soup soups relate relating relations day days dayly noon of a technology Müller muller U S 25 3".split()
FILTERS = [None, "published>=2025-06", "outlet=AP", "outlet!=AP and published<2025-06", "outlet=none", "source=s3"]


def ids(found: Sequence[tuple[str, float]]) -> set[str]:
    return {id_ for id_, _ in found}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedStore, dict[str, StoredPassage]]]:
    """A store with many passages of few words, and these passages by id."""
    store = EmbeddedStore(tmp_path_factory.mktemp("home"), "hashing", EMBEDDER.dimension)
    chance = random.Random(7)  # noqa: S311
    passages: dict[str, StoredPassage] = {}
    for number in range(40):
        paragraphs = [
            " ".join(chance.choices(VOCABULARY, k=chance.randint(2, 30))) for _ in range(chance.randint(1, 4))
        ]
        metadata = {"published": f"2025-{chance.randint(1, 12):02}", "outlet": chance.choice(["AP", "BBC"])}
        document = prose("\n\n".join(paragraphs), " ".join(chance.choices(VOCABULARY, k=3)), **metadata)
        passages |= {each.passage.id: each for each in put(store, document, f"s{number}")}
    yield store, passages
    store.close()


def matching(store: Store, passages: dict[str, StoredPassage], where: Filter | None) -> dict[str, StoredPassage]:
    fields = {
        info.id: [{**info.metadata, "title": info.title, "source": source} for source in info.sources]
        for info in store.documents()
    }
    return {
        id_: each
        for id_, each in passages.items()
        if where is None or any(where.matches(own) for own in fields[each.passage.document_id])
    }


@pytest.mark.parametrize("condition", FILTERS)
@pytest.mark.parametrize("k", [1, 7, 1000])
def test_dense_search_equals_brute_force(
    many: tuple[EmbeddedStore, dict[str, StoredPassage]], condition: str | None, k: int
) -> None:
    store, passages = many
    where = parse_filter(condition) if condition else None
    candidates = matching(store, passages, where)
    for question in ("soup of the day", "Müller", "nothing of this"):
        query = EMBEDDER.embed_query(question)
        exact = {id_: float(each.vector @ query) for id_, each in candidates.items()}
        found = store.dense(query, k, where)
        assert len(found) == len(ids(found)) == min(k, len(exact))
        assert [score for _, score in found] == pytest.approx(sorted(exact.values(), reverse=True)[:k], abs=1e-5)
        assert all(abs(exact[id_] - score) < 1e-5 for id_, score in found)


def reference_bm25(passages: dict[str, StoredPassage], words: Sequence[str]) -> dict[str, float]:
    """SQLite's bm25() by its formula (sqlite.org/fts5.html#the_bm25_function), contexts at half weight."""
    columns = {
        id_: [[stem(word) for word in re.findall(r"\w+", text)] for text in (each.passage.context, each.passage.text)]
        for id_, each in passages.items()
    }
    lengths = {id_: sum(map(len, both)) for id_, both in columns.items()}
    average = sum(lengths.values()) / len(lengths)
    scores: dict[str, float] = defaultdict(float)
    for word in dict.fromkeys(words):
        holding = [id_ for id_, both in columns.items() if stem(word) in both[0] + both[1]]
        idf = max(math.log((len(columns) - len(holding) + 0.5) / (len(holding) + 0.5)), 1e-6) if holding else 0.0
        for id_ in holding:
            frequency = 0.5 * columns[id_][0].count(stem(word)) + columns[id_][1].count(stem(word))
            scores[id_] += idf * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * lengths[id_] / average))
    return dict(scores)


@pytest.mark.parametrize("condition", FILTERS)
@pytest.mark.parametrize("k", [3, 1000])
def test_lexical_scores_equal_the_formula(
    many: tuple[EmbeddedStore, dict[str, StoredPassage]], condition: str | None, k: int
) -> None:
    store, passages = many
    where = parse_filter(condition) if condition else None
    among = matching(store, passages, where)
    for question in (["technology"], ["Soup", "relation", "noon"], ["days", "MÜLLER", "unheard"], ["of", "of", "U"]):
        exact = {id_: score for id_, score in reference_bm25(passages, question).items() if id_ in among}
        found = store.lexical(question, k, where)
        assert len(found) == len(ids(found)) == min(k, len(exact))
        assert [score for _, score in found] == pytest.approx(sorted(exact.values(), reverse=True)[:k])
        assert all(exact[id_] == pytest.approx(score) for id_, score in found)


def test_frequencies_count_the_passages_that_hold_a_stem(
    many: tuple[EmbeddedStore, dict[str, StoredPassage]],
) -> None:
    store, passages = many
    held = [
        {stem(word) for word in re.findall(r"\w+", f"{each.passage.context} {each.passage.text}")}
        for each in passages.values()
    ]
    stems = sorted({stem(word) for word in VOCABULARY})
    assert store.frequencies([*stems, "unheard"]) == {
        **{each: sum(each in own for own in held) for each in stems},
        "unheard": 0,
    }


@pytest.mark.parametrize(
    "word",
    ['so"up', '"', "soup*", "AND", "NOT", "NEAR(soup", "text:soup", "^soup", "", "\0", "-", "🌍", "(", "{}", "' OR 1"],
)
def test_any_word_may_be_looked_for(store: Store, word: str) -> None:
    put(store, CANTEEN, "/a")
    assert ids(store.lexical([word, "noon"], 5)) == {f"{CANTEEN.id}-0"}
    assert store.frequencies([word])[word] in (0, 1)
    assert store.lexical([], 5) == []


def test_search_obeys_filters_on_title_and_source(store: Store) -> None:
    put(store, CANTEEN, "/a", "files/canteen.txt")
    put(store, LEAVE, "/b", "files/leave.txt")
    for condition in ("title=canteen", "source=files/canteen.txt", "published=2025"):
        assert ids(store.dense(QUERY, 9, parse_filter(condition))) == {f"{CANTEEN.id}-0"}
        assert store.lexical(["leave"], 9, parse_filter(condition)) == []
