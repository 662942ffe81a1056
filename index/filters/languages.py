"""One language under its codes and names: ``de``, ``ger``, ``German``, ``Deutsch`` and, more narrowly, ``de-AT``.

A language that is asked for takes in what is narrower, as in the basic filtering of RFC 4647. Codes and names are those
of Unicode's CLDR.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from index.filters.folding import folded

_NAMING = ("en", "es", "de", "fr")
"""The languages whose names of all languages are known."""
_NAMED_BY_ITSELF = "ar bg cs da el et fa fi he hi hr hu id it ja ko lt lv nb nl pl pt ro ru sk sl sr sv th tr uk vi zh"
"""Further ones that are known by their own names, as far as a filter asks by name; their codes are known of all."""

_TAG = re.compile(r"([a-z]{2,3})((?:[-_][a-z0-9]{1,8})*)")


@lru_cache(maxsize=64)
def language_pattern(value: str) -> str:
    """Return the regular expression that the whole of a folded value matches if it is the language ``value``.

    It means the same to Python and to PostgreSQL. What is no language matches itself alone.
    """
    tag = _tag(folded(value))
    if not tag:
        return f"^{re.escape(folded(value))}$"
    primary, *narrower = tag.split("-")
    codes = "|".join(sorted({primary, *(code for code, target in _aliases() if target == primary)}))
    names = sorted({name for name, named in _names((*_NAMING, primary)) if f"{named}-".startswith(f"{tag}-")})
    coded = "[-_]".join([f"({codes})", *narrower]) + "([-_].*)?"
    return f"^({'|'.join([coded, *map(re.escape, names)])})$"


def _tag(value: str) -> str:
    """Return the tag of a language by its code or name, as in ``de-at``, the empty string if it is none."""
    if coded := _TAG.fullmatch(value):
        primary = dict(_aliases()).get(coded[1], coded[1])
        if any(named == primary for _, named in _names(("en",))):
            return primary + coded[2].replace("_", "-")
    known = chain(_names(_NAMING), _names((*_NAMED_BY_ITSELF.split(),)))
    return next((named for name, named in known if name == value), "")


def _aliases() -> Iterator[tuple[str, str]]:
    """Yield other codes of languages, three letters mostly, and the code that stands for them."""
    from babel.core import get_global

    yield from get_global("language_aliases").items()


def _names(naming: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield what languages are called in some languages, folded, and their tags."""
    from babel import Locale, UnknownLocaleError

    for code in naming:
        try:
            named = Locale(code).languages
        except UnknownLocaleError:
            continue
        yield from ((folded(name), tag.lower().replace("_", "-")) for tag, name in named.items())
