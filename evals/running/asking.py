"""Asking the cases of a suite: conversations in their order, several at a time, each answer asked for once."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from index.errors import IndexDamaged, InputError, ModelMissing
from index.filters import parse_filter
from rag.answer.said import tells_of_failure
from rag.tokens import count
from rag.types import Answer, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evals.running.answerer import Answerer
    from evals.types import Case

TRACE_LINES = 20

Conversation = list["Case"]
"""Cases that must be asked one after the other: each follows one before it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking a case: the answer, or the trace in ``error`` and an answer without content.

    ``latency_ms`` is the time that one question took, without what was opened for the first; ``tokens`` counts the
    answer's text.
    """

    answer: Answer
    latency_ms: float
    tokens: int = 0
    error: str = ""


class Memory(Protocol):
    """Answers that an unchanged system gave before."""

    def get(self, case: Case, history: Sequence[Turn]) -> Asked | None:
        """Return the answer to a case after a conversation, if it is known."""

    def put(self, case: Case, history: Sequence[Turn], asked: Asked) -> None:
        """Keep an answer; none that a crash or a failure of the language model cut short comes here."""


def ask_all(
    cases: Sequence[Case], pipeline: Answerer, memory: Memory | None = None, workers: int = 1
) -> Iterator[tuple[Case, Asked]]:
    """Ask cases, ``workers`` conversations at a time, and yield each with its answer as soon as it is there.

    What goes wrong with one case is its outcome. Raises ``IndexDamaged`` and ``ModelMissing``: no case can be asked.
    """
    begun = conversations(cases)
    if workers == 1:
        for conversation in begun:
            yield from _converse(conversation, pipeline, memory)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(_whole, conversation, pipeline, memory) for conversation in begun]
        try:
            for done in as_completed(waiting):
                yield from done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def conversations(cases: Sequence[Case]) -> list[Conversation]:
    """Sort cases into conversations, in the order of the first case of each."""
    belongs: dict[str, Conversation] = {}
    begun: list[Conversation] = []
    for case in cases:
        conversation = belongs.get(case.follows or "")
        if conversation is None:
            conversation = []
            begun.append(conversation)
        conversation.append(case)
        belongs[case.id] = conversation
    return begun


def _whole(cases: Conversation, pipeline: Answerer, memory: Memory | None) -> list[tuple[Case, Asked]]:
    return list(_converse(cases, pipeline, memory))


def _converse(cases: Conversation, pipeline: Answerer, memory: Memory | None) -> Iterator[tuple[Case, Asked]]:
    said: dict[str, tuple[Turn, ...]] = {"": ()}
    for case in cases:
        history = said[case.follows or ""] + case.history
        asked = memory.get(case, history) if memory is not None else None
        if asked is None:
            asked = _ask(case, history, pipeline.ask)
            if memory is not None and not (asked.error or tells_of_failure(asked.answer.notice)):
                memory.put(case, history, asked)
        said[case.id] = (*history, Turn("user", case.question), Turn("assistant", asked.answer.text))
        yield case, asked


def _ask(case: Case, history: Sequence[Turn], ask: Callable[..., Answer]) -> Asked:
    condition = parse_filter(case.filter) if case.filter else None
    started = perf_counter()
    try:
        answer = ask(case.question, history, condition, **({"today": case.today} if case.today else {}))
    except (IndexDamaged, ModelMissing):
        raise
    except InputError as error:
        return _failed(case, started, f"{case.where}: {error}")
    except Exception:  # noqa: BLE001  # whatever a pipeline does wrong is what is being measured
        return _failed(case, started, "".join(traceback.format_exc().splitlines(keepends=True)[-TRACE_LINES:]))
    latency_ms = answer.timings_ms.get("total", (perf_counter() - started) * 1000)
    return Asked(answer, latency_ms, count(answer.text))


def _failed(case: Case, started: float, error: str) -> Asked:
    empty = Answer(case.question, case.question, "not_found", 0.0, None, "", (), (), "none")
    return Asked(empty, (perf_counter() - started) * 1000, error=error)
