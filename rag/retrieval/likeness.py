"""How like the words of a question are to those of the passages, beyond being the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from index.embedder import Embedder
from index.terms import spellings
from rag.query.question import Question
from rag.retrieval.distinct import Found

UNLIKE = 0.25
"""Cosine of word vectors up to which two words have nothing in common."""


class Likeness:
    """The question's terms against every word of the passages: 1 for the same stem, else by word vectors, 0 to 1."""

    def __init__(self, question: Question, passages: Sequence[Found], embedder: Embedder) -> None:
        spelled: dict[str, str] = {}
        for found in passages:
            for text in (found.stored.passage.text, found.stored.passage.context):
                for stem, word in spellings(text):
                    spelled.setdefault(stem, word.lower())
        asked = {stem: word.lower() for stem, word in spellings(question.text)}
        rows = list(question.terms)
        vectors = embedder.word_vectors([asked.get(stem, stem) for stem in rows] + list(spelled.values()))
        cosines = vectors[: len(rows)] @ vectors[len(rows) :].T
        self._columns = {stem: column for column, stem in enumerate(spelled)}
        self._likeness = np.clip((cosines - UNLIKE) / (1 - UNLIKE), 0, 1)
        for row, stem in enumerate(rows):
            if stem in self._columns:
                self._likeness[row, self._columns[stem]] = 1.0
        self._weights = np.array([question.terms[stem] for stem in rows])

    def covered(self, stems: frozenset[str]) -> float:
        """Return the share of the question's term weight that these stems hold or come near to, 0 to 1."""
        total = float(self._weights.sum())
        return float(self._best(stems) @ self._weights) / total if total else 0.0

    def lacking(self, stems: frozenset[str]) -> float:
        """Return the greatest weight of a term of the question that nothing among these stems is like, 0 to 1."""
        return float(((1 - self._best(stems)) * self._weights).max(initial=0.0))

    def _best(self, stems: frozenset[str]) -> npt.NDArray[np.float64]:
        columns = [self._columns[stem] for stem in stems if stem in self._columns]
        best: npt.NDArray[np.float64] = self._likeness[:, columns].max(1, initial=0.0)
        return best
