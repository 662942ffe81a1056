"""Which kind of FAISS index suits many passages: size, time to make, and recall against time a question.

    python -m evals.bench.quantisers HOME [--limit N] [--queries 200] [--kinds K ...]

HOME is an index, such as `evals.bench.scale` makes. Queries are the questions of the suites, embedded. Each kind gives
candidates (``--candidates``), which are put in order by the stored vectors, as the store does; recall@10 is compared
with exact search. One question at a time, one thread; milliseconds are those of the processor.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from evals.bench.questions import suite_questions
from evals.scoring.metrics import percentile
from index.embedder import SentenceTransformerEmbedder
from index.store.database import Database
from rag.models import locate
from rag.reader.cross_encoder import BASE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from index.types import Matrix

KINDS = ("IVF{lists},SQ8", "IVF{lists},SQ4", "IVF{lists},RaBitQ", "IVF{lists},RaBitQ2", "HNSW32,SQ8")
PROBES = (0.06, 0.12, 0.25, 0.45, 1.0)
"""Shares of the lists."""
EF = (32, 64, 128, 256)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a line for each kind and setting."""
    parser = argparse.ArgumentParser(description="Which FAISS index suits many passages.")
    parser.add_argument("home", type=Path, help="the folder of an index")
    parser.add_argument("--limit", type=int, default=10**9, metavar="N", help="passages at most")
    parser.add_argument("--queries", type=int, default=200, metavar="N")
    parser.add_argument("--candidates", type=int, default=100, metavar="N")
    parser.add_argument("--kinds", nargs="+", default=KINDS, help="as FAISS's index factory names them")
    options = parser.parse_args(arguments)
    embedder = SentenceTransformerEmbedder(locate(BASE))
    queries = np.array([embedder.embed_query(question) for question in suite_questions()[: options.queries]])
    vectors = _vectors(options.home, embedder, options.limit)
    best = np.vstack([np.argsort(-(vectors @ query))[:10] for query in queries])
    faiss.omp_set_num_threads(1)
    lists = 2 ** round(np.log2(2 * np.sqrt(len(vectors))))
    sys.stdout.write(f"{len(vectors)} passages, {len(queries)} questions, {lists} lists\n")
    for kind in options.kinds:
        begun = perf_counter()
        index: Any = faiss.index_factory(vectors.shape[1], kind.format(lists=lists), faiss.METRIC_INNER_PRODUCT)
        index.train(vectors[:: max(1, len(vectors) // (64 * lists))])
        trained = perf_counter()
        index.add(vectors)
        added = perf_counter()
        size = len(faiss.serialize_index(index)) / 2**20
        sys.stdout.write(f"{kind:24} trained {trained - begun:.0f} s, added {added - trained:.0f} s, {size:.0f} MiB\n")
        name, settings = ("efSearch", EF) if "HNSW" in kind else ("nprobe", PROBES)
        for setting in settings:
            value = setting if "HNSW" in kind else max(1, round(setting * lists))
            faiss.ParameterSpace().set_index_parameter(index, name, value)
            recall, p50, p95 = _measured(index, vectors, queries, best, options.candidates)
            sys.stdout.write(f"    {name} {value:4}  recall@10 {recall:.4f}  p50 {p50:.2f} ms  p95 {p95:.2f} ms\n")
            sys.stdout.flush()
    return 0


def _measured(
    index: Any,  # noqa: ANN401
    vectors: Matrix,
    queries: Matrix,
    best: np.ndarray[Any, Any],
    candidates: int,
) -> tuple[float, float, float]:
    found, took = 0, []
    for query, expected in zip(queries, best, strict=True):
        begun = process_time()
        _, rows = index.search(query[np.newaxis], candidates)
        rows = rows[0][rows[0] >= 0]
        ordered = rows[np.argsort(-(vectors[rows] @ query))][:10]
        took.append((process_time() - begun) * 1000)
        found += len(np.intersect1d(ordered, expected))
    return found / best.size, percentile(took, 50) or 0.0, percentile(took, 95) or 0.0


def _vectors(home: Path, embedder: SentenceTransformerEmbedder, limit: int) -> Matrix:
    made_with = {"fingerprint": embedder.fingerprint, "dimension": str(embedder.dimension)}
    database = Database(home / "index.sqlite3", made_with)
    pieces, last = [], 0
    while rows := database.read("SELECT row, vector FROM passages WHERE row > ? ORDER BY row LIMIT 20000", (last,)):
        pieces.append(np.frombuffer(b"".join(vector for _, vector in rows), np.float32).reshape(len(rows), -1))
        last = rows[-1][0]
        if sum(map(len, pieces)) >= limit:
            break
    database.close()
    return np.concatenate(pieces)[:limit]


if __name__ == "__main__":
    sys.exit(main())
