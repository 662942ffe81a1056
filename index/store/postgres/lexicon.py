"""What the words of a passage are to the lexical index: the same terms as in SQLite, with their places."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.terms import tokens
from index.types import Passage

_LONGEST = 500
"""Bytes of a term that are kept; what is longer goes by its beginning and a digest, as an index takes no more."""


@dataclass(frozen=True, slots=True)
class Posting:
    """A term in a passage. ``frequency`` counts an occurrence in the text twice, one in the context once.

    ``positions``: uint32, little-endian, ascending; twice the place in its column, one more in the text. So the next
    word of a phrase is two further on, and no phrase goes from one column to the other.
    """

    frequency: int
    positions: bytes


def postings(context: str, text: str) -> tuple[dict[str, Posting], int]:
    """Return the terms of a passage, and how many there are with repetitions."""
    places: dict[str, list[int]] = defaultdict(list)
    length = 0
    for column, content in enumerate((context, text)):
        found = tokens(content)
        length += len(found)
        for place, term in enumerate(found):
            places[key(term)].append(2 * place + column)
    return {term: _posting(own) for term, own in places.items()}, length


def of_passage(passage: Passage) -> tuple[dict[str, Posting], int]:
    """Return the terms of a passage, and how many there are with repetitions."""
    return postings(passage.context, passage.text)


def key(term: str) -> str:
    """Return the name under which a term is stored."""
    data = term.encode()
    if len(data) <= _LONGEST:
        return term
    return data[:_LONGEST].decode(errors="ignore") + hashlib.sha256(data).hexdigest()


def phrase(word: str) -> tuple[str, ...]:
    """Return the terms that a word or phrase of a search consists of; none for one that no text can hold."""
    return tuple(map(key, tokens(word.replace("\0", ""))))


def occurrences(each: Sequence[bytes]) -> npt.NDArray[np.int64]:
    """Return where a phrase begins: ``each`` has the positions of its terms, in order."""
    found = places(each[0])
    for step, positions in enumerate(each[1:], 1):
        found = np.intersect1d(found, places(positions) - 2 * step, assume_unique=True)
    return found


def places(positions: bytes) -> npt.NDArray[np.int64]:
    """Return the positions of a posting."""
    return np.frombuffer(positions, "<u4").astype(np.int64)


def _posting(own: list[int]) -> Posting:
    own.sort()
    return Posting(sum(1 + place % 2 for place in own), np.array(own, "<u4").tobytes())
