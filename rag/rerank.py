"""The second reading: the cross-encoder reads the most promising passages, and the sentences are ranked anew.

A sentence's score becomes a weighted sum of what the reader gave it and of the cross-encoder's log-odds. The weights
are data (``rerank.json``), fitted by ``python -m evals.fit`` on questions the cross-encoder was not trained on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import resources

import numpy as np

from rag.cross_encoder import CrossEncoder
from rag.read import Candidate, LinearModel

FEATURES = ("reader_score", "log_odds")
FILE = "rerank.json"


@lru_cache(maxsize=1)
def rerank_model() -> LinearModel:
    """Return the fitted weights that the package carries."""
    text = resources.files("rag").joinpath(FILE).read_text(encoding="utf-8")
    return LinearModel.parse(json.loads(text), FEATURES)


def rerank(
    question: str,
    candidates: Sequence[Candidate],
    cross_encoder: CrossEncoder,
    passages: int,
    model: LinearModel | None = None,
) -> list[Candidate]:
    """Read the ``passages`` passages with the best sentences again and return all candidates, best first.

    ``candidates`` are in the order of their scores, best first. Those of other passages keep their order behind those
    that were read again, and their scores are at most the lowest of these.
    """
    chosen = list({candidate.found.stored.passage.id: candidate.found for candidate in candidates}.values())[:passages]
    verdicts = dict(
        zip(
            (found.stored.passage.id for found in chosen),
            cross_encoder.log_odds(question, [found.stored.passage for found in chosen]),
            strict=True,
        )
    )
    read = [candidate for candidate in candidates if candidate.found.stored.passage.id in verdicts]
    if not read:
        return []
    log_odds = [verdicts[candidate.found.stored.passage.id][candidate.ordinal] for candidate in read]
    rows = np.array([[candidate.score, odds] for candidate, odds in zip(read, log_odds, strict=True)])
    scores = (model or rerank_model()).logits(rows)
    ranked = sorted(
        (
            replace(candidate, score=float(score), log_odds=float(odds))
            for candidate, score, odds in zip(read, scores, log_odds, strict=True)
        ),
        key=lambda candidate: -round(candidate.score, 6),
    )
    lowest = ranked[-1].score
    others = (candidate for candidate in candidates if candidate.found.stored.passage.id not in verdicts)
    return [*ranked, *(replace(candidate, score=min(candidate.score, lowest)) for candidate in others)]
