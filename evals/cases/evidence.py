"""Evidence against the documents of today: what a case names and is not there any more."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from evals.scoring.metrics import same_source
from evals.scoring.text import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evals.running.answerer import Library
    from evals.types import Case, Evidence


def stale(cases: Iterable[Case], corpus: Library) -> list[str]:
    """Return, in words, the evidence of some cases that no document holds: a source that is gone, or other words.

    A quote is found however the lines of its source are wrapped.
    """
    listing = corpus.documents()

    @cache
    def text_of(document_id: str) -> str:
        return normalise(corpus.document(document_id).text)

    def problem(item: Evidence) -> str:
        ids = [info.id for info in listing if any(same_source(source, item.source) for source in info.sources)]
        if not ids:
            alike = {source for info in listing for source in info.sources if _name(source) == _name(item.source)}
            return f"there is no document {item.source}{f', did you mean {min(alike)!r}?' if alike else ''}"
        if item.quote is not None and not any(normalise(item.quote) in text_of(each) for each in ids):
            return f"{item.source} does not say {item.quote!r}"
        return ""

    return [
        f"{case.where}: the evidence of {case.id!r} is out of date: {found}"
        for case in cases
        for item in case.evidence
        if (found := problem(item))
    ]


def _name(source: str) -> str:
    return source.replace("\\", "/").rpartition("/")[2]
