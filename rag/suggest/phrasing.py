"""Questions that a sentence or a row of a table answers, by its shape alone: English, and only where that is plain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from index.readers.dates import dates_in
from rag.query.language import is_function_word, language_of
from rag.reader.read import CELLS
from rag.reader.spans import capitalised, has_speech, names, people, placed
from rag.suggest.askable import is_askable, is_telling
from rag.suggest.asking import Asking
from rag.suggest.listing import questions_of_list

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
_ALSO = re.compile(rf"{_VERB.pattern}|\s+(?:is|are|was|were|has|had|will)\b")
_CLAUSE = re.compile(r"\b(?:that|whether|how|why)\b")
_ASIDE = re.compile(r", (?:on|in|at|by|for|to|from|with) [^,]*,")
"""After it goes on what was begun."""
_TITLE = re.compile(r"(?:(?!However|Nearby|Meanwhile)[A-Z][a-z]+\.? ){1,3}")
"""What stands before a person's name at the start of a sentence: an office."""
_WEEKDAY = re.compile(r"(?:,? on)? (?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b(?! morning| evening)")
_NO_NOUN = (
    "and or but that which who if when as than whose is are was were will would can could must may should".split()
)
_THING = rf"(?:The|An?|Every|Each|All|Our)(?: (?!(?:{'|'.join(_NO_NOUN)})\b)[\w’'-]+){{1,5}}?"
_LONG_THING = _THING.replace("{1,5}", "{1,9}")
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
_MEASURED = re.compile(rf"(?P<subject>{_LONG_THING}|{_SUBJECT}) (?P<verb>{'|'.join(_FORMS)}) (?P<rest>.+)[.!]")
_SHORT_UNITS = "kg|g|mg|km|m|cm|mm|l|cl|ml|h|min|s|ms|kW|W|MB|GB"
_UNITS = frozenset((*_SHORT_UNITS.split("|"), *"people children men women euro metre crown crew yen".split()))
_COUNTED = re.compile(
    r"(?:about |at least |at most |up to |only )?(?P<number>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?) "
    rf"(?P<unit>[a-z]{{3,}}|{_SHORT_UNITS})\b"
)
_EXTENT = re.compile(r"high|long|wide|deep|tall|thick|old")
_MONEY = frozenset("euros dollars pounds francs crowns yen cents".split())
_TIME = frozenset("seconds minutes hours days weeks months years".split())
_NEXT = re.compile(r",(?!\d)| [–—-] | (?:and|or|but|which|because|if|when|while)\b")
"""Where a sentence begins to say something else."""
_CLOCK = re.compile(
    rf"(?P<subject>{_SUBJECT}) (?P<verb>open|close|leave|start|begin|end)s(?P<rest>(?: [^\s,;:()]+)*?)"
    r" at (?P<time>\d{1,2}[:.]\d\d)(?:,? (?:and|but) .+)?[.!]"
)
_OFFICE = re.compile(rf"(?P<subject>{_THING}) (?P<verb>is|was) (?P<rest>[A-Z].+)[.!]")
_KIND = re.compile(r"(?:an?|the) [^,;:()]{4,80}")
_NO_KIND = re.compile(
    r"\b(?:first|second|third|\d+(?:st|nd|rd|th)|only|latest|last|one|same|next|more|less|than|it|its|they|them|this)\b"
    r"|^the (?!\w+ (?:of|in|that|for|where)\b)"
)
"""What compares, counts or refers back does not say what a thing is."""
_PERSON = re.compile(
    r"(?:an?|the) (?:(?!(?:of|in|with|for|that|who)\b)[\w’'-]+ )*?"
    r"[\w’'-]*(?:man|woman|person|[^t]er|or|ist|ant|ary|[dl]ent|general|judge|chief|head)\b",
    re.I,
)
_STATE = re.compile(r"(?P<state>[a-z]+) for (?P<left>\d.*)")
_LENGTH = re.compile(r"(?:limit|length|capacity|size|maximum|minimum|width|depth|distance|term|period|population|rate)")
_CELL = re.compile(r"(?P<header>[^:;]{2,40}): (?P<cell>[^;]{1,80})")
_HEADER = re.compile(r"[A-Za-z]+(?: [a-z]+){0,3}")
_NAME = re.compile(r"[^\W\d_][\w’',&/ -]*")
_NO_HEADER = frozenset("new old now before after until how why true".split())
_FULL_NAME = re.compile(r"[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){1,3}")
_PREPOSITION = re.compile(r",?\s*\b(?:on|in|since|by|until|from)\s+$")
_YEAR = re.compile(r"\b(?:in|since) (?P<year>(?:1[0-9]|20)\d\d)\b(?![-–/’'])")
_DUE = frozenset("due open closed planned scheduled valid expected set held paid be".split())
MAX_BEFORE = 6
"""Words between the verb and its date: after more, the date may belong to something else."""


