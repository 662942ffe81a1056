"""Passages for a question: dense and lexical search, put into one order, near-duplicates removed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from index.corpus import Corpus
from index.embedder import Embedder
from index.filters import Filter
from index.store.base import StoredPassage
from index.terms import stem, words
from index.types import Vector
from rag.query.language import content_words
from rag.query.question import quoted_phrases
from rag.query.rewrite import Background
from rag.retrieval.distinct import Found, distinct
from rag.retrieval.fusion import fusion_model, likenesses, query_features

QueryVectors = Mapping[str, Vector]
"""Texts of questions that were embedded ahead, with their vectors of unit length."""
NONE: QueryVectors = {}
"""Nothing was embedded ahead."""

TERM_SHARE = 0.6
"""How much a word asked about before counts, as a share of what its question's vector does."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: words and phrases, a vector of unit length, and stems with what each counts."""

    words: Sequence[str]
    vector: Vector
    terms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Searched:
    """What the two searches found: ids with cosines and with BM25 scores, best first, and the passages of both."""

    dense: Sequence[tuple[str, float]]
    lexical: Sequence[tuple[str, float]]
    passages: Mapping[str, StoredPassage]


def retrieve(
    corpus: Corpus,
    question: str,
    query: Vector,
    frequencies: Mapping[str, float],
    *,
    candidates: int,
    limit: int,
    background: Background | None = None,
    dense_weight: float | None = None,
    where: Filter | None = None,
    vectors: QueryVectors = NONE,
) -> list[Found]:
    """Return at most ``limit`` passages for a question, best first; a near-duplicate is only named by the better one.

    ``candidates`` are taken from each of the two searches. ``frequencies`` are the question's `inverse_frequencies`.
    Without a ``dense_weight`` it follows the query, see `rag.retrieval.fusion`. What ``vectors`` holds is known.
    """
    wanted = sought(corpus, question, query, frequencies, background, vectors)
    searched = search(corpus, wanted, candidates, where)
    score = scorer(wanted, searched, dense_weight)
    stored = list(searched.passages.values())
    lexical = dict(searched.lexical)
    found = (
        Found(each, fused, float(each.vector @ query), lexical.get(each.passage.id, 0.0))
        for each, fused in zip(stored, score(stored), strict=True)
    )
    return distinct(found, limit, lambda rest: score([rest])[0])


def sought(
    corpus: Corpus,
    question: str,
    query: Vector,
    frequencies: Mapping[str, float],
    background: Background | None = None,
    vectors: QueryVectors = NONE,
) -> Sought:
    """Return what to look for; the background turns the vector and adds terms, but no words to search by."""
    terms_ = question_terms(question, frequencies)
    if background is None:
        return Sought(search_words(question), query, terms_)
    turned = query + background.weight * vector_of(background.text, vectors, corpus.embedder)
    before = question_terms(background.text, inverse_frequencies(corpus, background.text))
    added = {stem_: min(1.0, background.weight) * TERM_SHARE * weight for stem_, weight in before.items()}
    return Sought(search_words(question), turned / np.linalg.norm(turned), added | terms_)


def search(corpus: Corpus, wanted: Sought, candidates: int, where: Filter | None = None) -> Searched:
    """Search by meaning and by words, each for so many candidates; what is removed meanwhile is left out."""
    dense = corpus.store.dense(wanted.vector, candidates, where)
    lexical = corpus.store.lexical(wanted.words, candidates, where)
    passages = corpus.store.passages(list(dict([*dense, *lexical])))
    return Searched(dense, lexical, passages)


def fuse(wanted: Sought, searched: Searched, dense_weight: float | None = None) -> dict[str, float]:
    """Return the fused score of every passage that was found."""
    scores = scorer(wanted, searched, dense_weight)(list(searched.passages.values()))
    return dict(zip(searched.passages, scores, strict=True))


def scorer(
    wanted: Sought, searched: Searched, dense_weight: float | None = None
) -> Callable[[Sequence[StoredPassage]], list[float]]:
    """Return what gives passages their fused scores."""
    model = fusion_model()
    if dense_weight is None:
        dense_weight = model.dense_weight(query_features(searched.dense, searched.lexical))

    def scores(passages: Sequence[StoredPassage]) -> list[float]:
        found: list[float] = model.scores(likenesses(passages, wanted.vector, wanted.terms), dense_weight).tolist()
        return found

    return scores


def vector_of(text: str, vectors: QueryVectors, embedder: Embedder) -> Vector:
    """Return the vector of a question, embedding it unless that was done ahead."""
    known = vectors.get(text)
    return embedder.embed_query(text) if known is None else known


def search_words(question: str) -> list[str]:
    """Return what to look for: the content words and quoted phrases as a whole."""
    return content_words(question) + [
        " ".join(word.group() for word in words(phrase)) for phrase in quoted_phrases(question)
    ]


def question_terms(question: str, frequencies: Mapping[str, float]) -> dict[str, float]:
    """Return the stems of the content words, with those of the question's `inverse_frequencies` that are theirs."""
    return {stem_: frequencies[stem_] for stem_ in map(stem, content_words(question))}


def inverse_frequencies(corpus: Corpus, question: str) -> dict[str, float]:
    """Return how telling each stem is: BM25's idf, ``ln(1 + (N - n + 0.5) / (n + 0.5))`` for n of N passages.

    It is divided by that of a word that no passage holds, so it goes from 0 to 1.
    """
    stems = list(dict.fromkeys(stem(word.group()) for word in words(question)))
    total = corpus.store.count()

    def idf(number: int) -> float:
        return math.log(1 + (total - number + 0.5) / (number + 0.5))

    return {stem_: idf(number) / idf(0) for stem_, number in corpus.store.frequencies(stems).items()}
