"""How citechat does with very many passages on one machine.

    python -m evals.bench.scale FOLDER [--passages 1000000] [--data DIR] [--questions 200] [--json F]

FOLDER gets a small real index and a large synthetic one around it (`evals.bench.synthetic` says what of it is
synthetic); what is there already is used again. The questions are those of our suites. Dense and lexical search are the
store's, for 50 passages each; a hybrid query embeds the question, looks up its words, searches both ways and puts
passages into one order, as an answer does. Recall is compared with all stored vectors, read one by one. Opening and
searching run in a process of their own, whose memory is reported; what is mapped from files counts when it was touched.
Under a filter, a fifth of the questions is asked.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.bench.questions import suite_questions
from evals.bench.synthetic import PARTS, batches, build, dumped, real_passages, stated, synthetic_origin
from evals.scoring.metrics import percentile
from index.corpus import Corpus
from index.embedder import SentenceTransformerEmbedder
from index.filters import Filter, parse_filter
from index.passages import split_document
from index.store.base import StoredPassage
from index.store.database import Database
from index.store.embedded import EmbeddedStore
from index.types import Block, Document
from rag.models import locate
from rag.reader.cross_encoder import BASE
from rag.retrieval.retrieve import inverse_frequencies, retrieve, search_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from index.types import Matrix, Vector

FILTERS = {"none": PARTS, "1%": 1, "5%": 5, "50%": 50}
CANDIDATES, LIMIT, NEAREST = 50, 12, 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what is missing, measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description="How citechat does with very many passages.")
    parser.add_argument("folder", type=Path, help="where the indexes are, or are made")
    parser.add_argument("--passages", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--data", type=Path, metavar="DIR", help="public question sets: real passages from their news")
    parser.add_argument("--articles", type=int, default=300, metavar="N", help="news articles at most")
    parser.add_argument("--questions", type=int, default=200, metavar="N")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there too")
    options = parser.parse_args(arguments)
    embedder = SentenceTransformerEmbedder(locate(BASE))
    real = real_passages(options.folder / "real", embedder, options.data, options.articles)
    home = options.folder / f"home-{options.passages}"
    figures: dict[str, Any] = {"index": stated(real, options.passages)}
    if not (home / "index.sqlite3").exists():
        begun = perf_counter()
        made = batches(real, options.passages)
        for done in build(home, made, embedder.fingerprint, embedder.dimension):
            if done % 50_000 == 0:
                _say(f"{done:,} passages stored")
        figures["build_s"] = perf_counter() - begun
    store = EmbeddedStore(home, embedder.fingerprint, embedder.dimension)
    store.patience(60, _say)
    begun = perf_counter()
    with store.changing():  # at its end, what is derived is made
        pass
    figures["make_derived_s"] = perf_counter() - begun
    passages = store.count()
    store.close()
    questions = suite_questions()[: options.questions]
    queries = np.array([embedder.embed_query(question) for question in questions])
    kept = options.folder / f"exact-{options.passages}-{len(questions)}.json"
    if not kept.exists():
        _say("exact search, for comparison")
        kept.write_text(json.dumps(_exact(home, embedder, queries)))
    exact = json.loads(kept.read_text())
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        figures |= pool.submit(measured, home, questions, exact).result()
    figures = {"passages": passages, **figures, "disk_mib": _disk(home)}
    text = dumped(figures)
    sys.stdout.write(f"{text}\n")
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


def measured(home: Path, questions: Sequence[str], exact: dict[str, list[list[str]]]) -> dict[str, Any]:
    """Open the index and measure, in this process."""
    embedder = SentenceTransformerEmbedder(locate(BASE))
    query = embedder.embed_query("Which plan is it?")  # loads the model
    figures: dict[str, Any] = {"memory_before_mib": memory_mib()}
    begun = perf_counter()
    store = EmbeddedStore(home, embedder.fingerprint, embedder.dimension)
    figures["open_s"] = perf_counter() - begun
    store.dense(query, CANDIDATES)
    store.lexical(["plan"], CANDIDATES)
    store.frequencies(["plan"])
    figures["open_and_first_search_s"] = perf_counter() - begun
    corpus = Corpus(store, embedder, 144)
    vectors = {question: embedder.embed_query(question) for question in questions}
    for name, parts in FILTERS.items():
        asked, nearest = questions, exact[name]
        where = None
        if parts != PARTS:
            asked, nearest, where = questions[::5], exact[name][::5], parse_filter(f"part<{parts}")
        figures[f"filter {name}"] = searched(corpus, {each: vectors[each] for each in asked}, nearest, where)
        _say(f"filter {name}: {figures[f'filter {name}']}")
    figures["frequencies"] = _timed(lambda question: inverse_frequencies(corpus, question), questions)
    figures["memory_mib"] = memory_mib()
    figures["lexical_by_sqlite"] = _by_sqlite(home, embedder, questions[::10])
    _say(str(figures))
    calls: dict[str, Callable[[], object]] = {
        "documents_s": store.documents,
        "totals_s": store.totals,
        "origins_s": store.origins,
        "holding_s": lambda: store.holding(["a text that no document holds"]),
    }
    for name, call in calls.items():
        begun = perf_counter()
        call()
        figures[name] = perf_counter() - begun
    return figures | _changed(store, embedder, home)


def searched(
    corpus: Corpus, asked: dict[str, Vector], nearest: Sequence[Sequence[str]], where: Filter | None
) -> dict[str, Any]:
    """Measure both searches and the two together, for these questions and under this filter."""
    store = corpus.store
    begun = perf_counter()
    store.dense(next(iter(asked.values())), 1, where)
    first_ms = (perf_counter() - begun) * 1000
    found = [store.dense(vector, CANDIDATES, where) for vector in asked.values()]
    both = [len({id_ for id_, _ in hits[:NEAREST]} & set(best)) for hits, best in zip(found, nearest, strict=True)]

    def hybrid(question: str) -> None:
        vector = corpus.embedder.embed_query(question)
        with store.reading():
            frequencies = inverse_frequencies(corpus, question)
            retrieve(corpus, question, vector, frequencies, candidates=CANDIDATES, limit=LIMIT, where=where)

    questions = list(asked)
    return {
        "first_ms": first_ms,
        "recall_at_10": sum(both) / NEAREST / len(both),
        "fewest_found": min(map(len, found)),
        "dense": _timed(lambda question: store.dense(asked[question], CANDIDATES, where), questions),
        "lexical": _timed(lambda question: store.lexical(search_words(question), CANDIDATES, where), questions),
        "hybrid": _timed(hybrid, questions),
    }


def _by_sqlite(home: Path, embedder: SentenceTransformerEmbedder, questions: Sequence[str]) -> dict[str, float]:
    """Time SQLite's own lexical index, which ranks few passages, on this many."""
    store = EmbeddedStore(home, embedder.fingerprint, embedder.dimension, exact_passages=10**9)
    try:
        return _timed(lambda question: store.lexical(search_words(question), CANDIDATES), questions)
    finally:
        store.close()


