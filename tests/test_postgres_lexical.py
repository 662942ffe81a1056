"""Search by words in PostgreSQL: leaving out what cannot be among the best changes nothing of what is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from index.store.base import Origin, StoredPassage
from index.store.postgres import lexical
from index.store.postgres.lexical import LexicalSearch
from index.store.postgres.server import Server
from index.store.postgres.store import PostgresStore
from index.types import Document, Passage, Span
from tests.postgres import Postgres

DOCUMENTS, PASSAGES, WORDS = 30, 8, 60


@pytest.fixture(scope="module")
def search(postgres: Postgres) -> Iterator[LexicalSearch]:
    """A search in 240 passages, whose words are drawn as in texts: few are in most passages, most in few."""
    chance = np.random.default_rng(5)
    shares = 1 / np.arange(1, WORDS + 1)
    vector = np.full((1, 4), 0.5, np.float32)
    with postgres.schema() as schema, closing(PostgresStore(Server(postgres.url(), schema), "any", 4)) as store:
        with store.changing():
            for number in range(DOCUMENTS):
                id_, text, passages = f"{number:04}", "", []
                for at in range(PASSAGES):
                    drawn = chance.choice(WORDS, chance.integers(1, 25), p=shares / shares.sum())
                    own, start = " ".join(f"w{rank}" for rank in drawn), len(text)
                    text += own + "\n"
                    spans = (Span(start, start + len(own)),)
                    passage = Passage(f"{id_}-{at}", id_, at, start, start + len(own), own, "", f"w{number}", spans)
                    passages.append(StoredPassage(passage, f"{id_}{at}", len(drawn), vector[0], vector))
                store.put(Document(id_, id_, "", text, {}), Origin(f"/{id_}", id_, 1, 1, id_, id_), passages)
        assert store.verify() == []
        yield LexicalSearch(store.server)


QUESTIONS = [
    ["w0", "w1", "w40"],
    ["w0", "w0", "w2", "w3", "w25", "w50", "w59"],
    ["w59", "w58", "w57"],
    ["w0"],
    ["w0 w1", "w2", "w30"],
    ["w1", "w33", "unheard"],
    [f"w{rank}" for rank in range(0, WORDS, 3)],
]


@pytest.mark.parametrize("k", [1, 5, 50, 1000])
@pytest.mark.parametrize("first", [0, 5, 100])
def test_what_is_left_out_could_not_be_found(
    search: LexicalSearch, monkeypatch: pytest.MonkeyPatch, k: int, first: int
) -> None:
    whole = [search.search(words, k) for words in QUESTIONS]
    monkeypatch.setattr(lexical, "FEW", 0)
    monkeypatch.setattr(lexical, "FIRST", first)
    assert [search.search(words, k) for words in QUESTIONS] == whole
    assert all(whole)


def test_frequent_words_are_looked_up_for_few_passages(search: LexicalSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rare words decide, the passages that hold only frequent ones are never scored."""
    looked_up: list[tuple[int, int]] = []
    found = LexicalSearch._found

    def watched(
        self: LexicalSearch,
        condition: str,
        values: dict[str, object],
        first: list[lexical._Term],
        rest: list[lexical._Term],
        edge: float | None,
    ) -> list[tuple[str, float]]:
        looked_up.append((len(first), len(rest)))
        return found(self, condition, values, first, rest, edge)

    monkeypatch.setattr(LexicalSearch, "_found", watched)
    monkeypatch.setattr(lexical, "FEW", 0)
    monkeypatch.setattr(lexical, "FIRST", 0)
    assert len(search.search(["w0", "w1", "w50", "w55"], 2)) == 2
    assert len(looked_up) == 2
    assert looked_up[-1][1] >= 1
