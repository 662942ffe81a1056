"""Words as the lexical side sees them: stems with their places, and which words carry no meaning of their own."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

_REMEMBERED = 500_000
"""Pieces of text whose stems are kept (about 200 bytes each)."""

_WORDS_REMEMBERED = 200_000

TOKENIZER = "porter unicode61 remove_diacritics 2"
"""How SQLite cuts and stems texts; ``store/schema.sql`` says the same."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_POSSESSIVE = re.compile("['’]s$", re.IGNORECASE)

Known = TypeVar("Known")

STOP_WORDS = frozenset(
    """a about after again all also am an and any are as at be because been before being between both but by can could
    did do does doing done down during each else ever few for from further get give go got had has have having he her
    here hers herself him himself his how i if in into is it its itself just let may me might more most much must my
    myself no nor not now of off on once one only or other our ours out over own please put same say says said shall
    she should so some such tell than that the their theirs them themselves then there these they this those through
    to too under until up upon us very was we were what when where which while who whom whose why will with would you
    your yours yourself there's what's who's don't doesn't didn't isn't aren't wasn't can't it's""".split()
)


class Term(NamedTuple):
    """A word of a text: its stem and where it stands. A tuple, because each question makes thousands."""

    stem: str
    start: int
    end: int


def words(text: str) -> list[re.Match[str]]:
    """Return the words of a text in order."""
    return list(_WORD.finditer(text))


def terms(text: str) -> list[Term]:
    """Return the words of ``text`` as stems, stop words left out."""
    found = list(_WORD.finditer(text))
    meant = _MEANT.of(word.group() for word in found)
    return [Term(stem_, *word.span()) for word in found if (stem_ := meant[word.group()]) is not None]


def content_stems(text: str) -> list[str]:
    """Return the stems of `terms` alone, in order; faster, for many texts."""
    found = _WORD.findall(text)
    meant = _MEANT.of(found)
    return [stem_ for word in found if (stem_ := meant[word]) is not None]


def spellings(text: str) -> list[tuple[str, str]]:
    """Return the stems of `terms`, each with how it is spelled, a spelling once, in order."""
    found = dict.fromkeys(_WORD.findall(text))
    meant = _MEANT.of(found)
    return [(stem_, word) for word in found if (stem_ := meant[word]) is not None]


def stems(text: str) -> set[str]:
    """Return the distinct stems of ``text``, stop words and all; faster than `terms`, for many texts."""
    found = set(_WORD.findall(text))
    every = _EVERY.of(found)
    return {every[word] for word in found}


def stems_held(texts: Iterable[str], wanted: Collection[str]) -> list[set[str]]:
    """Return those of the ``wanted`` stems that each text holds; what is new in the texts is cut all at once."""
    found = [set(_WORD.findall(text)) for text in texts]
    words_ = set[str]().union(*found)
    every = _EVERY.of(words_)
    telling = {word for word in words_ if every[word] in wanted}
    return [{every[word] for word in each & telling} for each in found]


def tokens(text: str) -> list[str]:
    """Return the terms that the lexical index makes of a text, in order."""
    return _tokenizer().stems(text)


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Return the stem under which the lexical index holds a word; of a word with apostrophes, the stems joined.

    A possessive ending is dropped.
    """
    return _EVERY.of([word])[word]


def _is_stop_word(word: str) -> bool:
    return word.lower().replace("’", "'") in STOP_WORDS


class _Remembered(Generic[Known]):
    """What was found out about words, as far as it is remembered. Thread-safe."""

    def __init__(self, find_out: Callable[[Collection[str]], Mapping[str, Known]]) -> None:
        self._find_out = find_out
        self._known: dict[str, Known] = {}

    def of(self, found: Iterable[str]) -> Mapping[str, Known]:
        """Return a mapping that has these words; what is not remembered is found out for all of them at once."""
        wanted = set(found)
        known = self._known
        if fresh := {word for word in wanted if word not in known}:
            if len(known) + len(fresh) > _WORDS_REMEMBERED:
                fresh, known = wanted, {}  # another thread may be reading the old one
            known.update(self._find_out(fresh))
            self._known = known
        return known


def _cut(found: Collection[str]) -> dict[str, str]:
    """Return the stem of each word."""
    cut = _tokenizer().stems_of([_POSSESSIVE.sub("", word) for word in found])
    return {word: "'".join(parts) or word.lower() for word, parts in zip(found, cut, strict=True)}


def _meant(found: Collection[str]) -> dict[str, str | None]:
    """Return the stem of each word, ``None`` for a stop word."""
    told = [word for word in found if not _is_stop_word(word)]
    every = _EVERY.of(told)
    return dict.fromkeys(found) | {word: every[word] for word in told}


_EVERY = _Remembered(_cut)
_MEANT = _Remembered(_meant)


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