def _changed(store: EmbeddedStore, embedder: SentenceTransformerEmbedder, home: Path) -> dict[str, float]:
    """Add a document and remove it: seconds until a search finds it, and until none does, here and elsewhere."""
    text = "Quokkas guard the lighthouse at Zanzibar Point. They change their watch at noon."
    document = Document("fedcba9876543210", "", "Quokkas", text, {}, (), (Block("paragraph", 0, len(text)),))
    passages = split_document(document, embedder.count_tokens, 144)
    stored = [
        StoredPassage(passage, f"quokka-{passage.ordinal}", 20, each.passage, each.sentences)
        for passage, each in zip(passages, embedder.embed_passages(passages), strict=True)
    ]
    origin = replace(synthetic_origin(document, 0), location="/quokkas.txt", source="quokkas.txt")
    begun = perf_counter()
    with store.changing():
        store.put(document, origin, stored)
    added = perf_counter() - begun
    for found in (store.dense(stored[0].vector, 1), store.lexical(["quokkas"], 1)):
        if [id_ for id_, _ in found] != [stored[0].passage.id]:
            raise AssertionError("what was added is not found")
    found_after = perf_counter() - begun
    other = EmbeddedStore(home, embedder.fingerprint, embedder.dimension)
    other.dense(stored[0].vector, 1)
    gone: list[float] = []

    def watch() -> None:
        while stored[0].passage.id in dict(other.dense(stored[0].vector, 1)):
            sleep(0.005)
        gone.append(perf_counter() - begun)

    thread = threading.Thread(target=watch)
    begun = perf_counter()
    thread.start()
    store.remove([document.id])
    removed = perf_counter() - begun
    thread.join()
    other.close()
    begun = perf_counter()
    store.dense(stored[0].vector, 1)
    after = perf_counter() - begun
    return {
        "add_s": added,
        "add_and_find_s": found_after,
        "remove_seen_elsewhere_s": gone[0],
        "remove_s": removed,
        "search_after_remove_s": after,
    }


def _timed(call: Callable[[str], object], questions: Sequence[str]) -> dict[str, float]:
    """Return milliseconds on the clock, and of the processor, which depend less on what else the machine does."""
    took: dict[str, list[float]] = {"ms": [], "cpu_ms": []}
    for question in questions:
        begun, used = perf_counter(), process_time()
        call(question)
        took["ms"].append((perf_counter() - begun) * 1000)
        took["cpu_ms"].append((process_time() - used) * 1000)
    return {
        f"p{share}_{kind}": round(percentile(each, share) or 0.0, 2)
        for kind, each in took.items()
        for share in (50, 95)
    }


def _exact(home: Path, embedder: SentenceTransformerEmbedder, queries: Matrix) -> dict[str, list[list[str]]]:
    """Return the ids of the nearest passages of each query under each filter, comparing every stored vector."""
    made_with = {"fingerprint": embedder.fingerprint, "dimension": str(embedder.dimension)}
    database = Database(home / "index.sqlite3", made_with)
    parts: dict[str, int] = dict(
        database.read("SELECT id, CAST(json_extract(metadata, '$.part') AS INTEGER) FROM documents")
    )
    best = {name: [(np.zeros(0), np.zeros(0, "O"))] * len(queries) for name in FILTERS}
    last = 0
    while rows := database.read("SELECT row, id, vector FROM passages WHERE row > ? ORDER BY row LIMIT 20000", (last,)):
        last = rows[-1][0]
        ids = np.array([id_ for _, id_, _ in rows], "O")
        own = np.array([parts[id_.split("-")[0]] for id_ in ids])
        scores = queries @ np.frombuffer(b"".join(row[2] for row in rows), np.float32).reshape(len(rows), -1).T
        for name, below in FILTERS.items():
            among = np.flatnonzero(own < below)
            for number, row in enumerate(scores[:, among]):
                nearest = np.argsort(-row)[:NEAREST] if len(row) < 99 else np.argpartition(-row, NEAREST)[:NEAREST]
                joined = np.concatenate([best[name][number][0], row[nearest]])
                names = np.concatenate([best[name][number][1], ids[among[nearest]]])
                order = np.argsort(-joined)[:NEAREST]
                best[name][number] = joined[order], names[order]
    database.close()
    return {name: [list(names) for _, names in each] for name, each in best.items()}


def memory_mib() -> int:
    """Return the resident memory of this process in MiB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) // 1024


def _disk(home: Path) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for path in home.iterdir():
        name = "words" if path.name.startswith("words-") else path.name
        sizes[name] = sizes.get(name, 0) + path.stat().st_size
    return {name: size // 2**20 for name, size in sizes.items() if size >= 2**20}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
