"""``And for a student?``: the question before, asked about something else.

What is named takes the place of what it is most like: of a person a person, of a year a year, of what stands after the
same preposition or has the same article; else it is added.
"""

from __future__ import annotations

import re

from rag.spans import names, people

YEAR = re.compile(r"\b(?:1[0-9]|20)\d\d\b")
_PREPOSITIONS = (
    "for|in|on|at|by|with|from|of|about|to|für|bei|mit|im|am|in|para|con|en|de|sobre|pour|chez|avec|dans|sur|à|au|aux"
)
_NO_NOUN = (
    r"is|are|was|were|be|been|do|does|did|has|have|had|will|would|can|could|should|must|may|might|to|and|or|not|who|what"
    r"|when|where|why|how|which|whose|that|it|they|he|she|per|for|of|on|in|at|by|with|from|about|a|an|the|my|our|your"
)
_NOUN = rf"(?!(?:{_NO_NOUN})\b)[^\W\d_][\w’'-]*"
_PHRASE = re.compile(rf"\b(?P<article>a|an|the|my|our|your) (?P<noun>{_NOUN}(?: {_NOUN}){{0,2}})", re.I)
_AFTER = re.compile(rf"\b(?P<preposition>{_PREPOSITIONS}) (?P<noun>(?!(?:the|a|an) )?{_NOUN}(?: {_NOUN})?)", re.I)
_AUXILIARY = re.compile(r"\b(?:do|does|did|can|could|will|would|must|may|might|should|has|have|had) $", re.I)
_LEADING = re.compile(rf"^(?P<preposition>{_PREPOSITIONS})\s+(?P<rest>.+)$", re.I)
_ARTICLE = re.compile(r"^(?P<article>a|an|the|my|our|your)\b", re.I)


def instead(asked: str, what: str, preposition: str = "") -> str:
    """Return a question with ``what`` in the place of what it is most like; ``preposition`` stood before it."""
    if leading := _LEADING.match(what):
        preposition, what = leading["preposition"], leading["rest"]
    return (
        _year(asked, what)
        or _name(asked, what)
        or _by_preposition(asked, what, preposition)
        or _by_article(asked, what)
        or f"{asked.rstrip(' ?')}, {f'{preposition} {what}'.strip()}?"
    )


def _year(asked: str, what: str) -> str | None:
    year, standing = YEAR.search(what), YEAR.search(asked)
    if year and standing:
        return asked[: standing.start()] + year.group() + asked[standing.end() :]
    return f"{asked.rstrip(' ?')} in {what}?" if year and what == year.group() else None


def _name(asked: str, what: str) -> str | None:
    """Put a name in the place of the last name, a person in that of a person; words in lower case take no name's."""
    if not names(what) and names(asked):
        return None
    standing = (people(what) and people(asked)) or (names(asked) if names(what) else [])
    if not standing:
        return None
    last = standing[-1]
    return asked[: last.start] + what + asked[last.end :]


def _by_preposition(asked: str, what: str, preposition: str) -> str | None:
    found = [each for each in _AFTER.finditer(asked) if each["preposition"].lower() == preposition.lower()]
    if not preposition or not found:
        return None
    article = _ARTICLE.match(what)
    phrase = _PHRASE.match(asked, found[-1].end("preposition") + 1)
    last = phrase or found[-1]
    start = phrase.start() if phrase else found[-1].start("noun")
    keeps = phrase is not None and article is None and not what[:1].isupper() and phrase["article"].lower() == "the"
    return f"{asked[:start]}{'the ' if keeps else ''}{what}{asked[last.end() :]}"


def _by_article(asked: str, what: str) -> str | None:
    article = _ARTICLE.match(what)
    phrases = list(_PHRASE.finditer(asked))
    if not phrases:
        return None
    if article is None:
        ending = [phrase for phrase in phrases if not asked[phrase.end() :].strip(" ?")]
        alike = ending
    else:
        alike = [phrase for phrase in phrases if _kind(phrase["article"]) == _kind(article["article"])]
    if not alike:
        return None
    phrase = alike[-1]
    end = phrase.end()
    if _AUXILIARY.search(asked[: phrase.start()]) and " " in phrase["noun"]:
        end = phrase.start() + phrase.group().rindex(" ")
    return asked[: phrase.start()] + what + asked[end:]


def _kind(article: str) -> str:
    return "a" if article.lower() in ("a", "an") else "the"
