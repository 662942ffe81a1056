"""What people say beside a question: greetings, thanks, ``could you tell me``, ``actually``. None of it is asked."""

from __future__ import annotations

import re

_CIVIL = (
    r"(?:ok(?:ay)?|thanks?(?: you)?(?: (?:very|so) much| a lot| for (?:that|this))?|no thanks|all ?right|right|good"
    r"|great|fine|perfect|got it|i see|well|hm+|ah|oh|hi|hello|hey|good (?:morning|afternoon|evening)"
    r"|(?:muchas )?gracias|vale|perfecto|hola|buenos días|danke(?: sch[öo]n)?|gut|alles klar|hallo|guten (?:tag|morgen)"
    r"|please|merci(?: beaucoup)?|d['’]accord|bien|bonjour)"
)
_CIVILITY = re.compile(rf"[\s¡]*{_CIVIL}(?:[\s,.!;:–—-]+{_CIVIL})*[\s,.!;:)–—-]*", re.I)
_ASIDE = re.compile(rf"^[\s¡]*(?:{_CIVIL}(?: {_CIVIL})*(?:\s*[,.:;!]|\s[–—-])\s*)+(?=\S)", re.I)
_ASKED = (
    r"(?=(?:who|whom|whose|what|when|where|why|how|which|if|whether|quién|qué|cuándo|dónde|cuánt[oa]s?|cómo|cuál"
    r"|si|wer|wen|wem|was|wann|wo|warum|wie|welche[rsnm]?|ob|qui|quand|où|pourquoi|comment|combien|quel(?:le)?s?"
    r"|ce que)\b)"
)
_PREAMBLE = re.compile(
    r"^[\s¿]*(?:(?:please|and|so)[, ]+)?"
    r"(?:(?:(?:could|can|would|will) you (?:please |kindly )?)?(?:tell|remind|inform) (?:me|us)(?: please)?"
    r"|(?:could|can|would) you (?:please )?say|do you (?:happen to )?know|any idea|do you have any idea"
    r"|i(?: would|['’]d)? (?:like|love|want|need) to (?:know|ask|find out)|i was wondering"
    r"|i(?: am|['’]m) wondering|i wonder"
    r"|(?:me )?(?:puede|puedes|podría|podrías) decir(?:me)?|me gustaría saber|(?:quiero|quisiera) saber|sabe[sn]?|dime"
    r"|(?:können|könnten) sie mir (?:bitte )?sagen|(?:kannst|könntest) du mir (?:bitte )?sagen|wissen sie|weißt du"
    r"|ich (?:möchte|würde gerne?) wissen|sag(?:en sie)? mir"
    r"|(?:pouvez|pourriez)-vous me dire|(?:peux|pourrais)-tu me dire|savez-vous|sais-tu"
    r"|(?:je voudrais|j['’]aimerais) savoir|dites-moi|dis-moi)"
    rf"[,:]?\s+{_ASKED}(?:(?:if|whether|si|ob)\s+)?",
    re.I,
)
_INDIRECT = re.compile(
    r"(?P<asked>(?:who|what|when|where|why|how)(?: \w+)??) (?P<what>.+) (?P<be>is|are|was|were)\W*", re.I
)
_FILLERS = re.compile(
    r"(?:\s*,)?\s+(?:actually|exactly|precisely|please|by any chance|in the end|after all|por favor"
    r"|exactamente|en realidad|bitte|eigentlich|genau|s['’]il (?:vous|te) pla[iî]t|exactement)\b(?:\s*,)?"
    r"(?=\s|[?.!]|$)",
    re.I,
)
_QUOTATION = re.compile(r"[\"“«„]")


def is_civility(message: str) -> bool:
    """Tell whether a message asks nothing, as *Thanks!* does."""
    return bool(_CIVILITY.fullmatch(message))


def without_courtesies(message: str) -> str:
    """Return a message without what leads over to its question: ``Thanks. Could you tell me when it opens?``."""
    aside = _ASIDE.match(message)
    message = message[aside.end() :] if aside else message
    preamble = _PREAMBLE.match(message)
    if preamble is None:
        return message
    rest = message[preamble.end() :]
    return f"{asked['asked']} {asked['be']} {asked['what']}?" if (asked := _INDIRECT.fullmatch(rest)) else rest


def without_fillers(question: str) -> str:
    """Return a question without words that ask for nothing, unless it quotes something: ``Who exactly won?``."""
    return question if _QUOTATION.search(question) else _FILLERS.sub("", question)
