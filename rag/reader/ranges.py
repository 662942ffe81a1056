"""A number of the question in a range of a table: 1,500 euros stand in the row of 500 to 2,000.

A row whose range leaves the number out does not answer where another row's takes it in; and then the number need not
be in the words of the answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from index.terms import content_stems, stem, words
from index.types import Span
from rag.query.question import Question
from rag.reader.read import CELLS, Candidate
from rag.retrieval.distinct import Found

_NUMBER = r"\d{1,3}(?:[,.’'\u00a0\u202f ]\d{3})+(?![\d])|\d+(?:[.,]\d+)?"
_MONEY = r"[€$£]?\s*"
_OVER = r"over|above|more than|exceeding|longer than|older than|über|mehr als|más de|plus de|>"
_UNDER = r"under|below|less than|fewer than|shorter than|younger than|unter|weniger als|menos de|moins de|<"
_FROM = r"from|at least|ab|mindestens|desde|al menos|à partir de|au moins|≥|>="
_UP_TO = r"up to|at most|until|till|no more than|bis(?: zu)?|höchstens|hasta|jusqu['’]à|≤|<="
_RANGE = re.compile(
    rf"^\W*(?:(?P<low>{_NUMBER})\s*[^\W\d]*\s*(?:[–—-]|to|and|bis|a|hasta|à)\s*{_MONEY}(?P<high>{_NUMBER})"
    rf"|(?:{_UP_TO})\s*{_MONEY}(?P<up_to>{_NUMBER})|(?:{_UNDER})\s*{_MONEY}(?P<under>{_NUMBER})"
    rf"|(?:{_OVER})\s*{_MONEY}(?P<over>{_NUMBER})|(?:{_FROM})\s*{_MONEY}(?P<least>{_NUMBER})"
    rf"|(?P<more>{_NUMBER})\s*(?:\+|[^\W\d]*\s*(?:or|and) (?:more|over|above|older|longer)))\D*$",
    re.I,
)
_ASKED = re.compile(
    rf"(?:\b(?P<over>{_OVER})|\b(?P<under>{_UNDER}))?\s*{_MONEY}(?<![\w.,])(?P<number>{_NUMBER})(?![\w%])", re.I
)
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")


@dataclass(frozen=True, slots=True)
class _Range:
    """The cell of a row that has a range, and its bounds: the first two belong to it, the others do not."""

    cell: str
    low: float
    high: float
    over: float
    under: float

    @classmethod
    def of(cls, cell: str, match: re.Match[str]) -> _Range:
        bounds = {name: _value(value) for name, value in match.groupdict().items() if value}
        low = bounds.get("low", bounds.get("least", bounds.get("more", -math.inf)))
        high = bounds.get("high", bounds.get("up_to", math.inf))
        return cls(cell, low, high, bounds.get("over", -math.inf), bounds.get("under", math.inf))

    def takes_in(self, number: float) -> bool:
        return self.low <= number <= self.high and self.over < number < self.under


def settled(question: Question, passages: Sequence[Found]) -> Question:
    """Return a question without the number that the range of a row takes in: no answer needs to repeat it.

    The row's range must be of what the question counts: its cell has a word of the question.
    """
    asked = _asked(question.text)
    if asked is None:
        return question
    gone = {stem(word.group()) for word in words(question.text[asked[1].start : asked[1].end])}
    terms = {stem_: weight for stem_, weight in question.terms.items() if stem_ not in gone}
    ranges = (found for row in _rows(passages) if (found := _range(row)) and found.takes_in(asked[0]))
    if any(terms.keys() & content_stems(found.cell) for found in ranges):
        return replace(question, terms=terms, names=question.names - gone)
    return question


def in_range(question: Question, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates without the rows whose range leaves out a number that another row's takes in."""
    asked = _asked(question.text)
    if asked is None:
        return list(candidates)
    ranges = [_range(each.text) for each in candidates]
    inside = [None if found is None else found.takes_in(asked[0]) for found in ranges]
    taken = {each.document_id for each, takes_in in zip(candidates, inside, strict=True) if takes_in}
    return [
        each
        for each, takes_in in zip(candidates, inside, strict=True)
        if each.document_id not in taken or takes_in is not False
    ]


def _rows(passages: Iterable[Found]) -> Iterable[str]:
    for found in passages:
        passage = found.stored.passage
        for span in passage.sentences:
            yield passage.text[span.start - passage.start : span.end - passage.start]


def _asked(text: str) -> tuple[float, Span] | None:
    """Return the only number of a question that is no year, and where it stands."""
    found = [each for each in _ASKED.finditer(text) if not _YEAR.fullmatch(each["number"])]
    if len(found) != 1:
        return None
    number = _value(found[0]["number"])
    if found[0]["over"]:
        number = math.nextafter(number, math.inf)
    if found[0]["under"]:
        number = math.nextafter(number, -math.inf)
    return number, Span(*found[0].span("number"))


def _range(row: str) -> _Range | None:
    """Return the first range in the cells of a row."""
    cells = row.split(CELLS) if CELLS in row else ()
    found = ((cell, _RANGE.match(cell.rpartition(": ")[2])) for cell in cells)
    return next((_Range.of(cell, match) for cell, match in found if match), None)


def _value(text: str) -> float:
    """Return a number as it is written in English or on the Continent; three digits after a mark are thousands."""
    return float(re.sub(r"[,.’'\u00a0\u202f ](?=\d{3}(?!\d))", "", text).replace(",", "."))
