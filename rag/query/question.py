"""What a question asks for: its content words, the names in it, and the kind of answer it expects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from index.terms import STOP_WORDS, stem, terms, words
from index.types import Span
from rag.query.language import Language, is_function_word, language_of
from rag.query.when import Asked, Order
from rag.reader.dates import YEAR


class Expects(Enum):
    """The kind of span that would answer."""

    PERSON = "person"
    ROLE = "role"
    NAME = "name"
    DATE = "date"
    PLACE = "place"
    NUMBER = "number"
    MONEY = "money"
    PROSE = "prose"


VALUES = (Expects.NUMBER, Expects.MONEY, Expects.DATE)
"""What documents may give differently."""
Bound = Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, analysed.

    ``terms`` are the stems of its content words, each with its weight (0 to 1, how telling it is).
    ``names`` are the stems of words that name something (capitalised inside the sentence, or with a digit), ``years``
    the years among them, ``phrases`` what it puts in quotation marks (lower case). ``wants_speech``: it asks what
    somebody said or wrote. ``compares``: it asks what several documents say.
    ``person`` is the last name of whom ``Who is Jane Roe?`` asks about, if that is the question.
    ``counted`` is the stem of what a number should count ("how many *days*"), if anything. ``newest``: it asks what
    holds now; ``order`` is the order of time it wants. ``bound`` is the end of a period that it asks for, if it does.
    """

    text: str
    expects: Expects
    plural: bool
    terms: Mapping[str, float]
    names: frozenset[str]
    years: frozenset[str]
    phrases: tuple[str, ...]
    wants_speech: bool
    compares: bool
    counted: str | None = None
    person: str | None = None
    newest: bool = False
    order: Order | None = None
    bound: Bound | None = None

    @property
    def weight(self) -> float:
        """The weight of all terms together."""
        return sum(self.terms.values())


