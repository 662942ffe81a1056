"""Whether a claim stands on its quotes. Nothing is shown as cited that did not pass here."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from importlib import resources
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from index.embedder import Embedder
from index.sentences import sentence_spans
from index.terms import Term, terms, words
from index.types import Document
from rag.reader.gate import Gate
from rag.reader.linear import LinearModel
from rag.retrieval.likeness import UNLIKE
from rag.types import Quote, Support
from rag.writer.facts import is_name, numbers, polarity, unfounded

FILE = "verify.json"
FEATURES = (
    "covered",
    "least_covered",
    "novel",
    "ordered",
    "near",
    "sentence_similarity",
    "similarity",
    "surrounded",
    "substituted",
    "missing_facts",
    "polarity",
    "personal",
    "length",
)
"""What is measured of a claim against its quotes; see `Verifier.describe`."""
SIGNS = (1, 1, -1, 1, 1, 1, 1, 1, -1, -1, -1, -1, 0)
"""Which way each feature may count: being more like the quotes never counts against a claim."""

PARTLY = 0.5
"""Share of the threshold's odds from which a claim that breaks no rule is called partly supported."""
_NOVEL = 0.45
"""Likeness up to which a word is one that the quotes do not have."""
_AROUND = 3
"""Content words on each side of a name or number in a claim that belong to it."""
_PERSONAL = re.compile(r"\b(?:I|i|me|my|we|our|you|your)\b|\?")
_WINDOW = 6
"""Content words within which two words of a claim must stand in a quote to stand together."""

Floats = npt.NDArray[np.float64]


def is_exact(quote: Quote, document: Document) -> bool:
    """Tell whether a quote is the document's own words at its own offsets."""
    return quote.document_id == document.id and document.text[quote.start : quote.end] == quote.text != ""


