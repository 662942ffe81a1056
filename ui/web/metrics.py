"""Numbers for those who watch the server, in the text format of Prometheus."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from rag.types import Status

Outcome = Status | Literal["stopped", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("answered", "not_found", "clarify", "stopped", "failed")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


RECENT = 500
"""Answers that percentiles are taken over."""


MINUTES = 180
"""Minutes that are remembered one by one."""
_PER_MINUTE = 500
"""Answers of a minute that percentiles are taken over."""


@dataclass(slots=True)
class Minute:
    """The answers of a minute: how many ended, and seconds to the first evidence and to the end."""

    begun: datetime
    answers: int = 0
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    def percentiles(self) -> dict[str, float | None]:
        """Return the figures of a plot, in seconds; ``None`` where there was no answer."""
        return {
            "first_p50": _percentile(self.first, 0.5),
            "first_p95": _percentile(self.first, 0.95),
            "whole_p95": _percentile(self.whole, 0.95),
        }


class Metrics:
    """Counts answers and refused requests. All of it happens on the event loop, so there is no lock."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._minutes: deque[Minute] = deque(maxlen=MINUTES)
        self.running = 0
        self.started = time.monotonic()
        self._refused: Counter[int] = Counter()
        self._first: deque[float] = deque(maxlen=RECENT)
        self._whole: deque[float] = deque(maxlen=RECENT)
        self._first_seconds, self._first_count = 0.0, 0
        self._outcomes: Counter[Outcome] = Counter()
        self._seconds = 0.0

    def count(self, outcome: Outcome, seconds: float) -> None:
        """Record how an answer ended and how long it took, waiting for its turn included."""
        self._outcomes[outcome] += 1
        minute = self._minute()
        minute.answers += 1
        if len(minute.whole) < _PER_MINUTE:
            minute.whole.append(seconds)
        self._seconds += seconds
        self._whole.append(seconds)

    def count_evidence(self, seconds: float) -> None:
        """Record how long it took until the first evidence of an answer was there, waiting for its turn included."""
        self._first.append(seconds)
        minute = self._minute()
        if len(minute.first) < _PER_MINUTE:
            minute.first.append(seconds)
        self._first_seconds += seconds
        self._first_count += 1

    def minutes(self) -> list[Minute]:
        """Return the last minutes, the latest last, those without any answer too."""
        if not self._minutes:
            return []
        known = {minute.begun: minute for minute in list(self._minutes)}
        last = self._now().replace(second=0, microsecond=0)
        number = min(MINUTES, int((last - next(iter(known))) / timedelta(minutes=1)) + 1)
        times = [last - timedelta(minutes=ago) for ago in reversed(range(number))]
        return [known.get(each) or Minute(each) for each in times]

    def _minute(self) -> Minute:
        begun = self._now().replace(second=0, microsecond=0)
        if not self._minutes or self._minutes[-1].begun != begun:
            self._minutes.append(Minute(begun))
        return self._minutes[-1]

    def count_refusal(self, status: int) -> None:
        """Record a request that the guard refused, by its HTTP status."""
        self._refused[status] += 1

    def load(self) -> dict[str, float | int | None]:
        """Return how the server is doing: percentiles in seconds, over the last answers (``None``: no answer yet)."""
        return {
            "running": self.running,
            "answers": self._outcomes.total(),
            "failed": self._outcomes["failed"],
            "refused": self._refused.total(),
            "first_p50": _percentile(self._first, 0.5),
            "first_p95": _percentile(self._first, 0.95),
            "whole_p50": _percentile(self._whole, 0.5),
            "whole_p95": _percentile(self._whole, 0.95),
            "uptime": round(time.monotonic() - self.started),
        }

    def text(self, documents: int, passages: int) -> str:
        """Return everything, with the size of the index."""
        return "\n".join([*self._lines(documents, passages), ""])

    def _lines(self, documents: int, passages: int) -> Iterator[str]:
        yield "# HELP citechat_answers_total Answers, by how they ended."
        yield "# TYPE citechat_answers_total counter"
        for outcome in OUTCOMES:
            yield f'citechat_answers_total{{outcome="{outcome}"}} {self._outcomes[outcome]}'
        yield "# HELP citechat_answer_seconds Time from a question to the end of its answer."
        yield "# TYPE citechat_answer_seconds summary"
        yield f"citechat_answer_seconds_sum {self._seconds:.6f}"
        yield f"citechat_answer_seconds_count {self._outcomes.total()}"
        yield "# HELP citechat_first_evidence_seconds Time from a question to the first evidence."
        yield "# TYPE citechat_first_evidence_seconds summary"
        yield f"citechat_first_evidence_seconds_sum {self._first_seconds:.6f}"
        yield f"citechat_first_evidence_seconds_count {self._first_count}"
        yield "# HELP citechat_requests_refused_total Requests that the guard refused, by HTTP status."
        yield "# TYPE citechat_requests_refused_total counter"
        for status, number in sorted(self._refused.items()):
            yield f'citechat_requests_refused_total{{status="{status}"}} {number}'
        gauges = {
            "answers_running": ("Answers being written or waiting.", self.running),
            "documents": ("Documents in the index.", documents),
            "passages": ("Passages in the index.", passages),
        }
        for name, (meaning, value) in gauges.items():
            yield f"# HELP citechat_{name} {meaning}"
            yield f"# TYPE citechat_{name} gauge"
            yield f"citechat_{name} {value}"


def _percentile(values: Sequence[float], share: float) -> float | None:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 4) if ordered else None
