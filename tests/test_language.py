from __future__ import annotations

from string import Formatter

import pytest

from rag.answer.said import catalogue, key_of, may_become_own, remarked, said
from rag.query.language import LANGUAGES, Language, content_words, language_of
from rag.query.question import analyse
from rag.types import Remark


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Who is it?", "en"),
        ("What was decided?", "en"),
        ("Where is the Café Müller?", "en"),
        ("Who was García Márquez?", "en"),
        ("¿Cuánto cuesta un tarro de miel?", "es"),
        ("Cuanto cuesta un tarro de miel", "es"),
        ("¿Y Rusia?", "es"),
        ("Was passiert bei Gewitter?", "de"),
        ("Und für Kinder?", "de"),
        ("Wer?", "de"),
        ("Combien coûte un retard ?", "fr"),
        ("Qu’est-ce que c’est ?", "fr"),
        ("Et pour les enfants ?", "fr"),
        ("Rhine?", None),
        ("", None),
        ("Какая река?", None),
    ],
)
def test_a_question_tells_its_language(question: str, language: Language | None) -> None:
    assert language_of(question) == language


def test_the_first_text_that_tells_counts() -> None:
    assert language_of("Rusia?", "¿Y Rusia?", "And Russia?") == "es"
    assert language_of("Rhine?", "Elbe?") is None


def test_function_words_of_the_language_are_no_content() -> None:
    assert content_words("¿Cuánto cuesta un tarro de miel?") == ["cuesta", "tarro", "miel"]
    assert content_words("Wie viel kostet der Eintritt?") == ["kostet", "Eintritt"]
    assert content_words("¿Por qué?") == ["Por", "qué"]
    assert set(analyse("Combien de livres peut-on emprunter ?").terms) == {"livr", "emprunt"}


def test_a_german_noun_is_no_name_but_a_full_name_is() -> None:
    assert analyse("Darf mein Hund ins Becken?").names == frozenset()
    assert analyse("Was sagte Angela Merkel zum Haushalt?").names == {"angela", "merkel"}
    assert analyse("What did Merkel say?").names == {"merkel"}


def test_every_language_has_every_sentence_with_the_same_places() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    english = {key: places(text) for key, text in catalogue("en").items()}
    for language in LANGUAGES:
        assert {key: places(text) for key, text in catalogue(language).items()} == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_own_words_are_known_again(language: Language) -> None:
    text = said("not_found_near", language)
    assert key_of(text) == "not_found_near"
    assert may_become_own(text[:9])
    assert key_of(text + " No.") is None
    assert not may_become_own("Paid leave is")


def test_an_unknown_language_is_answered_in_english() -> None:
    assert said("not_found", None) == said("not_found", "en") != said("not_found", "de")


def test_remarks_in_words() -> None:
    assert remarked(Remark("differ", (1, 2), newest=2), "de") == (
        "Die Dokumente weichen voneinander ab: [1] [2]. Am neuesten ist [2]."
    )
    assert remarked(Remark("differ", (1, 2)), "en") == "The documents differ: [1] [2]."
    assert remarked(Remark("missing", about="Who paid?"), "fr") == "Sans réponse dans les documents : Who paid?"
    assert remarked(Remark("denied", (3,)), None) == "The documents say otherwise than the question: [3]."
