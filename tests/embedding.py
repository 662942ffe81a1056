"""A small embedder that works: texts are bags of words, and each word has a random direction of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from index.embedder import PassageVectors
from index.passages import lead
from index.types import Matrix, Passage, Vector

_TOKEN = re.compile(r"\w+|[^\w\s]")


class HashingEmbedder:
    """Follows `index.embedder.Embedder`: a token is a word or a mark. Counts the passages that it has embedded."""

    def __init__(self, dimension: int = 64, max_tokens: int = 120) -> None:
        self.fingerprint = f"hashing-{dimension}"
        self.dimension = dimension
        self.max_tokens = max_tokens
        self.embedded = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(_TOKEN.findall(text)) for text in texts]

    def embed_passages(self, passages: Sequence[Passage]) -> list[PassageVectors]:
        self.embedded += len(passages)
        return [
            PassageVectors(
                self._vector(lead(passage.context) + passage.text),
                np.array([self._vector(_sentence(passage, number)) for number in range(len(passage.sentences))]),
            )
            for passage in passages
        ]

    def embed_query(self, text: str) -> Vector:
        return self._vector(text)

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        return [self._vector(text) for text in texts]

    def word_vectors(self, words: Sequence[str]) -> Matrix:
        """Words that share three letters in a row are near."""
        rows = [_sum(_trigrams(word), self.dimension) for word in words]
        return np.array(rows, np.float32).reshape(len(words), self.dimension)

    def _vector(self, text: str) -> Vector:
        return _sum(_TOKEN.findall(text.lower())[: self.max_tokens], self.dimension)


def _sentence(passage: Passage, number: int) -> str:
    span = passage.sentences[number]
    return passage.text[span.start - passage.start : span.end - passage.start]


def _trigrams(word: str) -> list[str]:
    padded = f" {word.lower()} "
    return [padded[start : start + 3] for start in range(len(padded) - 2)]


def _sum(tokens: Sequence[str], dimension: int) -> Vector:
    total = sum((_direction(token, dimension) for token in tokens), 1e-6 * _direction("", dimension))
    unit: Vector = (total / np.linalg.norm(total)).astype(np.float32)
    return unit


@lru_cache(maxsize=50_000)
def _direction(token: str, dimension: int) -> Vector:
    seed = int.from_bytes(hashlib.sha256(token.encode(errors="surrogatepass")).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
