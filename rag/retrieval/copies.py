"""Who else says it: other names of the same file, and documents that hold nearly the same passage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from index.filters import Filter
from index.filters.fields import document_fields
from index.store.base import Store
from index.types import Document
from rag.retrieval.distinct import TELLING, Found
from rag.types import Claim, Quote


class Copies:
    """The further sources of what was found, as of one state of the store."""

    def __init__(
        self,
        store: Store,
        found: Sequence[Found],
        document_of: Callable[[str], Document | None],
        where: Filter | None = None,
    ) -> None:
        """Look up who else says it; a name by which a document does not pass the filter ``where`` is not told."""
        ids = {id_ for each in found for id_ in (each.stored.passage.document_id, *each.also)}
        documents = {id_: document for id_ in ids if (document := document_of(id_))}
        self._names = {
            id_: tuple(name for name in names if id_ in documents and _passes(documents[id_], name, where))
            for id_, names in store.sources(sorted(ids)).items()
        }
        self._found = found
        self._texts = {id_: document.text for id_, document in documents.items()}

    def of_hit(self, found: Found, shown: str) -> tuple[str, ...]:
        """Return the sources besides ``shown`` that hold the passage, or nearly."""
        return self._sources((found.stored.passage.document_id, *found.also), shown)

    def of_claims(self, claims: Sequence[Claim]) -> tuple[Claim, ...]:
        """Return the claims with, for each quote, the other sources that hold it word for word."""
        return tuple(replace(claim, quotes=tuple(map(self._with_copies, claim.quotes))) for claim in claims)

    def _with_copies(self, quote: Quote) -> Quote:
        near = {
            id_ for each in self._found if each.stored.passage.document_id == quote.document_id for id_ in each.also
        }
        alike = [
            id_
            for id_, text in self._texts.items()
            if (id_ in near or len(quote.text) >= TELLING) and quote.text in text
        ]
        return replace(quote, also_in=self._sources((quote.document_id, *alike), quote.source))

    def _sources(self, ids: Sequence[str], shown: str) -> tuple[str, ...]:
        names = (name for id_ in ids for name in self._names.get(id_, ()))
        return tuple(dict.fromkeys(name for name in names if name != shown))


def _passes(document: Document, name: str, where: Filter | None) -> bool:
    if where is None or "source" not in where.names():
        return True
    return where.matches(document_fields(document.title, [name], document.metadata))
