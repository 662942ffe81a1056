"""Both stores at one size: the same passages, the same questions, one after the other.

    python -m evals.bench.stores --store postgresql://USER@HOST/DATABASE [--passages 20000] [--questions 100] [--json F]

The passages are **synthetic**: vectors around those of the sentences of ``seeds/`` (noise of a third of their length),
texts of five sentences drawn from there, twelve passages a document. A document's ``draw`` (0 to 99, by chance) is what
the filters ask for, so 1, 5 or 50 of 100 documents pass, independent of the vectors. Questions are sentences of
``seeds/``. Recall is the share of the true ten nearest, by comparing all vectors, that a search for ten finds. Each
store is measured in a process of its own, in a folder or schema that is made for it and removed.

With ``--keep FOLDER`` both stay, the embedded store in this folder, and a later run with the same number of passages
only asks them: filling many takes long. ``citechat serve`` can be asked about them too (`evals.bench.processes`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from evals.bench.processes import family
from index.embedder import SentenceTransformerEmbedder
from index.files import find_files
from index.filters import Filter, parse_filter
from index.readers import read
from index.sentences import sentence_spans
from index.store.base import Origin, Store, StoredPassage
from index.store.opening import open_store
from index.types import Document, Matrix, Passage, Span, Vector
from rag.models import locate
from rag.query.language import content_words
from rag.settings import load_settings

Result = TypeVar("Result")

SEEDS = Path(__file__).parents[2] / "seeds"
SCHEMA = "citechat_bench"
INDEX = "passages_vector"
"""The graph of the dense search."""
FILTERS = {"none": "", "50%": "draw<50", "5%": "draw<5", "1%": "draw<1"}
NEAREST = 10
CANDIDATES = 50
"""Passages that a question of citechat's takes from each search."""
PASSAGES_OF_A_DOCUMENT, SENTENCES_OF_A_PASSAGE = 12, 5
NOISE = 1 / 3


@dataclass(frozen=True, slots=True)
class Material:
    """What passages are made of: sentences, and their vectors in rows."""

    sentences: tuple[str, ...]
    vectors: Matrix
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a store was filled with, passage by passage."""

    ids: tuple[str, ...]
    vectors: Matrix
    draws: npt.NDArray[np.int64]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print one JSON object a store."""
    parser = argparse.ArgumentParser(description="How the two stores compare at one size.")
    parser.add_argument("--store", required=True, metavar="URL", help="the PostgreSQL database; a schema is made in it")
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--only", choices=("embedded", "postgres"), help="one of the stores")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave what was filled, or ask what was left there")
    parser.add_argument("--database", type=int, metavar="PID", help="main process of the database, for its memory")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there too")
    options = parser.parse_args(arguments)
    material = _material()
    figures: dict[str, Any] = {"passages": options.passages, "questions": options.questions}
    size = (options.passages, options.questions)
    for name, url in (("embedded", ""), ("postgres", options.store)):
        if options.only in (None, name):
            figures[name] = _apart(partial(measure, material, url, *size, options.keep, options.database))
            sys.stdout.write(json.dumps({name: figures[name]}, indent=2) + "\n")
            sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(
    material: Material, url: str, passages: int, questions: int, keep: Path | None = None, database: int | None = None
) -> dict[str, Any]:
    """Fill a store unless it was left filled, ask it, and return the figures; what was made is removed unless kept."""
    with ExitStack() as made:
        if keep is None:
            folder = Path(tempfile.mkdtemp(prefix="citechat-bench-"))
            made.callback(shutil.rmtree, folder)
            if url:
                _drop(url)  # what a run that was killed has left
                made.callback(_drop, url)
        else:
            folder = keep
            folder.mkdir(parents=True, exist_ok=True)
        store = open_store(folder, url, SCHEMA, material.fingerprint, material.vectors.shape[1])
        made.callback(store.close)
        figures = _measured(store, material, passages, questions)
        figures["process_mib"] = _apart(partial(_memory, material, url, folder, questions))
        memory = {"database_mib": _proportional(database)} if url and database else {}
        sizes = _sizes(url) if url else {each.name: each.stat().st_size for each in folder.iterdir()}
        whole = sum(size for name, size in sizes.items() if name != "graph")  # which is part of its table's
        return figures | memory | {"bytes": whole, "bytes_of": sizes}


def _measured(store: Store, material: Material, passages: int, questions: int) -> dict[str, Any]:
    chance = np.random.default_rng(7)
    begun = perf_counter()
    held, filled = _filled(store, material, passages, chance)
    asked = chance.integers(0, len(material.sentences), questions).tolist()
    return {
        **filled,
        "dense": {name: _dense(store, material, asked, held, text) for name, text in FILTERS.items()},
        "lexical": {name: _lexical(store, material, asked, text) for name, text in FILTERS.items()},
        "question": _spread([_timed(partial(_question, store, material, number)) for number in asked]),
        "whole_s": round(perf_counter() - begun, 1),
    }


def _filled(
    store: Store, material: Material, passages: int, chance: np.random.Generator
) -> tuple[Held, dict[str, float]]:
    """Fill the store and return what it holds, with how long that took; one that is filled already is left as it is."""
    there = store.count() > 0
    kept: list[tuple[str, Vector, int]] = []
    spent = 0.0
    with store.changing():
        for document, stored, draw in _documents(material, passages, chance):
            kept += [(each.passage.id, each.vector, draw) for each in stored]
            digest = hashlib.sha256(document.id.encode()).hexdigest()
            origin = Origin(f"/{document.id}", document.source, len(document.text), 1, digest, document.id)
            if not there:
                spent += _timed(partial(store.put, document, origin, stored)) / 1000
    ids, vectors, draws = zip(*kept, strict=True)
    held = Held(ids, np.array(vectors), np.array(draws))
    if store.count() != len(ids):
        raise SystemExit(f"What was left holds {store.count()} passages, not {len(ids)}: remove it.")
    derived = _timed(store.forget) + _timed(partial(store.dense, material.vectors[0], 1))
    if there:
        return held, {}
    return held, {"ingest_passages_per_s": round(len(kept) / spent), "derived_s": round(derived / 1000, 1)}


