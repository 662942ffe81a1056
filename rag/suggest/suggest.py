"""Questions that a document may answer, made from its own sentences; whoever offers one asks it first.

A pattern here turns a statement into the question that it answers: *The portal is a …* into *What is the portal?* Where
none does, `rag.suggest.phrasing` may. Both are strict: a sentence that does not fit gives no question, and an odd
question does worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from index.sentences import sentence_spans
from index.types import Block, Document, Span
from rag.suggest.phrasing import named_in, questions_of

_LONGEST = 300
"""Characters of a sentence that is looked at, at most."""
_READ = 100_000
"""Characters of a document in which the names of persons are looked for, at most."""
_HEADING = 4
"""Words of a heading that can stand alone as a question, at least."""

_NAME = r"[A-ZÀ-Þ][\w'’-]+(?: (?:[A-ZÀ-Þ][\w'’-]+|of|the|de|la|du|der|von))*(?: [A-ZÀ-Þ][\w'’-]+)?"
_WORD = r"[A-ZÀ-Þ][\w'’-]+"
_THING = r"[\w'’-]+(?: [\w'’-]+){0,3}"
_NUMBER = r"(?:\d[\d,.]*|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty)"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question and where its answer should stand; whoever checks it compares the quotes of the answer with that."""

    question: str
    document_id: str
    answer: Span


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A statement and the question that it answers."""

    statement: re.Pattern[str]
    question: Callable[[re.Match[str]], str]


def _lower(phrase: str) -> str:
    """Return a phrase as it stands inside a sentence: the article of a noun loses its capital."""
    return re.sub(r"^(?:The|An?|El|La|Le|Der|Die|Das)\b", lambda article: article[0].lower(), phrase)


_BASE = {"gets": "get", "has": "have", "takes": "take", "costs": "cost", "holds": "hold"}


def _how_many(found: re.Match[str]) -> str:
    who = found["who"][:1].lower() + found["who"][1:]
    return f"How many {found['what']}{found['rest'] or ''} does {who} {_BASE[found['verb']]}?"


_YEAR = r"(?:in|on) (?:\w+ )?(?:\d{1,2} \w+ )?(?:19|20)\d\d\b"
_DONE = r"(?P<done>\w+ed|built|written|held)(?P<rest>(?: [\w'’-]+){0,4}?)"
_STOP = r"(?=[,.;]| (?:an?|and|per|each|every|in|from|before|after)\b)"
_AMOUNT = rf"(?:about |up to |at least |at most )?{_NUMBER} (?P<what>[a-z]\w+s)(?P<rest> of [a-z]+(?: [a-z]+)?)?{_STOP}"

_PATTERNS = (
    # The portal was opened in 2019.
    _Pattern(
        re.compile(rf"(?P<who>(?:The {_THING}|{_NAME})) (?P<verb>was|were) {_DONE} {_YEAR}"),
        lambda found: f"When {found['verb']} {_lower(found['who'])} {found['done']}{found['rest']}?",
    ),
    # Every employee gets 25 days of leave.
    _Pattern(re.compile(rf"(?P<who>(?:Every|Each|The) {_THING}) (?P<verb>{'|'.join(_BASE)}) {_AMOUNT}"), _how_many),
    # Kaja Kallas said that …
    _Pattern(re.compile(rf"(?P<who>{_NAME}) said\b"), lambda found: f"What did {_lower(found['who'])} say?"),
    # Marco Rubio, the Secretary of State, …
    _Pattern(
        re.compile(r"(?P<who>[A-Z][\w'’-]+ [A-Z][\w'’-]+), (?:the|a|an) \w"),
        lambda found: f"Who is {found['who']}?",
    ),
    # The portal is a … A name of several words may be a person's, and a person is not asked for by what.
    _Pattern(
        re.compile(rf"(?P<who>(?:The|An?) {_THING}|{_WORD}) is (?:an?|the) [a-z]"),
        lambda found: f"What is {_lower(found['who'])}?",
    ),
    _Pattern(
        re.compile(rf"(?P<who>(?:El|La) {_THING}|{_WORD}) es (?:una?|el|la) \w"),
        lambda found: f"¿Qué es {_lower(found['who'])}?",
    ),
    _Pattern(
        re.compile(rf"(?P<who>(?:Der|Die|Das) {_THING}|{_WORD}) ist (?:eine?|der|die|das) \w"),
        lambda found: f"Was ist {_lower(found['who'])}?",
    ),
    _Pattern(
        re.compile(rf"(?P<who>(?:(?:Le|La) |L['’]){_THING}|{_WORD}) est (?:une?|le|la) \w"),
        lambda found: f"Qu'est-ce que {_lower(found['who'])} ?",
    ),
)
_PRONOUN = re.compile(
    r"\b(?:it|its|this|that|these|those|he|she|they|their|there|one|here|ce|cela|il|elle|esto|dies|es)\b", re.I
)
_SMALL = re.compile(r"\b(?:and|or|of|the|de|la|du|der|von|in|to|for|with)$")


def suggestions(document: Document) -> Iterator[Suggestion]:
    """Yield the questions that the document's sentences may answer, in their order, each once.

    Headings that are questions come as they are.
    """
    seen: set[str] = set()
    for question, extent in _candidates(document):
        if question not in seen:
            seen.add(question)
            yield Suggestion(question, document.id, extent)


def _candidates(document: Document) -> Iterator[tuple[str, Span]]:
    known = named_in(document.text[:_READ])
    for block, following in zip_longest(document.blocks, document.blocks[1:]):
        text = document.text[block.start : block.end]
        if block.kind == "heading" and following and _is_question(text):
            yield " ".join(text.split()), Span(following.start, _section_end(document, following))
        elif block.kind == "paragraph":
            for span in sentence_spans(text, block.start):
                statement = " ".join(document.text[span.start : span.end].split())
                if len(statement) <= _LONGEST and (question := _question(statement, document.text, known)):
                    yield question, span
        elif block.kind == "row" and len(text) <= _LONGEST:
            yield from ((asking.question, Span(block.start, block.end)) for asking in questions_of(text))


def _is_question(heading: str) -> bool:
    return heading.endswith("?") and len(heading.split()) >= _HEADING and not _PRONOUN.search(heading)


def _section_end(document: Document, first: Block) -> int:
    after = (block.start for block in document.blocks if block.kind == "heading" and block.start >= first.start)
    return next(after, len(document.text))


def _question(statement: str, text: str, known: frozenset[str]) -> str | None:
    for pattern in _PATTERNS:
        found = pattern.statement.match(statement)
        if found and _can_stand_alone(found["who"], text):
            return pattern.question(found)
    return next((asking.question for asking in questions_of(statement, known)), None)


def _can_stand_alone(who: str, text: str) -> bool:
    """Tell whether a subject means the same away from its sentence.

    Every sentence begins with a capital, so a word without an article is a name only if it has one elsewhere too.
    """
    if _PRONOUN.search(who) or _SMALL.search(who):
        return False
    return " " in who or re.search(rf"[a-zà-þ,;] {re.escape(who)}\b", text) is not None
