"""The two searches of a store, against brute force and against the published formula."""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import InputError
from index.filters import Filter, parse_filter
from index.filters.fields import document_fields, passage_fields
from index.store.base import Store, StoredPassage
from index.store.embedded import EmbeddedStore
from index.terms import stem
from index.types import Page
from tests.documents import CANTEEN, LEAVE, NEWS, Piece, document, prose, put
from tests.embedding import HashingEmbedder
from tests.postgres import Postgres
from tests.stores import KINDS, Place, both

EMBEDDER = HashingEmbedder()
QUERY = EMBEDDER.embed_query("soup and days of leave")

VOCABULARY = "soup soups relate relating relations day days dayly noon of a technology Müller muller U S 25 3".split()
FILTERS = [None, "published>=2025-06", "outlet=AP", "outlet!=AP and published<2025-06", "outlet=none", "source=s3"]


def ids(found: Sequence[tuple[str, float]]) -> set[str]:
    return {id_ for id_, _ in found}


@pytest.fixture(scope="module", params=[*KINDS, "trained"])
def many(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, dict[str, StoredPassage]]]:
    """A store with many passages of few words, and these passages by id."""
    home = tmp_path_factory.mktemp("home")
    if request.param == "trained":
        yield from filled(EmbeddedStore(home, "hashing", EMBEDDER.dimension, exact_passages=5))
    elif request.param == "embedded":
        yield from filled(Place(home).open())
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        with postgres.schema() as schema:
            yield from filled(Place(home, postgres.url(), schema).open())


def filled(store: Store) -> Iterator[tuple[Store, dict[str, StoredPassage]]]:
    """Fill a store, lend it and close it."""
    chance = random.Random(7)  # noqa: S311
    passages: dict[str, StoredPassage] = {}
    for number in range(40):
        paragraphs = [
            " ".join(chance.choices(VOCABULARY, k=chance.randint(2, 30))) for _ in range(chance.randint(1, 4))
        ]
        metadata = {"published": f"2025-{chance.randint(1, 12):02}", "outlet": chance.choice(["AP", "BBC"])}
        metadata["language"] = ("de", "Deutsch", "de_AT", "en-GB, ger", "Old (x)", "fr")[number % 6]
        if number % 3:
            metadata |= {"rank": str(number), "author": chance.choice(["Jane Roe", "Kofi Annan and Jane Roe"])}
        document = prose("\n\n".join(paragraphs), " ".join(chance.choices(VOCABULARY, k=3)), **metadata)
        passages |= {each.passage.id: each for each in put(store, document, f"s{number}")}
        if number == 20:
            store.dense(QUERY, 1), store.lexical(["soup"], 1)
    yield store, passages
    store.close()


def matching(store: Store, passages: dict[str, StoredPassage], where: Filter | None) -> dict[str, StoredPassage]:
    fields = {info.id: document_fields(info.title, info.sources, info.metadata) for info in store.documents()}
    return {
        id_: each
        for id_, each in passages.items()
        if where is None or where.matches(passage_fields(fields[each.passage.document_id], each.passage.heading, ()))
    }


