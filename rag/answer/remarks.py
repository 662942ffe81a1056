"""What has to be said about an answer besides its quotes: that they differ, deny the question, or leave a part open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.answer.select import Selection
from rag.query.question import Question
from rag.reader.read import Candidate
from rag.types import Claim, Quote, Remark
from rag.writer.facts import polarity

_PRESUMING = re.compile(r"^\W*(?:why|how come|since when|when did|how did)\b(?! not\b)", re.I)
_ADDED = re.compile(r"\s*\([^()]*\)\s*$")
"""The question before, which a part that leans on it brings along."""
_NEGATED = re.compile(r"\b(?:not|no|never|without|neither|nor|none|nobody|nothing|cannot)\b|n[’']t\b", re.I)


def remarks(
    answered: Sequence[tuple[Question, Selection]], unanswered: Sequence[str], claims: Sequence[Claim]
) -> tuple[Remark, ...]:
    """Return the remarks on an answer: of each part that is answered, and of those that are not, in their words."""
    quotes = [quote for claim in claims for quote in claim.quotes]
    found = [remark for question, selection in answered for remark in _of_part(question, selection, quotes)]
    return (*found, *(Remark("missing", about=_ADDED.sub("", part)) for part in unanswered))


def _of_part(question: Question, selection: Selection, quotes: Sequence[Quote]) -> Iterator[Remark]:
    shown = [quote for candidate in selection.candidates if (quote := _quote(candidate, quotes))]
    if not shown:
        return
    if _denies(question.text, shown[0].text):
        yield Remark("denied", (shown[0].n,))
    if selection.contrary and len({quote.n for quote in shown}) > 1:
        numbers = tuple(dict.fromkeys(quote.n for quote in shown))
        yield Remark("differ", numbers, _newest(shown))


def _quote(candidate: Candidate, quotes: Sequence[Quote]) -> Quote | None:
    return next(
        (
            quote
            for quote in quotes
            if quote.document_id == candidate.document_id and quote.start <= candidate.start < quote.end
        ),
        None,
    )


def _newest(quotes: Sequence[Quote]) -> int | None:
    """Return the number of the quote that was published last, if all are dated and no other was on that day."""
    dated = sorted({(quote.published[:10], quote.n) for quote in quotes if quote.published})
    if len(dated) < len({quote.n for quote in quotes}) or dated[-1][0] == dated[-2][0]:
        return None
    return dated[-1][1]


def _denies(question: str, quote: str) -> bool:
    """Tell whether a quote denies what a question such as *Why did …?* takes for granted."""
    presumes = _PRESUMING.match(question) and not _NEGATED.search(question)
    return bool(presumes and _NEGATED.search(quote) and polarity(question, quote))
