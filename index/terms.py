"""Words as the lexical side sees them: stems with their places, and which words carry no meaning of their own."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

TOKENIZER = "porter unicode61 remove_diacritics 2"
"""How SQLite cuts and stems texts; ``store/schema.sql`` says the same."""

_REMEMBERED = 500_000
"""Pieces of text whose stems are kept (about 200 bytes each)."""

_STEMS_REMEMBERED = 200_000

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
    found = [word for word in _WORD.finditer(text) if word.group().lower().replace("’", "'") not in STOP_WORDS]
    stem_of = _stems_by_word({word.group() for word in found})
    return [Term(stem_of[word.group()], word.start(), word.end()) for word in found]


def content_words(text: str) -> list[str]:
    """Return all words but the stop words, or all there are."""
    every = _WORD.findall(text)
    return [word for word in every if word.lower().replace("’", "'") not in STOP_WORDS] or every


def stems(text: str) -> set[str]:
    """Return the distinct stems of ``text``, stop words and all; faster than `terms`, for many texts."""
    return set(_stems_by_word(set(_WORD.findall(text))).values())


def stem(word: str) -> str:
    """Return the stem under which the lexical index holds a word; of a word with apostrophes, the stems joined.

    A possessive ending is dropped.
    """
    return _STEMS.get(word) or _stems_by_word({word})[word]


_STEMS: dict[str, str] = {}
"""Stems by word, as far as they are remembered."""


def _stems_by_word(words: set[str]) -> dict[str, str]:
    """Return the stem of each word; those that are not remembered are cut all at once."""
    known = {word: found for word in words if (found := _STEMS.get(word))}
    fresh = [word for word in words if word not in known]
    if fresh:
        cut = _tokenizer().stems_of([_POSSESSIVE.sub("", word) for word in fresh])
        new = {word: "'".join(parts) or word.lower() for word, parts in zip(fresh, cut, strict=True)}
        if len(_STEMS) > _STEMS_REMEMBERED:
            _STEMS.clear()
        _STEMS.update(new)
        known |= new
    return known


def stems_of_each(texts: Sequence[str]) -> list[list[str]]:
    """Return the stems of each text in order, as the lexical index cuts it."""
    return _tokenizer().stems_of(texts)


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
        return self.stems_of([text])[0]

    def stems_of(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the stems of each text in order; many at once cost little more than one."""
        found: list[list[str]] = [[] for _ in texts]
        with self._lock:
            self._index.execute("BEGIN")
            self._index.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", enumerate(texts))
            rows = self._index.execute("SELECT doc, term FROM stems ORDER BY doc, offset").fetchall()
            self._index.execute("ROLLBACK")
        for number, term in rows:
            found[number].append(str(term))
        return found


class Cutter:
    """Cuts many texts into stems exactly as the lexical index does.

    What stands between two spaces is cut once and remembered: to the tokenizer, white space always ends a word.
    """

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def learn(self, texts: Sequence[str]) -> None:
        """Cut what is new in texts, all of it at once."""
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        fresh = list({piece for text in texts for piece in text.split()} - self._known.keys())
        self._known.update(zip(fresh, _tokenizer().stems_of(fresh), strict=True))

    def stems(self, text: str) -> list[str]:
        """Return the stems of a text in order."""
        pieces = text.split()
        try:
            return [stem for piece in pieces for stem in self._known[piece]]
        except KeyError:
            self.learn([text])
            return self.stems(text)


@lru_cache(maxsize=1)
def _tokenizer() -> _Tokenizer:
    return _Tokenizer()
