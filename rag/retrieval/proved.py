"""The documents that a question meets, each proved to be what was stored before a word of it is shown or read."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from index.filters import Filter
from index.filters.expression import Condition, Negation
from index.store.base import DocumentAltered, Store, StoredPassage
from index.store.sound import MEND
from index.types import Document
from rag.retrieval.distinct import Found

_log = logging.getLogger(__name__)


class Proved:
    """Documents by id, each read once, as of one state of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[str, Document | None] = {}
        self.altered: dict[str, str] = {}
        """The sources of the documents that were altered, by id."""

    def __call__(self, document_id: str) -> Document | None:
        """Return a document, ``None`` if it is not there or was altered."""
        if document_id not in self._read:
            self._read[document_id] = self._proved(document_id)
        return self._read[document_id]

    def _proved(self, document_id: str) -> Document | None:
        try:
            return self._store.document(document_id)
        except DocumentAltered as error:
            self._leave_out(document_id, error.source, str(error))
            return None

    def without_altered(self, found: Sequence[Found]) -> Filter | None:
        """Return what keeps those out that were found here first to be altered; ``None`` if there is none."""
        known = set(self.altered)
        for each in found:
            self._compare(each.stored)
        sources = tuple(source for id_, source in self.altered.items() if id_ not in known)
        return Filter(Negation(Condition("source", "in", sources))) if sources else None

    def _compare(self, stored: StoredPassage) -> None:
        passage = stored.passage
        document = self(passage.document_id)
        if document is not None and document.text[passage.start : passage.end] != passage.text:
            self._read[document.id] = None
            self._leave_out(document.id, document.source, f"Passage {passage.id} is not what was stored. {MEND}")

    def _leave_out(self, document_id: str, source: str, problem: str) -> None:
        self.altered[document_id] = source
        _log.warning("%s The answer does without it.", problem)
