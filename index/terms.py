"""Words as the lexical side sees them: stems with their places, and which words carry no meaning of their own."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

STOP_WORDS = frozenset(
    """a about after again all also am an and any are as at be because been before being between both but by can could
    did do does doing done down during each else ever few for from further get give go got had has have having he her
    here hers herself him himself his how i if in into is it its itself just let may me might more most much must my
    myself no nor not now of off on once one only or other our ours out over own please put same say says said shall
    she should so some such tell than that the their theirs them themselves then there these they this those through
    to too under until up upon us very was we were what when where which while who whom whose why will with would you
    your yours yourself there's what's who's don't doesn't didn't isn't aren't wasn't can't it's""".split()
)


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a text: its stem and where it stands."""

    stem: str
    start: int
    end: int


def words(text: str) -> list[re.Match[str]]:
    """Return the words of a text in order."""
    return list(_WORD.finditer(text))


def terms(text: str) -> list[Term]:
    """Return the words of ``text`` as stems, stop words left out."""
    return [
        Term(stem(word.group()), word.start(), word.end())
        for word in _WORD.finditer(text)
        if word.group().lower().replace("’", "'") not in STOP_WORDS
    ]


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Return the Porter stem of a word, case and accents folded (what SQLite's ``porter unicode61`` does)."""
    folded = unicodedata.normalize("NFD", word.lower())
    folded = "".join(character for character in folded if not unicodedata.combining(character))
    for possessive in ("'s", "’s"):
        folded = folded.removesuffix(possessive)
    return str(_stemmer().stemWord(folded))


@lru_cache(maxsize=1)
def _stemmer():  # type: ignore[no-untyped-def]  # noqa: ANN202  # the library has no types
    import snowballstemmer

    return snowballstemmer.stemmer("porter")