def _documents(
    material: Material, passages: int, chance: np.random.Generator
) -> Iterator[tuple[Document, list[StoredPassage], int]]:
    dimension = material.vectors.shape[1]
    for number in range(-(-passages // PASSAGES_OF_A_DOCUMENT)):
        id_ = f"{number:016x}"
        text, cut = "", []
        stored: list[StoredPassage] = []
        for _ in range(PASSAGES_OF_A_DOCUMENT):
            drawn = chance.integers(0, len(material.sentences), SENTENCES_OF_A_PASSAGE)
            text += "\n\n" if text else ""
            begin, spans = len(text), []
            for place, sentence in enumerate(material.sentences[each] for each in drawn):
                text += " " if place else ""
                spans.append(Span(len(text), len(text) + len(sentence)))
                text += sentence
            noise = chance.standard_normal(dimension, np.float32)
            vector = material.vectors[drawn[0]] + NOISE * noise / np.linalg.norm(noise)
            cut.append((begin, len(text), tuple(spans), vector / np.linalg.norm(vector), material.vectors[drawn]))
        for ordinal, (begin, end, within, vector, of_sentences) in enumerate(cut):
            own = text[begin:end]
            passage = Passage(f"{id_}-{ordinal}", id_, ordinal, begin, end, own, "", f"Document {number}", within)
            digest = hashlib.sha256(own.encode()).hexdigest()
            stored.append(StoredPassage(passage, digest, len(own) // 5, vector.astype(np.float32), of_sentences))
        draw = int(chance.integers(0, 100))
        yield Document(id_, f"{number}.txt", f"Document {number}", text, {"draw": str(draw)}), stored, draw


def _dense(store: Store, material: Material, asked: Sequence[int], held: Held, condition: str) -> dict[str, float]:
    where = _filter(condition)
    passes = np.flatnonzero(held.draws < int(condition.partition("<")[2] or 100))
    times, hits, short = [], 0, 0
    for number in asked:
        query = material.vectors[number]
        nearest = passes[np.argsort(-(held.vectors[passes] @ query), kind="stable")[:NEAREST]]
        times.append(_timed(partial(store.dense, query, CANDIDATES, where)))
        found = store.dense(query, NEAREST, where)
        short += len(found) < min(NEAREST, len(passes))
        hits += len({id_ for id_, _ in found} & {held.ids[row] for row in nearest})
    expected = min(NEAREST, len(passes)) * len(asked)
    return {**_spread(times), "recall_at_10": round(hits / expected, 4), "too_few": short}


def _lexical(store: Store, material: Material, asked: Sequence[int], condition: str) -> dict[str, float]:
    where = _filter(condition)
    words = [content_words(material.sentences[number]) for number in asked]
    return _spread([_timed(partial(store.lexical, each, CANDIDATES, where)) for each in words])


def _filter(condition: str) -> Filter | None:
    return parse_filter(condition) if condition else None


def _question(store: Store, material: Material, number: int) -> None:
    """Ask as a question does: both searches of one state, and what they lead to."""
    with store.reading():
        dense = store.dense(material.vectors[number], CANDIDATES)
        lexical = store.lexical(content_words(material.sentences[number]), CANDIDATES)
        store.passages(list(dict([*dense, *lexical])))


def _material() -> Material:
    """Take the sentences of the seeds, each once, with the vectors of the default embedder."""
    settings = load_settings()
    embedder = SentenceTransformerEmbedder(locate(settings.embedder))
    texts = [read(file.path, file.path.name).text for file in find_files([SEEDS])]
    found = dict.fromkeys(text[span.start : span.end] for text in texts for span in sentence_spans(text))
    taken = tuple(" ".join(each.split()) for each in found if len(each) >= 40)
    return Material(taken, np.array([embedder.embed_query(each) for each in taken]), embedder.fingerprint)


def _timed(work: Callable[[], object]) -> float:
    begun = perf_counter()
    work()
    return (perf_counter() - begun) * 1000


def _spread(times: Sequence[float]) -> dict[str, float]:
    return {"p50_ms": round(float(np.percentile(times, 50)), 2), "p95_ms": round(float(np.percentile(times, 95)), 2)}


def _memory(material: Material, url: str, folder: Path, questions: int) -> int:
    """Return the memory of a process that only opens the store and asks it, in MiB; the database's is not in it."""
    store = open_store(folder, url, SCHEMA, material.fingerprint, material.vectors.shape[1])
    for number in range(questions):
        _question(store, material, number)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    store.close()
    return pages * 4096 // 2**20


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


def _sizes(url: str) -> dict[str, int]:
    """Return what the tables take with their indexes, and the graph of the dense search by itself, in bytes."""
    import psycopg

    names = ("documents", "origins", "passages", "postings", "terms", "fields")
    with psycopg.connect(url) as connection:
        sizes = {
            name: connection.execute("SELECT pg_total_relation_size(to_regclass(%s))", (f"{SCHEMA}.{name}",)).fetchone()
            for name in names
        }
        graph = connection.execute("SELECT pg_relation_size(to_regclass(%s))", (f"{SCHEMA}.{INDEX}",)).fetchone()
    return {name: int((size or (0,))[0] or 0) for name, size in {**sizes, "graph": graph}.items()}


def _drop(url: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


if __name__ == "__main__":
    sys.exit(main())
