"""Stretches of a sentence that can be a short answer: names, dates, amounts, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from index.terms import STOP_WORDS
from index.types import Span
from rag.reader.dates import CALENDAR, MONTH, WEEKDAY

_SCALE = r"(?:\s?(?:thousand|million|billion|trillion|hundred|mn|bn|m|k)\b)?"
_DIGITS = r"\d+(?:[.,]\d{3})*(?:[.,]\d+)?"
_COUNT_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    "|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|hundreds|thousand|thousands"
    "|dozen|dozens|half|third|quarter|once|twice"
    "|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|doce"
    "|deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze"
)

MONEY = re.compile(
    rf"(?:(?:US|A|C)?[$€£¥]\s?{_DIGITS}{_SCALE}"
    rf"|\b{_DIGITS}{_SCALE}\s?(?:(?i:dollars?|euros?|pounds|cents?|yen|crowns|francs|franken|pesos|dólares|céntimos|centimes)"
    r"|EUR|USD|GBP|€)(?!\w))"
)
NUMBER = re.compile(
    rf"(?:{MONEY.pattern}|\b{_DIGITS}(?:{_SCALE})(?:\s?(?:%|percent\b|per cent\b))?"
    rf"|\b(?:{_COUNT_WORDS})(?:[- ](?:{_COUNT_WORDS}|million|billion))?\b)",
    re.I,
)
LASTING = re.compile(
    rf"(?:\b{_DIGITS}|\b(?i:{_COUNT_WORDS})(?:[- ](?i:{_COUNT_WORDS}))?)[\s-](?:\w+\s)?"
    r"(?i:seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?|decades?|sekunden?|minuten?|stunden?|tagen?|tage?|wochen?"
    r"|monaten?|monate?|jahren?|jahre?|segundos?|minutos?|horas?|días?|semanas?|mes(?:es)?|años?|heures?|jours?|semaines?|mois|ans?)\b"
)
_PERIOD = (
    rf"(?:seconds?|minutes?|hours?|days?|nights?|weeks?|weekends?|fortnights?|months?|quarters?|seasons?|years?|decades?"
    rf"|(?:{WEEKDAY})s?|(?:{MONTH})|morning|evening|sekunden?|minuten?|stunden?|tage?n?|wochen?|monate?n?|jahre?n?"
    r"|minutos?|horas?|días?|semanas?|mes(?:es)?|años?|minutes?|heures?|jours?|semaines?|mois|ans?)"
)
_EACH = r"(?:every|each|jede[nrs]?|cada|chaque)"
_NUMBER = rf"(?:{_DIGITS}|{_COUNT_WORDS})"
_TIMES = rf"(?:once|twice|\w+mal|(?:{_NUMBER}|una|une) (?:times|veces|vez|fois|mal))"
FREQUENCY = re.compile(
    rf"\b(?:(?:on )?the \w+ (?:\w+ )?of {_EACH} {_PERIOD}"
    rf"|(?:{_EACH}|alle|tou(?:s|tes) les) (?:(?:other|second|third|few|zweite[nrs]?|{_NUMBER}) )?{_PERIOD}"
    rf"|{_TIMES} (?:an?|per|every|each|pro|im|am|in der|al|a la|por|cada|par)(?: {_NUMBER})? {_PERIOD}"
    r"|hourly|daily|weekly|fortnightly|monthly|quarterly|yearly|annually|stündlich|täglich|wöchentlich|monatlich|jährlich)"
    r"(?!\w)",
    re.I,
)
"""How often something happens: *every five years*, *twice a week*, *on the first Monday of every month*."""
UNIT = re.compile(
    r"[\s-]?(?:(?:square|cubic|nautical) )?(?:(?:kilo|centi|milli)?(?:met(?:er|re)s?|grams?|grammes?)|km|cm|mm|m|kg|g"
    r"|kilos?|miles?|feet|foot|inch(?:es)?|yards?|tonnes?|tons?|pounds?|lit(?:er|re)s?|hectares?|acres?|knots?"
    r"|degrees?(?: Celsius| Fahrenheit)?|°\s?[CF]|seconds?|minutes?|hours?|days?|weeks?|months?|years?)(?!\w)"
)
FIGURE = re.compile(rf"\b{_DIGITS}{_SCALE}")
NAME = re.compile(
    r"\b[A-ZÀ-ÖØ-Þ][\w’'.-]*(?:(?:\s+|-)(?:(?:of|the|de|del|la|van|von|der|den|bin|al|el|y|und)\s+){0,2}"
    r"[A-ZÀ-ÖØ-Þ][\w’'-]*\.?)*"
)
_OPENS = re.compile(r"(?:^|[.!?:;|]\s|[“\"«(])\s*$")
_LABEL = re.compile(r":(?=\s)")
_PLACING = re.compile(r"\b(?:in|at|near|from|on|via|into|across) (?:the )?$", re.I)
_PLACING_WITHIN = len("across the ")
"""Characters before a name in which that stands."""
_INSIDE = re.compile(r"(?<=[a-z,;’'] )[A-ZÀ-ÖØ-Þ][\w’'-]+")
_SPEECH = re.compile(r"[“\"][^“”\"]*[”\"]")
FAR = 120
"""Characters between two names that "together with" still joins."""
SHORT_SPEECH = 20
"""Characters up to which words in quotation marks may be a title or a term rather than speech."""
_ROLES = frozenset(
    "president prime minister chancellor secretary general state special envoy spokesman spokeswoman spokesperson "
    "foreign defence defense deputy vice chief director chair chairman chairwoman chairperson king queen prince "
    "princess pope senator sen rep governor gov mayor judge justice sir lord lady dr mr mrs ms prof professor captain "
    "colonel general lieutenant sergeant coach ceo founder head treasurer manager ambassador permanent representative "
    "heads leaders governments presidents ministers envoys chancellors chiefs directors government company "
    "french german british ukrainian russian american u.s us european spanish italian chinese".split()
)
_ORGANISATION = re.compile(
    r"\b(?:Council|Committee|Ministry|Government|Parliament|Senate|Congress|Court|Bank|University|Institute|Agency"
    r"|Union|Association|Organi[sz]ation|Company|Corporation|Inc|Ltd|Party|Press|Times|Post|News|Facebook|Twitter|Church|NATO"
    r"|UN|EU|AFP|AP|Kremlin|House|Office|Department|Army|Works|Group|Ukraine|Russia|Europe|States|Kingdom|America)\b"
)
_SMALL = frozenset("of the de del la van von der den bin al el y und and".split())


def spans_of(pattern: re.Pattern[str], text: str) -> list[Span]:
    """Return the matches of a pattern as spans."""
    return [Span(match.start(), match.end()) for match in pattern.finditer(text)]


def names(text: str, known: frozenset[str] | None = None) -> list[Span]:
    """Return the proper names of a sentence: capitalised words and the small words that join them.

    A capital that only opens the sentence (or labels a cell of a table) does not make a name: such a word counts if
    another capitalised word follows it, or if it is one of ``known`` (see `capitalised`; ``None``: all are known).
    """
    found = []
    for match in NAME.finditer(text):
        start, end = _trimmed_name(text, *match.span())
        if start >= end or _LABEL.match(text, end):
            continue
        alone = " " not in text[start:end]
        if alone and known is not None and text[start:end] not in known and _OPENS.search(text[:start]):
            continue
        found.append(Span(start, end))
    return found


def _trimmed_name(text: str, start: int, end: int) -> tuple[int, int]:
    """Cut off what is no part of a name: a possessive, a full stop, and at the front stop words, months and days."""
    raw = text[start:end]
    if raw.endswith(("’s", "'s")):
        end -= 2
    elif raw.endswith((".", "'", "’", "-")) and not re.search(r"\b[A-Z]\.$|\.[A-Z]\.$", raw):
        end -= 1
    while start < end:
        first = re.match(r"\S+\s*", text[start:end])
        word = first.group().strip(" .,").lower() if first else ""
        if not first or not (word in STOP_WORDS or word in _SMALL or CALENDAR.fullmatch(first.group().strip())):
            break
        start += first.end()
    return start, end


def capitalised(text: str) -> Iterator[str]:
    """Yield the words of a text that are capitalised although they open no sentence: the words of names."""
    for match in _INSIDE.finditer(text):
        yield match.group().removesuffix("’s").removesuffix("'s")


def people(text: str, known: frozenset[str] | None = None) -> list[Span]:
    """Return names that can be a person's, without leading offices.

    ``Secretary of State Marco Rubio`` gives ``Marco Rubio``; ``the Security Council`` gives nothing.
    """
    found = []
    for span in names(text, known):
        words = list(re.finditer(r"\S+", text[span.start : span.end]))
        first = 0
        while first < len(words) and words[first].group().strip(".,").lower() in _ROLES | _SMALL:
            first += 1
        person = Span(span.start + words[first].start(), span.end) if first < len(words) else span
        name = text[person.start : person.end]
        if first < len(words) and len(name) > 1 and not _ORGANISATION.search(name):
            found.append(person)
    return found


def roles(person: str, text: str) -> list[Span]:
    """Return what a sentence says a person is: ``Jane Roe, head of X, said``; ``X spokesman John Doe``."""
    last = re.escape(person)
    patterns = (
        rf"\b{last}(?:, who (?:is|was)|,| is| was) (?P<role>(?!who\b)(?:the |a |an |one )?[a-z][^,;:.]{{3,120}})"
        r"(?=[,;.])",
        rf"(?P<role>(?:[A-Z]\w+ )*[a-z]+(?:man|woman|person|er|or|ist|ent|ant|ary)) (?:[A-Z]\w+ )?{last}\b",
        rf"\b{last}: (?P<role>[^.;]{{3,120}})",
        rf"\b{last}; (?:[^:;]{{2,30}}): (?P<role>[^;]{{3,120}})",
    )
    return [Span(*match.span("role")) for pattern in patterns for match in re.finditer(pattern, text)]


def placed(text: str, span: Span) -> bool:
    """Tell whether a name says where something is: it follows ``in``, ``at``, ``near`` or the like."""
    return _PLACING.search(text, max(0, span.start - _PLACING_WITHIN), span.start) is not None


def has_speech(text: str) -> bool:
    """Tell whether a text holds quoted speech of more than a word or two."""
    return any(len(match.group()) > SHORT_SPEECH for match in _SPEECH.finditer(text))


def outside_speech(text: str) -> str:
    """Return the text with quoted speech blanked out, so that positions stay."""
    return _SPEECH.sub(lambda match: " " * len(match.group()), text)


def coordinated(text: str, spans: list[Span]) -> Iterator[list[Span]]:
    """Group spans that stand in one enumeration: joined by commas, "and", and roles in lower case between them."""
    group: list[Span] = []
    for span in spans:
        if group and not _joins(text[group[-1].end : span.start]):
            yield group
            group = []
        group.append(span)
    if group:
        yield group


def _joins(between: str) -> bool:
    """Tell whether words between two names only enumerate: ``" and special envoy "``, ``" together with "``."""
    if len(between) <= FAR and re.search(r"\b(?:together with|along with|as well as)\b", between):
        return True
    if not re.match(r"\s*(?:,|and\b|und\b|y\b|et\b|&|;)", between):
        return False
    rest = re.findall(r"[\w.]+", between)
    return all(word.lower() in _ROLES | _SMALL | {"et", "his", "her", "their", "s"} for word in rest)