def questions_of(sentence: str, known: frozenset[str] | None = None) -> Iterator[Asking]:
    """Yield the questions that a sentence or a row of a table answers, the most telling first; often there is none.

    ``known`` are words that can be a person's name where they open a sentence by themselves (``None``: all).
    """
    sentence = " ".join(sentence.split())
    if is_row(sentence):
        yield from _cells(sentence)
        return
    if not MIN_WORDS <= len(sentence.split()) <= MAX_WORDS or has_speech(sentence) or sentence[-1] not in ".!":
        return
    yield from (asking for asking in _of_shape(sentence, known) if is_askable(asking.question))


def _of_shape(sentence: str, known: frozenset[str] | None) -> Iterator[Asking]:
    yield from _who(sentence, known)
    yield from questions_of_list(sentence)
    for shape, asked in (
        *((_OFFICE, _holder), (_MEASURED, _how_many_it_has), (_CLOCK, _what_time)),
        *((_STATED, _how_many), (_STATED, _how_long), (_STATED, _when), (_STATED, _what)),
    ):
        stated = shape.fullmatch(sentence)
        if stated and not _PRONOUNS & {*stated["subject"].lower().split()}:
            yield from asked(_within(stated["subject"]), stated["verb"], stated)


def named_in(text: str) -> frozenset[str]:
    """Return the words that end a person's longer name in a text, such as *Rubio* of *Marco Rubio*, and name no place.

    A word that opens a sentence by itself has a capital in any case, and may be a country: only these are believed.
    """
    places = {text[span.start : span.end] for span in names(text) if placed(text, span)}
    whole = (text[span.start : span.end].split() for span in people(text))
    last = {words[-1] for words in whole if len(words) > 1 and not words[-1].endswith(("ans", "ers"))}
    return frozenset(last & {*capitalised(text)} - places)


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


def _who(sentence: str, known: frozenset[str] | None) -> Iterator[Asking]:
    person = next(iter(people(sentence, known)), None)
    if person is None or _ANYBODY & {*re.split(r"[\s’']", sentence[: person.end].lower())}:
        return
    if sentence[: person.start] and not _TITLE.fullmatch(sentence[: person.start]):
        return
    done, more = _first_said(sentence[person.end : -1])
    if (
        not _VERB.match(done)
        or len(done.split()) < 2
        or (_CLAUSE.search(done) and more.startswith(","))
        or _ASIDE.match(more)
    ):
        return
    question = f"Who{_WEEKDAY.sub('', done)}?"
    if is_telling(question) and " their " not in question:  # one name is no *they*
        yield Asking(question, wording=sentence[person.start : person.end])


def _first_said(done: str) -> tuple[str, str]:
    """Part what is said first from the rest: at a comma, a dash, a clause, or at *and* where another verb follows."""
    end = _NEXT.search(done)
    while end is not None and end[0].strip() in ("and", "or") and not _ALSO.match(done, end.end()):
        end = _NEXT.search(done, end.end())
    return (done, "") if end is None else (done[: end.start()], done[end.start() :])


