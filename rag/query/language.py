"""In which language a question is asked, as far as its function words tell: English, Spanish, German or French.

A question may be two words long. Statistics of letters, as libraries for whole texts count them, say little about
those; its question words, articles and prepositions say more.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from index.terms import STOP_WORDS, words

Language = Literal["en", "es", "de", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_SPANISH = """a al algo alguna algún ante antes así aún aunque cada casi como cómo con contra cual cuál cuales cuáles
    cuando cuándo cuanta cuánta cuantas cuántas cuanto cuánto cuantos cuántos da de debe deben debo del desde después
    dice dicen dijeron dijo donde dónde durante e el él ella ellas ellos en entre era eran es esa ese eso esta está
    estaba están este esto fue fueron ha haber había han hasta hay he la las le les lo los más me mi mientras muy nada
    ni no nos nosotros o otra otras otro otros para pero podemos poder podría por porque pregunta puede pueden puedo
    qué que quien quién quienes quiénes se según ser será si sí sido sin sobre solo son su sus también tan te tener
    tengo tiene tienen tu un una unas uno unos y ya yo""".split()
_GERMAN = """ab aber alle allem allen aller alles als also am an auch auf aus bei beim bin bis bitte da dabei damit
    dann darf darüber das dass davon dazu dem den denn der des dessen die dies diese diesem diesen dieser dieses doch
    dort du durch dürfen ein eine einem einen einer eines er es etwas euch für gab gegen geht gibt hab habe haben hat
    hatte hatten hier ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes jetzt
    kann kein keine keinen können könnte machen macht man mein meine meinem meinen mich mir mit muss müssen nach nicht
    noch nun nur ob oder ohne sagt sagte sehr sein seine seinem seinen seiner seit sich sie sind so soll sollen sollte
    über um und uns unser unsere unter viel viele vom von vor wann war waren warum was weil welche welchem welchen
    welcher welches wem wen wenn wer werden weshalb wessen wie wieso wieviel wieviele will wir wird wo wofür woher
    wohin wollen womit woran worauf worüber wovon wozu wurde wurden zu zum zur zwischen""".split()
_FRENCH = """a afin ai alors après as au aucun aucune aussi autre autres aux avait avant avec avez avoir c'est ce cela
    celle celui ces cet cette ceux chaque chez combien comme comment d'un d'une dans de depuis des dit doit doivent
    donc dont du elle elles en encore entre es est est-ce et étaient était été être eu eux faire fait faut il ils j'ai
    je jusqu'à l'on la laquelle le lequel les lesquels leur leurs lors lui ma mais me même mes moi moins mon ne ni non
    nos notre nous on ont ou où par parce pas pendant peut peuvent peux plus pour pourquoi pouvez puis-je qu'est-ce
    qu'il qu'elle qu'un quand que quel quelle quelles quels qui quoi sa sans se selon sera ses si son sont sous
    suis sur ta te tes toi ton tous tout toute toutes tu un une vers vos votre vous y à""".split()

FUNCTION_WORDS: Mapping[Language, frozenset[str]] = MappingProxyType(
    {"en": STOP_WORDS, "es": frozenset(_SPANISH), "de": frozenset(_GERMAN), "fr": frozenset(_FRENCH)}
)
"""Words in lower case that say nothing about the subject, by language."""

_SIGNS: tuple[tuple[str, Language], ...] = (("¿¡ñ", "es"), ("ßäöü", "de"), ("çœèêîôûù", "fr"))
"""Letters and marks that only one of these languages has."""


def language_of(*texts: str) -> Language | None:
    """Return the language of the first text that tells its language; ``None`` if none does."""
    return next(filter(None, map(_told, texts)), None)


def content_words(text: str) -> list[str]:
    """Return the words of a question that say something about its subject, or all there are."""
    every, language = [word.group() for word in words(text)], language_of(text)
    return [word for word in every if not is_function_word(word, language)] or every


def is_function_word(word: str, language: Language | None) -> bool:
    """Tell whether a word says nothing about the subject, in English or in the other language."""
    lowered = word.lower().replace("’", "'")
    return lowered in STOP_WORDS or (language is not None and lowered in FUNCTION_WORDS[language])


def _told(text: str) -> Language | None:
    lowered = [word.group().lower().replace("’", "'") for word in words(text)]
    counts = {language: sum(word in FUNCTION_WORDS[language] for word in lowered) for language in LANGUAGES}
    for letters, language in _SIGNS:
        counts[language] += any(letter in text.lower() for letter in letters)
    best, second = sorted(counts.values(), reverse=True)[:2]
    likeliest = max(counts, key=counts.__getitem__)
    return likeliest if best > second else None
