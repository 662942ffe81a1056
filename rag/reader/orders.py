"""Text that commands whoever reads it by machine, or orders what is to be answered.

Three kinds are told apart. What opens a *turn* (``SYSTEM: You are …``, ``<|im_start|>``) speaks for the rest of its
paragraph. An *address* (``ignore all previous instructions``, ``note to AI systems``) is meant for a machine wherever
it stands. An *order to say* something (``when asked about the fee, answer that …``) may also be meant for people: a
handbook has such rules. What is put in quotation marks is told, not meant.

`rag.writer.prompts.instructs` is wider: a quote that is kept from a language model is still shown to the reader.
"""

from __future__ import annotations

import re
from functools import lru_cache

from index.terms import stem

_MACHINE = (
    r"(?:AIs?|LLMs?|GPT(?:-?\d\w*)?|ChatGPT|chat ?bots?|bots"
    r"|(?:AI|language|chat|virtual)[ -](?:\w+ )?(?:models?|assistants?|systems?|agents?))"
)
_PROMPT = (
    r"(?:instructions?|prompts?|directions?|directives?|guidelines?|programming|training|context|anweisungen"
    r"|instrucciones|consignes)"
)
_EARLIER = (
    r"(?:previous|prior|earlier|above|preceding|foregoing|other|all|any|your|system|the|vorherigen|bisherigen"
    r"|anteriores?|pr[eé]c[eé]dentes?|toutes?|alle|todas)"
)
_SPEAK = r"answer|reply|respond|say|state|claim|tell"
_DO = rf"(?:{_SPEAK}|output|print|write|repeat|recommend|mention|include|insert|append|add|end|begin|start|ignore|call)"
_MAKE = (
    r"add|append|augment|modify|enhance|enrich|integrate|insert|include|provide|render|replace|rearrange|remove|rewrite"
    r"|format|encode|use|jumble|introduce|misspell|write|make|craft|convert|group|begin|end|finish|start|embed"
    r"|incorporate|change|give"
)
_REPLY = r"(?:answer|response|reply|output|summary|completion)s?"
_OPENS = r"(?:^|[.!?:;,]\W*|\b(?:and|please|instead|always|must|then|just) )"

_TURN = (
    r"^\W*(?:system|assistant|developer|human)(?: (?:message|note|prompt|override|update|instruction|notice))?"
    r"\s?\W{0,3}:\W*(?:you\b|your\b|ignore|disregard|forget|from now|always|never|do not|tell|say|reply|respond|answer"
    r"|print|output|reveal|the (?:\w+ )?(?:above|below)|new (?:rule|instruction))"
    r"|<\|?/?(?:im_start|im_end|im_sep|system|assistant|endoftext|inst|eot_id|start_header_id)\b[^>]{0,20}>"
    r"|\[/?(?:INST|SYS)\]|<</?SYS>>|^#{1,6} ?(?:system|instructions?|assistant)\b ?:?$"
    r"|</(?:context|documents?|quotes?)>"
)
_AWAY = (
    r"\b(?:ignore|disregard|forget|override|bypass|vergiss|ignoriere\w*|ignora|olvida|ignorez|oubliez)\b"
    rf"(?:\W+\w+){{0,4}}?\W+{_EARLIER}\W+(?:\w+\W+){{0,2}}?{_PROMPT}\b"
    r"|\b(?:ignore|disregard|forget)\b.{0,40}\byou (?:were|have been|are|had been) (?:given|told|taught)"
    r"|\b(?:ignore|disregard|forget) (?:everything|all|anything)"
    r" (?:above|before|else|that came|you (?:\w+ )?(?:know|learned|learnt))"
)
_BE_ANOTHER = (
    r"\byou are (?:now|going to (?:act|play|pretend|be)|about to immerse"
    r"|an? (?:\w+ )?(?:AI|assistant|chatbot|language model|DAN))\b"
    r"|\bfrom now on,? (?:you|your|always|answer|respond|reply)\b.{0,40}"
    r"\b(?:act|answers?|responses?|respond|reply|have to|DAN|must)\b"
    r"|\b(?:act|behave|respond|answer) as (?:if you|an? (?:\w+ )?(?:AI|assistant|chatbot|model)|DAN)\b"
    r"|\bpretend (?:to be|that you)\b"
)
_YOU_THERE = (
    r"\b(?:notes?|notice|message|instructions?|attention|memo|warning|hint|dear|hey|hello)\b,? ?(?:to|for|of)? ?"
    rf"(?:all |any |every |the )?{_MACHINE}\b"
    rf"|\bif you are an? (?:\w+ )?{_MACHINE}\b|^\W*{_MACHINE} ?[:,]"
    rf"|\b{_MACHINE} (?:must|should|shall|has to|have to|is to|are to)(?: now| always| only)? {_DO}"
    r"(?: only| always)? (?:that|with|by|as|the (?:user|reader)|them|nothing|[:“\"])"
    r"|\bas an? (?:AI|large language|language)\b[^.]{0,30}\b(?:you|must|should)\b"
)
_GIVE_AWAY = (
    r"\b(?:reveal|print|output|show|repeat|display|leak|translate|encode)\b(?:\W+\w+){0,4}?\W+"
    r"(?:your|system|initial|hidden|original)\W+(?:\w+\W+)?(?:prompt|instructions?|message|configuration|rules)\b"
    r"|\breveal\b.{0,30}\b(?:keys?|passwords?|secrets?|credentials)\b.{0,30}"
    r"\bto (?:whoever|anyone|everyone|the user)"
)
_ASKED_SAY = (
    r"\b(?:when|whenever|if|once) (?:you are |you're |(?:some|any|every)(?:one|body) (?:is )?|users? (?:is |are )?"
    r"|people (?:are )?|the (?:user|reader|visitor)s? (?:is |are )?|it is )?(?:asked|asks?|questioned)\b.{0,80}?"
    r"(?:,|\byou (?:must|should|will)|\balways|\bonly|\bsimply) "
    r"(?:please |always |only |simply |just |you (?:must |should ))?"
    rf"(?:{_SPEAK}) (?:that|with|by|them|[:“\"])"
    rf"|\bwho(?:so)?ever asks\b.{{0,80}}\b(?:be told|{_SPEAK})\b|\bwhatever (?:is|you are|they) ask(?:ed)?\b"
)
_SHAPE = (
    rf"\b(?:in|to|into|of|with|within|begin|start|end|finish|from|throughout) (?:your|every|each) (?:\w+ )?{_REPLY}\b"
    rf"|\b(?:your|every|each) (?:\w+ )?{_REPLY} (?:must|should|shall|has to|have to)\b"
    rf"|\b(?:line|word|sentence|start|end|beginning|part) of (?:your|every|each|any) (?:\w+ )?{_REPLY}\b"
    rf"|^\W*(?:please )?(?:{_MAKE})\b.{{0,60}}?\byour (?:\w+ )?(?:{_REPLY}|messages?)\b"
)
_SAY_THIS = (
    rf"{_OPENS}(?:answer|respond|reply|say|output|print|write|repeat)\s(?:only\s|exactly\s|instead\s|nothing\s|just\s)?"
    r"(?:that\b|with the (?:single |one )?words?|but\b|this\b|the following\b|nothing\b|[:“”\"]|(?-i:[A-Z]{4,}))"
    r"|(?:^|[.!?:;,]\W*|\band )(?:please )?(?:tell|inform|assure|convince) (?:the |every )?"
    r"(?:reader|user|asker|customer|visitor|person asking)s?\b"
)

