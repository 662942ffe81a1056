"""A follow-up and its history to a question that stands alone.

Rules, not a model: a pronoun takes the person or thing that the conversation spoke of last; ``And Russia?`` repeats
the question before with another name, and so does ``No, I meant in 2025``; a bare ``When?`` asks it about the question
before. A question that needs nothing from the history is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from index.terms import words
from rag.query.antecedent import persons_meant, thing_meant, two_persons
from rag.query.courtesy import is_civility, without_courtesies, without_fillers
from rag.query.instead import instead
from rag.query.language import content_words, is_function_word, language_of
from rag.query.question import analyse
from rag.reader.dates import YEAR
from rag.reader.orders import is_order
from rag.reader.spans import names, people
from rag.types import Turn

LEANING = 0.25
"""How much the background counts for a question of one word, as a share of the question."""
LATEST_TURNS = 8
LATEST_CHARACTERS = 800
"""What of the questions before is looked at: about as much as the embedder reads."""

LONGEST_TURN = 2000
"""Characters of a message that are looked at."""

_PERSON = re.compile(r"\b(he|she|him|her|his|hers)\b", re.I)
_GROUP = re.compile(r"\b(they|them|their|theirs)\b", re.I)
_THING = re.compile(
    r"\b(it|its|this|that|these|those|there|then|the same|ones|one(?! (?:of|day|week|month|year|hour)))\b", re.I
)
_TWO_YEARS = re.compile(
    r"(?:\b(?:between|from) )?(?:\bthe )?\b(?P<first>(?:1[0-9]|20)\d\d)(?: \w+)?,? (?:and|to|or|versus|vs\.?)"
    r"(?: from| in| the){0,2} "
    r"(?P<second>(?:1[0-9]|20)\d\d)\b"
)
_ELSEWHERE = {
    "de": re.compile(r"\b(?:er|sie|ihn|ihm|ihre?[rnms]?|seine[rnms]?|deren|dessen|dort|davon|dazu|darüber)\b"),
    "es": re.compile(r"\b(?:él|ella|ellos|ellas|sus?|eso|esto|allí|ahí)\b"),
    "fr": re.compile(r"\b(?:elles?|lui|leurs?|son|sa|ses|cela|ça|celles?|celui|ceux)\b"),
}
"""Pronouns of other languages, which take the question before along."""
_POSSESSIVE = frozenset({"his", "her", "hers", "their", "theirs"})
_INSTEAD = re.compile(
    r"^[\s¿]*(?:(?:and|but|so|also|or)?,?\s*(?:(?:and )?(?:what about|how about|what of|(?:is it )?(?:the )?same for))"
    r"\s+(?:(?P<of>for|in|about)\s)?"
    r"|(?:and|but|so|also|or)?,?\s*(?:and )?(?P<preposition>about|for|in|at|on|with|by)\s+|and\s+"
    r"|(?:und|y|et|e)\s+(?:(?P<other>für|bei|mit|im|am|in|para|con|en|de|sobre|pour|chez|avec|dans|au|à)\s+)?)"
    r"(?P<what>[^?]+?)\s*\??\s*$",
    re.I,
)
_CORRECTION = re.compile(
    r"^\s*(?:(?:no|sorry|oops|pardon|wait|actually|rather)\b[,.!]?\s*)*(?:i|we) meant?:?\s+"
    r"(?:(?P<of>for|about|in|of|by)\s+)?(?P<what>[^?]+?)\s*[?.!]*\s*$",
    re.I,
)
_ASKED_ABOUT = re.compile(
    r"^[^?]{0,60}?\b(?:i|we)(?: (?:was|were|am|are)|['’]m|['’]re)? (?:asked|asking)\s+"
    r"(?:(?P<of>for|about|in|of|by)\s+)?(?P<what>[^?]+?)\s*[?.!]*\s*$",
    re.I,
)
_REFUSED = re.compile(
    r"^\s*(?:no|nope|sorry)\b[,.!]?\s+(?:(?P<of>for|in|on|at)\s+)?"
    r"(?P<what>(?!(?:that|this|it|they|he|she|you|i|we|thanks?|not|more)\b)(?:(?:the|a|an|my|our)\s+)?[\w’'-]+(?:\s+[\w’'-]+){0,2})\s*[?.!]*\s*$",
    re.I,
)
_NOT_BUT = re.compile(
    r"^\s*(?:no\b[,.!]?\s*)?not (?:(?:for|in|on|about) )?(?P<not>[^,;]+)[,;]\s*(?:but )?(?:(?:for|in|on|about) )?"
    r"(?P<what>[^,;?]+?)\s*[?.!]*\s*$",
    re.I,
)
_MORE = re.compile(
    r"^\W*(?:and |please |can you |could you )*(?:(?:tell|give|show) (?:me|us) )?(?:more|anything else|go on|continue"
    r"|elaborate)(?: details?| information| info)?(?: (?:about|on) (?:it|that|this))?(?: please)?\W*$",
    re.I,
)
_BARE = re.compile(
    r"^\s*(?:and|but|so)?,?\s*(?P<word>who|whom|when|where|why|why not|how|how much|how many|since when|until when"
    r"|by when|by whom|says who|who said (?:so|that|this|it)|which ones?)"
    r"(?: exactly| then| (?:was|is|did|does) (?:that|this)(?: happen)?)?\s*\??\s*$",
    re.I,
)
_ELSE = re.compile(r"\b(?P<word>who|whom|what|where|which|when|why|how) else\b", re.I)
_SUCCESSION = re.compile(
    r"\bwho (?:\w+ )?(?:(?:came|comes) (?:after|before|next)|took over|takes over|succeed\w*|replace[sd]|follow(?:s|ed)"
    r")\b|\bwer (?:(?:kam|kommt) (?:da)?nach|folgte?\b|übern(?:ahm|immt)\b|ersetzte?\b)"
    r"|\bquién(?:es)? (?:\w+ )?(?:sucedi|reempla|sustitu|(?:vino|viene) después)"
    r"|\bqui (?:\w+ |l['’])?(?:a succédé|succède|a remplacé|remplace|est venue? après|vient après)",
    re.I,
)
_OTHER = re.compile(
    r"^\s*(?:and|but|so)?,?\s*(?:(?:what|how) about )?the (?:other|second)(?: ones?| two)?\s*\??\s*$", re.I
)
_COUNTED = re.compile(r"\b(?P<which>which|what) (?:two|three|both) ", re.I)
_SHIFT = re.compile(
    r"^(?:(?:and )?(?:now )?(?:something (?:else|different)|(?:an)?other (?:question|thing|topic|subject)"
    r"|new (?:question|topic|subject)|a different (?:question|topic|subject|matter)|next question|changing the subject"
    r"|by the way))\s*[,.:;!–—-]\s*(?=\S)",
    re.I,
)
_BARE_YEAR = re.compile(
    r"^\s*(?:and|but|so)?,?\s*(?:what|when|where|who|how much|how many)\s+(?:in|for|on|by|of)\s+(?:the )?"
    r"(?P<year>(?:1[0-9]|20)\d\d)\s*\??\s*$",
    re.I,
)
_CHANGE = re.compile(
    r"^\s*how (?:did|do|does|has|have) (?P<what>.+?) (?:changed?|differ(?:ed)?|develop(?:ed)?|evolved?|compare[ds]?)"
    r"\b\s*(?P<rest>.*)$",
    re.I,
)
_ADDED = re.compile(r"\s\(([^()]+)\)\s*$")
_DANGLING = re.compile(r"\s+(?:of|in|for)\s*$", re.I)
_SPLIT = re.compile(r"\s*,?\s+and\s+(?=(?:what|who|whom|when|where|why|how|which|whose)\b)", re.I)
_THAT_CLAUSE = re.compile(r"(?:that|it (?:is|was) \w+ that) [A-Z]")
_BELONGING = re.compile(r"(?P<whose>his|her|their) (?P<what>\S.*)", re.I)
_RELATIVE = re.compile(
    r"\b(?:wife|husband|spouse|brothers?|sisters?|sons?|daughters?|child(?:ren)?|father|mother|parents|friends?|partners?"
    r"|boss|successors?|predecessors?|assistants?|deput(?:y|ies)|colleagues?|teachers?|lawyers?|doctors?|heirs?)$",
    re.I,
)
_LAST_IT = re.compile(r"\bit(?=\s*\?*\s*$)", re.I)
_IT = re.compile(r"\b(?:its?|(?:this|that)(?=\s*(?:\?|$|(?:is|was|be|in|at|by|for)\b)))(?![\w’'])", re.I)
_LAST_THING = re.compile(r"\b(?:the|a|an|my|our|your) [\w-]+\s*\?*\s*$", re.I)
_AUTHORSHIP = re.compile(
    r"\b(?:wrote|authored|is the author of|was the author of)\b"
    r"(?= (?:the|this|that) (?:article|document|report|text|page|story|piece|paper|post)\b)",
    re.I,
)
_NAMED_WHO = re.compile(r"\band (?:Who|What|When|Where|Why|How|Which)\b")


@dataclass(frozen=True, slots=True)
class Background:
    """What was asked before and how much it counts beside the question, from 0."""

    text: str
    weight: float


def background(question: str, history: Sequence[Turn]) -> Background | None:
    """Return what a question may lean on although no rule says so; ``None`` at the start of a conversation.

    It counts the more the fewer words the question has of its own: ``Any awards?`` is about what was spoken of,
    a whole sentence hardly needs it.
    """
    if _SHIFT.match(question):
        return None
    asked = [turn.content for turn in history[-2 * LATEST_TURNS :] if turn.role == "user"][-LATEST_TURNS:]
    text = " ".join(" ".join(asked).split())[-LATEST_CHARACTERS:]
    return Background(text, LEANING / max(1, len(content_words(question)))) if text else None


def standalone(question: str, history: Sequence[Turn]) -> str | None:
    """Return the question as it would be asked without the history; ``None`` if it cannot be told what it is about.

    Of a long history, the `LATEST_TURNS` last questions and their answers are looked at. An answer that gives orders is
    none of ours.
    """
    history = [Turn(turn.role, turn.content[:LONGEST_TURN]) for turn in history[-2 * LATEST_TURNS :]]
    history = [turn for turn in history if turn.role == "user" or not is_order(turn.content)]
    asked, answered = "", ""
    for turn in history:
        if turn.role == "assistant":
            answered = turn.content
        else:
            asked, answered = (_resolve(turn.content, asked, answered) or turn.content), ""
    answered = history[-1].content if history and history[-1].role == "assistant" else answered
    if _OTHER.match(question):
        answered = next((turn.content for turn in reversed(history) if two_persons(turn)), answered)
    return _resolve(question, asked, answered)


def searchable(question: str) -> str:
    """Return a question in the words that documents use of themselves: they say by whom they are *published*."""
    return _AUTHORSHIP.sub("published", without_fillers(question))


def parts(question: str) -> list[str]:
    """Split a compound question into questions that stand alone, in order.

    ``Who is X and what did he say?`` is two, and so is ``How did it change between 2024 and 2025?``.
    """
    years = _TWO_YEARS.search(question)
    if years and (analyse(question).compares or not years.group().startswith(("between", "from"))):
        change = _CHANGE.match(question[: years.start()] + question[years.end() :])
        if change and not change["rest"].strip(" ?"):
            what = _DANGLING.sub("", change["what"])
            return [f"What was {what} in {years[name]}?" for name in ("first", "second")]
        return [question[: years.start()] + years[name] + question[years.end() :] for name in ("first", "second")]
    pieces = _SPLIT.split(question.strip().rstrip("?")) if not _NAMED_WHO.search(question) else [question]
    if len(pieces) == 1:
        return [question]
    whole = [pieces[0] + "?"]
    for piece in pieces[1:]:
        whole.append(_resolve(piece + "?", whole[-1], "") or piece + "?")
    return whole


def _resolve(question: str, asked: str, answered: str) -> str | None:
    question, shifted = _begun(" ".join(question.split()))
    if not question or is_civility(question):
        return None
    if not asked or shifted:
        return question if _has_content(question) else None
    if found := _ELSE.search(question):
        rest = f"{question[: found.end('word')]}{question[found.end() :]}"
        return asked if not _has_content(rest) and not _PERSON.search(rest) else _resolve(rest, asked, answered)
    if _MORE.match(question):
        return asked
    if bare := _BARE.match(question):
        return _about(f"{bare['word'].capitalize()}?", asked)
    if (again := _BARE_YEAR.match(question)) and (year := YEAR.search(asked)):
        return asked[: year.start()] + again["year"] + asked[year.end() :]
    return _asked_instead(question, asked, answered) or _replace_pronoun(question, asked, answered)


def _begun(question: str) -> tuple[str, bool]:
    """Return a question without what only leads over to it, and whether that announces another subject."""
    if shift := _SHIFT.match(question):
        return question[shift.end() :], True
    return without_courtesies(question), False


def _asked_instead(question: str, asked: str, answered: str) -> str | None:
    """Return the question before about what a follow-up or a correction names; ``None`` if it is neither."""
    if _OTHER.match(question):
        return _about_another(asked, answered)
    found = _INSTEAD.match(question)
    if found and not _is_question(found["what"]):
        before = found["of"] or found["preposition"] or found["other"] or ""
        return _replace_subject(asked, found["what"], answered, before)
    turned = _NOT_BUT.match(question)
    if turned and turned["not"].lower() in asked.lower():
        start = asked.lower().index(turned["not"].lower())
        return asked[:start] + turned["what"] + asked[start + len(turned["not"]) :]
    for pattern in (_CORRECTION, _ASKED_ABOUT, _REFUSED):
        corrected = pattern.match(question)
        if corrected and not _is_question(corrected["what"]):
            return _replace_subject(asked, corrected["what"], answered, corrected["of"] or "")
    return None


def already_said(question: str, history: Sequence[Turn]) -> str:
    """Return what the answer before said, if the question wants something else; else nothing.

    ``Who else?``, ``And the other one?`` and ``Who came after her?`` are not answered by saying it again.
    """
    answered = history[-1].content if history and history[-1].role == "assistant" else ""
    other = (each.search(question) for each in (_ELSE, _OTHER, _MORE, _SUCCESSION))
    return answered[:LONGEST_TURN] if any(other) else ""


def _about_another(asked: str, answered: str) -> str:
    """Ask the question before about the other of two: of two persons by name, else as it was."""
    named = [answered[span.start : span.end] for span in two_persons(Turn("assistant", answered)) or ()]
    others = [name for name in named if name.split()[-1] not in asked]
    if len(others) == 1:
        return instead(asked, others[0])
    return _COUNTED.sub(r"\g<which> ", asked)


def _has_content(question: str) -> bool:
    return bool(_content(question))


def _content(question: str) -> list[str]:
    """Return the words that say something about the subject, of which there may be none."""
    language = language_of(question)
    return [word.group() for word in words(question) if not is_function_word(word.group(), language)]


def _is_question(text: str) -> bool:
    return bool(
        re.match(
            r"¿?(?:who|what|when|where|why|how|which|did|does|do|is|are|was|were|would|will|can|wer|wen|wem|was|wann|wo"
            r"|warum|wieso|wie|wohin|woher|welche[rsnm]?|qui[eé]n(?:es)?|qu[eé]|cu[aá]ndo|d[oó]nde|cu[aá]nt[oa]s?|cu[aá]l"
            r"|qui|que|quoi|quand|où|pourquoi|comment|combien|quel(?:le)?s?)\b",
            text,
            re.I,
        )
    )


def _replace_subject(asked: str, what: str, answered: str, preposition: str = "") -> str:
    """Ask the last question about something else; a pronoun is the person whom it means."""
    person = _PERSON.fullmatch(what) or _GROUP.fullmatch(what)
    if person:
        what = persons_meant(asked, answered, plural=bool(_GROUP.fullmatch(what))) or what
    belonging = _BELONGING.fullmatch(what)
    owner = belonging and persons_meant(asked, answered, plural=belonging["whose"].lower() == "their")
    if belonging and owner:
        return f"{'Who' if _RELATIVE.search(belonging['what']) else 'What'} is {owner}’s {belonging['what']}?"
    return instead(asked, what, preposition)


def _replace_pronoun(question: str, asked: str, answered: str) -> str:
    for pattern, plural in ((_PERSON, False), (_GROUP, True)):
        match = pattern.search(question)
        if match and not people(question[: match.start()], frozenset()):
            antecedent = persons_meant(asked, answered, plural=plural)
            if antecedent is None:
                return _about(question, asked)
            possessive = match.group().lower() in _POSSESSIVE and re.match(r"\s+\w", question[match.end() :])
            rest = _LAST_IT.sub(thing_meant(asked) or "it", question[match.end() :])
            return question[: match.start()] + antecedent + ("’s" if possessive else "") + rest
    elsewhere = _ELSEWHERE.get(language_of(question) or "")
    if elsewhere and elsewhere.search(question):
        return _about(question, asked)
    thing = _THING.search(question)
    few = len(_content(question)) <= 1
    if (thing and not names(question[: thing.start()]) and not _THAT_CLAUSE.match(question, thing.start())) or (
        few and not names(question)
    ):
        return _about_thing(question, asked)
    return question


def _about_thing(question: str, asked: str) -> str:
    """Put the thing that the question before was about in the place of ``it``, else add that question."""
    pronoun = _IT.search(question)
    thing = thing_meant(asked)
    if pronoun is None or thing is None:
        return _about(question, asked)
    if YEAR.search(question):
        thing = _DANGLING.sub("", YEAR.sub("", thing))
    ending = "’s" if pronoun.group().lower() == "its" else ""
    return question[: pronoun.start()] + thing + ending + question[pronoun.end() :]


def _about(question: str, asked: str) -> str:
    """Add the question before, without its year if the new question has one of its own.

    Where that had a question added itself, this is what both are about.
    """
    added = _ADDED.search(asked)
    about = added[1] if added else asked
    return f"{question} ({YEAR.sub('', about) if YEAR.search(question) else about})"
