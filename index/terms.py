"""Words as the lexical side sees them: stems with their places, and which words carry no meaning of their own."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

TOKENIZER = "porter unicode61 remove_diacritics 2"
"""How SQLite cuts and stems texts; ``store/schema.sql`` says the same."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_POSSESSIVE = re.compile("['’]s$", re.IGNORECASE)

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


def content_words(text: str) -> list[str]:
    """Return all words but the stop words, or all there are."""
    every = _WORD.findall(text)
    return [word for word in every if word.lower().replace("’", "'") not in STOP_WORDS] or every


def stems(text: str) -> set[str]:
    """Return the distinct stems of ``text``, stop words and all; faster than `terms`, for many texts."""
    return {stem(word) for word in set(_WORD.findall(text))}


def tokens(text: str) -> list[str]:
    """Return the terms that the lexical index makes of a text, in order."""
    return _tokenizer().stems(text)


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Return the stem under which the lexical index holds a word; of a word with apostrophes, the stems joined.

    A possessive ending is dropped.
    """
    parts = _tokenizer().stems(_POSSESSIVE.sub("", word))
    return "'".join(parts) or word.lower()


class _Tokenizer:
    """The lexical index's own tokenizer, asked through an empty index in memory. Thread-safe.

    Nothing else stems and folds exactly like it, and frequencies are looked up by these stems.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._index = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._index.execute(f"CREATE VIRTUAL TABLE texts USING fts5 (text, content = '', tokenize = '{TOKENIZER}')")
        self._index.execute("CREATE VIRTUAL TABLE stems USING fts5vocab (texts, 'instance')")

    def stems(self, text: str) -> list[str]:
        """Return the stems of a text in order."""
        with self._lock:
            self._index.execute("BEGIN")
            self._index.execute("INSERT INTO texts (rowid, text) VALUES (1, ?)", (text,))
            rows = self._index.execute("SELECT term FROM stems ORDER BY offset").fetchall()
            self._index.execute("ROLLBACK")
        return [str(term) for (term,) in rows]


@lru_cache(maxsize=1)
def _tokenizer() -> _Tokenizer:
    return _Tokenizer()
