"""Both stores at one size: the same passages, the same questions, one after the other.

    python -m evals.bench.stores FOLDER --store postgresql://USER@HOST/DATABASE [--passages 200000] [--json F]

The passages are those of a small real index and **synthetic** ones around it (`evals.bench.synthetic` says how they are
made); the questions are those of our suites. All passages but the last thousands are stored in large transactions that
do not wait for the disk, in PostgreSQL with the indexes of the postings made afterwards; what is derived is made then,
and the last thousands are stored one document at a time, as citechat does: that is how fast a store takes passages at
this size, without reading and embedding. A hybrid query embeds the question, looks up its words, searches both ways and
puts passages into one order, as an answer does. Recall is the share of the true ten nearest, by comparing all vectors,
that a dense search finds; a synthetic document's ``part`` is what filters ask for, so 1, 5 or 50% of them pass. Each
store is asked by a process of its own.

FOLDER keeps the real index and the embedded store, the schema ``citechat_bench`` the other one; a later run asks them
again, and so can `evals.bench.processes` with several web servers. They stay until they are removed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from functools import partial
from itertools import chain, islice
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import psycopg
from psycopg import sql

from evals.bench.processes import family
from evals.bench.questions import suite_questions
from evals.bench.scale import FILTERS, NEAREST, memory_mib, searched
from evals.bench.synthetic import PARTS, PASSAGES, Made, Real, batches, build, real_passages, stated
from index.corpus import Corpus
from index.embedder import Embedder, SentenceTransformerEmbedder
from index.filters import parse_filter
from index.store.opening import open_store
from index.store.postgres import changes
from index.store.postgres.store import PostgresStore
from index.types import Matrix
from rag.models import locate
from rag.reader.cross_encoder import BASE

Result = TypeVar("Result")
Nearest = dict[str, list[list[str]]]
"""The ids of the nearest passages of each question, by filter."""

SCHEMA = "citechat_bench"
GRAPH = "passages_vector"
"""The index of the dense search."""
LAST = 200
"""Documents that are stored one by one."""
BATCH = 500
"""Documents of a large transaction."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill what is not filled yet, measure, and print one JSON object a store."""
    parser = argparse.ArgumentParser(description="How the two stores compare at one size.")
    parser.add_argument("folder", type=Path, help="where the index in a folder is, or is made")
    parser.add_argument("--store", required=True, metavar="URL", help="the PostgreSQL database; a schema is made in it")
    parser.add_argument("--passages", type=int, default=200_000)
    parser.add_argument("--data", type=Path, metavar="DIR", help="public question sets: real passages from their news")
    parser.add_argument("--articles", type=int, default=300, metavar="N", help="news articles at most")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--only", choices=("embedded", "postgres"), help="one of the stores")
    parser.add_argument("--database", type=int, metavar="PID", help="main process of the database, for its memory")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there too")
    options = parser.parse_args(arguments)
    embedder = SentenceTransformerEmbedder(locate(BASE))
    real = real_passages(options.folder / "real", embedder, options.data, options.articles)
    questions = suite_questions()[: options.questions]
    nearest = exactly(real, options.passages, np.array([embedder.embed_query(question) for question in questions]))
    passages = f"{len(real.vectors)} real ones and {stated(real, _synthetic(real, options.passages))}"
    figures: dict[str, Any] = {"passages": passages, "questions": len(questions)}
    home = options.folder / f"home-{options.passages}"
    for name, url in (("embedded", ""), ("postgres", options.store)):
        if options.only in (None, name):
            figures[name] = filled(home, url, embedder, real, options.passages)
            figures[name] |= _apart(partial(asked, home, url, questions, nearest))
            figures[name] |= (
                _sizes(url) if url else {"bytes_of": {each.name: each.stat().st_size for each in home.iterdir()}}
            )
            if url and options.database:
                figures[name]["database_mib"] = _proportional(options.database)
            sys.stdout.write(json.dumps({name: figures[name]}, indent=1) + "\n")
            sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def filled(home: Path, url: str, embedder: Embedder, real: Real, passages: int) -> dict[str, float]:
    """Fill a store, and return how long it took; nothing is done where it is filled already."""
    with closing(open_store(home, url, SCHEMA, embedder.fingerprint, embedder.dimension)) as store:
        if store.count() >= passages:
            return {}
        if store.count():
            raise SystemExit(
                f"There are {store.count()} passages of a run that was ended: remove {SCHEMA if url else home}."
            )
        documents = _documents(real, passages)
        count = len(real.documents) + _synthetic(real, passages) // PASSAGES - LAST
        bulk = _batches(islice(documents, count))
        begun = perf_counter()
        if isinstance(store, PostgresStore):
            _load(store, bulk)
        else:
            for _ in build(home, bulk, embedder.fingerprint, embedder.dimension):
                pass
        loaded = perf_counter()
        with store.changing():
            store.forget()
        derived = perf_counter()
        last = list(documents)
        generated = perf_counter()
        with store.changing():
            for document, origin, stored in last:
                store.put(document, origin, stored)
        ended = perf_counter()
    one_by_one = sum(len(stored) for _, _, stored in last)
    return {
        "load_s": round(loaded - begun, 1),
        "derived_s": round(derived - loaded, 1),
        "ingest_passages_per_s": round(one_by_one / (ended - generated)),
    }


