"""The catalogue: complete in every language, with plurals and dates as each has them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter

import pytest
from babel import Locale

from index.readers import SUFFIXES, part_named
from rag.query.language import LANGUAGES, Language
from ui.i18n import messages, negotiate
from ui.web.script import WORDS

STATIC = Path(__file__).parent.parent / "ui" / "static"
ENGLISH = messages("en").entries


def places(entry: object) -> set[str]:
    texts = entry.values() if isinstance(entry, dict) else [str(entry)]
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_there_with_its_places_and_plurals(language: Language) -> None:
    entries = messages(language).entries
    assert set(entries) == set(ENGLISH)
    for key, entry in entries.items():
        assert places(entry) == places(ENGLISH[key]), key
        assert isinstance(entry, dict) == isinstance(ENGLISH[key], dict), key
        if isinstance(entry, dict):
            assert set(entry) == set(Locale.parse(language).plural_form.tags) | {"other"}, key


def test_the_scripts_ask_for_messages_that_there_are() -> None:
    used = set()
    for script in STATIC.glob("*.js"):
        used |= set(re.findall(r"\b(?:t|count)\('([a-z_.]+)'", script.read_text(encoding="utf-8")))
    assert len(used) > 50
    assert used <= set(ENGLISH)


@pytest.mark.parametrize(
    ("language", "number", "text"),
    [
        ("en", 1, "1 passage"),
        ("en", 1234, "1,234 passages"),
        ("de", 1234, "1.234 Stellen"),
        ("fr", 0, "0 passage"),
        ("es", 1_000_000, "1.000.000 de pasajes"),
    ],
)
def test_plurals_are_those_of_the_language(language: Language, number: int, text: str) -> None:
    assert messages(language).count("passages", number) == text


@pytest.mark.parametrize(
    ("language", "iso", "text"),
    [
        ("en", "2025-02-01", "Feb 1, 2025"),
        ("de", "2025-02-01T10:00:00", "01.02.2025"),
        ("fr", "2025-02", "févr. 2025"),
        ("es", "2025", "2025"),
        ("en", "2025-13-40", "2025-13-40"),
        ("en", "soon", "soon"),
    ],
)
def test_dates_are_as_precise_as_they_are_given(language: Language, iso: str, text: str) -> None:
    assert messages(language).date(iso) == text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("pt;q=0.9, fr;q=0.5, es;q=0.7", "es"),
        ("en;q=0.1, fr;q=0", "en"),
        ("xx, yy;q=high, fr", "fr"),
        ("de;q=nan", "en"),
        (",;;=,", "en"),
    ],
)
def test_the_browsers_first_language_that_there_is_is_spoken(header: str, language: str) -> None:
    assert negotiate(header) == language
    assert negotiate(header, "fr") == "fr"


@pytest.mark.parametrize("script", ["sources.js", "widget.js"])
def test_the_scripts_take_the_same_files_for_slides_as_everything_else(script: str) -> None:
    pattern = re.search(r"/(\\\..*?\$)/i", (STATIC / script).read_text(encoding="utf-8"))
    assert pattern
    for suffix in SUFFIXES:
        is_slides = bool(re.search(pattern[1], f"a{suffix.upper()}", re.IGNORECASE))
        assert is_slides == (part_named(f"a{suffix}") == "slide"), suffix
    assert {part_named(name) for name in ("Deck.PPTX", "old.pps", "talk.odp")} == {"slide"}


def test_the_widget_has_every_word_in_every_language() -> None:
    words = json.loads(WORDS.read_text(encoding="utf-8"))
    assert tuple(words) == LANGUAGES
    used = set(re.findall(r"TEXT\.(\w+)", (STATIC / "widget.js").read_text(encoding="utf-8")))
    for language, entries in words.items():
        assert set(entries) == set(words["en"]), language
        assert used <= set(entries) | {"lang"}
        for key, entry in entries.items():
            assert places(entry) == places(words["en"][key]), (language, key)