# Words of a question that say what kind of answer it wants; they need not occur in the answer.
_ASKING = frozenset(
    "name list mention explain describe happen happened mean means meant kind sort type many much long old far often "
    "person people date year month day time place reason number amount according report reported question answer "
    "document documents article articles thing things state stated states role job ask asks asked spoke speak spoken "
    "think thinks change changed differ compare".split()
)
_WHICH = r"(?:what|which)"
_IS_THE = r"what (?:is|was|are|were) the "
_EXPECTATIONS: tuple[tuple[Expects, tuple[str, ...]], ...] = (
    (
        Expects.MONEY,
        (
            r"how (?:much|many) (?:money|dollars|euros|pounds)|how (?:expensive|costly|cheap)",
            r"how much (?:does|do|did|is|are|was|were|will|would|can|in)",
            rf"(?:{_WHICH} |{_IS_THE})(?:price|cost|sum|amount|budget|salary|fee)",
            r"cu[aá]nto dinero|cu[aá]nto (?:cuesta|cuestan|vale)|(?:wie ?viel|was) kostet|combien co[uû]te",
        ),
    ),
    (
        Expects.NUMBER,
        (
            r"how (?:many|much|long|old|tall|large|big|far|often|few|heavy|high|deep|wide|thick|fast|quick|quickly"
            r"|early|late|soon)",
            rf"(?:{_WHICH} |{_IS_THE})(?:number|percentage|share|proportion)",
            r"cu[aá]nt[oa]s?|wie ?viele?|combien",
        ),
    ),
    (
        Expects.DATE,
        (
            r"when|since when|until when|by when|how recently",
            rf"(?:{_WHICH} |{_IS_THE})(?:date|day|year|month|time|century|decade)|{_IS_THE}\w+ (?:date|day)",
            r"cu[aá]ndo|wann|quand",
        ),
    ),
    (
        Expects.PERSON,
        (
            r"who|whom|whose",
            rf"{_WHICH} (?:person|people|man|woman|leaders?|politicians?|officials?|spokes\w+|presidents?|ministers?"
            r"|envoys?|authors?|players?|scientists?|actors?|singers?)",
            r"qui[eé]n(?:es)?|wer|qui",
        ),
    ),
    (
        Expects.PLACE,
        (
            r"where",
            rf"{_WHICH} (?:country|countries|city|cities|town|place|state|region|location|island|continent)",
            r"d[oó]nde|wo|o[uù]",
        ),
    ),
    (
        Expects.NAME,
        (
            rf"{_WHICH} (?:\w+ )?(?:outlets?|newspapers?|compan(?:y|ies)|organi[sz]ations?|agenc(?:y|ies)|teams?"
            r"|part(?:y|ies)|universit(?:y|ies)|school|band|group|language|nationality|media|magazine|title|name)",
            rf"{_IS_THE}(?:name|title)",
        ),
    ),
)
_EXPECTS = tuple(
    (kind, re.compile(rf"(?:^|[\s,;:¿])(?:{'|'.join(patterns)})\b", re.I)) for kind, patterns in _EXPECTATIONS
)
_NAMED = (Expects.PERSON, Expects.NAME, Expects.PLACE)
_PLURAL = re.compile(
    rf"\b{_WHICH} (?:\w+ )?\w{{3,}}(?<!s)s (?!the\b|a\b|an\b)\w+"
    rf"|\b{_WHICH} (?:leaders|outlets|media|people|countries)\b"
    r"|\bwho (?:are|were)\b|\bwhat are (?:the|all)\b|^(?:please )?(?:list|name)\b"
    r"|\b(?:both|all|each|every|several|two|three|four|reports|differ|differences?|changed?|compare)\b"
    r"|\bwhat (?:do|would|does|did|must|should|will|is|are) .*\b(?:ask|asks|asked|require|requires|required|demand"
    r"|demands|give up|concede|say|include|includes|contain|offer|get|need|promise|keep)\b",
    re.I,
)
_QUOTED = re.compile(r"[\"“«]([^\"“”«»]+)[\"”»]")
_COMPARING = re.compile(
    r"\b(?:chang(?:e|ed|es)|differ(?:s|ent|ence|ences)?|compared?|comparison|versus|vs|contradict\w*|disagree\w*"
    r"|both|two (?:reports|editions|articles|documents|versions|sources)|each (?:report|edition|article|document|side)"
    r"|respective\w*|develop(?:ed)?|evolv\w+)\b",
    re.I,
)
_SPEAKING = re.compile(
    r"\b(?:sa(?:y|id|ys|ying)|wr(?:o|i)te|written|added|add|told|tell|comment(?:ed)?|quote[ds]?|words?|stated?|claim(?:ed)?"
    r"|respond(?:ed)?|repl(?:y|ied)|react(?:ed|ion)?|post(?:ed)?|put it|call(?:ed)? it|describe[ds]?)\b",
    re.I,
)
_BOUNDS: Mapping[Bound, re.Pattern[str]] = {
    "end": re.compile(
        r"\b(?:until|till|by) (?:when|(?:what|which) (?:date|day))\b"
        r"|\bwhen (?:do|does|did|will|is|are|was|were) .*\b(?:ends?|ended|expires?|lapses?|run out|finish|over)\b",
        re.I,
    ),
    "start": re.compile(
        r"\b(?:since|from) (?:when|(?:what|which) (?:date|day))\b"
        r"|\bwhen (?:do|does|did|will) .*\b(?:start|begin|apply|take effect|come into force)\b",
        re.I,
    ),
}
_WHO_IS = re.compile(r"\s*[Ww]ho (?:is|was) (?P<name>(?:[A-Z][\w’'-]+\s?)+)\??\s*$")
_HOW = re.compile(
    r"\bhow (?!(?:do|does|did|is|are|was|were|am|can|could|to|should|would|will|shall|may|might|must|has|have|had|come"
    r"|about|the|a|an)\b)(?P<measure>\w+)",
    re.I,
)
"""What is measured: *how heavy* is answered by a weight, which need not say *heavy*."""
_COUNTED = re.compile(r"how (?:many|much) ((?:\w+ ){0,3}?\w{3,}s)\b|how (?:many|much) (\w{3,})", re.I)


