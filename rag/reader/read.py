"""The extractive reader: which sentences answer, at which strength.

Each sentence of the best passages is described by a handful of numbers (`FEATURES`) and scored by a linear model over
them. The parameters are data (``reader.json``), fitted by ``python -m evals.fit`` on questions with known answering
sentences.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from index.terms import content_stems, stem, words
from index.types import Passage, Span, Vector
from rag.query.question import Expects, Question
from rag.reader.dates import DATE
from rag.reader.linear import Features, LinearModel
from rag.reader.spans import (
    FIGURE,
    LASTING,
    MONEY,
    NUMBER,
    capitalised,
    has_speech,
    names,
    people,
    placed,
    roles,
    spans_of,
)
from rag.retrieval.distinct import Found
from rag.retrieval.likeness import Likeness

FEATURES = (
    "sentence_similarity",  # cosine of question and sentence-in-context
    "passage_similarity",  # cosine of question and passage
    "passage_score",  # fused retrieval score, less the best passage's
    "passage_coverage",  # share of the question's term weight found in the passage with title, headings and date
    "soft_coverage",  # share that the sentence has or comes near to: each term by its likest word
    "soft_near",  # the same with title, headings, date and, in prose, the sentences on either side
    "names_covered",  # share of the question's names found there
    "years_covered",  # share of the question's years found there
    "phrases",  # share of the question's quoted phrases that the sentence holds
    "expected_span",  # a span of the expected kind that is not in the question: 1, else 0
    "speech",  # the question asks for somebody's words and the sentence has quoted speech
    "brevity",  # 1 for very short sentences, falling with length
    "whole",  # it ends like a sentence or is an item or a row (a heading or a lead-in is none of these)
)
SAME_THING = 0.7
"""Cosine from which two sentences speak of the same thing."""
ROW_MARKS = (": ", " | ")
CELLS = "; "
"""Stands between the cells of a row."""
QUESTION_ENDS = ("?", "？", "؟")
SENTENCE_ENDS = (".", "!", *QUESTION_ENDS, "…", "。", "！")

_STARTS = re.compile(
    r"\b(?:from|since|as of|after|(?:start|begin|began|open|enter)\w*(?: on| into force on)?):? (?:the )?$", re.I
)
_ENDS = re.compile(
    r"\b(?:until|till|through|to|by|before|(?:end|expire|lapse|finish|clos)\w*(?: on)?):? (?:the )?$", re.I
)
_UNTIL = re.compile(r"\s*(?:to|until|till|through|–)\s", re.I)
_HEADER = re.compile(r"(?:^|; )(?P<name>[^:;]{1,80}):(?= )")
_HOW_LONG = re.compile(r"\bhow long\b|\bwie lange\b|\bcuánto tiempo\b|\bcombien de temps\b", re.I)
_PUBLISHED = re.compile(r"(?:(?<=· )|^)\d{4}(?:-\d\d){0,2}$")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer: where it stands, how it scores, and the features behind the score.

    ``start`` and ``end`` are offsets in the document. A difference of scores between two candidates is the logarithm
    of the odds of one against the other. ``log_odds`` is what the cross-encoder says, 0 if it did not read it.
    """

    found: Found
    ordinal: int
    start: int
    end: int
    text: str
    stems: frozenset[str]
    score: float
    features: Features
    log_odds: float = 0.0

    @property
    def document_id(self) -> str:
        """The document it stands in."""
        return self.found.stored.passage.document_id

    @property
    def published(self) -> str:
        """When its document was published, in ISO 8601, as its passage has it; empty if it has no date."""
        found = _PUBLISHED.search(self.found.stored.passage.context)
        return found.group() if found else ""

    @property
    def vector(self) -> Vector:
        """Its vector in context, of unit length."""
        vector: Vector = self.found.stored.sentence_vectors[self.ordinal]
        return vector

    def is_like(self, other: Candidate) -> bool:
        """Tell whether the two speak of the same thing."""
        return float(self.vector @ other.vector) >= SAME_THING


@lru_cache(maxsize=1)
def reader_model() -> LinearModel:
    """Return the fitted reader that the package carries."""
    text = resources.files("rag.reader").joinpath("reader.json").read_text(encoding="utf-8")
    return LinearModel.parse(json.loads(text), FEATURES)


def read(
    question: Question,
    query: Vector,
    passages: Sequence[Found],
    likeness: Likeness,
    model: LinearModel | None = None,
) -> list[Candidate]:
    """Score every sentence of the passages and return them, best first; ties by retrieval order.

    A question in running text answers none, however like the one asked it is; in a list it may be what is listed.
    """
    described = _describe(question, query, passages, likeness)
    if not described:
        return []
    scores = (model or reader_model()).logits(np.array([features for *_, features in described]))
    candidates = [
        Candidate(found, ordinal, span.start, span.end, text, stems, float(score), features)
        for (found, ordinal, span, text, stems, features), score in zip(described, scores, strict=True)
    ]
    return sorted(candidates, key=lambda candidate: -round(candidate.score, 6))


_Described = tuple[Found, int, Span, str, frozenset[str], Features]


def _describe(question: Question, query: Vector, passages: Sequence[Found], likeness: Likeness) -> list[_Described]:
    known = known_names(passages)
    rows: list[_Described] = []
    for found in passages:
        passage = found.stored.passage
        texts = [passage.text[span.start - passage.start : span.end - passage.start] for span in passage.sentences]
        bags = [content_stems(text) for text in texts]
        sets = [frozenset(bag) for bag in bags]
        context = frozenset(content_stems(passage.context))
        everything = context.union(*sets)
        similarities = found.stored.sentence_vectors @ query
        for position, (span, text) in enumerate(zip(passage.sentences, texts, strict=True)):
            if text.endswith(QUESTION_ENDS) and not _is_line(passage, position):
                continue
            own = sets[position]
            near = context.union(*(sets[neighbour] for neighbour in _neighbours(passage, position)))
            features = [
                similarities[position],
                found.dense,
                found.score - passages[0].score,
                covered(question, everything),
                likeness.covered(own),
                likeness.covered(near),
                _share(question.names, near),
                _share(question.years, near),
                _share(question.phrases, [phrase for phrase in question.phrases if phrase in text.lower()]),
                float(bool(expected_spans(question, text, known))),
                float(question.wants_speech and has_speech(text)),
                1 / (1 + len(bags[position])),
                float(_is_whole(text) or _is_line(passage, position)),
            ]
            rows.append((found, position, span, text, own, np.array(features)))
    return rows


def covered(question: Question, stems: frozenset[str]) -> float:
    """Return the share of the question's term weight that these stems hold, 0 to 1."""
    total = question.weight
    return sum(weight for stem_, weight in question.terms.items() if stem_ in stems) / total if total else 0.0


def _is_whole(text: str) -> bool:
    return text.rstrip("\"'”’»)]").endswith(SENTENCE_ENDS) or any(mark in text for mark in ROW_MARKS)


def _is_line(passage: Passage, position: int) -> bool:
    """Tell whether a sentence is an item of a list or a row of a table: another one stands right above or below."""
    return any(_gap(passage, *sorted((position, other))) == "\n" for other in _beside(passage, position))


def _neighbours(passage: Passage, position: int) -> list[int]:
    """Return a sentence and those beside it; the items of a list and the rows of a table stand for themselves."""
    prose = [other for other in _beside(passage, position) if _gap(passage, *sorted((position, other))) != "\n"]
    return [position, *prose]


def _beside(passage: Passage, position: int) -> list[int]:
    return [other for other in (position - 1, position + 1) if 0 <= other < len(passage.sentences)]


def _gap(passage: Passage, first: int, second: int) -> str:
    return passage.text[passage.sentences[first].end - passage.start : passage.sentences[second].start - passage.start]


def _share(wanted: Collection[str], found: Collection[str]) -> float:
    return sum(each in found for each in wanted) / len(wanted) if wanted else 1.0


def known_names(passages: Sequence[Found]) -> frozenset[str]:
    """Return the words that some passage capitalises inside a sentence."""
    return frozenset(word for found in passages for word in capitalised(found.stored.passage.text))


@lru_cache(maxsize=64)
def _asked_stems(question: str) -> frozenset[str]:
    """Return the stems of a question's words, which are wanted for every sentence that is read for it."""
    return frozenset(stem(word.group()) for word in words(question))


def expected_spans(question: Question, text: str, known: frozenset[str]) -> list[Span]:
    """Return the spans of a sentence that are of the expected kind and not in the question, in order.

    ``known`` are words of names, see `known_names`.
    """
    asked = _asked_stems(question.text)

    def new(span: Span) -> bool:
        return any(stem(word.group()) not in asked for word in words(text[span.start : span.end]))

    match question.expects:
        case Expects.PERSON:
            spans = [span for span in people(text, known) if not placed(text, span)]
        case Expects.ROLE:
            spans = roles(question.person or "", text)
        case Expects.NAME | Expects.PLACE:
            spans = names(text, known)
        case Expects.DATE:
            spans = [span for span in spans_of(DATE, text) if not _is_other_end(question, text, span)]
        case Expects.MONEY:
            spans = spans_of(MONEY, text) or spans_of(FIGURE, text)
        case Expects.NUMBER:
            spans = (spans_of(LASTING, text) if _HOW_LONG.search(question.text) else []) or _numbers(text)
        case Expects.PROSE:
            spans = []
    headers = _headers(text)
    return [span for span in spans if new(span) and not any(_overlap(span, header) for header in headers)]


def _numbers(text: str) -> list[Span]:
    """Return the numbers of a sentence that are no dates nor parts of one."""
    dates = spans_of(DATE, text)
    return [span for span in spans_of(NUMBER, text) if not any(_overlap(span, date) for date in dates)]


def _headers(text: str) -> list[Span]:
    """Return where a row of a table has the names of its columns."""
    return [Span(*found.span("name")) for found in _HEADER.finditer(text)] if CELLS in text else []


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _is_other_end(question: Question, text: str, span: Span) -> bool:
    """Tell whether a date begins a period whose end is asked for, or ends one whose beginning is."""
    before = text[: span.start]
    match question.bound:
        case "end":
            return bool(_STARTS.search(before) or _UNTIL.match(text, span.end))
        case "start":
            return bool(_ENDS.search(before))
        case None:
            return False
