"""What a claim must take from its quotes word for word: numbers, dates, names, quotations, who spoke, what is denied.

These rules are not learned. What breaks one is not shown as supported, however alike claim and quotes are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from index.sentences import sentence_spans
from index.terms import STOP_WORDS, stem, terms, words
from rag.reader.dates import DATE

ONES = dict(
    zip(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split(),
        range(20),
        strict=True,
    )
)
"""Words for the numbers below twenty."""
TENS = {word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
SCALES = {"hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "mn": 1e6, "billion": 1e9, "bn": 1e9}
SCALES |= {"trillion": 1e12, "tn": 1e12, "dozen": 12.0}
"""What multiplies a number before it."""
_NUMBER = re.compile(
    rf"(?P<digits>\d+(?:,\d{{3}})*(?:\.\d+)?)(?:[\s-]?(?P<scale>{'|'.join(SCALES)})\b)?"
    rf"|\b(?P<tens>{'|'.join(TENS)})(?:[\s-](?P<unit>{'|'.join(ONES)}))?\b(?:[\s-](?P<wscale>{'|'.join(SCALES)})\b)?"
    rf"|\b(?P<word>{'|'.join(ONES)})\b(?:[\s-](?P<oscale>{'|'.join(SCALES)})\b)?",
    re.I,
)
_MONTHS = "january february march april may june july august september october november december".split()
_SPEECH_MARKS = re.compile(r"[“”„«»\"]")
_QUOTATION = re.compile(r"[“„«\"]\s*([^“”„«»\"]+?)[\s.,;!?]*[”“»\"]")
_RELATIVE = frozenset("yesterday today tomorrow tonight noon midnight".split())
_OPENERS = frozenset(
    "according yes no well yeah absolutely many several even since although though while another like unlike despite "
    "within among every overall however additionally meanwhile moreover furthermore therefore thus instead besides "
    "although among along another later earlier recently originally currently initially finally usually often people "
    "today perhaps maybe sometimes indeed actually one two three".split()
)
"""Words that open a sentence without being a name, beside the stop words."""

_SYMBOL = re.compile(r"[^\w\s.,;:!?()'\"’‘“”„«»–—-]")
"""What is not part of prose: a claim has code, addresses and amounts from its quotes, sign for sign."""

SAYING = (
    "said|says|say|saying|told|tells|added|adds|wrote|writes|claimed|claims|stated|states|announced|announces|warned"
    "|warns|argued|argues|insisted|insists|replied|replies|asked|asks|called|calls|described|describes|explained"
    "|explains|noted|notes|posted|tweeted|declared|declares|remarked|suggested|suggests|stressed|responded|commented"
)
_NAME = r"\b[A-ZÀ-Þ][\w’'-]{1,40}(?:\s(?:(?:van|von|de|der|al|bin)\s)?[A-ZÀ-Þ][\w’'-]{1,40}){0,5}"
_OFFICE = r"(?:[a-z-]+\s){0,4}"
_SPEAKERS = (
    re.compile(rf"(?P<name>{_NAME})(?:,[^,.;]{{2,80}},)?\s(?:(?:has|had|also|later|then|once)\s){{0,2}}(?:{SAYING})\b"),
    re.compile(
        rf"\b(?:said|says|added|adds|wrote|writes|explained|insisted|replied|noted)\s{_OFFICE}(?P<name>{_NAME})"
    ),
    re.compile(rf"\b[Aa]ccording\sto\s(?:the\s)?{_OFFICE}(?P<name>{_NAME})"),
)
_NEGATIONS = frozenset(
    "not no never without neither nor none nobody nothing cannot hardly barely deny denied denies denying refuse "
    "refused refuses refusing reject rejected rejects fail failed fails".split()
)
_OPPOSITES = (
    "rise fall|rose fell|increase decrease|increased decreased|increasing decreasing|more less|more fewer|higher lower"
    "|above below|over under|before after|earlier later|accept reject|accepted rejected|accept refuse|accepted refused"
    "|agree disagree|agreed disagreed|win lose|won lost|open close|opened closed|begin end|began ended|start stop"
    "|started stopped|allow forbid|allowed forbidden|permit prohibit|permitted prohibited|include exclude"
    "|included excluded|support oppose|supported opposed|confirm deny|confirmed denied|always never|all none|first last"
    "|most least|gain lose|gained lost|buy sell|bought sold|arrive leave|arrived left|true false|legal illegal"
    "|possible impossible|likely unlikely|able unable|with without|inside outside|north south|east west"
    "|northern southern|eastern western|minimum maximum|major minor|public private|largest smallest|oldest youngest"
    "|best worst|positive negative|success failure|enter leave|entered left|up down|paid unpaid|early late|better worse"
)
_OPPOSITE: dict[str, set[str]] = {}
for _pair in _OPPOSITES.split("|"):
    _left, _right = _pair.split()
    _OPPOSITE.setdefault(_left, set()).add(_right)
    _OPPOSITE.setdefault(_right, set()).add(_left)
_REACH = 3
"""Content words after a negation that it may negate."""


def unfounded(claim: str, quotes: Iterable[str], question: str = "") -> list[str]:
    """Return what of a claim its quotes do not have, each as ``kind: words``; nothing if every rule holds.

    ``question`` helps to tell a name from a word that opens a sentence.
    """
    given = list(quotes)
    text = "\n".join(given)
    return [
        *(f"number: {value:g}" for value in sorted(numbers(claim) - numbers(text))),
        *(f"date: {date}" for date in _missing_dates(claim, text)),
        *(f"name: {name}" for name in _missing_names(claim, text, question)),
        *(f"quotation: {words_}" for words_ in _QUOTATION.findall(claim) if _plain(words_) not in _plain(text)),
        *(f"speaker: {name}" for name in _missing_speakers(claim, given)),
        *(f"symbol: {symbol}" for symbol in sorted(set(_SYMBOL.findall(claim)) - set(text))),
    ]


def numbers(text: str) -> frozenset[float]:
    """Return the values of the numbers of a text, in digits or words; a lone *one* is no number."""
    return frozenset(_values(text))


def _values(text: str) -> Iterator[float]:
    for match in _NUMBER.finditer(text):
        if match["digits"]:
            value, scale = float(match["digits"].replace(",", "")), match["scale"]
        elif match["tens"]:
            unit = ONES[match["unit"].lower()] if match["unit"] else 0
            value, scale = float(TENS[match["tens"].lower()] + unit), match["wscale"]
        else:
            value, scale = float(ONES[match["word"].lower()]), match["oscale"]
            if value == 1 and not scale:
                continue
        yield value * (SCALES[scale.lower()] if scale else 1.0)


def _missing_dates(claim: str, text: str) -> list[str]:
    """Return the dates whose month stands nowhere near all their numbers, and the days such as *yesterday*."""
    known = {word.group().lower() for word in words(text)}
    missing = [word.group() for word in words(claim) if word.group().lower() in _RELATIVE - known]
    near: dict[str, set[float]] = {}
    for match in re.finditer(r"[^\W\d_]{3,}", text):
        month = _month(match.group())
        if month:
            near.setdefault(month, set()).update(numbers(text[max(0, match.start() - 12) : match.end() + 12]))
    for match in DATE.finditer(claim):
        months = [month for word in re.findall(r"[^\W\d_]{3,}", match.group()) if (month := _month(word))]
        if months and not numbers(match.group()) <= near.get(months[0], set()):
            missing.append(match.group())
    return missing


def _month(word: str) -> str | None:
    lowered = word.lower()
    return next(
        (month for month in _MONTHS if month == lowered or (len(lowered) <= 4 and month.startswith(lowered))), None
    )


def _missing_names(claim: str, text: str, question: str) -> list[str]:
    """Return the capitalised words that no quote has; an opening word too, unless it is one of the question's.

    Capitals that are the initials of capitalised words in a row, such as *UN*, stand for them.
    """
    known = {stem(word.group()) for word in words(text)}
    plain = {word.group() for word in words(question)} | STOP_WORDS | _OPENERS
    opening = {span.start for span in sentence_spans(claim)}
    missing = []
    for word in words(claim):
        name = word.group()
        lowered = name.lower().replace("’", "'")
        if not is_name(name) or stem(name) in known or numbers(name):
            continue
        common = lowered in plain or lowered.split("'")[0] in STOP_WORDS
        if common and (word.start() in opening or len(name) == 1 or not name.isupper()):
            continue
        if not (name.isupper() and re.search(r"\b" + r"\w*\W{1,2}".join(name), text)):
            missing.append(name)
    return missing


def is_name(word: str) -> bool:
    """Tell whether a word may be one of a name: it has a capital or a digit."""
    return word[0].isupper() or any(map(str.isdigit, word))


def _plain(text: str) -> str:
    return " ".join(_SPEECH_MARKS.sub("", text.replace("’", "'")).split()).casefold()


def speakers(text: str) -> list[frozenset[str]]:
    """Return who is said to say something in a text, each as the stems of the name."""
    return [stems for stems, _ in _placed_speakers(text)]


def _placed_speakers(text: str) -> list[tuple[frozenset[str], int]]:
    """Return the speakers of a text, each with the place of the name."""
    found = [match for pattern in _SPEAKERS for match in pattern.finditer(text)]
    named = [(frozenset(term.stem for term in terms(match["name"])), match.start("name")) for match in found]
    return [(stems, place) for stems, place in named if stems]


def _missing_speakers(claim: str, quotes: list[str]) -> list[str]:
    """Return who speaks in the claim but not in the sentence of the quotes that says it."""
    claimed = speakers(claim)
    if not claimed:
        return []
    said = {term.stem for term in terms(claim)} - frozenset().union(*claimed)
    sentences = [quote[span.start : span.end] for quote in quotes for span in sentence_spans(quote)]
    overlaps = [len(said & {term.stem for term in terms(sentence)}) for sentence in sentences]
    nearest = [sentence for sentence, overlap in zip(sentences, overlaps, strict=True) if overlap == max(overlaps)]
    found = [each for sentence in nearest for each in _speaking(sentence, said)]
    found = found or [each for sentence in sentences for each in speakers(sentence)]
    return [" ".join(sorted(each)) for each in claimed if not any(each & other for other in found)]


def _speaking(sentence: str, said: set[str]) -> list[frozenset[str]]:
    """Return the speakers of a sentence that stand nearest to most of the words ``said``."""
    placed = _placed_speakers(sentence)
    votes = Counter(
        min(placed, key=lambda speaker: abs(speaker[1] - term.start))[0]
        for term in (terms(sentence) if placed else ())
        if term.stem in said
    )
    return [stems for stems, _ in placed if votes[stems] == max(votes.values(), default=0)]


def polarity(claim: str, sentence: str) -> int:
    """Count the words that claim and sentence share and that only one of the two negates, and the opposites."""
    ours, theirs = _content(claim), _content(sentence)
    shared = {word for word, _ in ours} & {word for word, _ in theirs}
    denied = {word for word, negated in ours if negated} & shared
    denied_there = {word for word, negated in theirs if negated} & shared
    asserted = {word for word, negated in ours if not negated} & shared
    asserted_there = {word for word, negated in theirs if not negated} & shared
    changed = len((denied - denied_there) & asserted_there) + len((denied_there - denied) & asserted)
    said = {word.group().lower() for word in words(claim)}
    there = {word.group().lower() for word in words(sentence)}
    return changed + sum(bool(_OPPOSITE.get(word, set()) & there) for word in said - there)


def _content(text: str) -> list[tuple[str, bool]]:
    """Return the content words as stems, each with whether a negation stands before it."""
    found: list[tuple[str, bool]] = []
    reach = 0
    for match in words(text):
        word = match.group().lower().replace("’", "'")
        if word in _NEGATIONS or word.endswith("n't"):
            reach = _REACH
        elif word not in STOP_WORDS:
            found.append((stem(word), reach > 0))
            reach -= 1
        if text[match.end() : match.end() + 1] in (",", ";", ".", ":"):
            reach = 0
    return found
