"""A network that is cut between PostgreSQL and who asks it: told, nothing torn, nothing lost, and on it goes."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from index.errors import StoreUnavailable
from index.store.base import Store
from index.store.postgres import server
from tests.documents import CANTEEN, LEAVE, prose, put
from tests.embedding import HashingEmbedder
from tests.network import Network, apart
from tests.postgres import Postgres
from tests.stores import Place

QUERY = HashingEmbedder().embed_query("soup and days of leave")
NOTICED = "?tcp_user_timeout=1000&keepalives_idle=1&keepalives_interval=1&keepalives_count=1"
"""What else takes half a minute takes a second."""


@pytest.fixture
def network() -> Iterator[Network]:
    """Two hosts; skipped where they cannot be made."""
    made = Network()
    try:
        made.make()
    except (OSError, subprocess.CalledProcessError) as error:
        made.remove()
        pytest.skip(f"needs the right to make network namespaces: {error}")
    yield made
    made.remove()


@pytest.fixture
def place(postgres: Postgres, schema: str, network: Network, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A schema on another host, seen from the client's."""
    for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count"):
        monkeypatch.setitem(server._SESSION, name, "1")
    monkeypatch.setitem(server._SESSION, "tcp_user_timeout", "1000")
    with apart(postgres, network) as url:
        yield Place.of("", url + NOTICED, schema)
    postgres.start()


def test_a_cut_during_a_question_is_told_and_the_next_one_answered(network: Network, place: Place) -> None:
    store = network.inside("client", place.open)

    def answers() -> list[object]:
        with store.reading():
            return [store.dense(QUERY, 9), store.lexical(["soup", "leave"], 9), store.documents()]

    def cut_short() -> None:
        with store.reading():
            store.dense(QUERY, 9)
            network.cut()
            store.lexical(["soup"], 9)

    network.inside("client", lambda: [put(store, CANTEEN, "/a"), put(store, LEAVE, "/b")])
    before = network.inside("client", answers)
    with pytest.raises(StoreUnavailable, match="was lost") as told:
        network.inside("client", cut_short)
    assert told.value.remedy == "Try again when the server is back."
    network.heal()
    assert network.inside("client", answers) == before
    store.close()


def test_a_cut_during_an_ingest_frees_the_writers_lock_and_loses_nothing(network: Network, place: Place) -> None:
    store = network.inside("client", place.open)
    stored: list[str] = []

    def add() -> None:
        for number in range(10_000):
            put(store, prose(f"Text number {number} about soup."), f"/{number}")
            stored.append(f"/{number}")

    def adds() -> None:
        with pytest.raises(StoreUnavailable):
            network.inside("client", add)

    adding = threading.Thread(target=adds)
    adding.start()
    while len(stored) < 5:
        time.sleep(0.01)
    network.cut()
    other = network.inside("server", place.open)
    with closing(other):
        other.patience(60, print)
        network.inside("server", lambda: put(other, CANTEEN, "/other"))  # the lock of who is cut off is free
        adding.join()
        network.heal()
        network.inside("client", lambda: put(store, LEAVE, "/again"))
        sources = network.inside("server", lambda: _sources(other))
        assert sources >= {*stored, "/other", "/again"}
        assert len(sources) <= len(stored) + 3  # the one that was not acknowledged may have been stored
        assert network.inside("server", other.verify) == []
    store.close()


def _sources(store: Store) -> set[str]:
    return {origin.source for origin in store.origins().values()}
