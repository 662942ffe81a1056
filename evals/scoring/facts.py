"""What a text states: wordings in their order, quantities with their units, dates in any format."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from evals.scoring.text import contains, normalise, position
from index.readers.dates import dates_in
from rag.writer.facts import ONES, SCALES, TENS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evals.types import Case, Quantity

_SMALL = {**ONES, **TENS}
_WORDS = rf"(?:{'|'.join(TENS)})(?:[- ](?:{'|'.join(list(ONES)[1:10])}))?|{'|'.join(reversed(ONES))}"
_NUMBER = re.compile(
    rf"(?P<before>(?<![^\W\d_])[^\W\d_]{{1,4}}|[$€£¥₴])?\s?(?<![\w.,])(?P<sign>(?<!\w)-)?"
    rf"(?:(?P<digits>\d+(?:[.,]\d{{3}}){{2,}}|\d+(?:[.,]\d+)?)(?![.,]?\d)|\b(?P<words>{_WORDS})\b)"
    rf"(?:\s?(?P<magnitude>{'|'.join(sorted(SCALES, key=len, reverse=True))})\b)?"
)


def missing_facts(case: Case, text: str) -> list[str]:
    """Return, in words, the groups, quantities and dates of a case that ``text`` does not state."""
    groups = [group for group in case.answer if not any(contains(text, wording) for wording in group)]
    return [
        *(" or ".join(group) for group in groups),
        *(str(quantity) for quantity in case.quantities if not states_quantity(text, quantity)),
        *(date for date in case.dates if not states_date(text, date)),
    ]


def count_facts(case: Case) -> int:
    """Return how many facts a right answer states."""
    return len(case.answer) + len(case.quantities) + len(case.dates)


def in_order(groups: Sequence[Sequence[str]], text: str) -> bool:
    """Tell whether the groups that occur in ``text`` occur first in their order."""
    found = [[at for wording in group if (at := position(text, wording)) is not None] for group in groups]
    first = [min(places) for places in found if places]
    return all(one <= other for one, other in pairwise(first))


def states_date(text: str, date: str) -> bool:
    """Tell whether ``text`` names the ISO 8601 ``date``, or a date within it (``2025-11-20`` lies in ``2025-11``)."""
    return any(found.startswith(date) for _, _, found in dates_in(text)) or (len(date) == 4 and contains(text, date))


def states_quantity(text: str, quantity: Quantity) -> bool:
    """Tell whether ``text`` states a number within the tolerance, beside one of the units (if there are any)."""
    units = {normalise(unit): size for unit, size in quantity.units.items()}
    allowed = quantity.tolerance + 1e-9 * max(1.0, abs(quantity.value))
    return any(abs(value - quantity.value) <= allowed for value in _values(normalise(text), units))


def _values(text: str, units: dict[str, float]) -> Iterator[float]:
    """Yield the numbers of a normalised text, each in the first unit."""
    for match in _NUMBER.finditer(text):
        magnitude = match["magnitude"]
        readings = [(_value(match), match.end("digits") if match["digits"] else match.end("words"))]
        if magnitude:  # the m of 5 m may be a metre or a million
            readings.append((_value(match) * SCALES[magnitude], match.end()))
        for value, end in readings:
            if not units:
                yield value
            yield from (value * size for unit, size in units.items() if _beside(text, match, end, unit))


def _beside(text: str, match: re.Match[str], end: int, unit: str) -> bool:
    """Tell whether ``unit`` follows a number (``5 days``, ``5-day``, ``5%``) or leads it (``€5``, ``EUR 5``)."""
    after = text[end:].lstrip(" -")
    if after.startswith(unit) and not (unit[-1].isalnum() and after[len(unit) : len(unit) + 1].isalnum()):
        return True
    return match["before"] == unit


def _value(match: re.Match[str]) -> float:
    sign = -1.0 if match["sign"] else 1.0
    if match["words"]:
        return sign * sum(_SMALL[word] for word in re.split("[- ]", match["words"]))
    digits: str = match["digits"]
    if len(re.findall("[.,]", digits)) > 1:
        return sign * float(re.sub("[.,]", "", digits))
    return sign * float(digits.replace(",", "."))