def analyse(text: str, idf: Mapping[str, float] | None = None) -> Question:
    """Analyse a question; ``idf`` gives the weight of each stem (1 where it has none)."""
    weights = idf or {}
    expects, asking = _expectation(text)
    language = language_of(text)
    every = [term for term in terms(text) if not is_function_word(text[term.start : term.end], language)] or terms(text)
    wants_speech = bool(_SPEAKING.search(text))
    beside = [asking, *(Span(*found.span("measure")) for found in _HOW.finditer(text))]
    if wants_speech and expects is Expects.PROSE:
        beside += [Span(*found.span()) for found in _SPEAKING.finditer(text)]
    content = [
        term
        for term in every
        if text[term.start : term.end].lower() not in _ASKING
        and not any(span.start <= term.start < span.end for span in beside)
    ]
    phrase = _COUNTED.search(text)
    counted = (phrase[1] or phrase[2]).split()[-1] if phrase else None
    who_is = _WHO_IS.match(text)
    return Question(
        text=text,
        expects=Expects.ROLE if who_is else expects,
        plural=bool(_PLURAL.search(text)),
        terms={term.stem: weights.get(term.stem, 1.0) for term in content or every},
        names=frozenset(_names(text, language)),
        years=frozenset(YEAR.findall(text)),
        phrases=quoted_phrases(text),
        compares=bool(_COMPARING.search(text)),
        wants_speech=wants_speech,
        person=who_is["name"].split()[-1] if who_is else None,
        counted=stem(counted) if counted and counted.lower() not in STOP_WORDS else None,
        bound=next((bound for bound, pattern in _BOUNDS.items() if pattern.search(text)), None),
    )


def timed(question: Question, asked: Asked) -> Question:
    """Return a question with what it says about time; one that wants an order compares."""
    if not asked.newest and asked.order is None:
        return question
    return replace(
        question, newest=asked.newest, order=asked.order, compares=question.compares or asked.order is not None
    )


def quoted_phrases(text: str) -> tuple[str, ...]:
    """Return what a question puts in quotation marks, if it is two words or more, in lower case."""
    return tuple(found.strip().lower() for found in _QUOTED.findall(text) if len(found.split()) > 1)


def _expectation(text: str) -> tuple[Expects, Span]:
    """Return what the first question word asks for, and the words that say so, which need not be in the answer.

    Of patterns that match at one place, the first listed counts. ``Which outlets`` wants names, and the answer will
    hardly say *outlets*; ``how many days`` wants days.
    """
    matches = [(match, kind) for kind, pattern in _EXPECTS if (match := pattern.search(text))]
    if not matches:
        return Expects.PROSE, Span(0, 0)
    first, kind = min(matches, key=lambda match: match[0].start())
    return kind, Span(*first.span()) if kind in _NAMED else Span(0, 0)


def _names(text: str, language: Language | None) -> list[str]:
    found = []
    tokens = [word.group() for word in words(text)]
    for position, token in enumerate(tokens):
        capital = token[0].isupper() and position > 0 and (language != "de" or _beside_a_capital(tokens, position))
        digits = any(character.isdigit() for character in token)
        if (capital or digits) and not is_function_word(token, language) and token.lower() not in _ASKING:
            found.append(stem(token))
    return found


def _beside_a_capital(tokens: Sequence[str], position: int) -> bool:
    """Tell whether a word stands beside another capitalised one, which in German sets a name apart from a noun."""
    return any(0 < beside < len(tokens) and tokens[beside][0].isupper() for beside in (position - 1, position + 1))
