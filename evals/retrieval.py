"""How well retrieval alone finds what it should, without the reader.

    python -m evals.retrieval [NAME ...] --data DIR [--limit N] [--home DIR] [--json F] [--html F]

The sets are those of `evals.pools`. Each is indexed as documents are, and each question ranks its passages in four
ways: by cosine, by BM25, by both at a fixed weight, and as citechat does. Where a whole document is wanted, a document
stands where its best passage does. Of conversations, the last turn is also asked as it stands, with all turns before
it, and as a person rewrote it where the set says so. ``--home`` keeps the indexes: embedding is what takes long.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from evals.cases.format import Suite
from evals.datasets import spread
from evals.pools import POOLS, Pool, Query
from evals.reports.page import render_found
from evals.running.homes import SuitePipeline, SuitePipelines
from evals.scoring.metrics import mean, ndcg_of_ranks, recall_at, reciprocal_rank
from index.errors import CitechatError, InputError
from rag.query.rewrite import Background, background, searchable, standalone
from rag.retrieval.retrieve import fuse, inverse_frequencies, search, sought
from rag.settings import load_settings

FIXED_WEIGHT = 0.6
"""The dense share of the fusion that ours is measured against."""
CUTS = (1, 5, 10)

Scores = Mapping[str, float]
Wording = Callable[[Query], str]


@dataclass(frozen=True, slots=True)
class Figures:
    """The means of one way to ask and rank over a pool; ``ndcg10`` is ``None`` where passages are wanted by words.

    One passage may hold several wanted sentences, so that there is no ideal order to compare with.
    """

    pool: str
    asked: str
    ranked: str
    questions: int
    recall: tuple[float, ...]
    ndcg10: float | None
    mrr: float


WORDINGS: Mapping[str, Wording] = {
    "with history": lambda query: standalone(query.question, query.history) or query.question,
    "rewritten": lambda query: standalone(query.question, query.history) or query.question,
    "last turn": lambda query: query.question,
    "all turns": lambda query: " ".join([*(turn.content for turn in query.history), query.question]),
    "by a person": lambda query: query.rewritten,
}


def measure(
    pool: Pool, pipeline: SuitePipeline, queries: Sequence[Query], bar: Callable[[], object]
) -> Iterator[Figures]:
    """Ask every question of a pool in every way and yield the figures, one for each way to ask and to rank."""
    sources = {info.id: info.sources for info in pipeline.corpus.documents()}
    conversation = any(query.history for query in queries)
    wordings = {
        name: wording
        for name, wording in WORDINGS.items()
        if name == "with history" or (conversation and all(map(wording, queries)))
    }
    found: dict[tuple[str, str], list[list[int | None]]] = {}
    for query in queries:
        for asked, wording in wordings.items():
            before = background(query.question, query.history) if asked == "with history" else None
            for ranked, scores in rankings(pipeline, searchable(wording(query)), before).items():
                found.setdefault((asked, ranked), []).append(ranks(query, scores, pipeline, sources))
        bar()
    for (asked, ranked), each in found.items():
        yield _figures(pool.name, asked if conversation else "", ranked, queries, each)


def rankings(pipeline: SuitePipeline, question: str, before: Background | None = None) -> dict[str, Scores]:
    """Return the scores of the passages found for a question, by the way they are ranked."""
    corpus = pipeline.corpus
    query = corpus.embedder.embed_query(question)
    asked = sought(corpus, question, query, inverse_frequencies(corpus, question), before)
    searched = search(corpus, asked, pipeline.settings.candidates)
    dense, lexical = dict(searched.dense), dict(searched.lexical)
    cosines = {id_: float(stored.vector @ asked.vector) for id_, stored in searched.passages.items()}
    return {
        "dense": dense,
        "lexical": lexical,
        "fixed": z_scored(cosines, lexical, FIXED_WEIGHT),
        "ours": fuse(asked, searched),
    }


def z_scored(dense: Scores, lexical: Scores, dense_weight: float) -> dict[str, float]:
    """Combine two lists of scores as is usual: each is standardised over all candidates, then averaged by weight.

    A candidate that a list lacks has the score 0 there.
    """
    ids = list(dict.fromkeys([*dense, *lexical]))
    columns = [np.array([scores.get(id_, 0.0) for id_ in ids], np.float64) for scores in (dense, lexical)]
    normal = [(column - column.mean()) / (column.std() + 1e-9) if ids else column for column in columns]
    return dict(zip(ids, (dense_weight * normal[0] + (1 - dense_weight) * normal[1]).tolist(), strict=True))


def ranks(
    query: Query, scores: Scores, pipeline: SuitePipeline, sources: Mapping[str, tuple[str, ...]]
) -> list[int | None]:
    """Return, for each thing that a question wants, the rank from 1 at which it is found, or ``None``."""
    stored = pipeline.corpus.store.passages(list(scores))
    ordered = [stored[id_].passage for id_ in sorted(scores, key=lambda id_: (-scores[id_], id_))]
    whole = not any(item.wordings for item in query.wanted)
    places = {passage.document_id if whole else passage.id: passage for passage in reversed(ordered)}
    first: list[int | None] = [None] * len(query.wanted)
    for rank, passage in enumerate(sorted(places.values(), key=ordered.index), 1):
        for number, item in enumerate(query.wanted):
            if first[number] is None and item.matches(sources[passage.document_id], passage.text):
                first[number] = rank
    return first


def _figures(
    pool: str, asked: str, ranked: str, queries: Sequence[Query], found: Sequence[Sequence[int | None]]
) -> Figures:
    whole = not any(item.wordings for query in queries for item in query.wanted)
    gains = [[item.gain for item in query.wanted] for query in queries]
    return Figures(
        pool,
        asked,
        ranked,
        len(queries),
        tuple(_mean(recall_at(each, cut) for each in found) for cut in CUTS),
        _mean(ndcg_of_ranks(gain, each, 10) or 0.0 for gain, each in zip(gains, found, strict=True)) if whole else None,
        _mean(reciprocal_rank(min((rank for rank in each if rank), default=None)) for each in found),
    )


def _mean(values: Iterable[float]) -> float:
    return mean(list(values)) or 0.0


HEADER = f"{'set':28}{'asked':13}{'ranked':9}{'n':>5}    R@1    R@5   R@10   nDCG    MRR"


def render(each: Figures) -> str:
    """Return figures as a line of a table, see `HEADER`."""
    recall = "".join(f"{value:7.3f}" for value in each.recall)
    gain = "      -" if each.ndcg10 is None else f"{each.ndcg10:7.3f}"
    return f"{each.pool:28}{each.asked:13}{each.ranked:9}{each.questions:5}{recall}{gain}{each.mrr:7.3f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure sets and print the figures; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m evals.retrieval",
        description=(__doc__ or "").split("\n")[0],
        epilog="Example: python -m evals.retrieval nfcorpus mtrag-cloud --data DIR --home DIR",
    )
    parser.add_argument("name", nargs="*", help=f"any of {', '.join(POOLS)} (all)")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--limit", type=int, default=500, metavar="N", help="ask N questions a set, spread (500)")
    parser.add_argument("--home", type=Path, help="keep the documents and indexes there for the next run")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures as JSON")
    parser.add_argument("--html", type=Path, metavar="F", help="write the figures as a page")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            pools = _named(options.name or list(POOLS), options.data)
            show(measured(pools, options.home or Path(temporary), options.limit), options.json, options.html)
    except CitechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def show(figures: Iterable[Figures], as_json: Path | None, as_html: Path | None) -> None:
    """Print figures as they come, as a table, and write all of them as JSON and as a page, where a file is given."""
    shown: list[dict[str, Any]] = []
    for each in figures:
        sys.stdout.write("" if shown else f"{HEADER}\n")
        sys.stdout.write(f"{render(each)}\n")
        sys.stdout.flush()
        shown.append(asdict(each))
    if as_json:
        as_json.write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
    if as_html:
        as_html.write_text(render_found(shown, CUTS), encoding="utf-8")


def _named(names: Sequence[str], data: Path) -> Iterator[Pool]:
    unknown = [name for name in names if name not in POOLS]
    if unknown:
        raise InputError(f"There is no set {unknown[0]!r}.", f"The sets are {', '.join(POOLS)}.")
    return (pool for name in names for pool in POOLS[name](data))


def measured(pools: Iterable[Pool], home: Path, limit: int | None = None) -> Iterator[Figures]:
    """Index each pool below ``home`` and yield its figures, over ``limit`` questions at most, spread over the pool.

    Raises ``InputError`` if the limit is less than 1.
    """
    if limit is not None and limit < 1:
        raise InputError("The limit must be at least 1.")
    with SuitePipelines(load_settings(home)) as pipeline_for:
        for pool in pools:
            folder = pool.write(home / "documents")
            pipeline = pipeline_for(Suite(Path(pool.name), (folder,)))
            queries = spread(pool.queries, limit or len(pool.queries))
            with tqdm(total=len(queries), desc=pool.name, unit="question", disable=None) as bar:
                yield from measure(pool, pipeline, queries, bar.update)


if __name__ == "__main__":
    raise SystemExit(main())
