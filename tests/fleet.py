"""Whether Dask embeds faster for a fleet than plain workers do: ``python -m tests.fleet FOLDER [FOLDER ...]``.

Two hosts are two network namespaces of this machine with PostgreSQL on one of them, as `tests.network` makes them (it
needs root). The same documents are indexed three times by processes of one thread each: by two ``citechat worker``, one
a host; by three, of which the database's host has two; and by as many with Dask: one program that reads and stores, and
a Dask worker a host that embeds for it and sends the vectors back, besides Dask's scheduler. Printed are passages a
second between the first tenth of them and the last: loading models is left out. All share the cores of this machine.
Dask is no dependency: ``pip install distributed`` into an environment of your own.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from index.corpus import Corpus
from index.embedder import PassageVectors, SentenceTransformerEmbedder
from index.files import find_files
from index.jobs.table import JobTable
from index.sources import FoundFile
from index.store.opening import open_server, open_store
from index.types import Passage
from rag.models import locate
from rag.reader.cross_encoder import BASE
from tests.network import CLIENT, SERVER, Network, apart
from tests.postgres import running_postgres
from tests.terminal import CITECHAT, ENVIRONMENT

PORT = 8786
SHARES = 4
"""Parts that the passages of a batch are embedded in: two for each of Dask's workers."""
TOKENS = 144
"""Tokens of a passage."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Index them each way and print how fast that was."""
    parser = argparse.ArgumentParser(description="Plain workers and Dask's, in two network namespaces.")
    parser.add_argument("folders", type=Path, nargs="+", help="documents")
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("distributed") is None:
        raise SystemExit("Dask is not installed here. Remedy: pip install distributed")
    files = [*find_files(options.folders)]
    network = Network()
    network.make()
    try:
        with running_postgres() as postgres, apart(postgres, network) as url:
            for name, indexing in (
                ("two_workers", partial(_workers, ("server", "client"))),
                ("three_workers", partial(_workers, ("server", "client", "server"))),
                ("dask", _dask),
            ):
                passages, seconds = _measured(network, url, name, indexing, files)
                sys.stdout.write(
                    f"{name}: {len(files)} files, {passages} passages, {0.9 * passages / seconds:.1f} a second; "
                    f"load {os.getloadavg()[0]:.1f}\n"
                )
                sys.stdout.flush()
    finally:
        network.remove()
    return 0


Indexing = Callable[[Network, str, str, list[FoundFile]], None]
"""Index files into a schema of a database, and return when they are in it."""


def _measured(network: Network, url: str, schema: str, index: Indexing, files: list[FoundFile]) -> tuple[int, float]:
    """Return how many passages there are, and the seconds from the first tenth of them to the last."""
    seen: list[tuple[float, int]] = []
    with ThreadPoolExecutor(1) as pool, closing(network.inside("server", lambda: open_server(url, schema))) as server:
        done = pool.submit(index, network, url, schema, files)
        while not done.done() or not seen:
            ((passages,),) = network.inside("server", lambda: server.read("SELECT passages FROM state"))
            seen.append((time.perf_counter(), passages))
            time.sleep(0.05)
        done.result()
        ((last,),) = network.inside("server", lambda: server.read("SELECT passages FROM state"))
    ended = next((at for at, passages in seen if passages == last), time.perf_counter())
    return last, ended - next(at for at, passages in seen if passages >= last / 10)


def _workers(hosts: Sequence[str], network: Network, url: str, schema: str, files: list[FoundFile]) -> None:
    with closing(network.inside("server", lambda: open_server(url, schema))) as server:
        table = JobTable(server)
        network.inside("server", lambda: table.add(files))
        settings = {"CITECHAT_STORE": url, "CITECHAT_STORE_SCHEMA": schema}
        with tempfile.TemporaryDirectory() as home:
            command = [*CITECHAT, "worker", "--until-empty", "--home"]
            commands = [(host, [*command, str(Path(home, str(number)))]) for number, host in enumerate(hosts)]
            with _started(network, commands, settings) as started:
                for each in started:
                    each.wait()
        counts = network.inside("server", table.counts)
    assert counts["done"] == len(files), counts


def _dask(network: Network, url: str, schema: str, files: list[FoundFile]) -> None:
    address = f"tcp://{SERVER}:{PORT}"
    scheduler = ["-m", "distributed.cli.dask_scheduler", "--host", SERVER, "--port", str(PORT), "--no-dashboard"]
    worker = ["-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    with (
        _started(network, [("server", [sys.executable, *scheduler])], {}),
        _started(network, [("server", [sys.executable, *worker, "--host", SERVER])], {}),
        _started(network, [("client", [sys.executable, *worker, "--host", CLIENT])], {}),
    ):
        network.inside("server", lambda: _index(address, url, schema, files))


def _index(address: str, url: str, schema: str, files: list[FoundFile]) -> None:
    from distributed import Client

    embedder = SentenceTransformerEmbedder(locate(BASE))
    with Client(address) as client, tempfile.TemporaryDirectory() as home:
        client.wait_for_workers(2)
        store = open_store(Path(home), url, schema, embedder.fingerprint, embedder.dimension)
        with Corpus(store, _Spread(embedder, client), TOKENS) as corpus:
            results = corpus.add(files)
    assert all(each.status == "added" for each in results), results


class _Spread:
    """An embedder whose passages are embedded by Dask's workers."""

    def __init__(self, own: SentenceTransformerEmbedder, client: Any) -> None:  # noqa: ANN401  # of no dependency
        self._own, self._client = own, client

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the embedder has
        return getattr(self._own, name)

    def embed_passages(self, passages: Sequence[Passage]) -> list[PassageVectors]:
        """See `Embedder`."""
        shares = [passages[first::SHARES] for first in range(SHARES)]
        found = self._client.gather([self._client.submit(_embedded, share, pure=False) for share in shares if share])
        return [found[at % SHARES][at // SHARES] for at in range(len(passages))]


def _embedded(passages: Sequence[Passage]) -> list[PassageVectors]:
    """Embed, in a Dask worker; it keeps its model."""
    from distributed import get_worker

    worker = get_worker()
    if not hasattr(worker, "embedder"):
        worker.embedder = SentenceTransformerEmbedder(locate(BASE))
    found: list[PassageVectors] = worker.embedder.embed_passages(passages)
    return found


@contextmanager
def _started(
    network: Network, commands: Sequence[tuple[str, list[str]]], settings: dict[str, str]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start programs, each on its host; end them afterwards."""

    def start(command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, env=ENVIRONMENT | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    started = [network.inside(host, partial(start, command)) for host, command in commands]
    try:
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


if __name__ == "__main__":
    sys.exit(main())
