"""Two hosts: network namespaces with a link between them that can be cut, for PostgreSQL and who asks it.

``python -m tests.network`` cuts the link in the middle of a question and of an ingest, with the timeouts that citechat
sets by itself, and prints how long it takes until that is told and until all goes on.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TypeVar

from index.errors import CitechatError, StoreUnavailable
from index.store.base import Store
from tests.documents import CANTEEN, prose, put
from tests.embedding import HashingEmbedder
from tests.postgres import Postgres, running_postgres
from tests.stores import Place

Result = TypeVar("Result")

SERVER, CLIENT = "10.77.0.1", "10.77.0.2"
_NETWORK = 0x40000000
"""CLONE_NEWNET."""
_NOBODY = "02:00:00:00:00:99"
"""A hardware address that no end of the link has: what is sent to it is lost without a word, as behind a cut cable."""

_numbers = count()


class Network:
    """The hosts ``server`` and ``client``. Nothing of them can be reached from outside."""

    def __init__(self) -> None:
        own = f"{os.getpid()}-{next(_numbers)}"
        self._names = {"server": f"ccs-{own}", "client": f"ccc-{own}"}
        self._links: dict[str, str] = {}
        # They live on: a server ends with the thread that started it.
        self._threads = {
            host: ThreadPoolExecutor(4, initializer=self._enter, initargs=(name,)) for host, name in self._names.items()
        }

    def make(self) -> None:
        """Make the namespaces and the link.

        Raises:
            CalledProcessError: this needs root, and a kernel that has them.
        """
        for name in self._names.values():
            _ip("netns", "add", name)
        server, client = self._names.values()
        _ip("link", "add", "link0", "netns", server, "type", "veth", "peer", "name", "link0", "netns", client)
        for (host, name), address in zip(self._names.items(), (SERVER, CLIENT), strict=True):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "link0")
            for device in ("lo", "link0"):
                _ip("-n", name, "link", "set", device, "up")
            shown = _ip("-n", name, "-brief", "link", "show", "dev", "link0").split()
            self._links[host] = next(part for part in shown if part.count(":") == 5)
        self.heal()

    def remove(self) -> None:
        """Remove them."""
        for threads in self._threads.values():
            threads.shutdown()
        for name in self._names.values():
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "del", name)

    def cut(self) -> None:
        """Lose whatever is sent, both ways."""
        self._point(_NOBODY, _NOBODY)

    def heal(self) -> None:
        """Let everything through again."""
        self._point(self._links["server"], self._links["client"])

    def inside(self, host: str, work: Callable[[], Result]) -> Result:
        """Do something on a host, in a thread of its own; processes and threads that are started there stay there."""
        return self._threads[host].submit(work).result()

    def _enter(self, name: str) -> None:
        with Path("/run/netns", name).open() as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _NETWORK):
                raise OSError(ctypes.get_errno(), "setns")

    def _point(self, server: str, client: str) -> None:
        """Set the hardware addresses at which the hosts look for each other."""
        for host, address, link in (("client", SERVER, server), ("server", CLIENT, client)):
            where = ("lladdr", link, "dev", "link0", "nud", "permanent")
            _ip("-n", self._names[host], "neigh", "replace", address, *where)


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


@contextmanager
def apart(postgres: Postgres, network: Network) -> Iterator[str]:
    """Move a server to the host ``server``; gives its address for the host ``client``."""
    rules = postgres.data / "pg_hba.conf"
    rules.write_text(f"{rules.read_text()}\nhost all all {SERVER}/24 scram-sha-256\n")
    postgres.stop()
    network.inside("server", lambda: postgres.start(f"listen_addresses=127.0.0.1,{SERVER}"))
    try:
        yield postgres.url().replace("127.0.0.1", SERVER)
    finally:
        network.heal()
        postgres.stop()


def main() -> int:
    """Cut, heal and print; the exit code is 1 if an answer was wrong or something acknowledged was lost."""
    network = Network()
    network.make()
    try:
        with running_postgres() as postgres, apart(postgres, network) as url:
            wrong = [*_question(network, url), *_ingest(network, url)]
    finally:
        network.remove()
    _tell(f"wrong, torn or lost: {len(wrong)}")
    for each in wrong:
        _tell(f"  {each}")
    return 1 if wrong else 0


def _question(network: Network, url: str) -> Iterator[str]:
    """Cut the link between the two searches of a question, heal it once that is told, and ask again."""
    store = _opened(network, url)
    query = HashingEmbedder().embed_query("soup")
    network.inside("client", lambda: put(store, CANTEEN, "/canteen"))
    before = network.inside("client", lambda: (store.dense(query, 9), store.lexical(["soup"], 9)))

    def cut_short() -> None:
        with store.reading():
            store.dense(query, 9)
            network.cut()
            store.lexical(["soup"], 9)

    begun = time.monotonic()
    try:
        network.inside("client", cut_short)
        yield "a question went through a cut link"
    except StoreUnavailable as error:
        _tell(f"question: told after {time.monotonic() - begun:.1f} s: {error}")
    network.heal()
    begun = time.monotonic()
    after = network.inside("client", lambda: _answered(lambda: (store.dense(query, 9), store.lexical(["soup"], 9))))
    _tell(f"question: answered {time.monotonic() - begun:.1f} s after the link was back")
    if after != before:
        yield f"{after} instead of {before}"
    store.close()


def _ingest(network: Network, url: str) -> Iterator[str]:
    """Cut the link while documents are added; another host writes on, and so does this one once the link is back."""
    store = _opened(network, url)
    stored: list[str] = []

    def add() -> None:
        while True:
            number = len(stored)
            if number == 30:
                network.cut()
            put(store, prose(f"Text number {number} about soup."), f"/{number}")
            stored.append(f"/{number}")

    begun = time.monotonic()
    with suppress(StoreUnavailable):
        network.inside("client", add)
    _tell(f"ingest: told after {time.monotonic() - begun:.1f} s, {len(stored)} documents acknowledged")
    other = network.inside("server", lambda: Place(Path(tempfile.gettempdir()), url).open())
    with closing(other):
        network.inside("server", lambda: put(other, prose("Another host writes."), "/other"))
        _tell(f"ingest: another host writes {time.monotonic() - begun:.1f} s after the cut")
        network.heal()
        begun = time.monotonic()
        again = prose("The first host writes again.")
        network.inside("client", lambda: _answered(lambda: put(store, again, "/again")))
        _tell(f"ingest: goes on {time.monotonic() - begun:.1f} s after the link was back")
        sources, problems = network.inside("server", lambda: (_sources(other), other.verify()))
    store.close()
    yield from problems
    yield from (f"{source} is lost" for source in [*stored, "/other", "/again"] if source not in sources)


def _opened(network: Network, url: str) -> Store:
    return network.inside("client", lambda: Place(Path(tempfile.gettempdir()), url).open())


def _sources(store: Store) -> set[str]:
    return {origin.source for origin in store.origins().values()}


def _answered(work: Callable[[], Result]) -> Result:
    while True:
        try:
            return work()
        except CitechatError:
            time.sleep(0.05)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
