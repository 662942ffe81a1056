"""The steps of a question: how long each took, and a span of OpenTelemetry for each where somebody listens.

Only the interface of OpenTelemetry is needed for that, and it does nothing by itself. What sends spans away comes with
the extra ``otel`` and the setting ``trace_url``. A span holds numbers and codes; the words of a question are in it only
where ``log_questions`` allows it.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from opentelemetry import trace

from index.errors import InputError
from rag.settings import Settings
from rag.types import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import TracerProvider

NAME = "citechat"
Attribute = str | int | float


class Steps(AbstractContextManager["Steps"]):
    """The steps of one question, each from the end of the one before. Spans are children of one named ``question``."""

    def __init__(self, tracer: trace.Tracer | None = None) -> None:
        """Begin; without a ``tracer`` only the time is taken."""
        self._tracer = tracer or trace.NoOpTracer()
        self._begun = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}
        self._answered = False
        self._span = self._tracer.start_span("question")
        self._within = trace.set_span_in_context(self._span)

    def lap(self, step: str, **attributes: Attribute) -> None:
        """End a step. A step that comes again adds up, and is another span."""
        self._record(step, time.perf_counter() - self._last, attributes)
        self.go_on()

    def inside(self, step: str, seconds: float, **attributes: Attribute) -> None:
        """Record a step that has just ended and is a part of the one under way."""
        self._record(step, seconds, attributes)

    def go_on(self) -> None:
        """Begin a step now: what was since the last one is of none."""
        self._last = time.perf_counter()

    def total(self) -> dict[str, float]:
        """Return the milliseconds of each step, and in ``total`` those since the beginning."""
        laps = {**self._laps, "total": (time.perf_counter() - self._begun) * 1000}
        return {step: round(milliseconds, 2) for step, milliseconds in laps.items()}

    def describe(self, **attributes: Attribute) -> None:
        """Say something of the question as a whole."""
        self._span.set_attributes(_named(attributes))

    def answered(self, answer: Answer) -> None:
        """Say what became of the question."""
        self._answered = True
        self.describe(
            status=answer.status,
            confidence=answer.confidence,
            claims=len(answer.claims),
            hits=len(answer.hits),
            model=answer.model,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the question. Of what went wrong only the kind is told: a message may hold words of the question."""
        if isinstance(error, Exception):
            self._span.set_status(trace.StatusCode.ERROR, type(error).__name__)
        elif not self._answered:
            self.describe(status="stopped")
        self._span.end()

    def _record(self, step: str, seconds: float, attributes: Mapping[str, Attribute]) -> None:
        self._laps[step] = self._laps.get(step, 0.0) + seconds * 1000
        now = time.time_ns()
        begun = now - int(seconds * 1e9)
        span = self._tracer.start_span(step, self._within, start_time=begun, attributes=_named(attributes))
        span.end(now)


def _named(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    return {f"{NAME}.{name}": value for name, value in attributes.items()}


def open_tracing(settings: Settings) -> TracerProvider | None:
    """Return what sends spans to ``trace_url``; ``None`` if none is set.

    Raises:
        InputError: the packages that send spans are not installed.
    """
    if settings.trace_url is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise InputError(
            "The setting trace_url needs packages that are not installed.", "Run: pip install 'citechat[otel]'"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": NAME}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.trace_url)))
    return provider
