"""Questions altered so that their document no longer answers them: one thing in each is another.

A word is its opposite, a name another name of the document, or a number or date another one. `evals.exercises` has the
cross-encoder learn from them that a sentence may hold every other word of a question and still not answer it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from evals.datasets import Collection
from evals.scoring.text import contains
from evals.types import Case
from index.sentences import sentence_spans
from index.terms import content_stems, stem, words
from rag.reader.dates import DATE
from rag.reader.spans import FIGURE, capitalised, names

_PAIRS = """
first last|largest smallest|highest lowest|longest shortest|oldest youngest|oldest newest|earliest latest|most least
more less|more fewer|before after|best worst|good bad|better worse|strong weak|strongest weakest|fast slow
fastest slowest|cheap expensive|minimum maximum|upper lower|top bottom|front back|left right|hot cold|warm cold|wet dry
rich poor|long wide|tall deep|north south|northern southern|east west|eastern western|above below|over under
inside outside|internal external|urban rural|public private|ancient modern|war peace|male female|men women|boys girls
adults children|adult child|mother father|son daughter|brother sister|wife brother|husband sister|king queen
teacher pupil|doctor nurse|staff visitors|members guests|employees customers|began ended|begin end|start end
started ended|starts ends|open close|opened closed|opens closes|won lost|win lose|wins loses|gain lose|gained lost
increase decrease|increased decreased|rose fell|rise fall|arrive leave|arrived left|arrives leaves|buy sell|bought sold
buys sells|join leave|joined left|allow forbid|allowed forbidden|accept refuse|accepts refuses|accepted refused
support oppose|supported opposed|supports opposes|agree disagree|agreed disagreed|cause prevent|causes prevents
caused prevented|born married|die marry|died married|built demolished|build demolish|founded dissolved
created destroyed|create destroy|appointed dismissed|hired fired|lend borrow|lent borrowed|elected defeated
designed financed|wrote translated|write translate|written translated|directed produced|invented patented
discovered named|published banned|proposed rejected|attack defend|attacked defended|defeated supported
conquered founded|replace keep|replaced kept|remove add|removed added|lock unlock|enable disable|enabled disabled
install uninstall|upload download|send receive|sent received|succeed fail|succeeded failed|success failure|always never
majority minority|import export|imports exports|arrival departure|entrance exit|advantage disadvantage
advantages disadvantages|benefit drawback|benefits drawbacks|deadline reward|price weight|cost weigh|costs weighs
length width|height depth|age salary|color size|colour size|winter summer|spring autumn|morning evening|day night
daily yearly|weekly monthly|monthly annual|weekdays weekends|Monday Thursday|Tuesday Saturday|Wednesday Sunday
Friday Monday
"""
_OPPOSITES: dict[str, list[str]] = {}
for _one, _other in map(str.split, _PAIRS.strip().replace("\n", "|").split("|")):
    _OPPOSITES.setdefault(_one, []).append(_other)
    _OPPOSITES.setdefault(_other, []).append(_one)
_TURNED = re.compile(rf"(?<=\s)(?:{'|'.join(sorted(_OPPOSITES, key=len, reverse=True))})\b")
_VALUE = re.compile(rf"{DATE.pattern}|{FIGURE.pattern}")
_NUMBERED = 1.5
"""How often a number is changed where it can be, as a multiple of the other ways."""
_FROM_DOCUMENT = 0.7
"""How often another number is one that the document has."""
_STEPS = (-30, -12, -7, -3, -1, 1, 2, 5, 11, 40)
"""By how much a number changes that does not come from the document."""
_STILL_TOLD = 0.5
"""Share of a question's other words in a sentence with the new one from which that sentence may answer it."""

Change = tuple[str, str]
"""The question, and what was put into it."""