def asked(home: Path, url: str, questions: Sequence[str], nearest: Nearest) -> dict[str, Any]:
    """Open a store and ask it, in this process."""
    embedder = SentenceTransformerEmbedder(locate(BASE))
    vectors = {question: embedder.embed_query(question) for question in questions}
    before = memory_mib()
    with Corpus(open_store(home, url, SCHEMA, embedder.fingerprint, embedder.dimension), embedder, 144) as corpus:
        figures: dict[str, Any] = {
            f"filter {name}": searched(
                corpus, vectors, nearest[name], parse_filter(f"part<{parts}") if parts < PARTS else None
            )
            for name, parts in FILTERS.items()
        }
        return figures | {"stored": corpus.store.count(), "model_mib": before, "process_mib": memory_mib()}


def exactly(real: Real, passages: int, queries: Matrix) -> Nearest:
    """Compare the queries, shape ``(questions, dimension)``, with all vectors."""
    ids, vectors, parts = [], [], []
    for document, _, stored in _documents(real, passages):
        ids += [each.passage.id for each in stored]
        vectors += [each.vector for each in stored]
        parts += [int(document.metadata.get("part", PARTS - 1))] * len(stored)
    scores = queries @ np.array(vectors).T
    found: Nearest = {}
    for name, below in FILTERS.items():
        among = np.flatnonzero(np.array(parts) < below)
        best = np.argsort(-scores[:, among], axis=1, kind="stable")[:, :NEAREST]
        found[name] = [[ids[among[place]] for place in row] for row in best]
    return found


def _documents(real: Real, passages: int) -> Iterator[Made]:
    return chain(real.documents, chain.from_iterable(batches(real, _synthetic(real, passages))))


def _synthetic(real: Real, passages: int) -> int:
    """Return how many passages are made, in whole documents."""
    return -(-(passages - len(real.vectors)) // PASSAGES) * PASSAGES


def _batches(documents: Iterator[Made]) -> Iterator[list[Made]]:
    while batch := list(islice(documents, BATCH)):
        yield batch


def _load(store: PostgresStore, made: Iterable[Sequence[Made]]) -> None:
    """Store documents, and make the indexes of the postings afterwards, which is far faster."""
    with store.changing(), closing(store.server.connect()) as connection:
        connection.execute("SET synchronous_commit = off")
        indexes = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = %s AND tablename = 'postings'", (SCHEMA,)
        ).fetchall()
        for name, _ in indexes:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        for batch in made:
            with connection.transaction():
                changes.put_new(connection, batch)
        connection.execute("SET maintenance_work_mem = '1GB'")
        for _, definition in indexes:
            connection.execute(definition.encode())


def _apart(work: Callable[[], Result]) -> Result:
    """Return what a process of its own makes of it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work).result()


def _proportional(process: int) -> int:
    """Return the memory of a process and its children in MiB, what they share counted once (Linux, Pss)."""
    kib = 0
    for each in family(process):
        with suppress(OSError):  # it has ended
            lines = Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii").splitlines()
            kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kib // 1024


def _sizes(url: str) -> dict[str, Any]:
    """Return what the tables take with their indexes, and the graph of the dense search by itself, in bytes."""
    names = ("documents", "origins", "passages", "listing", "postings", "terms", "fields")
    with psycopg.connect(url) as connection:
        sizes = {
            name: connection.execute("SELECT pg_total_relation_size(to_regclass(%s))", (f"{SCHEMA}.{name}",)).fetchone()
            for name in names
        }
        graph = connection.execute("SELECT pg_relation_size(to_regclass(%s))", (f"{SCHEMA}.{GRAPH}",)).fetchone()
    bytes_of = {name: int((size or (0,))[0] or 0) for name, size in {**sizes, "graph": graph}.items()}
    return {"bytes_of": bytes_of, "bytes": sum(bytes_of.values()) - bytes_of["graph"]}  # which is in its table's


if __name__ == "__main__":
    sys.exit(main())
