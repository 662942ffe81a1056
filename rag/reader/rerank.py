"""The second reading: the cross-encoder reads the most promising passages, and the sentences are ranked anew.

A sentence's score becomes a weighted sum of what the reader gave it and of the cross-encoder's log-odds. The weights
are data (``rerank.json``), fitted by ``python -m evals.fit`` on questions the cross-encoder was not trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import resources

import numpy as np

from index.types import Passage
from rag.reader.cross_encoder import CrossEncoder, Scores
from rag.reader.linear import LinearModel
from rag.reader.read import Candidate

FEATURES = ("reader_score", "log_odds")
FILE = "rerank.json"


@lru_cache(maxsize=1)
def rerank_model() -> LinearModel:
    """Return the fitted weights that the package carries."""
    text = resources.files("rag.reader").joinpath(FILE).read_text(encoding="utf-8")
    return LinearModel.parse(json.loads(text), FEATURES)


def rerank(
    question: str,
    candidates: Sequence[Candidate],
    cross_encoder: CrossEncoder,
    passages: int,
    rivals: int = 0,
    model: LinearModel | None = None,
) -> list[Candidate]:
    """Read the ``passages`` passages with the best sentences again and return all candidates, best first.

    Then so many ``rivals`` at most: passages of other documents with a sentence like the best one, which may say
    otherwise. ``candidates`` are in the order of their scores, best first. Those of passages that were not read again
    keep their order behind the others, and their scores are at most the lowest of these.
    """
    chosen = _passages(candidates)[:passages]
    verdicts = _read_again(question, chosen, cross_encoder)
    ranked = _ranked(candidates, verdicts, model or rerank_model())
    alike = [each for each in candidates if ranked and _is_rival(each, ranked[0]) and _passage_id(each) not in verdicts]
    if found := _passages(alike)[:rivals]:
        verdicts |= _read_again(question, found, cross_encoder)
        ranked = _ranked(candidates, verdicts, model or rerank_model())
    if not ranked:
        return []
    lowest = ranked[-1].score
    others = (candidate for candidate in candidates if _passage_id(candidate) not in verdicts)
    return [*ranked, *(replace(candidate, score=min(candidate.score, lowest)) for candidate in others)]


def _is_rival(candidate: Candidate, best: Candidate) -> bool:
    return candidate.document_id != best.document_id and candidate.is_like(best)


def _passage_id(candidate: Candidate) -> str:
    return candidate.found.stored.passage.id


def _passages(candidates: Sequence[Candidate]) -> list[Passage]:
    return list({_passage_id(each): each.found.stored.passage for each in candidates}.values())


def _read_again(question: str, passages: Sequence[Passage], cross_encoder: CrossEncoder) -> dict[str, Scores]:
    ids = (passage.id for passage in passages)
    return dict(zip(ids, cross_encoder.log_odds(question, passages), strict=True))


def _ranked(candidates: Sequence[Candidate], verdicts: Mapping[str, Scores], model: LinearModel) -> list[Candidate]:
    """Return the candidates of passages that were read again by their new scores, best first."""
    read = [candidate for candidate in candidates if _passage_id(candidate) in verdicts]
    if not read:
        return []
    log_odds = [verdicts[_passage_id(candidate)][candidate.ordinal] for candidate in read]
    scores = model.logits(np.array([[each.score, odds] for each, odds in zip(read, log_odds, strict=True)]))
    scored = (
        replace(candidate, score=float(score), log_odds=float(odds))
        for candidate, score, odds in zip(read, scores, log_odds, strict=True)
    )
    return sorted(scored, key=lambda candidate: -round(candidate.score, 6))
