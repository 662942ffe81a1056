"""Numbers for those who watch the server, in the text format of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from rag.types import Status

Outcome = Status | Literal["stopped", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("answered", "not_found", "clarify", "stopped", "failed")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts answers. All of it happens on the event loop, so there is no lock."""

    def __init__(self) -> None:
        self.running = 0
        self._outcomes: Counter[Outcome] = Counter()
        self._seconds = 0.0

    def count(self, outcome: Outcome, seconds: float) -> None:
        """Record how an answer ended and how long it took, waiting for its turn included."""
        self._outcomes[outcome] += 1
        self._seconds += seconds

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
        gauges = {
            "answers_running": ("Answers being written or waiting.", self.running),
            "documents": ("Documents in the index.", documents),
            "passages": ("Passages in the index.", passages),
        }
        for name, (meaning, value) in gauges.items():
            yield f"# HELP citechat_{name} {meaning}"
            yield f"# TYPE citechat_{name} gauge"
            yield f"citechat_{name} {value}"
