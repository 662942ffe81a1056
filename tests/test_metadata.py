"""Dates and header lines: what is taken from them, and that prose is left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from index.readers import dates
from index.readers.dates import parse_date
from index.readers.metadata import header_facts, known_fields
from tests.reading import LONG, word, written


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2025-11-21", "2025-11-21"),
        ("2025-11-21T10:00:00Z", "2025-11-21"),
        ("2025-11-21T10:00:00+01:00", "2025-11-21"),
        ("2025/11/21", "2025-11-21"),
        ("3 March 2024", "2024-03-03"),
        ("March 3, 2024", "2024-03-03"),
        ("Sept. 3, 2024", "2024-09-03"),
        ("Fri, 21 Nov 2025 10:00:00 GMT", "2025-11-21"),
        ("Nov 21, 2025 10:35 AM EST", "2025-11-21"),
        ("21 de noviembre, 2025", "2025-11-21"),
        ("viernes, 21 de noviembre de 2025", "2025-11-21"),
        ("3. März 2024", "2024-03-03"),
        ("21.11.2025, 14:05 Uhr", "2025-11-21"),
        ("1er mars 2024", "2024-03-01"),
        ("12 janvier 2024 à 10h30", "2024-01-12"),
        ("2025年11月21日", "2025-11-21"),
        ("11/21/2025", "2025-11-21"),
        ("November 2025", "2025-11"),
        ("2025-11", "2025-11"),
        ("2025", "2025"),
    ],
)
def test_a_date_is_as_precise_as_it_says(text: str, date: str) -> None:
    assert parse_date(text) == date


@pytest.mark.parametrize("name", dates._ENGLISH)
def test_english_months_are_those_of_dateparser(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = dates._ENGLISH[name]
    monkeypatch.setattr(dates, "_ENGLISH", {})
    assert dates._month.__wrapped__(name) == known


def test_day_and_month_that_cannot_be_told_apart_leave_the_year() -> None:
    assert parse_date("03/04/2024") == "2024"


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "May", "31 June 2024", "2025-13-40", "1 apples 2024", "1 sun 2024", "21 November 1825", "12345"],
)
def test_what_is_no_plausible_date_is_none(text: str) -> None:
    assert parse_date(text) == ""


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        (
            " date 2025-11-21 Published by Diane Hernández 21 de noviembre, 2025",
            {"published": "2025-11-21", "author": "Diane Hernández"},
        ),
        ("By Jane Doe, AP", {"author": "Jane Doe", "outlet": "AP"}),
        ("By JANE DOE", {"author": "JANE DOE"}),
        ("By Jane Doe and John Smith | BBC News", {"author": "Jane Doe and John Smith", "outlet": "BBC News"}),
        ("By Jane Doe, John Smith and Ann Lee", {"author": "Jane Doe, John Smith and Ann Lee"}),
        ("By Jane Doe for The Guardian", {"author": "Jane Doe", "outlet": "The Guardian"}),
        ("By Jane Doe, Senior Correspondent", {"author": "Jane Doe"}),
        ("By Reuters", {"outlet": "Reuters"}),
        ("Published: 3 March 2024", {"published": "2024-03-03"}),
        ("Published on March 3, 2024 | Updated March 5, 2024", {"published": "2024-03-03", "modified": "2024-03-05"}),
        ("Por María García López", {"author": "María García López"}),
        ("Publicado por Ana de la Cruz el 3 de enero de 2024", {"author": "Ana de la Cruz", "published": "2024-01-03"}),
        ("Von Max Müller", {"author": "Max Müller"}),
        ("Veröffentlicht am 3. März 2024 von Max Müller", {"published": "2024-03-03", "author": "Max Müller"}),
        ("Par Anne Dupont, 12 janvier 2024 à 10h30", {"author": "Anne Dupont", "published": "2024-01-12"}),
        ("21 November 2025", {"published": "2025-11-21"}),
        ("Author: Jane Doe", {"author": "Jane Doe"}),
        ("Quelle: dpa", {"outlet": "dpa"}),
        ("Title: Peace: a plan", {"title": "Peace: a plan"}),
        ("By Jane Doe | 21 November 2025 | 5 min read", {"author": "Jane Doe", "published": "2025-11-21"}),
    ],
)
def test_a_header_line_states_its_fields(line: str, facts: dict[str, str]) -> None:
    assert header_facts(line) == facts


@pytest.mark.parametrize(
    "line",
    [
        "By the time he arrived, the talks were over.",
        "By Land and Sea",
        "By Monday",
        "Published 2025",
        "Published by Diane Hernández, the article caused a stir.",
        "LONDON, Nov 21 (Reuters) - Talks began.",
        "On 21 November 2025 the plan was published.",
        "Note: this is a note",
        "Von hier aus ging es weiter",
        "Date palms grow here",
        "",
    ],
)
def test_prose_is_no_header_line(line: str) -> None:
    assert header_facts(line) == {}


def test_a_declared_field_goes_by_its_usual_name() -> None:
    declared = [("pubDate", "3 March 2024"), ("Last-Modified", "2024-03-05"), ("authors", ["Ann Lee", "Bo Li"])]
    assert known_fields(declared) == {"published": "2024-03-03", "modified": "2024-03-05", "author": "Ann Lee, Bo Li"}
    assert known_fields([("authors", ["Lee, Ann", "Bo Li"])]) == {"author": "Lee,\xa0Ann; Bo Li"}


def test_fields_that_say_nothing_are_left_out() -> None:
    assert known_fields([("author", "Administrator"), ("date", "soon"), ("x", {"a": {}}), ("y", [["nested"]])]) == {}


def test_front_matter_is_kept_as_it_is_written(tmp_path: Path) -> None:
    front = (
        "version: 3.10\nsecret: true\ndue: 2025-01-02\nnobody: ~\nempty:\ntags: [a, 007]\ndate: 2025-11-21T10:00:00Z\n"
    )
    assert dict(written(tmp_path, "a.md", f"---\n{front}---\n\n{LONG}").metadata) == {
        "version": "3.10",
        "secret": "true",
        "due": "2025-01-02",
        "tags": "a, 007",
        "published": "2025-11-21",
        "format": "markdown",
    }


def test_front_matter_in_toml(tmp_path: Path) -> None:
    front = (
        'title = "Plan"\ndate = 2025-11-21\nauthors = ["Jane Doe"]\ndraft = false\nn = 3.10\n[params]\nteam = "Legal"\n'
    )
    document = written(tmp_path, "a.md", f"+++\n{front}+++\n\n{LONG}")
    assert (document.title, document.text) == ("Plan", LONG)
    assert dict(document.metadata) == {
        "published": "2025-11-21",
        "author": "Jane Doe",
        "draft": "false",
        "n": "3.10",
        "team": "Legal",
        "format": "markdown",
    }
    assert written(tmp_path, "b.md", f"+++\nnot = = toml\n+++\n\n{LONG}").text.endswith(LONG)


@pytest.mark.parametrize(
    ("html", "head"),
    [
        (' xml:lang="fr"', ""),
        ("", '<meta property="og:locale" content="fr">'),
        ("", '<script type="application/ld+json">{"@type": "Article", "inLanguage": "fr"}</script>'),
    ],
)
def test_a_page_says_its_language_in_several_ways(tmp_path: Path, html: str, head: str) -> None:
    page = f"<!doctype html><html{html}><head><title>T</title>{head}</head><body><p>{LONG}</p></body></html>"
    assert written(tmp_path, "a.html", page).metadata["language"] == "fr"


def test_what_a_program_set_in_a_word_file_counts_and_its_template_does_not(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        made.add_paragraph(LONG)
        made.core_properties.author = "Jane Doe"
        made.core_properties.modified = datetime(2025, 2, 3, tzinfo=UTC)

    plain = written(tmp_path, "a.docx", word(lambda made: made.add_paragraph(LONG)))
    assert dict(plain.metadata) == {"format": "docx"}
    assert dict(written(tmp_path, "b.docx", word(fill)).metadata) == {
        "author": "Jane Doe",
        "modified": "2025-02-03",
        "format": "docx",
    }