@pytest.mark.parametrize("condition", FILTERS)
@pytest.mark.parametrize("k", [1, 7, 1000])
def test_dense_search_equals_brute_force(
    many: tuple[Store, dict[str, StoredPassage]], condition: str | None, k: int
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


VALUES = {
    "published": ["2025", "2025-03", "2025-06", "2025-11-30", "2025-02..2025-09-15"],
    "outlet": ["AP", "BBC", "x' OR 1=1 --", "%", "_"],
    "author": ["Jane Roe", "Kofi Annan"],
    "source": ["s3", "s30"],
    "language": ["de", "German", "de-at", "en", "old (x)", "français", "(.*"],
    "rank": ["3", "10", "4..20"],
    "title": ["soup", "a", "MÜLLER"],
}
"""What conditions compare with: of every kind that documents have, and hostile."""


@st.composite
def written_conditions(draw: st.DrawFn) -> str:
    field = draw(st.sampled_from(sorted(VALUES)))
    value = draw(st.sampled_from(VALUES[field]))
    if ".." in value:
        return f"{field}{draw(st.sampled_from(['=', '!=']))}{value}"
    operator = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~", "!~", " in ", " not in "]))
    return f'{field}{operator}("{value}")' if "in" in operator else f'{field}{operator}"{value}"'


WRITTEN = st.recursive(
    written_conditions(),
    lambda parts: (
        st.tuples(parts, st.sampled_from([" and ", " or "]), parts).map(lambda each: f"({''.join(each)})")
        | parts.map(lambda part: f"not {part}")
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(WRITTEN, st.sampled_from([1, 5, 1000]))
def test_both_searches_obey_any_filter(many: tuple[Store, dict[str, StoredPassage]], condition: str, k: int) -> None:
    store, passages = many
    where = parse_filter(condition)
    candidates = matching(store, passages, where)
    exact = {id_: float(each.vector @ QUERY) for id_, each in candidates.items()}
    found = store.dense(QUERY, k, where)
    assert ids(found) <= exact.keys()
    assert [score for _, score in found] == pytest.approx(sorted(exact.values(), reverse=True)[:k], abs=1e-5)
    holding = [id_ for id_, score in reference_bm25(passages, ["days", "noon"]).items() if score and id_ in candidates]
    words = store.lexical(["days", "noon"], k, where)
    assert ids(words) <= set(holding)
    assert len(words) == len(ids(words)) == min(k, len(holding))


@both
@pytest.mark.parametrize("k", [1, 3, 30, 99])
def test_equal_passages_stand_in_the_order_of_their_ids(store: Store, k: int) -> None:
    """However they came in, and where the last of them are cut off."""
    documents = [replace(CANTEEN, id=f"{number:02}") for number in range(40)]
    random.Random(5).shuffle(documents)  # noqa: S311
    put(store, LEAVE, "leave")
    for made in documents:
        put(store, made, made.id)
    expected = [f"{number:02}-0" for number in range(40)][:k]
    assert [id_ for id_, _ in store.dense(EMBEDDER.embed_query("soup on Fridays"), k)][:40] == expected
    assert [id_ for id_, _ in store.lexical(["soup", "opens at"], k)] == expected


@both
def test_a_filter_sees_every_change(store: Store) -> None:
    where = parse_filter("outlet=HR or outlet=The Example")
    assert store.dense(QUERY, 9, where) == []
    put(store, CANTEEN, "/a")
    assert ids(store.dense(QUERY, 9, where)) == {f"{CANTEEN.id}-0"}
    put(store, NEWS, "/b")
    assert ids(store.dense(QUERY, 9, where)) == {f"{CANTEEN.id}-0", f"{NEWS.id}-0"}
    store.remove([CANTEEN.id])
    assert ids(store.dense(QUERY, 9, where)) == {f"{NEWS.id}-0"}


@both
def test_passages_pass_by_their_own_heading_and_page(store: Store) -> None:
    pieces: list[Piece] = [("heading", "Food", 1), ("paragraph", "Soup is served on Fridays. " * 6, 0)]
    pieces += [("heading", "Leave", 1), ("paragraph", "Staff get days of leave. " * 6, 0)]
    made = document(pieces, "Rules")
    middle = made.text.index("Leave")
    paged = replace(made, pages=(Page(11, 0, middle), Page(12, middle, len(made.text))))
    passages = {each.passage.id: each.passage for each in put(store, paged, "/a")}
    for condition, heading in (("page=11", "Food"), ("heading=leave", "Leave"), ("page=12..99", "Leave")):
        expected = {id_ for id_, passage in passages.items() if passage.heading == heading}
        assert ids(store.dense(QUERY, 99, parse_filter(condition))) == expected != set()
        assert ids(store.lexical(["soup", "leave"], 99, parse_filter(condition))) == expected
    assert len(store.dense(QUERY, 99, parse_filter("page=11 or section=Leave"))) == len(passages)


@both
def test_a_field_that_is_nearly_there_is_suggested(store: Store) -> None:
    put(store, prose("A plan.", project="harbour"), "/a")
    for search in (partial(store.dense, QUERY, 9), partial(store.lexical, ["plan"], 9)):
        with pytest.raises(InputError) as refusal:
            search(where=parse_filter("projects=harbour"))
        assert refusal.value.remedy == "Did you mean project?"
        assert search(where=parse_filter("colour=red")) == []


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
    many: tuple[Store, dict[str, StoredPassage]], condition: str | None, k: int
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
    many: tuple[Store, dict[str, StoredPassage]],
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


@both
@pytest.mark.parametrize(
    "word",
    ['so"up', '"', "soup*", "AND", "NOT", "NEAR(soup", "text:soup", "^soup", "", "\0", "-", "🌍", "(", "{}", "' OR 1"],
)
def test_any_word_may_be_looked_for(store: Store, word: str) -> None:
    put(store, CANTEEN, "/a")
    assert ids(store.lexical([word, "noon"], 5)) == {f"{CANTEEN.id}-0"}
    assert store.frequencies([word])[word] in (0, 1)
    assert store.lexical([], 5) == []


@both
def test_search_obeys_filters_on_title_and_source(store: Store) -> None:
    put(store, CANTEEN, "/a", "files/canteen.txt")
    put(store, LEAVE, "/b", "files/leave.txt")
    for condition in ("title=canteen", "source=files/canteen.txt", "published=2025"):
        assert ids(store.dense(QUERY, 9, parse_filter(condition))) == {f"{CANTEEN.id}-0"}
        assert store.lexical(["leave"], 9, parse_filter(condition)) == []
