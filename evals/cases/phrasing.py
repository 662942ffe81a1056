"""Questions that a sentence or a row of a table answers, by its shape alone: English, and only where that is plain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.types import Quantity
from index.readers.dates import dates_in
from rag.query.language import is_function_word, language_of
from rag.reader.read import CELLS
from rag.reader.spans import has_speech, people

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_WORDS, MAX_WORDS = 4, 30
"""Shorter sentences rarely say enough to be asked about, longer ones make clumsy questions."""
_PAST = (
    "became began bought brought built chose drew fell found gave grew held kept knew laid led left lost made met paid "
    "ran read saw sent set sold spent spoke stood taught thought told took went won wrote"
).split()
_PRESENT = (
    "answers builds carries chairs checks directs edits employs holds keeps leads looks makes manages owns "
    "produces repairs runs sells serves signs takes teaches trains writes"
).split()
_VERB = re.compile(rf"\s+(?:[a-z]+ed|{'|'.join((*_PAST, *_PRESENT))})\b")
_NO_NOUN = (
    "and or but that which who if when as than whose is are was were will would can could must may should".split()
)
_THING = rf"(?:The|An?|Every|Each|All|Our)(?: (?!(?:{'|'.join(_NO_NOUN)})\b)[\w’'-]+){{1,5}}?"
_SUBJECT = rf"{_THING}|[A-Z][\w’'-]+(?: (?:of|the|de|van|von|[A-Z][\w’'-]+)){{0,4}}"
_STATED = re.compile(
    rf"(?P<subject>{_SUBJECT}) (?P<verb>is|are|was|were|will|can|must|may|should) (?P<rest>(?:[^,;:()]|,(?=\d))+)[.!]"
)
_PRONOUNS = frozenset("he she it they we i you this that these those there here who what which both".split())
_ANYBODY = _PRONOUNS | frozenset(
    "whoever everybody everyone somebody someone nobody anybody anyone one two three four five six seven eight nine "
    "ten some many most few several others".split()
)
"""What opens a sentence with a capital and is nobody's name."""
_LEADING = frozenset("the a an every each all our".split())
_FORMS = {
    form: (auxiliary, base)
    for base, present, past in (
        *(("cost", "costs", "cost"), ("weigh", "weighs", "weighed"), ("last", "lasts", "lasted")),
        *(("take", "takes", "took"), ("have", "has", "had"), ("list", "lists", "listed"), ("keep", "keeps", "kept")),
        *(("employ", "employs", "employed"), ("hold", "holds", "held"), ("contain", "contains", "contained")),
    )
    for form, auxiliary in ((past, "did"), (base, "do"), (present, "does"))
}
"""Verbs that lead to a number: of each form, what a question is made with."""
_MEASURED = re.compile(rf"(?P<subject>{_SUBJECT}) (?P<verb>{'|'.join(_FORMS)}) (?P<rest>.+)[.!]")
_SHORT_UNITS = "kg|g|mg|km|m|cm|mm|l|cl|ml|h|min|s|ms|kW|W|MB|GB"
_COUNTED = re.compile(
    r"(?:about |at least |at most |up to |only )?(?P<number>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?) "
    rf"(?P<unit>[a-z]{{3,}}|{_SHORT_UNITS})\b"
)
_EXTENT = re.compile(r"high|long|wide|deep|tall|thick|old")
_MONEY = frozenset("euros dollars pounds francs crowns yen cents".split())
_TIME = frozenset("seconds minutes hours days weeks months years".split())
_NEXT = re.compile(r",| (?:and|or|but|which|because|if|when|while)\b")
"""Where a sentence begins to say something else."""
_CLOCK = re.compile(
    rf"(?P<subject>{_SUBJECT}) (?P<verb>open|close|leave|start|begin|end)s(?P<rest>(?: [^\s,;:()]+)*?)"
    r" at (?P<time>\d{1,2}[:.]\d\d)(?:,? (?:and|but) .+)?[.!]"
)
_OFFICE = re.compile(rf"(?P<subject>{_THING}) (?P<verb>is|was) (?P<rest>[A-Z].+)[.!]")
_KIND = re.compile(r"(?:an?|the) [^,;:()]{4,80}")
_CELL = re.compile(r"(?P<header>[^:;]{2,40}): (?P<cell>[^;]{1,80})")
_HEADER = re.compile(r"[A-Za-z]+(?: [a-z]+){0,3}")
_NAME = re.compile(r"[^\W\d_][\w’',&/ -]*")
_NO_HEADER = frozenset("new old now before after until how why true".split())
_FULL_NAME = re.compile(r"[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){1,3}")
_PREPOSITION = re.compile(r",?\s*\b(?:on|in|since|by|until|from)?\s*$")


@dataclass(frozen=True, slots=True)
class Asking:
    """A question and what of the sentence answers it: a wording, a quantity, or a date."""

    question: str
    wording: str = ""
    quantity: Quantity | None = None
    date: str = ""