def altered(collection: Collection, chance: random.Random, share: float = 0.6) -> Collection:
    """Return the ``share`` of a collection's answerable questions that can be altered, and nothing else to ask."""
    cases: list[Case] = []
    asked_of: dict[str, str] = {}
    for case in collection.cases:
        if case.unanswerable or chance.random() > share:
            continue
        source = case.evidence[0].source if case.evidence else collection.asked_of[case.id]
        document = collection.documents[source]
        question = near_miss(case.question, _answering(case, document), document, chance)
        if question is not None:
            ours = replace(case, id=f"{case.id}-altered", question=question, answer=(), evidence=(), unanswerable=True)
            cases.append(ours)
            asked_of[ours.id] = source
    return replace(collection, name=f"altered-{collection.name}", cases=tuple(cases), asked_of=asked_of)


def near_miss(question: str, answering: Sequence[str], document: str, chance: random.Random) -> str | None:
    """Return a question of a document with one thing changed, or ``None`` where nothing can be.

    ``answering`` are the sentences that answer the question as it was: what they hold is not put into it.
    """
    ways = {_turned: 1.0, _another_name: 1.0, _another_value: _NUMBERED}
    while ways:
        (way,) = chance.choices(list(ways), list(ways.values()))
        del ways[way]
        change = way(question, document, chance)
        if change is not None and change[0] != question and not _told(change, answering, document):
            return change[0]
    return None


def _answering(case: Case, document: str) -> list[str]:
    wordings = [each.quote for each in case.evidence if each.quote] or [w for group in case.answer for w in group]
    sentences = (document[span.start : span.end] for span in sentence_spans(document))
    return [each for each in sentences if any(contains(each, w) or contains(w, each) for w in wordings)]


def _told(change: Change, answering: Sequence[str], document: str) -> bool:
    """Tell whether the document may answer the new question as well."""
    question, put = change
    if any(contains(sentence, put) for sentence in answering):
        return True
    new = {stem(word.group()) for word in words(put)}
    rest = {*content_stems(question)} - new
    for span in sentence_spans(document):
        stems = {stem(word.group()) for word in words(document[span.start : span.end])}
        if new <= stems and len(rest & stems) >= _STILL_TOLD * max(1, len(rest)):
            return True
    return False


def _turned(question: str, _: str, chance: random.Random) -> Change | None:
    found = list(_TURNED.finditer(question))
    if not found:
        return None
    match = chance.choice(found)
    return _put(question, match.span(), chance.choice(_OPPOSITES[match.group()]))


def _another_value(question: str, document: str, chance: random.Random) -> Change | None:
    found = list(_VALUE.finditer(question))
    if not found:
        return None
    match = chance.choice(found)
    others = [
        each for each in _VALUE.findall(document) if _shape(each) == _shape(match.group()) and each not in question
    ]
    if others and chance.random() < _FROM_DOCUMENT:
        return _put(question, match.span(), chance.choice(others))
    if not match.group().isdigit():
        return None
    return _put(question, match.span(), str(max(2, int(match.group()) + chance.choice(_STEPS))))


def _another_name(question: str, document: str, chance: random.Random) -> Change | None:
    known = frozenset(capitalised(document))
    spans = [span for span in names(question, known) if span.start > 0 or question.split()[0] in known]
    spans = [span for span in spans if not DATE.fullmatch(question[span.start : span.end])]
    if not spans:
        return None
    span = chance.choice(spans)
    length = len(question[span.start : span.end].split())
    others = [each for each in _names(document, known, question) if abs(len(each.split()) - length) <= 1]
    return _put(question, (span.start, span.end), chance.choice(others)) if others else None


def _names(document: str, known: frozenset[str], question: str) -> Iterator[str]:
    """Yield the names of a document, each once, that share no word with the question."""
    asked = {stem(word.group()) for word in words(question)}
    lines = document.split("\n")
    for name in dict.fromkeys(line[span.start : span.end] for line in lines for span in names(line, known)):
        shared = asked.intersection(stem(word.group()) for word in words(name))
        if not shared and "." not in name and len(name.split()) <= 3 and not DATE.search(name):
            yield name


def _shape(value: str) -> str:
    return re.sub(r"\d", "0", value)


def _put(question: str, place: tuple[int, int], text: str) -> Change:
    return question[: place[0]] + text + question[place[1] :], text
