"""Fit how dense and lexical search add up to questions with known passages. It gives ``rag/retrieval/fusion.json``.

    python -m evals.fusion --data DIR [--limit N] [--home DIR] [--without NAME ...]

It learns from the sets of `FITTED_ON`, each counting the same, whatever its size: the softmax over a question's
candidates is to put its mass on those that are wanted. ``--without`` leaves sets out, to be measured afterwards with
``python -m evals.retrieval`` as sets that it has never seen. The other sets of `evals.pools` are never fitted on.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from evals.cases.format import Suite
from evals.datasets import spread
from evals.pools import POOLS, Pool, Query
from evals.running.homes import SuitePipeline, SuitePipelines
from index.errors import CitechatError
from rag.query.rewrite import background, searchable, standalone
from rag.retrieval import fusion
from rag.retrieval.retrieve import inverse_frequencies, search, sought
from rag.settings import load_settings

FITTED_ON = ("squad", "nq", "chunking", "nfcorpus", "mtrag-clapnq")
SPREAD = 2.0
"""Standard deviation of the scores of a question's candidates, on average: the reader was fitted on scores like it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question's candidates: their likenesses ``(n, 3)``, which are wanted ``(n,)``, and the query's features."""

    pool: str
    likenesses: npt.NDArray[np.float64]
    wanted: npt.NDArray[np.bool_]
    features: tuple[float, ...]


def examples(names: Sequence[str], data: Path, home: Path, limit: int) -> Iterator[Example]:
    """Search for the questions of the sets and yield those for which something wanted is found."""
    with SuitePipelines(load_settings(home)) as pipeline_for:
        for pool in (pool for name in names for pool in POOLS[name](data)):
            pipeline = pipeline_for(Suite(Path(pool.name), (pool.write(home / "documents"),)))
            sources = {info.id: info.sources for info in pipeline.corpus.documents()}
            for query in tqdm(spread(pool.queries, limit), desc=pool.name, unit="question", disable=None):
                example = _example(pool, query, pipeline, sources)
                if example.wanted.any():
                    yield example


def _example(pool: Pool, query: Query, pipeline: SuitePipeline, sources: dict[str, tuple[str, ...]]) -> Example:
    question = searchable(standalone(query.question, query.history) or query.question)
    vector = pipeline.corpus.embedder.embed_query(question)
    frequencies = inverse_frequencies(pipeline.corpus, question)
    asked = sought(pipeline.corpus, question, vector, frequencies, background(query.question, query.history))
    searched = search(pipeline.corpus, asked, pipeline.settings.candidates)
    passages = list(searched.passages.values())
    wanted = [
        any(item.matches(sources[stored.passage.document_id], stored.passage.text) for item in query.wanted)
        for stored in passages
    ]
    return Example(
        pool.name,
        fusion.likenesses(passages, asked.vector, asked.terms),
        np.array(wanted, bool),
        tuple(fusion.query_features(searched.dense, searched.lexical)),
    )


def fit(found: Sequence[Example]) -> dict[str, Any]:
    """Return the parameters under which the wanted candidates are likeliest, every pool counting the same."""
    import torch

    longest = max(len(each.wanted) for each in found)
    rows = torch.zeros(len(found), longest, len(fusion.LIKENESSES))
    mask = torch.full((2, len(found), longest), -1e9)
    for number, each in enumerate(found):
        rows[number, : len(each.wanted)] = torch.tensor(each.likenesses)
        mask[0, number, : len(each.wanted)] = 0
        mask[1, number, : len(each.wanted)][torch.tensor(each.wanted)] = 0
    features = torch.tensor([each.features for each in found])
    sizes = {each.pool: sum(other.pool == each.pool for other in found) for each in found}
    share = torch.tensor([1 / sizes[each.pool] / len(sizes) for each in found])
    roots = torch.full((len(fusion.LIKENESSES),), 3.0, requires_grad=True)
    weights = torch.zeros(len(fusion.FEATURES), requires_grad=True)
    middle = features.mean(0)
    optimiser = torch.optim.LBFGS([roots, weights], max_iter=300)

    def scores() -> torch.Tensor:
        dense = torch.sigmoid((features - middle) @ weights)[:, None]
        likeness = rows * roots.square()
        # Times two, so that an even share of both leaves the weights as they are.
        return 2 * (dense * likeness[..., :2].sum(-1) + (1 - dense) * likeness[..., 2])

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        found_scores = scores()
        surprise = torch.logsumexp(found_scores + mask[0], 1) - torch.logsumexp(found_scores + mask[1], 1)
        total: torch.Tensor = (surprise * share).sum() + 1e-3 * weights.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        spreads = [float(row[: len(each.wanted)].std()) for row, each in zip(scores(), found, strict=True)]
    factor = 2 * SPREAD / float(np.nanmean(spreads))
    likenesses = (factor * roots.detach().square()).numpy().astype(float).round(3).tolist()
    return {
        "likenesses": dict(zip(fusion.LIKENESSES, likenesses, strict=True)),
        "features": list(fusion.FEATURES),
        "weights": weights.detach().numpy().astype(float).round(4).tolist(),
        "bias": round(float(-(middle @ weights.detach())), 4),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit the fusion and write its parameters; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.fusion", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--limit", type=int, default=500, metavar="N", help="questions of each set (default 500)")
    parser.add_argument("--home", type=Path, help="keep the documents and indexes there for the next run")
    parser.add_argument("--without", nargs="+", default=[], choices=FITTED_ON, help="do not learn from these sets")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            names = [name for name in FITTED_ON if name not in options.without]
            found = list(examples(names, options.data, options.home or Path(temporary), options.limit))
    except CitechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    path = Path(fusion.__file__).with_name(fusion.FILE)
    path.write_text(json.dumps(fit(found), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path.read_text(encoding='utf-8')}written to {path.name}, from {len(found)} questions\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
