"""``And for a student?``: the question before, asked about something else.

What is named takes the place of what it is most like: of a person a person, of a year a year, of what stands after the
same preposition or has the same article; else it is added. ``The last one`` is of what it takes the place of.
"""

from __future__ import annotations

import re

from rag.query.language import language_of
from rag.reader.dates import YEAR
from rag.reader.spans import names, people

_PREPOSITIONS = (
    "for|in|on|at|by|with|from|of|about|to|für|bei|mit|im|am|in|para|con|en|de|sobre|pour|chez|avec|dans|sur|à|au|aux"
)
_ADDING = frozenset("for in on at by with from to für bei mit im am para con pour chez avec dans au aux à sur".split())
_NO_NOUN = (
    r"is|are|was|were|be|been|do|does|did|has|have|had|will|would|can|could|should|must|may|might|to|and|or|not|who|what"
    r"|when|where|why|how|which|whose|that|it|they|he|she|per|for|of|on|in|at|by|with|from|about|a|an|the|my|our|your"
)
_NOUN = rf"(?!(?:{_NO_NOUN})\b)[^\W\d_][\w’'-]*"
_PHRASE = re.compile(rf"\b(?P<article>a|an|the|my|our|your) (?P<noun>{_NOUN}(?: {_NOUN}){{0,2}})", re.I)
_AFTER = re.compile(rf"\b(?P<preposition>{_PREPOSITIONS}) (?P<noun>(?!(?:the|a|an) )?{_NOUN}(?: {_NOUN})?)", re.I)
_AUXILIARY = re.compile(r"\b(?:do|does|did|can|could|will|would|must|may|might|should|has|have|had) $", re.I)
_HELPED = re.compile(r"\b(?:do|does|did|can|could|will|would|must|may|might|should)\b", re.I)
_LEADING = re.compile(rf"^(?P<preposition>{_PREPOSITIONS})\s+(?P<rest>.+)$", re.I)
_ONE = re.compile(r"\bones?\b", re.I)
_DEGREE = re.compile(r"(?:first|second|third|last|next|best|worst|(?:most|least) \w+|\w+est)", re.I)
_SUBJECT = re.compile(
    r"^\W*(?:and )?(?:(?:is|are|was|were|do|does|did|can|may|must|should|will)"
    r"|(?:what|when|where|why|how|how much) (?:do|does|did|can|should|must|will|is|are)|how many) "
    rf"(?P<noun>(?!(?:there|you|i|we|one|people|this|these|those|any|all)\b){_NOUN})(?= )",
    re.I,
)
_VERB = re.compile(
    r" (?:arrive|begin|charge|close|come|cost|do|earn|end|get|go|happen|have|last|leave|live|mean|need|open|pay|run|say"
    r"|start|stay|take|weigh|work)$",
    re.I,
)
"""What may end a question whose verb is *does* or *did*."""
_ARTICLE = re.compile(r"^(?P<article>a|an|the|my|our|your)\b", re.I)


def instead(asked: str, what: str, preposition: str = "") -> str:
    """Return a question with ``what`` in the place of what it is most like; ``preposition`` stood before it."""
    if leading := _LEADING.match(what):
        preposition, what = leading["preposition"], leading["rest"]
    return (
        _year(asked, what)
        or _name(asked, what, preposition)
        or _by_preposition(asked, what, preposition)
        or _by_noun(asked, what)
        or _subject(asked, what, preposition)
        or _by_article(asked, what, preposition)
        or f"{asked.rstrip(' ?')}{'' if preposition in _ADDING else ','} {f'{preposition} {what}'.strip()}?"
    )


def _year(asked: str, what: str) -> str | None:
    year, standing = YEAR.search(what), YEAR.search(asked)
    if year and standing:
        return asked[: standing.start()] + year.group() + asked[standing.end() :]
    return f"{asked.rstrip(' ?')} in {what}?" if year and what == year.group() else None


def _name(asked: str, what: str, preposition: str) -> str | None:
    """Put a name in the place of the last name, a person in that of a person; words in lower case take no name's.

    In German, where any noun looks like a name, one with a preposition is added.
    """
    if (not names(what) and names(asked)) or (preposition and language_of(asked) == "de"):
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
    return _in_place(asked, start, last.end(), f"{'the ' if keeps else ''}{what}")


def _by_noun(asked: str, what: str) -> str | None:
    """Put *the return ticket* in the place of *a single ticket*."""
    noun = what.rpartition(" ")[2].lower()
    alike = [each for each in _PHRASE.finditer(asked) if each["noun"].lower().rpartition(" ")[2] == noun]
    return _in_place(asked, alike[-1].start(), alike[-1].end(), what) if alike and _ARTICLE.match(what) else None


def _subject(asked: str, what: str, preposition: str) -> str | None:
    """Put *dogs* in the place of *cats* in *Are cats allowed?*."""
    found = None if preposition or _ARTICLE.match(what) else _SUBJECT.match(asked)
    return f"{asked[: found.start('noun')]}{what}{asked[found.end('noun') :]}" if found else None


def _by_article(asked: str, what: str, preposition: str) -> str | None:
    article = _ARTICLE.match(what)
    phrases = list(_PHRASE.finditer(asked))
    if not phrases:
        return None
    if article is None:
        if preposition in _ADDING:  # a ticket *for students* is no student
            return None
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
    return _in_place(asked, phrase.start(), end, what)


def _in_place(asked: str, start: int, end: int, what: str) -> str:
    if _HELPED.search(asked[:start]) and (verb := _VERB.search(asked[start:end])):
        end = start + verb.start()
    replaced = asked[start:end]
    noun = replaced.rpartition(" ")[2]
    degree = _DEGREE.fullmatch(_ARTICLE.sub("", what).strip())
    if degree and not _DEGREE.fullmatch(noun) and any(map(_DEGREE.fullmatch, replaced.split())):
        what = f"{what} {noun}"  # the smallest, of clocks
    return asked[:start] + _ONE.sub(noun, what) + asked[end:]


def _kind(article: str) -> str:
    return "a" if article.lower() in ("a", "an") else "the"
