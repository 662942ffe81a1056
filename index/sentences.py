"""Sentence boundaries, as offsets.

A citation shows whole sentences, so boundaries are drawn for a reader: quoted speech stays in one piece with the
words that attribute it, and abbreviations, initials and decimal points end nothing. Rules rather than a model: they
are exact about offsets, need no download, and cost microseconds.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from index.types import Span

MAX_SPEECH = 600
"""Quoted speech of more characters than this is split inside the quotation marks too."""

_CLOSERS = "\"'”’“«»)\\]"
_TERMINATOR = re.compile(
    # Latin: a mark, closing marks, white space. Nothing is tried twice, or a row of dots would take quadratic time.
    rf"(?P<end>(?<![.!?…])[.!?…]++[{_CLOSERS}]*+(?:\s»(?=\s))?+)(?P<gap>\s++)(?=\S)"
    rf"|(?P<tight>(?<=[a-z]{{3}})[.!?](?=[A-Z][a-z]+\s))"  # a lost space: "on his profile.He also"
    rf"|(?P<wide>[。！？]+[{_CLOSERS}」』]*)",  # Chinese and Japanese need no space
)
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof sen rep gov gen col lt sgt capt rev hon st jr sr vs etc inc ltd co corp dept no nos vol pp "
    "fig figs eq ed eds al ca cf approx est jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri "
    "sat sun e.g i.e a.m p.m u.s u.k u.n e.u d.c ph.d z.b bzw usw ggf art abs nr str hr fr sra sres sr pág aprox "
    "ej dra mme mlle".split()
)
# After these an upper-case word usually goes on with the name; the rest may also end a sentence.
_TITLES = frozenset(
    "mr mrs ms dr prof sen rep gov gen col lt sgt capt rev hon st fig figs vs e.g i.e z.b hr fr sra dra mme "
    "mlle".split()
)
_STARTERS = frozenset(
    "The A An In On At It He She They We I This That These Those But And However As After Before When While If For "
    "His Her Their Its There Here Both Many Some Most According".split()
)
_MONTHS = frozenset("Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split())
_BEFORE_ORDINALS = frozenset("am zum zur vom im beim der die das dem den des bis ab seit".split())
"""German words after which a number with a full stop is an ordinal: *bis zum 13. Geburtstag*."""
_WINDOW = 40
"""How many characters around a mark decide; bounds the work on hostile text."""
_OPENING = re.compile(r"(?:[\"'“‘«»(\[¿¡„「『–—-]\s?)*")
_SPEECH_ENDS = {"“": '”"', "„": '“”"', "«": "»", "»": "«", '"': '"”'}
"""What may close quoted speech, by what opened it."""


def sentence_spans(text: str, offset: int = 0) -> Iterator[Span]:
    """Yield the sentences of one block of text, without surrounding white space.

    ``offset`` is added to every position. The spans are in order and disjoint, and only white space is left out.
    """
    start = 0
    for cut, resume in _boundaries(text):
        yield from _trimmed(text, start, cut, offset)
        start = resume
    yield from _trimmed(text, start, len(text), offset)


def _trimmed(text: str, start: int, end: int, offset: int) -> Iterator[Span]:
    piece = text[start:end]
    lead = len(piece) - len(piece.lstrip())
    body = len(piece.strip())
    if body:
        yield Span(offset + start + lead, offset + start + lead + body)


def _boundaries(text: str) -> Iterator[tuple[int, int]]:
    speech = _speech(text)
    for match in _TERMINATOR.finditer(text):
        if match["end"] is not None:
            cut, resume = match.end("end"), match.end("gap")
            if not _ends_sentence(text, match.start("end"), cut, resume):
                continue
        else:
            cut = resume = match.end()
        enclosing = bisect_left(speech, (cut,)) - 1
        if enclosing >= 0 and cut < speech[enclosing][1]:
            continue
        yield cut, resume


def _ends_sentence(text: str, mark: int, cut: int, resume: int) -> bool:
    opening = _OPENING.match(text, resume, resume + _WINDOW)
    start = opening.end() if opening else resume
    after = text[start : start + _WINDOW]
    if not after or after[0].islower() or not (after[0].isalnum() or not after[0].isascii()):
        return False
    if text[mark] != "." or cut - mark > 1:
        return True
    before = text[max(0, mark - _WINDOW) : mark]
    word = re.split(r"[\s(\[\"“'‘—–/]", before)[-1]
    following = re.split(r"\W", after, maxsplit=1)[0]
    if word.isdigit() and len(word) <= 3 and mark == len(word):
        return False  # "1. First item"
    if word.isdigit() and len(word) <= 2 and following in _MONTHS:
        return False  # "am 3. Mai"
    ordinal = (
        word.isdigit() and len(word) <= 2 and _BEFORE_ORDINALS.intersection(before.removesuffix(word).split()[-1:])
    )
    if ordinal and following not in _STARTERS:
        return False  # "bis zum 13. Geburtstag"
    if len(word) == 1 and word.isupper() and word != "I":
        return following in _STARTERS and len(following) > 1  # not after an initial: "J. Smith", "J. A. Smith"
    lowered = word.lower()
    if lowered in _TITLES:
        return False
    if lowered in _ABBREVIATIONS or re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", word):
        return following in _STARTERS
    return True


def _speech(text: str) -> list[tuple[int, int]]:
    """Return the stretches inside quotation marks that are short enough to stay whole."""
    spans: list[tuple[int, int]] = []
    opened = 0
    closing = ""
    for position, character in enumerate(text):
        if closing and character in closing:
            spans.append((opened, position + 1))
            closing = ""
        elif not closing and character in _SPEECH_ENDS:
            opened, closing = position, _SPEECH_ENDS[character]
    return [(start, end) for start, end in spans if end - start <= MAX_SPEECH]