def questions_of(sentence: str) -> Iterator[Asking]:
    """Yield the questions that a sentence or a row of a table answers, the most telling first; often there is none."""
    sentence = " ".join(sentence.split())
    if is_row(sentence):
        yield from _cells(sentence)
        return
    if not MIN_WORDS <= len(sentence.split()) <= MAX_WORDS or has_speech(sentence) or sentence[-1] not in ".!":
        return
    yield from _who(sentence)
    for shape, asked in (
        *((_OFFICE, _holder), (_MEASURED, _how_many_it_has), (_CLOCK, _what_time)),
        *((_STATED, _how_many), (_STATED, _when), (_STATED, _what)),
    ):
        stated = shape.fullmatch(sentence)
        if stated and stated["subject"].split()[0].lower() not in _PRONOUNS:
            yield from asked(_within(stated["subject"]), stated["verb"], stated)


def is_row(line: str) -> bool:
    """Tell whether a line is the row of a table as documents have it: ``Header: cell; Header: cell``."""
    cells = line.split(CELLS)
    return len(cells) > 1 and all(_CELL.fullmatch(cell) for cell in cells)


def _cells(row: str) -> Iterator[Asking]:
    """Ask for each cell that holds a number, a date or a person, by the header and by the row's first cell."""
    (_, name), *others = (cell.split(": ", 1) for cell in row.split(CELLS))
    if not _NAME.fullmatch(name) or language_of(row) not in (None, "en"):
        return
    for header, cell in others:
        number = any(map(str.isdigit, cell))
        if not _is_noun(header) or not (number or _is_person(cell)):
            continue
        asked = header if header[1:2].isupper() else header[0].lower() + header[1:]
        if re.search(r"[^s]s$", header):  # seats, desks: only a number of them can be asked for
            if cell.isdecimal():
                yield Asking(f"How many {asked} does {name} have?", wording=cell)
        else:
            preposition = "of" if _FULL_NAME.fullmatch(name) else "for"
            yield Asking(f"{'What' if number else 'Who'} is the {asked} {preposition} {name}?", wording=cell)


def _is_noun(header: str) -> bool:
    """Tell whether the name of a column can be asked for as a thing: *rate*, not *in force from* or *new*."""
    words = {*header.lower().split()} - {"of"}
    return bool(_HEADER.fullmatch(header)) and not any(
        word in _NO_HEADER or is_function_word(word, "en") for word in words
    )


def _is_person(cell: str) -> bool:
    return bool(_FULL_NAME.fullmatch(cell)) and any((span.start, span.end) == (0, len(cell)) for span in people(cell))


def _within(subject: str) -> str:
    """Return a subject as it stands inside a sentence."""
    first, _, others = subject.partition(" ")
    return f"{first.lower()} {others}" if first.lower() in _LEADING else subject


def _who(sentence: str) -> Iterator[Asking]:
    person = next(iter(people(sentence)), None)
    if person is None or person.start or sentence[: person.end].lower() in _ANYBODY:
        return
    done = _NEXT.split(sentence[person.end : -1], maxsplit=1)[0]
    if _VERB.match(done) and len(done.split()) > 1:
        yield Asking(f"Who{done}?", wording=sentence[: person.end])


def _holder(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    person = next(iter(people(stated["rest"])), None)
    if person is not None and person.start == 0 and re.match(r"$|, who ", stated["rest"][person.end :]):
        yield Asking(f"Who {verb} {subject}?", wording=stated["rest"][: person.end])


def _how_many_it_has(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    auxiliary, base = _FORMS[verb]
    for unit, left, quantity in _counted(stated["rest"]):
        if base in ("cost", "weigh"):
            yield Asking(f"How much {auxiliary} {subject} {base}{left}?", quantity=quantity)
        elif base in ("last", "take") and unit in _TIME:
            yield Asking(f"How long {auxiliary} {subject} {base}{left}?", quantity=quantity)
        elif left.startswith(" of "):
            yield Asking(f"How many {unit}{left} {auxiliary} {subject} {base}?", quantity=quantity)
        else:
            yield Asking(f"How many {unit} {auxiliary} {subject} {base}{left}?", quantity=quantity)


def _how_many(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    for unit, left, quantity in _counted(stated["rest"]):
        extent = _EXTENT.match(left.lstrip())
        if extent:
            asked = f"How {extent[0]} {verb} {subject}{left.lstrip()[extent.end() :]}"
        else:
            asked = f"How {'much' if unit in _MONEY else f'many {unit}'} {verb} {subject}{left}"
        yield Asking(f"{asked}?", quantity=quantity)


def _counted(rest: str) -> Iterator[tuple[str, str, Quantity]]:
    """Yield the unit and the quantity that a text begins with, and what follows in the same breath."""
    counted = _COUNTED.match(rest)
    if counted is None or any(start < counted.end() for start, _, _ in dates_in(rest)):
        return
    left = _NEXT.split(rest[counted.end() :], maxsplit=1)[0].rstrip()
    yield counted["unit"], left, Quantity(float(counted["number"].replace(",", "")), 0, {counted["unit"]: 1.0})


def _what_time(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    yield Asking(f"At what time does {subject} {verb}{stated['rest']}?", wording=stated["time"])


def _when(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    rest = stated["rest"]
    dates = dates_in(rest)
    if len(dates) == 1:
        start, end, date = dates[0]
        before = _PREPOSITION.sub("", rest[:start])
        yield Asking(f"When {verb} {subject} {before}{rest[end:]}".rstrip() + "?", date=date)


def _what(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    kind = _KIND.fullmatch(stated["rest"])
    if verb in ("is", "was") and kind:
        asked = "Who" if subject[0].isupper() and " " in subject and people(subject) else "What"
        yield Asking(f"{asked} {verb} {subject}?", wording=kind[0])
