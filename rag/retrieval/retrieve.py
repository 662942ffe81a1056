"""Passages for a question: dense and lexical search, put into one order, near-duplicates removed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from index.corpus import Corpus
from index.embedder import Embedder
from index.filters import Filter
from index.store.base import StoredPassage
from index.terms import content_stems, stem, words
from index.types import Vector
from rag.query.language import content_words
from rag.query.question import quoted_phrases
from rag.query.rewrite import Background
from rag.reader.spans import capitalised
from rag.retrieval.fusion import fusion_model, likenesses, query_features

QueryVectors = Mapping[str, Vector]
"""Texts of questions that were embedded ahead, with their vectors of unit length."""
NONE: QueryVectors = {}
"""Nothing was embedded ahead."""

TERM_SHARE = 0.6
"""How much a word asked about before counts, as a share of what its question's vector does."""
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
    fused = fuse(wanted, searched, dense_weight)
    lexical = dict(searched.lexical)
    ranked = sorted(fused, key=lambda id_: (-fused[id_], id_))
    found = (
        Found(stored, fused[id_], float(stored.vector @ query), lexical.get(id_, 0.0))
        for id_ in ranked
        for stored in (searched.passages[id_],)
    )
    return _distinct(found, limit)


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
    model = fusion_model()
    if dense_weight is None:
        dense_weight = model.dense_weight(query_features(searched.dense, searched.lexical))
    rows = likenesses(list(searched.passages.values()), wanted.vector, wanted.terms)
    return dict(zip(searched.passages, model.scores(rows, dense_weight).tolist(), strict=True))


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


def _distinct(found: Iterable[Found], limit: int) -> list[Found]:
    kept: list[Found] = []
    seen: list[set[str]] = []
    more = limit  # are looked at beyond what is kept, for near-duplicates alone
    for hit in found:
        own = set(content_stems(hit.stored.passage.text))
        alike = (
            number
            for number, other in enumerate(seen)
            if _is_alike(own, other) and not _names_another(hit, own, kept[number], other)
        )
        first = next(alike, None)
        if first is not None:
            better = kept[first]
            ids = dict.fromkeys((*better.also, hit.stored.passage.document_id, *hit.also))
            also = tuple(id_ for id_ in ids if id_ != better.stored.passage.document_id)
            kept[first] = replace(better, also=also)
        elif len(kept) < limit:
            kept.append(hit)
            seen.append(own)
        if len(kept) == limit:
            more -= 1
            if more < 0:
                break
    return kept


def _is_alike(own: set[str], other: set[str]) -> bool:
    return len(own & other) >= NEAR_DUPLICATE * len(own | other) and not _figures(own ^ other)


def _names_another(hit: Found, own: set[str], better: Found, other: set[str]) -> bool:
    """Tell whether each of two texts has a name that the other lacks: then they contradict each other, too."""

    def lacking(found: Found, stems: set[str]) -> bool:
        return any(stem(name) not in stems for name in capitalised(found.stored.passage.text))

    return lacking(hit, other) and lacking(better, own)


def _figures(stems: set[str]) -> bool:
    """Tell whether words hold a figure: texts that differ in one contradict each other, however alike they are."""
    return any(character.isdigit() for stem_ in stems for character in stem_)
