"""Questions that an enumeration answers: in one sentence, or as a lead-in with a line for every item."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.query.language import is_function_word
from rag.suggest.askable import is_askable
from rag.suggest.asking import Asking

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_ITEMS, MAX_ITEMS = 3, 12
MAX_ITEM_WORDS = 4
_NAME = r"(?!That|This|These|Those|It|They)[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){0,3}"
_SUBJECT = rf"(?P<subject>(?:The|An?|Every|Each|Our) [a-z0-9][\w’' -]{{2,60}}?|{_NAME})"
_HOLDS = re.compile(
    rf"{_SUBJECT} (?P<verb>(?:include|contain|comprise|need|require|offer|sell|list|cover)s?|consists? of)\b"
    r"(?: the following(?: [a-z]+)?)? ?(?P<items>[^:;()]*)[.:!]"
)
_ARE = re.compile(rf"{_SUBJECT} (?P<verb>are|were)\b ?(?P<items>[^:;()]*)[.:!]")
_BULLET = re.compile(r"^\s*(?:[-*•–+]|\d+[.)])\s+")
_PARTED = re.compile(r",\s+(?:and\s+|or\s+)?|\s+and\s+|\s+or\s+")
_ARTICLE = re.compile(r"^(?:the|an?|its|their|one)\s+", re.I)
_JOINING = frozenset("of for in the a an".split())
_LEANING = re.compile(
    r"\b(?:including|such|other|it|they|them|this|these|those|which|who|that|is|are|was|were|will|can|has|have)\b"
)


def questions_of_list(sentence: str) -> Iterator[Asking]:
    """Yield the questions that a sentence with at least ``MIN_ITEMS`` short items in a row answers."""
    yield from _asked(" ".join(sentence.split()), None)


def questions_of_lines(lead: str, lines: str) -> Iterator[Asking]:
    """Yield the questions that a lead-in which ends in a colon and the lines below it answer."""
    items = [_BULLET.sub("", line).strip(" .;,") for line in lines.strip().split("\n") if line.strip()]
    yield from _asked(" ".join(lead.split()), items)


def _asked(sentence: str, below: list[str] | None) -> Iterator[Asking]:
    for shape in (_HOLDS, _ARE):
        stated = shape.fullmatch(sentence)
        if stated is None:
            continue
        inline = stated["items"].strip()
        if (below is None) != bool(inline) or sentence.endswith(":") == (below is None):
            continue
        items = below if below is not None else _PARTED.split(inline)
        if any(is_function_word(word, "en") for word in stated["subject"].lower().split()[1:] if word not in _JOINING):
            continue
        question = _question(stated["subject"], stated["verb"])
        if all(map(_is_item, items)) and MIN_ITEMS <= len(items) <= MAX_ITEMS and is_askable(question):
            yield Asking(question, listed=tuple(_ARTICLE.sub("", item) for item in items))


def _question(subject: str, verb: str) -> str:
    first, _, others = subject.partition(" ")
    within = f"{first.lower()} {others}" if first in ("The", "A", "An", "Every", "Each", "Our") else subject
    if verb in ("are", "were"):
        return f"What {verb} {within}?"
    base, _, of = verb.partition(" ")
    plural = not base.endswith("s")
    return f"What {'do' if plural else 'does'} {within} {base if plural else base[:-1]}{' ' + of if of else ''}?"


def _is_item(item: str) -> bool:
    """Tell whether an item can be looked for as words: short, and no clause of its own."""
    words = _ARTICLE.sub("", item).split()
    return (
        0 < len(words) <= MAX_ITEM_WORDS
        and not _LEANING.search(item)
        and not is_function_word(words[-1].lower(), "en")
        and not (len(words) > 1 and re.fullmatch(r"[a-z]{3,}(?:ed|ing)", words[0]))
    )
