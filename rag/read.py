"""The extractive reader: which sentences answer, at which strength.

Each sentence of the best passages is described by a handful of numbers (`FEATURES`) and scored by a linear model over
them. The parameters are data (``reader.json``), fitted by ``python -m evals.fit`` on questions with known answering
sentences.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from index.terms import stem, terms, words
from index.types import Span, Vector
from rag.question import Expects, Question
from rag.retrieve import Found
from rag.spans import DATE, MONEY, NUMBER, names, people, spans_of

FEATURES = (
    "sentence_similarity",  # cosine of question and sentence-in-context
    "passage_similarity",  # cosine of question and passage
    "passage_score",  # fused retrieval score, relative to the best passage's
    "coverage",  # share of the question's term weight found in the sentence
    "near_coverage",  # the same, with the sentences on either side, title and headings
    "passage_coverage",  # the same, over the whole passage with title and headings
    "names_covered",  # share of the question's names found in sentence, neighbours, title or headings
    "adjacency",  # share of neighbouring question terms that stand close together in the sentence
    "expected_span",  # a span of the expected kind that is not in the question: 1, else 0
    "prose",  # the question expects no particular kind of span
    "brevity",  # 1 for very short sentences, falling with length
    "opening",  # the sentence opens its document
)
WINDOW = 6
"""Words within which two neighbouring question terms count as standing close together."""

Features = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer: where it stands, how it scores, and the features behind the score.

    ``start`` and ``end`` are offsets in the document. A difference of scores between two candidates is the logarithm
    of the odds of one against the other.
    """

    found: Found
    ordinal: int
    start: int
    end: int
    text: str
    stems: frozenset[str]
    score: float
    features: Features

    @property
    def document_id(self) -> str:
        """The document it stands in."""
        return self.found.stored.passage.document_id

    @property
    def vector(self) -> Vector:
        """Its vector in context, of unit length."""
        vector: Vector = self.found.stored.sentence_vectors[self.ordinal]
        return vector


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A linear model over standardised features."""

    weights: Features
    bias: float
    mean: Features
    scale: Features

    def logits(self, features: Features) -> Features:
        """Return the score of each row of ``features``, shape ``(rows, columns)`` to ``(rows,)``."""
        scores: Features = ((features - self.mean) / self.scale) @ self.weights + self.bias
        return scores


@lru_cache(maxsize=1)
def reader_model() -> LinearModel:
    """Return the fitted reader that the package carries."""
    return load_model("reader.json", FEATURES)


def load_model(file: str, names: Sequence[str]) -> LinearModel:
    """Read a model's parameters from the package; they must be for these features in this order."""
    data = json.loads(resources.files("rag").joinpath(file).read_text(encoding="utf-8"))
    if data["features"] != list(names):
        raise ValueError(f"{file} was fitted on other features; fit it again")
    return LinearModel(np.array(data["weights"]), float(data["bias"]), np.array(data["mean"]), np.array(data["scale"]))


def read(
    question: Question, query: Vector, passages: Sequence[Found], model: LinearModel | None = None
) -> list[Candidate]:
    """Score every sentence of the passages and return them, best first; ties by retrieval order."""
    described = [row for found in passages for row in _describe(question, query, found, passages[0].score)]
    if not described:
        return []
    scores = (model or reader_model()).logits(np.array([features for *_, features in described]))
    candidates = [
        Candidate(found, ordinal, span.start, span.end, text, stems, float(score), features)
        for (found, ordinal, span, text, stems, features), score in zip(described, scores, strict=True)
    ]
    return sorted(candidates, key=lambda candidate: -candidate.score)


_Described = tuple[Found, int, Span, str, frozenset[str], Features]


def _describe(question: Question, query: Vector, found: Found, best: float) -> list[_Described]:
    stored = found.stored
    passage = stored.passage
    texts = [passage.text[span.start - passage.start : span.end - passage.start] for span in passage.sentences]
    stems = [[term.stem for term in terms(text)] for text in texts]
    sets = [frozenset(row) for row in stems]
    context = frozenset(term.stem for term in terms(passage.context))
    everything = context.union(*sets)
    similarities = stored.sentence_vectors @ query
    rows: list[_Described] = []
    for position, (span, text) in enumerate(zip(passage.sentences, texts, strict=True)):
        own = sets[position]
        near = context.union(*sets[max(0, position - 1) : position + 2])
        features = np.array(
            [
                similarities[position],
                found.dense,
                found.score - best,
                covered(question, own),
                covered(question, near),
                covered(question, everything),
                _share(question.names, near),
                _adjacency(question, stems[position]),
                float(holds_expected(question, text)),
                float(question.expects is Expects.PROSE),
                1 / (1 + len(stems[position])),
                float(passage.ordinal == 0 and position == 0),
            ]
        )
        rows.append((found, position, span, text, own, features))
    return rows


def covered(question: Question, stems: frozenset[str]) -> float:
    """Return the share of the question's term weight that these stems hold, 0 to 1."""
    total = question.weight
    return sum(weight for stem_, weight in question.terms.items() if stem_ in stems) / total if total else 0.0


def _share(wanted: frozenset[str], stems: frozenset[str]) -> float:
    return len(wanted & stems) / len(wanted) if wanted else 1.0


def _adjacency(question: Question, stems: Sequence[str]) -> float:
    wanted = list(question.terms)
    pairs = list(pairwise(wanted))
    if not pairs:
        return 0.0
    places: dict[str, list[int]] = {}
    for place, stem_ in enumerate(stems):
        places.setdefault(stem_, []).append(place)
    close = sum(
        any(abs(i - j) <= WINDOW for i in places.get(left, ()) for j in places.get(right, ())) for left, right in pairs
    )
    return close / len(pairs)


def holds_expected(question: Question, text: str) -> bool:
    """Tell whether a sentence holds a span of the expected kind beyond what the question already says."""
    return bool(expected_spans(question, text))


def expected_spans(question: Question, text: str) -> list[Span]:
    """Return the spans of a sentence that are of the expected kind and not in the question, in order."""
    asked = {stem(word.group()) for word in words(question.text)}

    def new(span: Span) -> bool:
        return any(stem(word.group()) not in asked for word in words(text[span.start : span.end]))

    match question.expects:
        case Expects.PERSON:
            spans = people(text)
        case Expects.NAME | Expects.PLACE:
            spans = names(text)
        case Expects.DATE:
            spans = spans_of(DATE, text)
        case Expects.MONEY:
            spans = spans_of(MONEY, text) or spans_of(NUMBER, text)
        case Expects.NUMBER:
            spans = spans_of(NUMBER, text)
        case Expects.PROSE:
            spans = []
    return [span for span in spans if new(span)]
