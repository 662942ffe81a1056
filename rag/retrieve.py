"""Passages for a question: dense and lexical search, fused by normalised scores, near-duplicates removed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from index.corpus import Corpus
from index.filters import Filter
from index.store.base import StoredPassage
from index.terms import STOP_WORDS, stem, terms, words
from index.types import Vector
from rag.question import quoted_phrases

NEAR_DUPLICATE = 0.8
"""Passages that share this part of their distinct terms (Jaccard) say the same."""


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found, with what the reader needs of it.

    ``score`` orders (higher is better), ``dense`` is a cosine, ``lexical`` BM25 (0 where no word occurs). ``also`` are
    the ids of other documents with nearly the same passage.
    """

    stored: StoredPassage
    score: float
    dense: float
    lexical: float
    also: tuple[str, ...] = ()


def retrieve(
    corpus: Corpus,
    question: str,
    query: Vector,
    *,
    candidates: int,
    dense_weight: float,
    limit: int,
    where: Filter | None = None,
) -> list[Found]:
    """Return at most ``limit`` passages for a question, best first; a near-duplicate is only named by the better one.

    ``candidates`` are taken from each of the two searches.
    """
    dense = dict(corpus.store.dense(query, candidates, where))
    lexical = dict(corpus.store.lexical(search_words(question), candidates, where))
    dense |= corpus.store.similarities(query, [id_ for id_ in lexical if id_ not in dense])
    fused = fuse(dense, lexical, dense_weight)
    ranked = sorted(fused, key=lambda id_: (-fused[id_], id_))
    kept: list[Found] = []
    for begin in range(0, len(ranked), limit):
        stored = corpus.store.passages(ranked[begin : begin + limit])
        fresh = [
            Found(stored[id_], fused[id_], dense[id_], lexical.get(id_, 0.0))
            for id_ in ranked[begin : begin + limit]
            if id_ in stored
        ]
        full = len(kept) == limit  # one more look, for near-duplicates alone
        kept = _distinct([*kept, *fresh])[:limit]
        if full:
            break
    return kept


def search_words(question: str) -> list[str]:
    """Return what to look for: all words but the stop words (or all there are), and quoted phrases as a whole."""
    every = [word.group() for word in words(question)]
    content = [word for word in every if word.lower().replace("’", "'") not in STOP_WORDS] or every
    return content + [" ".join(word.group() for word in words(phrase)) for phrase in quoted_phrases(question)]


def fuse(dense: Mapping[str, float], lexical: Mapping[str, float], dense_weight: float) -> dict[str, float]:
    """Combine two lists of scores: each is standardised (z-score over the candidates), then averaged by weight.

    A candidate that a list lacks has the score 0 there, which is BM25's own for a passage without any of the words.
    """
    ids = list(dict.fromkeys([*dense, *lexical]))
    columns = [np.array([scores.get(id_, 0.0) for id_ in ids], np.float64) for scores in (dense, lexical)]
    normal = [(column - column.mean()) / (column.std() + 1e-9) if len(ids) > 1 else column for column in columns]
    fused = dense_weight * normal[0] + (1 - dense_weight) * normal[1]
    return dict(zip(ids, fused.tolist(), strict=True))


def inverse_frequencies(corpus: Corpus, question: str) -> dict[str, float]:
    """Return how telling each stem is: BM25's idf, ``ln(1 + (N - n + 0.5) / (n + 0.5))`` for n of N passages.

    It is divided by that of a word that no passage holds, so it goes from 0 to 1.
    """
    stems = list(dict.fromkeys(stem(word.group()) for word in words(question)))
    total = corpus.store.count()

    def idf(number: int) -> float:
        return math.log(1 + (total - number + 0.5) / (number + 0.5))

    return {stem_: idf(number) / idf(0) for stem_, number in corpus.store.frequencies(stems).items()}


def _distinct(found: Sequence[Found]) -> list[Found]:
    kept: list[Found] = []
    seen: list[set[str]] = []
    for hit in found:
        own = {term.stem for term in terms(hit.stored.passage.text)}
        alike = (number for number, other in enumerate(seen) if _is_alike(own, other))
        first = next(alike, None)
        if first is None:
            kept.append(hit)
            seen.append(own)
            continue
        better = kept[first]
        ids = dict.fromkeys((*better.also, hit.stored.passage.document_id, *hit.also))
        also = tuple(id_ for id_ in ids if id_ != better.stored.passage.document_id)
        kept[first] = replace(better, also=also)
    return kept


def _is_alike(own: set[str], other: set[str]) -> bool:
    return len(own & other) >= NEAR_DUPLICATE * len(own | other) and not _figures(own ^ other)


def _figures(stems: set[str]) -> bool:
    """Tell whether words hold a figure: texts that differ in one contradict each other, however alike they are."""
    return any(character.isdigit() for stem_ in stems for character in stem_)
