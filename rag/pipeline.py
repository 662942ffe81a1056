"""A question in, a checked answer out. The order of the steps is the order of the lines."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import date
from types import TracebackType
from typing import TYPE_CHECKING

from opentelemetry import trace

from index.corpus import Corpus
from index.errors import InputError, ModelFailed
from index.filters import Filter, joined
from rag.answer.claims import Picked, quoted, source_of
from rag.answer.prose import spoken, with_prose, written
from rag.answer.remarks import remarks
from rag.answer.said import said
from rag.answer.select import Selection, select
from rag.models import locate
from rag.opening import open_corpus
from rag.query.courtesy import is_civility
from rag.query.language import language_of
from rag.query.rewrite import Background, already_said, background, parts, standalone
from rag.reader.cross_encoder import BASE, TRAINED, CrossEncoder
from rag.reader.read import known_names
from rag.reader.reading import SHOWN_HITS, Reader, Reading
from rag.retrieval.copies import Copies
from rag.retrieval.distinct import Found
from rag.retrieval.proved import Proved
from rag.retrieval.retrieve import NONE, QueryVectors
from rag.settings import Settings
from rag.tracing import NAME, Steps, open_tracing
from rag.types import Answer, Done, Event, Evidence, Quoted, Remark, Source, Status, Turn
from rag.writer.llm import open_llm
from rag.writer.verify import Verifier
from rag.writer.write import Writer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_log = logging.getLogger(__name__)


class Pipeline(AbstractContextManager["Pipeline"]):
    """Answers questions over a corpus. Thread-safe."""

    def __init__(
        self,
        corpus: Corpus,
        cross_encoder: CrossEncoder,
        settings: Settings,
        writer: Writer | None = None,
        tracing: TracerProvider | None = None,
    ) -> None:
        """Join the parts; without a ``writer``, answers are the quotes themselves.

        ``tracing`` takes the spans of each question; without it, what the process has set up for OpenTelemetry does.

        Raises:
            InputError: the calibration is not for this version, or has not what ``max_false_answers`` needs.
        """
        self.corpus = corpus
        self.settings = settings
        self._cross_encoder = cross_encoder
        self._writer = writer
        self._reader = Reader(corpus, cross_encoder, settings)
        self._tracing = tracing
        self._tracer = trace.get_tracer(NAME, tracer_provider=tracing)

    @property
    def threshold(self) -> float:
        """Confidence below which the documents are said not to answer."""
        return self._reader.threshold

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the corpus, and send the last spans."""
        self.corpus.__exit__(kind, error, traceback)
        if self._tracing is not None:
            self._tracing.shutdown()

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

    def ahead(self, questions: Sequence[tuple[str, Sequence[Turn]]]) -> list[QueryVectors]:
        """Embed what questions, each with its history, will be sought by: all together, which is quicker.

        Give each result to `stream` with its question. What cannot be asked gets nothing, and fails there.
        """
        wanted = [self._texts(" ".join(question.split()), history) for question, history in questions]
        texts = list(dict.fromkeys(text for each in wanted for text in each))
        vectors = dict(zip(texts, self.corpus.embedder.embed_queries(texts), strict=True))
        return [{text: vectors[text] for text in each} for each in wanted]

    def _texts(self, question: str, history: Sequence[Turn]) -> list[str]:
        if not 0 < len(question) <= self.settings.max_question_length:
            return []
        whole = standalone(question, history)
        return [] if whole is None else self._reader.texts(whole, background(question, history), None)

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filter: Filter | None = None,  # noqa: A002
        today: date | None = None,
    ) -> Answer:
        """Answer a question, asked on the day ``today`` (this machine's, unless it is given).

        Raises:
            InputError: the question is empty or too long.
        """
        for event in self.stream(question, history, filter, today):
            if isinstance(event, Done):
                return event.answer
        raise AssertionError("a stream ends with Done")

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filter: Filter | None = None,  # noqa: A002
        today: date | None = None,
        vectors: QueryVectors = NONE,
    ) -> Iterator[Event]:
        """Answer a question as a stream: the evidence, the quotes, the text in pieces, the checked answer.

        Each event may be asked for in another thread. The evidence is there before anything is read. ``vectors`` are
        what `ahead` gave for the question.

        Raises:
            InputError: the question is empty or too long.
        """
        steps = Steps(self._tracer)
        if self.settings.log_questions:
            steps.describe(question=question)
        with steps, closing(self._stream(question, history, filter, today, vectors, steps)) as events:
            for event in events:
                if isinstance(event, Done):
                    steps.answered(event.answer)
                yield event

    def _stream(
        self,
        question: str,
        history: Sequence[Turn],
        where: Filter | None,
        today: date | None,
        vectors: QueryVectors,
        steps: Steps,
    ) -> Generator[Event, None, None]:
        question = self._checked(question)
        whole = standalone(question, history)
        language = language_of(question, whole or "")
        if whole is None:
            key = _key_of_nothing(question)
            yield from spoken(_plain(question, question, "clarify", said(key, language), 0.0, (), steps))
            return
        before = background(question, history)
        steps.lap("rewrite", turns=len(history), parts=len(parts(whole)))
        document_of = Proved(self.corpus.store)
        with self.corpus.store.reading():  # one state of the index, whatever others change meanwhile
            sound = where
            while True:  # until none of what is found was altered
                retrieved = self._reader.retrieve(whole, sound, before, today, steps, vectors)
                found = _interleaved([each.shown for each in retrieved])
                if (others := document_of.without_altered(found)) is None:
                    break
                sound = joined(sound, others)
            copies = Copies(self.corpus.store, found, document_of, sound)
        hits = tuple(source for each in found[:SHOWN_HITS] if (source := source_of(each, document_of, copies)))
        yield Evidence(hits)
        steps.go_on()
        repeated = already_said(question, history)
        readings = [self._reader.read(each, repeated, steps) for each in retrieved]
        answered = [reading for reading in readings if reading.candidates and reading.confidence >= self.threshold]
        best = max(reading.confidence for reading in readings)
        chosen = [(reading, self._select(reading)) for reading in answered]
        claims = copies.of_claims(quoted(_picked(chosen), document_of))
        further = [*chosen, *self._further(chosen)] if self._writer else []
        offered = copies.of_claims(quoted(_picked(further), document_of)) if further else claims
        steps.lap("verify", claims=len(claims))
        left_out = tuple(Remark("altered", about=source) for source in document_of.altered.values())
        if not claims:
            key = ("not_found_near" if hits else "not_found") if self.corpus.store.count() else "empty_index"
            nothing = _plain(question, whole, "not_found", said(key, language), best, hits, steps)
            yield from spoken(replace(nothing, remarks=left_out))
            return
        yield Quoted(tuple(quote for claim in offered for quote in claim.quotes))
        steps.go_on()
        unanswered = [reading.question.text for reading in readings if reading not in answered]
        said_besides = remarks([(reading.question, selection) for reading, selection in chosen], unanswered, claims)
        short = next((selection.short for _, selection in chosen if selection.short), None)
        answer = Answer(
            question=question,
            standalone_question=whole,
            status="answered",
            confidence=min(reading.confidence for reading in answered),
            short_answer=short,
            text="",
            claims=claims,
            hits=hits,
            model="extractive",
            remarks=(*said_besides, *left_out),
        )
        if self._writer is None:
            steps.lap("write", model=answer.model)
            yield from spoken(replace(with_prose(answer, language), timings_ms=steps.total()))
        else:
            yield from written(self._writer, answer, offered, steps)

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
        steps: Steps | None = None,
    ) -> list[Reading]:
        """Retrieve and read for each part of a question that stands alone, without deciding anything."""
        steps = steps or Steps()
        found = self._reader.retrieve(question, where, before, None, steps)
        return [self._reader.read(each, "", steps) for each in found]

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
        known = known_names(self._reader.passages(reading.found))
        return select(reading.question, reading.candidates, known, self.settings.max_claims)


def open_pipeline(settings: Settings, corpus: Corpus | None = None) -> Pipeline:
    """Open the index of the settings (or make it), and return what answers questions over it and closes it.

    ``corpus`` is that index where it is open already.

    Raises:
        ModelMissing: a model is not on this machine.
        IndexDamaged: the index cannot be used.
        InputError: the home folder cannot be written, or the database does not do.
        StoreUnavailable: the database is not there.
    """
    corpus = corpus or open_corpus(settings)
    cross_encoder = CrossEncoder(locate(BASE), locate(TRAINED))
    llm = open_llm(settings)
    writer = Writer(llm, Verifier(corpus.embedder), settings.llm_context) if llm else None
    return Pipeline(corpus, cross_encoder, settings, writer, open_tracing(settings))


def _key_of_nothing(question: str) -> str:
    if is_civility(question):
        return "civility"
    return "clarify" if any(map(str.isalnum, question)) else "no_words"


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
    question: str, whole: str, status: Status, text: str, confidence: float, hits: tuple[Source, ...], steps: Steps
) -> Answer:
    return Answer(question, whole, status, confidence, None, text, (), hits, "extractive", steps.total())
