"""Whether a claim stands on its quotes. Nothing is shown as cited that did not pass here."""

from __future__ import annotations

from collections.abc import Sequence

from index.types import Document
from rag.types import Quote, Support


def is_exact(quote: Quote, document: Document) -> bool:
    """Tell whether a quote is the document's own words at its own offsets."""
    return quote.document_id == document.id and document.text[quote.start : quote.end] == quote.text != ""


def support(claim: str, explanations: Sequence[str], quotes: Sequence[Quote]) -> Support:
    """Return how a claim stands to its quotes: ``verbatim`` if, our explanations aside, it is one of them.

    ``explanations`` are the bracketed additions that we made, such as ``[Zelensky]``; brackets of the document's own
    belong to the quote.
    """
    bare = claim
    for explanation in explanations:
        bare = bare.replace(f" {explanation}", "", 1)
    return "verbatim" if any(bare == quote.text for quote in quotes) else "unsupported"
