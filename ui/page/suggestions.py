"""Questions to begin with and to go on with. Each was asked before it is offered, and answered where it should be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from index.errors import InputError
from index.store.base import DocumentAltered
from index.types import Document
from rag.suggest.suggest import Suggestion, suggestions
from rag.types import Answer, Done, Event
from ui.kept.conversations import Exchange
from ui.web.stream import Library

EXAMPLES = 4
FOLLOW_UPS = 3
_TRIED = 40
"""Questions that are asked to find the examples, at most."""
_TRIED_AFTER = 8
"""Questions that are asked to find what may follow an answer, at most."""


class Suggestions:
    """Makes and checks questions. Thread-safe; the examples are found once for each state of the documents."""

    def __init__(
        self,
        ask: Callable[[str], Iterator[Event]],
        documents: Library,
        preferred: Iterable[str],
        library: Library | None = None,
    ) -> None:
        """``ask`` yields the events of an answer, ``documents`` has what they are made from.

        ``preferred`` are examples of the operator's own, which come first where the documents answer them. ``library``
        lists the documents, instead of ``documents``.
        """
        self._events = ask
        self._read = documents
        self._library = library or documents
        self._preferred = tuple(preferred)
        self._lock = threading.Lock()
        self._found: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        """Documents, and their examples."""

    def examples(self) -> tuple[str, ...]:
        """Return questions for an empty chat, about as many documents as there are."""
        state = self._state()
        with self._lock:
            if state != self._found[0]:
                self._found = state, tuple(islice(self._find_examples(state), EXAMPLES))
            return self._found[1]

    def found(self) -> tuple[str, ...]:
        """Return the examples if they were looked for already; else none, and look for them aside. Takes no time."""
        state, examples = self._found
        if state == self._state():
            return examples
        if not self._lock.locked():
            threading.Thread(target=self.examples, daemon=True).start()
        return ()

    def after(self, exchange: Exchange) -> tuple[str, ...]:
        """Return questions that may follow an answer, about what its documents say besides."""
        answer = exchange.answer
        if answer is None or answer.status != "answered":
            return ()
        asked = {exchange.question.casefold(), answer.standalone_question.casefold()}
        cited = dict.fromkeys(quote.document_id for quote in answer.quotes)
        found = self._checked(
            suggestion
            for suggestion in _in_turn(self._documents(cited))
            if suggestion.question.casefold() not in asked and not _quotes(answer, suggestion)
        )
        return tuple(islice(found, FOLLOW_UPS))

    def _state(self) -> tuple[str, ...]:
        return tuple(info.id for info in self._library.documents())

    def _find_examples(self, ids: Iterable[str]) -> Iterator[str]:
        for question in self._preferred:
            answer = self._ask(question)
            if answer is not None and answer.status == "answered":
                yield question
        yield from self._checked(islice(_in_turn(self._documents(ids)), _TRIED), _TRIED)

    def _checked(self, candidates: Iterable[Suggestion], tried: int = _TRIED_AFTER) -> Iterator[str]:
        for suggestion in islice(candidates, tried):
            answer = self._ask(suggestion.question)
            if answer is not None and answer.status == "answered" and _quotes(answer, suggestion):
                yield suggestion.question

    def _ask(self, question: str) -> Answer | None:
        try:
            events = list(self._events(question))
        except InputError:  # an example of the operator's that is too long
            return None
        return next((event.answer for event in events if isinstance(event, Done)), None)

    def _documents(self, ids: Iterable[str]) -> Iterator[Document]:
        for id_ in ids:
            try:
                yield self._read.document(id_)
            except (InputError, DocumentAltered):  # removed meanwhile, or not to be quoted
                continue


def _in_turn(documents: Iterable[Document]) -> Iterator[Suggestion]:
    """Yield a question of each document, then a second one of each, and so on."""
    waiting = [suggestions(document) for document in documents]
    while waiting:
        going = []
        for each in waiting:
            suggestion = next(each, None)
            if suggestion is not None:
                yield suggestion
                going.append(each)
        waiting = going


def _quotes(answer: Answer, suggestion: Suggestion) -> bool:
    return any(
        quote.document_id == suggestion.document_id
        and quote.start < suggestion.answer.end
        and quote.end > suggestion.answer.start
        for quote in answer.quotes
    )