_COMMANDING = re.compile("|".join((_TURN, _AWAY, _BE_ANOTHER, _YOU_THERE, _GIVE_AWAY)), re.I)
_OPENS_TURN = re.compile(_TURN, re.I)
_ORDERING = re.compile("|".join((_ASKED_SAY, _SHAPE, _SAY_THIS)), re.I)
_SPEECH = re.compile(r"[“\"][^“”\"]*[”\"]")
_REMEMBERED = 8192
"""Sentences whose judgement is kept: many questions find the same ones."""
_NARRATED = 12
"""Letters outside quotation marks from which a text tells of what it quotes."""

TELLING = frozenset(
    map(
        stem,
        "system assistant developer human ignore disregard forget override bypass prompt prompts instruction "
        "instructions AI LLM GPT ChatGPT chatbot bots model pretend act mode DAN answer answers reply replies respond "
        "response responses output print write repeat summary asked asks reveal immerse inst context reader user "
        "visitor customer whoever whatever always ignorez oubliez ignora olvida vergiss ignoriere encode translate "
        "quote im".split(),
    )
)
"""Stems of which every order has one: a sentence without them need not be looked at."""


@lru_cache(maxsize=_REMEMBERED)
def commands(text: str) -> bool:
    """Tell whether a text, quoted speech aside, addresses a machine or opens a turn of its conversation."""
    return bool(_COMMANDING.search(_told_apart(text)))


def opens_turn(text: str) -> bool:
    """Tell whether a text opens a turn of a machine's conversation, which what follows belongs to."""
    return bool(_OPENS_TURN.search(_told_apart(text)))


@lru_cache(maxsize=_REMEMBERED)
def orders(text: str) -> bool:
    """Tell whether a text, quoted speech aside, orders what is to be said: to a machine or to people."""
    return bool(_ORDERING.search(_told_apart(text)))


def is_order(text: str) -> bool:
    """Tell whether a text commands a machine or orders an answer."""
    return commands(text) or orders(text)


def about_machines(question: str) -> bool:
    """Tell whether a question is about what a text says to machines: it then gets that text."""
    return bool(_OF_MACHINES.search(question) and _TOLD.search(question) and not _FIRST_PERSON.search(question))


def about_saying(question: str) -> bool:
    """Tell whether a question asks what is to be said: it then gets the rules for that."""
    return bool(_OF_SAYING.search(question))


_OF_MACHINES = re.compile(rf"\b(?:{_MACHINE}|assistants?|injections?|injected|hidden instructions?)\b", re.I)
_TOLD = re.compile(
    r"\b(?:say|says|said|tells?|told|orders?|ordered|instructs?|instructed|asks?|claims?|contains?|means?|about|try"
    r"|tries|wants?|do|does|must|should)\b",
    re.I,
)
_FIRST_PERSON = re.compile(r"\b(?:I|me|my|you|your)\b")
_OF_SAYING = re.compile(
    r"\b(?:should|must|shall|ought|have to|has to|need to|needs to|supposed|are to|is to|how (?:do|does))\b.{0,80}"
    r"\b(?:say|answer|repl(?:y|ies)|respon\w+|tell|told|state|print|write|written|put|mention|include|quote)\b",
    re.I,
)


def _told_apart(text: str) -> str:
    """Return what a text says itself: without its quoted speech, if there is something around it."""
    narrated = _SPEECH.sub("“”", text)
    return narrated if sum(map(str.isalpha, narrated)) >= _NARRATED else text