def support(claim: str, explanations: Sequence[str], quotes: Sequence[Quote]) -> Support:
    """Return how a claim stands to its quotes: ``verbatim`` if, our explanations aside, it is one of them.

    ``explanations`` are the bracketed additions that we made, such as ``[Zelensky]``; brackets of the document's own
    belong to the quote.
    """
    bare = claim
    for explanation in explanations:
        bare = bare.replace(f" {explanation}", "", 1)
    return "verbatim" if any(bare == quote.text for quote in quotes) else "unsupported"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a claim stands to its quotes.

    ``probability``, 0 to 1, is how likely it is that they say it; ``reasons`` are the rules it breaks.
    """

    support: Support
    probability: float
    reasons: tuple[str, ...] = ()


class Verifier:
    """Judges claims in words of their own. Thread-safe."""

    def __init__(self, embedder: Embedder, gate: Gate | None = None) -> None:
        self._embedder = embedder
        self._gate = gate or shipped_gate()
        self._vector = lru_cache(maxsize=512)(embedder.embed_query)

    def judge(self, claim: str, quotes: Sequence[str], question: str = "") -> Verdict:
        """Judge a claim against quotes, taken together. Without quotes, or words, nothing is supported."""
        if claim in quotes:
            return Verdict("verbatim", 1.0)
        if not quotes or not terms(claim):
            return Verdict("unsupported", 0.0, ("nothing to compare",))
        reasons = unfounded(claim, quotes, question)
        features = self.describe(claim, quotes, reasons)
        if features[FEATURES.index("polarity")]:
            reasons.append("polarity")
        probability = self._gate.confidence(features)
        if probability >= self._gate.threshold:
            return Verdict("partial" if reasons else "supported", probability, tuple(reasons))
        odds = probability / (1 - probability + 1e-12)
        line = self._gate.threshold / (1 - self._gate.threshold + 1e-12)
        return Verdict(
            "partial" if not reasons and odds >= PARTLY * line else "unsupported", probability, tuple(reasons)
        )

    def describe(self, claim: str, quotes: Sequence[str], reasons: Sequence[str]) -> Floats:
        """Return `FEATURES` of a claim.

        How far its content words are covered, as a mean and the least, by likeness to the quotes' words, and how many
        are novel; how many of its neighbouring words stand in the same order, and how many near each other, in one
        quote; cosines to the best sentence and to the best quote; how many of the words around a name or number stand
        around it in a quote, the least; how many names and numbers stand in the place of others; the rules broken; the
        words negated on one side only, in the best sentence; how often it speaks of itself or to the reader; the
        logarithm of the number of its content words.
        """
        sentences = [quote[span.start : span.end] for quote in quotes for span in sentence_spans(quote)] or list(quotes)
        vector = self._vector(claim)
        cosines = [float(self._vector(sentence) @ vector) for sentence in sentences]
        own = terms(claim)
        likeness = self._likeness(claim, own, [(quote, terms(quote)) for quote in quotes])
        best = likeness.max(1)
        stems = [term.stem for term in own]
        quoted = [[term.stem for term in terms(quote)] for quote in quotes]
        facts = {
            term.stem for term in own if is_name(claim[term.start : term.end]) or numbers(claim[term.start : term.end])
        }
        ordered, near = _together(stems, quoted)
        shared = [_shared(own, sentence) for sentence in sentences]
        closest = max(range(len(sentences)), key=lambda number: (shared[number], cosines[number]))
        return np.array(
            [
                best.mean(),
                best.min(),
                float((best < _NOVEL).sum()),
                ordered,
                near,
                max(cosines),
                max(float(self._vector(quote) @ vector) for quote in quotes),
                _surrounded(stems, facts, quoted),
                float(_substituted(claim, sentences[closest])),
                float(len(reasons)),
                float(polarity(claim, sentences[closest])),
                float(len(_PERSONAL.findall(claim)) - sum(len(_PERSONAL.findall(quote)) for quote in quotes)),
                np.log(len(own)),
            ]
        )

    def _likeness(self, claim: str, own: Sequence[Term], quoted: Sequence[tuple[str, Sequence[Term]]]) -> Floats:
        """Return how like each word of the claim is to each of the quotes, 0 to 1: ``(words, others)``."""
        others = {term.stem: quote[term.start : term.end].lower() for quote, found in quoted for term in found}
        if not others:
            return np.zeros((len(own), 1))
        spelled = [claim[term.start : term.end].lower() for term in own]
        vectors = self._embedder.word_vectors(spelled + list(others.values()))
        cosines = vectors[: len(own)] @ vectors[len(own) :].T
        likeness: Floats = np.clip((cosines.astype(np.float64) - UNLIKE) / (1 - UNLIKE), 0, 1)
        columns = {each: column for column, each in enumerate(others)}
        for row, term in enumerate(own):
            if term.stem in columns:
                likeness[row, columns[term.stem]] = 1.0
        return likeness


def _surrounded(own: list[str], facts: Container[str], quoted: Sequence[Sequence[str]]) -> float:
    """Return the share of the words around a fact of the claim that stand around it in a quote: that of the worst."""
    worst = 1.0
    for place, stem in enumerate(own):
        around = set(own[max(0, place - _AROUND) : place] + own[place + 1 : place + 1 + _AROUND]) - {stem}
        if stem in facts and around:
            found = [
                set(stems[max(0, n - _WINDOW) : n + 1 + _WINDOW])
                for stems in quoted
                for n, s in enumerate(stems)
                if s == stem
            ]
            worst = min(worst, max((len(around & each) / len(around) for each in found), default=0.0))
    return worst


def _substituted(claim: str, sentence: str) -> int:
    """Count the names and numbers of a claim that stand where the sentence has others of the kind."""
    ours = [word.group() for word in words(claim)]
    theirs = [word.group() for word in words(sentence)]
    matcher = SequenceMatcher(None, [word.lower() for word in ours], [word.lower() for word in theirs], autojunk=False)
    count = 0
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "replace":
            own = {(bool(numbers(word)), word.lower()) for word in ours[a:b] if is_name(word) or numbers(word)}
            other = {(bool(numbers(word)), word.lower()) for word in theirs[c:d] if is_name(word) or numbers(word)}
            count += len({is_number for is_number, _ in own - other} & {is_number for is_number, _ in other - own})
    return count


def _shared(own: Sequence[Term], sentence: str) -> int:
    return len({term.stem for term in own} & {term.stem for term in terms(sentence)})


def _together(own: Sequence[str], quoted: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Return the shares of neighbouring words that stand in order, and near each other, in one quote."""
    pairs = list(pairwise(own))
    if not pairs:
        return 1.0, 1.0
    places = [{stem: [n for n, each in enumerate(stems) if each == stem] for stem in set(own)} for stems in quoted]
    ordered = near = 0
    for left, right in pairs:
        gaps = [b - a for place in places for a in place[left] for b in place[right]]
        ordered += any(0 < gap <= _WINDOW for gap in gaps)
        near += any(abs(gap) <= _WINDOW for gap in gaps)
    return ordered / len(pairs), near / len(pairs)


@lru_cache(maxsize=1)
def shipped_gate() -> Gate:
    """Return what the package carries: the line between supported and not."""
    data = json.loads(resources.files("rag.writer").joinpath(FILE).read_text(encoding="utf-8"))
    return Gate(LinearModel.parse(data, FEATURES), float(data["threshold"]))