def _holder(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    person = next(iter(people(stated["rest"])), None)
    if person is not None and person.start == 0 and re.match(r"$|, who ", stated["rest"][person.end :]):
        yield Asking(f"Who {verb} {subject}?", wording=stated["rest"][: person.end])


def _how_many_it_has(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    auxiliary, base = _FORMS[verb]
    for unit, left, number in _counted(stated["rest"]):
        if base in ("cost", "weigh"):
            yield Asking(f"How much {auxiliary} {subject} {base}{left}?", number=number)
        elif base in ("last", "take") and unit in _TIME:
            yield Asking(f"How long {auxiliary} {subject} {base}{left}?", number=number)
        elif left.startswith(" of "):
            yield Asking(f"How many {unit}{left} {auxiliary} {subject} {base}?", number=number)
        else:
            yield Asking(f"How many {unit} {auxiliary} {subject} {base}{left}?", number=number)


def _how_many(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    for unit, left, number in _counted(stated["rest"]):
        extent = _EXTENT.match(left.lstrip())
        if verb in ("is", "was") and _LENGTH.fullmatch(subject.split()[-1]) and not left:
            yield Asking(f"What {verb} {subject}?", number=number)
            continue
        if extent:
            asked = f"How {extent[0]} {verb} {subject}{left.lstrip()[extent.end() :]}"
        else:
            asked = f"How {'much' if unit in _MONEY else f'many {unit}'} {verb} {subject}{left}"
        yield Asking(f"{asked}?", number=number)


def _how_long(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    state = _STATE.match(stated["rest"])
    for unit, left, number in _counted(state["left"]) if state else ():
        if unit in _TIME and verb in ("is", "are", "was", "were") and state:
            yield Asking(f"For how long {verb} {subject} {state['state']}{left}?", number=number)


def _counted(rest: str) -> Iterator[tuple[str, str, tuple[float, str]]]:
    """Yield the unit that a text begins to count, what follows in the same breath, and the number with its unit."""
    counted = _COUNTED.match(rest)
    if counted is None or any(start < counted.end() for start, _, _ in dates_in(rest)):
        return
    left = _NEXT.split(rest[counted.end() :], maxsplit=1)[0].rstrip()
    if not (counted["unit"].endswith("s") or counted["unit"] in _UNITS):
        return  # former, thousand: another word is counted
    yield counted["unit"], left, (float(counted["number"].replace(",", "")), counted["unit"])


def _what_time(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    yield Asking(f"At what time does {subject} {verb}{stated['rest']}?", wording=stated["time"])


def _when(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    rest = stated["rest"]
    dates = dates_in(rest) or [(*year.span("year"), year["year"]) for year in _YEAR.finditer(rest)]
    if len(dates) != 1:
        return
    start, end, date = dates[0]
    before = _PREPOSITION.sub("", rest[:start])
    after = re.split(r",| (?:by|who|which|because|when|and|after|with)\b", rest[end:])[0].rstrip()
    prompt = before.split()[:1]
    done = verb in ("was", "were") and (prompt[:1] == ["born"] or _VERB.match(f" {before}"))
    if before == rest[:start] or len(before.split()) > MAX_BEFORE or not (done or {*prompt} & _DUE):
        return  # the date belongs to a word before it, or to something else than the verb
    yield Asking(f"When {verb} {subject} {before.strip()}{after}?", date=date)


def _what(subject: str, verb: str, stated: re.Match[str]) -> Iterator[Asking]:
    kind = _KIND.fullmatch(stated["rest"])
    if verb not in ("is", "was") or kind is None or _NO_KIND.search(kind[0]):
        return
    named, alone = any(map(str.isupper, subject)), " " not in subject
    if subject.startswith(("the ", "our ")) and not named:
        return  # the truck, the restriction: which one, only its document tells
    if alone and not subject.isupper():
        return  # Lunch, Yarmuth: a capital that opens a sentence does not tell a name, nor whose
    person = _PERSON.match(kind[0])
    if subject[0].isupper() and people(subject) and not alone:
        if person:
            yield Asking(f"Who {verb} {subject}?", wording=kind[0])
    elif not person:
        yield Asking(f"What {verb} {subject}?", wording=kind[0])
