"""A question in, a checked answer out. The order of the steps is the order of the lines."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from types import TracebackType

from index.corpus import Corpus
from index.errors import InputError, ModelFailed
from index.filters import Filter
from index.store.opening import open_store
from rag import abstain, prompts
from rag.claims import Picked, quoted, source_of
from rag.copies import Copies
from rag.cross_encoder import BASE, TRAINED, CrossEncoder
from rag.likeness import Likeness
from rag.llm import open_llm
from rag.models import locate
from rag.prose import prose, spoken, written
from rag.question import Question, analyse
from rag.read import Candidate, Features, known_names, read
from rag.rerank import rerank
from rag.retrieve import Found, inverse_frequencies, retrieve
from rag.rewrite import Background, background, parts, searchable, standalone
from rag.select import Selection, select
from rag.settings import Settings
from rag.types import Answer, Claim, Done, Event, Evidence, Source, Status, Turn
from rag.verify import Verifier
from rag.write import Writer

SHOWN_HITS = 10
"""Passages listed with an answer."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found for one stand-alone question. ``features`` are `abstain.FEATURES`, ``None`` if nothing was."""

    question: Question
    found: tuple[Found, ...]
    candidates: tuple[Candidate, ...]
    features: Features | None
    confidence: float


class Pipeline(AbstractContextManager["Pipeline"]):
    """Answers questions over a corpus. Thread-safe."""

    def __init__(
        self, corpus: Corpus, cross_encoder: CrossEncoder, settings: Settings, writer: Writer | None = None
    ) -> None:
        """Join the parts; without a ``writer``, answers are the quotes themselves."""
        self.corpus = corpus
        self.settings = settings
        self._cross_encoder = cross_encoder
        self._writer = writer
        self._gate = abstain.load_gate(settings.home)

    @property
    def threshold(self) -> float:
        """Confidence below which the documents are said not to answer."""
        return self._gate.threshold if self.settings.threshold is None else self.settings.threshold

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the corpus."""
        self.corpus.__exit__(kind, error, trace)

    def warm_up(self) -> None:
        """Load what the first question would otherwise wait for."""
        self.corpus.embedder.embed_query("warm up")
        self._cross_encoder.warm_up()
        self.corpus.store.count()
        try:
            if self._writer is not None:
                self._writer.warm_up()
        except ModelFailed as error:
            _log.warning("%s Until it does, answers are quoted without it.", error)

    def ask(self, question: str, history: Sequence[Turn] = (), filter: Filter | None = None) -> Answer:  # noqa: A002
        """Answer a question.

        Raises:
            InputError: the question is empty or too long.
        """
        for event in self.stream(question, history, filter):
            if isinstance(event, Done):
                return event.answer
        raise AssertionError("a stream ends with Done")

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filter: Filter | None = None,  # noqa: A002
    ) -> Iterator[Event]:
        """Answer a question as a stream: the evidence, the text in pieces, the checked answer.

        Raises:
            InputError: the question is empty or too long.
        """
        clock = _Clock()
        question = self._checked(question)
        whole = standalone(question, history)
        if whole is None:
            text = prompts.CLARIFY if any(map(str.isalnum, question)) else prompts.NO_WORDS
            yield from spoken(_plain(question, question, "clarify", text, 0.0, (), clock))
            return
        document_of = cache(self.corpus.store.document)
        with self.corpus.store.reading():  # one state of the index, whatever others change meanwhile
            readings = self.readings(whole, filter, background(question, history), clock)
            found = _interleaved([reading.found for reading in readings])
            copies = Copies(self.corpus.store, found, document_of)
        hits = tuple(source for each in found[:SHOWN_HITS] if (source := source_of(each, document_of, copies)))
        answered = [reading for reading in readings if reading.candidates and reading.confidence >= self.threshold]
        best = max(reading.confidence for reading in readings)
        chosen = [(reading, self._select(reading)) for reading in answered]
        claims = copies.of_claims(quoted(_picked(chosen), document_of))
        further = [*chosen, *self._further(chosen)] if self._writer else []
        offered = copies.of_claims(quoted(_picked(further), document_of)) if further else claims
        yield Evidence(hits, tuple(quote for claim in offered for quote in claim.quotes))
        if not claims:
            text = prompts.NOT_FOUND_NEAR if hits else prompts.NOT_FOUND
            text = text if self.corpus.store.count() else prompts.EMPTY_INDEX
            yield from spoken(_plain(question, whole, "not_found", text, best, hits, clock))
            return
        clock.lap("write")
        short = next((selection.short for _, selection in chosen if selection.short), None)
        answer = Answer(
            question=question,
            standalone_question=whole,
            status="answered",
            confidence=min(reading.confidence for reading in answered),
            short_answer=short,
            text=prose(short, claims),
            claims=claims,
            hits=hits,
            model="extractive",
            timings_ms=clock.total(),
        )
        yield from self._told(answer, offered, clock)

    def _told(self, answer: Answer, offered: Sequence[Claim], clock: _Clock) -> Iterator[Event]:
        if self._writer is None:
            return spoken(answer)

        def timings() -> dict[str, float]:
            clock.lap("write")
            return clock.total()

        return written(self._writer, answer, offered, timings)

    def _further(self, chosen: Sequence[tuple[Reading, Selection]]) -> Iterator[tuple[Reading, Selection]]:
        """Yield what else the language model may see: the next best sentences of each part of the question."""
        left = self.settings.llm_quotes - sum(len(selection.candidates) for _, selection in chosen)
        for reading, selection in chosen:
            rest = [candidate for candidate in reading.candidates if candidate not in selection.candidates]
            yield reading, Selection(tuple(rest[: max(0, left // len(chosen))]), None)

    def readings(
        self,
        question: str,
        where: Filter | None = None,
        before: Background | None = None,
        clock: _Clock | None = None,
    ) -> list[Reading]:
        """Retrieve and read for each part of a question that stands alone, without deciding anything."""
        clock = clock or _Clock()
        return [self._reading(searchable(part), where, before, clock) for part in parts(question)]

    def _reading(self, question: str, where: Filter | None, before: Background | None, clock: _Clock) -> Reading:
        query = self.corpus.embedder.embed_query(question)
        clock.lap("embed")
        frequencies = inverse_frequencies(self.corpus, question)
        found = retrieve(
            self.corpus,
            question,
            query,
            frequencies,
            candidates=self.settings.candidates,
            limit=max(SHOWN_HITS, self.settings.read_passages),
            background=before,
            dense_weight=self.settings.dense_weight,
            where=where,
        )
        analysed = analyse(question, frequencies)
        clock.lap("retrieve")
        passages = found[: self.settings.read_passages]
        likeness = Likeness(analysed, passages, self.corpus.embedder)
        candidates = read(analysed, query, passages, likeness)
        clock.lap("read")
        candidates = rerank(question, candidates, self._cross_encoder, self.settings.reread_passages)
        features = abstain.describe(analysed, candidates, found, likeness) if candidates else None
        confidence = 0.0 if features is None else self._gate.confidence(features)
        clock.lap("rerank")
        return Reading(analysed, tuple(found), tuple(candidates), features, confidence)

    def _checked(self, question: str) -> str:
        question = " ".join(question.split())
        if not question:
            raise InputError("The question is empty.", "Ask something.")
        limit = self.settings.max_question_length
        if len(question) > limit:
            raise InputError(
                f"The question has {len(question):,} characters; at most {limit:,} are read.", "Ask a shorter one."
            )
        return question

    def _select(self, reading: Reading) -> Selection:
        known = known_names(reading.found[: self.settings.read_passages])
        return select(reading.question, reading.candidates, known, self.settings.max_claims)


def open_pipeline(settings: Settings) -> Pipeline:
    """Load the embedder, open the index of the settings (or make it), and return what answers questions.

    Raises:
        ModelMissing: the embedder or the language model is not on this machine.
        IndexDamaged: the index cannot be used.
        InputError: the home folder cannot be written, or the database does not do.
        StoreUnavailable: the database is not there.
    """
    from index.embedder import SentenceTransformerEmbedder

    folder = locate(settings.embedder)
    embedder = SentenceTransformerEmbedder(folder)
    store = open_store(
        *(settings.home, settings.store.get_secret_value(), settings.store_schema),
        *(embedder.fingerprint, embedder.dimension, settings.store_connections),
    )
    base = folder if settings.embedder == BASE else locate(BASE)  # its hash is checked once
    cross_encoder = CrossEncoder(base, locate(TRAINED))
    llm = open_llm(settings)
    writer = Writer(llm, Verifier(embedder), settings.llm_context) if llm else None
    return Pipeline(Corpus(store, embedder, settings.passage_tokens), cross_encoder, settings, writer)


def _picked(chosen: Iterable[tuple[Reading, Selection]]) -> Iterator[Picked]:
    for reading, selection in chosen:
        for candidate in selection.candidates:
            yield Picked(candidate, lists=reading.question.plural)


def _interleaved(lists: Sequence[Sequence[Found]]) -> list[Found]:
    """Merge rankings turn by turn, each passage once."""
    merged: dict[str, Found] = {}
    for rank in range(max(map(len, lists), default=0)):
        for ranking in lists:
            if rank < len(ranking):
                merged.setdefault(ranking[rank].stored.passage.id, ranking[rank])
    return list(merged.values())


def _plain(
    question: str, whole: str, status: Status, text: str, confidence: float, hits: tuple[Source, ...], clock: _Clock
) -> Answer:
    return Answer(question, whole, status, confidence, None, text, (), hits, "extractive", clock.total())


class _Clock:
    """Milliseconds of each step."""

    def __init__(self) -> None:
        self._begun = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self._laps[step] = self._laps.get(step, 0.0) + (now - self._last) * 1000
        self._last = now

    def total(self) -> dict[str, float]:
        laps = {**self._laps, "total": (time.perf_counter() - self._begun) * 1000}
        return {step: round(milliseconds, 2) for step, milliseconds in laps.items()}
