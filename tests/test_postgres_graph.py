"""The dense search through the graph: as many as pass, the right ones, also under filters and after changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from index.filters import parse_filter
from index.store.base import Origin, StoredPassage
from index.store.postgres import dense
from index.store.postgres.server import Server
from index.store.postgres.store import PostgresStore
from index.types import Document, Matrix, Passage, Span
from tests.postgres import Postgres

DIMENSION = 48
DOCUMENTS, PASSAGES = 500, 6
FEW = 100


def vectors(seed: int, number: int) -> Matrix:
    """Vectors in clusters, as those of sentences are."""
    chance = np.random.default_rng(seed)
    centres = np.random.default_rng(1).standard_normal((40, DIMENSION))
    found = centres[chance.integers(0, 40, number)] + 0.8 * chance.standard_normal((number, DIMENSION))
    unit: Matrix = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit


def put(store: PostgresStore, number: int, own: Matrix) -> None:
    """Store a document of one word a passage, whose ``draw`` is its number by 100."""
    id_, text = f"{number:04}", " ".join(f"w{ordinal}" for ordinal in range(PASSAGES))
    passages = [
        StoredPassage(
            Passage(f"{id_}-{at}", id_, at, 3 * at, 3 * at + 2, f"w{at}", "", "", (Span(3 * at, 3 * at + 2),)),
            *(f"{id_}{at}", 1, own[at], own[at : at + 1]),
        )
        for at in range(PASSAGES)
    ]
    document = Document(id_, id_, "", text, {"draw": str(number % 100)})
    store.put(document, Origin(f"/{id_}", id_, 1, 1, id_, id_), passages)


@pytest.fixture(scope="module")
def filled(postgres: Postgres) -> Iterator[tuple[PostgresStore, dict[str, Matrix]]]:
    """A store with 3,000 passages, of which more than 100 are searched through the graph."""
    with postgres.schema() as schema, pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "EXACT", FEW)
        with closing(PostgresStore(Server(postgres.url(), schema), "any", DIMENSION)) as store:
            made = vectors(2, DOCUMENTS * PASSAGES).reshape(DOCUMENTS, PASSAGES, DIMENSION)
            with store.changing():
                for number in range(DOCUMENTS):
                    put(store, number, made[number])
                store.forget()
            yield (
                store,
                {f"{number:04}-{at}": made[number, at] for number in range(DOCUMENTS) for at in range(PASSAGES)},
            )


def recall(store: PostgresStore, held: dict[str, Matrix], condition: str, passes: int, k: int = 10) -> float:
    where = parse_filter(condition) if condition else None
    ids = [id_ for id_ in held if int(id_[:4]) % 100 < passes]
    among = np.array([held[id_] for id_ in ids])
    hits = 0
    queries = vectors(3, 60)
    for query in queries:
        found = store.dense(query, k, where)
        scores = among @ query
        assert len(found) == min(k, len(ids))
        assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))
        assert all(abs(float(held[id_] @ query) - score) < 1e-5 for id_, score in found)
        hits += len({id_ for id_, _ in found} & {ids[row] for row in np.argsort(-scores)[:k]})
    return hits / (min(k, len(ids)) * len(queries))


@pytest.mark.parametrize(
    ("condition", "passes"),
    [("", 100), ("draw<50", 50), ("draw<20 or draw=20", 21), ("draw<5", 5), ("draw<1", 1), ("draw<0", 0)],
)
def test_as_many_as_pass_and_the_right_ones(
    filled: tuple[PostgresStore, dict[str, Matrix]], condition: str, passes: int
) -> None:
    store, held = filled
    if passes:
        assert recall(store, held, condition, passes) >= 0.98
    else:
        assert store.dense(vectors(3, 1)[0], 10, parse_filter(condition)) == []


def test_more_than_the_graph_reaches_is_compared_one_by_one(filled: tuple[PostgresStore, dict[str, Matrix]]) -> None:
    store, _ = filled
    assert len(store.dense(vectors(3, 1)[0], 2_500)) == 2_500
    assert len(store.dense(vectors(3, 1)[0], 9_999, parse_filter("draw<50"))) == 1_500


def test_the_graph_is_used_where_many_pass_and_only_there(filled: tuple[PostgresStore, dict[str, Matrix]]) -> None:
    store, _ = filled
    scans = "SELECT pg_stat_get_xact_numscans(to_regclass(%s))"
    for condition, used in ((None, True), ("draw<50", True), ("draw<2", False)):
        with store.reading():
            before = store.server.read(scans, (dense.INDEX,))
            store.dense(vectors(3, 1)[0], 10, parse_filter(condition) if condition else None)
            assert (store.server.read(scans, (dense.INDEX,)) != before) is used, condition


def test_the_graph_follows_changes(filled: tuple[PostgresStore, dict[str, Matrix]]) -> None:
    store, held = filled
    fresh = vectors(4, 100 * PASSAGES).reshape(100, PASSAGES, DIMENSION)
    for number in range(100):
        store.remove([f"{number:04}"])
        put(store, number, fresh[number])
        held |= {f"{number:04}-{at}": fresh[number, at] for at in range(PASSAGES)}
    assert recall(store, held, "", 100) >= 0.98
    assert recall(store, held, "draw<50", 50) >= 0.98
    assert store.verify() == []
    before = store.compact()
    assert before.after <= before.before
    assert recall(store, held, "draw<50", 50) >= 0.98


def test_a_graph_that_was_built_otherwise_is_used_and_compact_builds_it_as_it_is_now(
    filled: tuple[PostgresStore, dict[str, Matrix]],
) -> None:
    store, held = filled
    built = "SELECT reloptions, pg_relation_size(oid) FROM pg_class WHERE oid = to_regclass(%s)"
    ((options, size),) = store.server.read(built, (dense.INDEX,))
    with store.server.transaction() as connection:
        connection.execute(f"ALTER INDEX {dense.INDEX} SET (m = 4, ef_construction = 40)")
        connection.execute(f"REINDEX INDEX {dense.INDEX}")
    ((_, sparse),) = store.server.read(built, (dense.INDEX,))
    assert sparse < size
    assert recall(store, held, "", 100) >= 0.9
    store.compact()
    ((now, dense_again),) = store.server.read(built, (dense.INDEX,))
    assert now == options
    assert dense_again == pytest.approx(size, rel=0.05)  # the levels of a graph are drawn by chance
