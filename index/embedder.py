"""Texts to vectors.

A passage's forward pass also gives a vector for each of its sentences, pooled from the same token states: a sentence
seen in its context, at no further cost.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from index.errors import ModelMissing
from index.files import weights_digest
from index.lanes import Lanes
from index.passages import lead
from index.sentence_model import SentenceModel, declared_dimension, load_model, padded_length
from index.types import Matrix, Passage, Vector

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

BATCH_TOKENS = 1024
"""Tokens in one forward pass, padding counted: enough to fill a core, small enough to stay near its caches."""

Result = TypeVar("Result")

WORDS_KEPT = 50_000
"""Word vectors that are kept in memory (1.5 KB each)."""


@dataclass(frozen=True, slots=True)
class PassageVectors:
    """A passage's own vector, shape ``(dimension,)``, and one a sentence, shape ``(sentences, dimension)``."""

    passage: Vector
    sentences: Matrix


class Embedder(Protocol):
    """Turns passages and questions into vectors of one space; all of unit length, float32."""

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on; vectors of different fingerprints must not be compared."""

    @property
    def dimension(self) -> int:
        """Length of every vector."""

    @property
    def max_tokens(self) -> int:
        """How many tokens of a passage with its context are read, special tokens not counted."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count each text's tokens, special tokens not counted."""

    def embed_passages(self, passages: Sequence[Passage]) -> list[PassageVectors]:
        """Embed passages, each with its context, and their sentences."""

    def embed_query(self, text: str) -> Vector:
        """Embed a question."""

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        """Embed questions, together where that is quicker; each as `embed_query` embeds it."""

    def word_vectors(self, words: Sequence[str]) -> Matrix:
        """Return vectors of single words in a space of their own, in which words of like meaning are near.

        Shape ``(words, width)``; any width, unit length.
        """


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A model with what is derived from it: a tokenizer that counts, one that cuts off, centred word pieces."""

    model: SentenceModel
    tokenizer: Tokenizer
    encoder: Tokenizer
    prompt: str
    max_tokens: int
    pieces: Matrix

    @classmethod
    def of(cls, model: SentenceModel) -> _Loaded:
        from tokenizers import Tokenizer

        tokenizer, encoder = (Tokenizer.from_str(model.tokenizer) for _ in range(2))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        encoder.enable_truncation(model.max_tokens)
        encoder.no_padding()
        prompt = model.prompts.get("document") or ""
        added = tokenizer.num_special_tokens_to_add(False) + len(tokenizer.encode(prompt, add_special_tokens=False))
        weights = model.input_embeddings.float().numpy()
        return cls(model, tokenizer, encoder, prompt, model.max_tokens - added, weights - weights.mean(0))


class SentenceTransformerEmbedder:
    """Any sentence-transformers model in a folder. Thread-safe.

    bfloat16 weights where the CPU multiplies them natively (about three times the speed of float32 on MiniLM, cosine
    to the float32 vectors >= 0.9998); pooling is in float32. Models that pool by the mean give sentence vectors from
    the passage's own pass; the others embed each sentence by itself.
    """

    def __init__(self, folder: Path) -> None:
        """Name the model; it is loaded when something is first embedded or counted.

        Raises:
            ModelMissing: the folder holds no weights. Later calls raise it if they cannot be loaded.
        """
        self._folder = folder
        self._fingerprint = _fingerprint(folder)
        self._declared = declared_dimension(folder)
        self._words: dict[str, Vector] = {}
        self._lanes = Lanes()
        self._loading = threading.Lock()
        self._parts: _Loaded | None = None

    @property
    def fingerprint(self) -> str:
        """See `Embedder`; here the start of the SHA-256 of the weights."""
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """See `Embedder`."""
        return self._declared or self._loaded.model.dimension

    @property
    def _loaded(self) -> _Loaded:
        with self._loading:
            if self._parts is None:
                self._parts = _Loaded.of(load_model(self._folder))
            return self._parts

    @property
    def max_tokens(self) -> int:
        """See `Embedder`."""
        return self._loaded.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See `Embedder`."""
        return [len(row) for row in self._loaded.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def embed_query(self, text: str) -> Vector:
        """See `Embedder`; the model's own query prompt, if it has one, goes before the text."""
        vector: Vector = self._embed_texts([self._query(text)])[0]
        return vector

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        """See `Embedder`; only questions that are padded to one length share a batch.

        A row of such a batch is computed as it is alone, so no answer depends on who else asks.
        """
        encodings = self._loaded.encoder.encode_batch([self._query(text) for text in texts])
        alike: dict[int, list[int]] = {}
        for row, encoding in enumerate(encodings):
            alike.setdefault(self._padded(len(encoding.ids)), []).append(row)
        batches = [
            (length, rows[start : start + most])
            for length, rows in alike.items()
            for most in (max(1, BATCH_TOKENS // length),)
            for start in range(0, len(rows), most)
        ]
        work = [partial(self._forward, [encodings[row] for row in rows], length) for length, rows in batches]
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for (_, rows), (_, pooled) in zip(batches, self._lanes.run(work), strict=True):
            vectors[rows] = _unit(pooled)
        return list(vectors)

    def _query(self, text: str) -> str:
        whole = text.encode(errors="replace").decode()  # half a surrogate pair cannot be encoded
        return (self._loaded.model.prompts.get("query") or "") + whole

    def embed_passages(self, passages: Sequence[Passage]) -> list[PassageVectors]:
        """See `Embedder`; passages of like length share a batch, so that little is padding."""
        heads = [self._loaded.prompt + lead(passage.context) for passage in passages]
        texts = [head + passage.text for head, passage in zip(heads, passages, strict=True)]
        if not self._loaded.model.mean_pooled:
            sentences = [_sentence_texts(passage) for passage in passages]
            flat = self._embed_texts([self._loaded.prompt + text for texts in sentences for text in texts])
            parts = np.split(flat, np.cumsum([len(texts) for texts in sentences])[:-1]) if passages else []
            return [PassageVectors(*pair) for pair in zip(self._embed_texts(texts), parts, strict=True)]

        def pooled_twice(rows: list[int], batch: list[Encoding]) -> list[PassageVectors]:
            pooled: list[PassageVectors] = []
            for row, encoding, state, mean in zip(rows, batch, *self._forward(batch), strict=True):
                shift = len(heads[row]) - passages[row].start
                spans = [(span.start + shift, span.end + shift) for span in passages[row].sentences]
                pooled.append(PassageVectors(_unit(mean), _unit(_span_means(state, encoding, spans, mean))))
            return pooled

        results: dict[int, PassageVectors] = {}
        for rows, vectors in self._passes(texts, pooled_twice):
            results |= zip(rows, vectors, strict=True)
        return [results[row] for row in range(len(passages))]

    def word_vectors(self, words: Sequence[str]) -> Matrix:
        """See `Embedder`; the mean of the word's pieces in the model's input embeddings, centred."""
        known = self._words
        fresh = [word for word in dict.fromkeys(words) if word not in known]
        if len(known) + len(fresh) > WORDS_KEPT:
            fresh = list(dict.fromkeys(words))
            known = self._words = {}  # not emptied: another thread may be reading from the old one
        encodings = self._loaded.tokenizer.encode_batch_fast(fresh, add_special_tokens=False)
        for word, encoding in zip(fresh, encodings, strict=True):
            known[word] = _unit(
                self._loaded.pieces[encoding.ids].mean(0)
                if encoding.ids
                else self._loaded.pieces[self._loaded.model.pad]
            )
        return np.array([known[word] for word in words], np.float32).reshape(len(words), self._loaded.pieces.shape[1])

    def _embed_texts(self, texts: Sequence[str]) -> Matrix:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for rows, pooled in self._passes(texts, lambda _, batch: self._forward(batch)[1]):
            vectors[rows] = _unit(pooled)
        return vectors

    def _passes(
        self, texts: Sequence[str], run: Callable[[list[int], list[Encoding]], Result]
    ) -> Iterator[tuple[list[int], Result]]:
        """Yield, batch by batch, rows and what ``run`` makes of them and their encodings, several at a time."""
        encodings = self._loaded.encoder.encode_batch(list(texts))
        batches = list(_batches([len(encoding.ids) for encoding in encodings]))
        work = [partial(run, rows, [encodings[row] for row in rows]) for rows in batches]
        return zip(batches, self._lanes.run(work), strict=True)

    def _padded(self, tokens: int) -> int:
        return min(padded_length(tokens), self._loaded.model.max_tokens)

    def _forward(
        self, encodings: Sequence[Encoding], length: int | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the token states, shape ``(rows, tokens, dimension)``, and the pooled states of a batch.

        Rows are padded to ``length``, or to the longest; one that is alone always to its `padded_length`.
        """
        import torch

        ids = [encoding.ids for encoding in encodings]
        longest = length or max(len(row) for row in ids)
        if len(ids) == 1:
            longest = self._padded(longest)
        features = {
            "input_ids": torch.tensor([row + [self._loaded.model.pad] * (longest - len(row)) for row in ids]),
            "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids]),
        }
        with torch.inference_mode():
            states, pooled = self._loaded.model.run(features)
            states = states.float()
            if pooled is None:
                mask = features["attention_mask"].unsqueeze(-1)
                pooled = (states * mask).sum(1) / mask.sum(1)
        return states.numpy(), pooled.float().numpy()


def _fingerprint(folder: Path) -> str:
    weights = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("*.bin"))
    if not weights:
        raise ModelMissing(
            f"{folder} holds no model: there are no weights.", "Name another as embedder in citechat.toml."
        )
    digest = hashlib.sha256()
    for path in weights:
        digest.update(bytes.fromhex(weights_digest(path)))
    return digest.hexdigest()[:16]


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Group rows of like length, the longest first, into batches of at most `BATCH_TOKENS` padded tokens."""
    batch: list[int] = []
    longest = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if batch and longest * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        longest = longest if batch else lengths[row]
        batch.append(row)
    if batch:
        yield batch


def _sentence_texts(passage: Passage) -> list[str]:
    return [passage.text[span.start - passage.start : span.end - passage.start] for span in passage.sentences]


def _span_means(
    states: npt.NDArray[np.float32], encoding: Encoding, spans: Sequence[tuple[int, int]], default: Vector
) -> Matrix:
    """Average the token states of each span of characters; ``default`` where a span holds no token."""
    offsets = np.asarray(encoding.offsets)
    starts, ends = offsets[:, 0], offsets[:, 1]
    real = ends > starts
    means = np.empty((len(spans), states.shape[1]), np.float32)
    for row, (start, end) in enumerate(spans):
        inside = np.flatnonzero(real & (starts >= start) & (ends <= end))
        means[row] = states[inside].mean(0) if len(inside) else default
    return means


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: npt.NDArray[np.float32] = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit
