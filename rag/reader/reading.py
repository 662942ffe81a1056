"""A stand-alone question to what was found and read for it: retrieval first, then the two readings and the gate.

The two stages are apart so that what was found can be shown before any of it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from index.corpus import Corpus
from index.filters import Filter, joined, parse_filter
from index.types import Vector
from rag.query.question import VALUES, Question, analyse, timed
from rag.query.rewrite import Background, parts, searchable
from rag.query.when import Asked, Period, tells_of, when
from rag.reader import abstain
from rag.reader.cross_encoder import CrossEncoder
from rag.reader.evidence import evidence, without_orders
from rag.reader.gate import load_gate
from rag.reader.linear import Features
from rag.reader.ranges import in_range, settled
from rag.reader.read import Candidate, read
from rag.reader.rerank import rerank
from rag.retrieval.distinct import Found
from rag.retrieval.likeness import Likeness
from rag.retrieval.retrieve import NONE, QueryVectors, inverse_frequencies, retrieve, vector_of
from rag.settings import Settings
from rag.tracing import Steps

SHOWN_HITS = 10
"""Passages listed with an answer."""

RIVALS = 2
"""Passages of other documents that are read again where these may give another number or date."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found for one stand-alone question: its vector of unit length, and the passages, best first.

    ``within`` is what was published at the time that the question names, where it names one; of what was found for a
    single ``day``, only what tells of that day is read.
    """

    text: str
    query: Vector
    question: Question
    found: tuple[Found, ...]
    within: Retrieved | None = None
    day: date | None = None

    @property
    def shown(self) -> tuple[Found, ...]:
        """All that was found, of the time that is asked about first."""
        return (*self.within.found, *self.found) if self.within else self.found


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found for one stand-alone question. ``features`` are `gate.FEATURES`, ``None`` if nothing was."""

    question: Question
    found: tuple[Found, ...]
    candidates: tuple[Candidate, ...]
    features: Features | None
    confidence: float


class Reader:
    """Finds and reads. Thread-safe."""

    def __init__(self, corpus: Corpus, cross_encoder: CrossEncoder, settings: Settings) -> None:
        """Join the parts.

        Raises:
            InputError: the calibration is not for this version, or has not what ``max_false_answers`` needs.
        """
        self._corpus = corpus
        self._cross_encoder = cross_encoder
        self._settings = settings
        self._gate = load_gate(settings.home)
        self.threshold = self._gate.threshold_under(settings)
        """Confidence below which the documents are said not to answer."""

    def retrieve(
        self,
        question: str,
        where: Filter | None,
        before: Background | None,
        today: date | None,
        steps: Steps,
        vectors: QueryVectors = NONE,
    ) -> list[Retrieved]:
        """Retrieve for each part of a question that stands alone, asked on the day ``today`` (default: this one)."""
        return [self._at_its_time(asked, where, before, steps, vectors) for asked in _asked(question, today)]

    def texts(self, question: str, before: Background | None, today: date | None) -> list[str]:
        """Return the texts that `retrieve` will embed for a question that stands alone."""
        texts = [before.text] if before else []
        for asked in _asked(question, today):
            texts += [asked.text] if _time_of(asked) is None else [asked.then, asked.text]
        return texts

    def _at_its_time(
        self, asked: Asked, where: Filter | None, before: Background | None, steps: Steps, vectors: QueryVectors
    ) -> Retrieved:
        """Retrieve for a question as it stands and, where it names a time, also among what was published then."""
        within = None
        period = _time_of(asked)
        if period is not None:
            then = joined(where, parse_filter(period.told.condition))
            within = replace(self._retrieve(asked.then, asked, then, before, None, steps, vectors), day=period.day)
        return self._retrieve(asked.text, asked, where, before, within, steps, vectors)

    def _retrieve(
        self,
        text: str,
        asked: Asked,
        where: Filter | None,
        before: Background | None,
        within: Retrieved | None,
        steps: Steps,
        vectors: QueryVectors,
    ) -> Retrieved:
        query = vector_of(text, vectors, self._corpus.embedder)
        steps.lap("embed")
        frequencies = inverse_frequencies(self._corpus, text)
        found = retrieve(
            self._corpus,
            text,
            query,
            frequencies,
            candidates=self._settings.candidates,
            limit=max(SHOWN_HITS, self._settings.read_passages),
            background=before,
            dense_weight=self._settings.dense_weight,
            where=where,
            vectors=vectors,
        )
        analysed = timed(analyse(text, frequencies), asked)
        steps.lap("retrieve", passages=len(found))
        return Retrieved(text, query, analysed, tuple(found), within)

    def read(self, retrieved: Retrieved, said: str, steps: Steps) -> Reading:
        """Read what was found for a question, and judge whether it answers; what was ``said`` before is left out."""
        if retrieved.within is not None:
            reading = self.read(retrieved.within, said, steps)
            if reading.confidence >= self.threshold:
                return reading
        passages = self.passages(retrieved.found)
        question = settled(retrieved.question, passages)
        likeness = Likeness(question, passages, self._corpus.embedder)
        candidates = in_range(question, evidence(question, read(question, retrieved.query, passages, likeness), said))
        if retrieved.day:
            candidates = [each for each in candidates if _tells_of(each, retrieved.day)]
        steps.lap("read", passages=len(passages), sentences=len(candidates))
        rivals = RIVALS if question.expects in VALUES else 0
        candidates = rerank(retrieved.text, candidates, self._cross_encoder, self._settings.reread_passages, rivals)
        steps.lap("rerank", passages=len({each.found.stored.passage.id for each in candidates if each.log_odds}))
        features = abstain.describe(candidates, likeness) if candidates else None
        confidence = 0.0 if features is None else self._gate.confidence(features)
        steps.lap("abstain", confidence=confidence, threshold=self.threshold)
        return Reading(question, retrieved.found, tuple(candidates), features, confidence)

    def passages(self, found: Sequence[Found]) -> list[Found]:
        """Return those of the passages found that are read."""
        return [without_orders(each) for each in found[: self._settings.read_passages]]


def _asked(question: str, today: date | None) -> list[Asked]:
    on = today or date.today()  # the day where this machine is
    return [when(searchable(part), on) for part in parts(question)]


def _tells_of(candidate: Candidate, day: date) -> bool:
    """Tell whether a sentence, or the one before it, tells of a day; in a paper of that day all do."""
    if candidate.published == day.isoformat() or len(candidate.published) < len(day.isoformat()):
        return candidate.published == day.isoformat()
    passage = candidate.found.stored.passage
    span = passage.sentences[max(0, candidate.ordinal - 1)]
    text = passage.text[span.start - passage.start : candidate.end - passage.start]
    return tells_of(text, date.fromisoformat(candidate.published), day)


def _time_of(asked: Asked) -> Period | None:
    """Return the time that a question is read once more for."""
    return asked.period if asked.period is not None and asked.period.fine else None
