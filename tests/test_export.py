"""Answers and conversations to take along."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rag.answer.said import said
from rag.query.language import Language
from rag.types import Answer, Claim, Quote, Remark, Source
from ui.i18n import messages
from ui.kept.conversations import Conversation, Exchange
from ui.page import export

EN = messages("en")
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MARKUP = (*'*_`~#>-+=|!&<[](){}:\\\n"/.@1 a', "![x](//evil.invalid)", "1. ", "10) ", "- ", "[a]: b", "&lt;", "<b>")
HOSTILE = "<script>x</script> ![a](http://evil.invalid) {\\input} 5% & more"


def quote(n: int, text: str, **fields: object) -> Quote:
    made = Quote(
        n, "d" * 16, "a.md", "A title", 3, 0, len(text), text, "2025-11-21", "The Example", author="Ann Roe & Co"
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def exchange(*quotes: Quote, question: str = "Who?", short: str | None = None) -> Exchange:
    claims = tuple(Claim(each.text, "verbatim", (each,)) for each in quotes)
    answer = Answer(question, question, "answered", 0.9, short, "", claims, (), "extractive")
    return Exchange("m", question, "complete", answer=answer, asked=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))


def references(style: export.References, *quotes: Quote) -> str:
    answer = exchange(*quotes).answer
    assert answer is not None
    return export.references(answer, style, EN)


def test_plain_references_say_title_outlet_date_page_and_words() -> None:
    assert references("text", quote(1, "He did."), quote(2, "So\nthere.", title="", page=None, outlet=None)) == (
        "[1] A title, The Example, Ann Roe & Co, Nov 21, 2025, page 3, a.md: “He did.”\n"
        "[2] a.md, Ann Roe & Co, Nov 21, 2025: “So there.”\n"
    )


def test_markdown_is_read_as_it_was_said_and_without_a_parser_too() -> None:
    made = references("markdown", quote(1, "At 9.30, it's “so”: 5% (or 1,000 m²)!", source="a_b.md"))
    assert made == (
        "At 9.30, it's “so”: 5% (or 1,000 m²)\\! \\[1\\]\n\n"
        "1. A title, The Example, Ann Roe \\& Co, Nov 21, 2025, page 3, a\\_b.md: "
        "“At 9.30, it's “so”: 5% (or 1,000 m²)\\!”\n"
    )


@given(st.lists(st.sampled_from(MARKUP) | st.text(max_size=5), min_size=1, max_size=10).map("".join))
def test_whatever_documents_say_is_text_in_markdown(text: str) -> None:
    blocks = PARSER.parse(references("markdown", quote(1, text), quote(2, text, title=text)))
    assert {block.type.split("_")[0] for block in blocks} == {"paragraph", "inline", "ordered", "list"}
    assert {token.type for block in blocks for token in block.children or ()} == {"text"}
    assert len([block for block in blocks if block.type == "inline"]) == 4


@pytest.mark.parametrize("format_", ["markdown", "html"])
def test_where_the_documents_differ_that_leads_and_no_answer_of_one_of_them(format_: export.Format) -> None:
    kept = exchange(quote(1, "It is 25."), quote(2, "It is 28."), short="25")
    assert kept.answer is not None
    differing = replace(kept, answer=replace(kept.answer, remarks=(Remark("differ", (1, 2), 2),)))
    plain, told = (export.conversation(Conversation("c", (each,)), format_, "T", EN) for each in (kept, differing))
    assert {"**25**", "<strong>25</strong>"} & set(plain.replace("<p>", "").replace("</p>", "").splitlines())
    assert "**25**" not in told
    assert "<strong>" not in told
    assert told.count("The documents differ") == 1
    assert told.index("The documents differ") < told.index("It is 25.")


def test_bibtex_has_an_entry_for_each_document() -> None:
    made = references("bibtex", quote(1, "He did."), quote(2, "Again.", page=4), quote(3, "No.", document_id="e" * 16))
    assert made.count("@misc{") == 2
    assert made.startswith(
        "@misc{a-title-2025-dddddd,\n  author = {{Ann Roe \\& Co}},\n  title = {A title},\n"
        "  organization = {The Example},\n  year = {2025},\n  month = nov,\n"
        "  pages = {3, 4},\n  howpublished = {a.md},\n  note = {“He did.” / “Again.”}\n}\n"
    )


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "slide 3"), ("es", "diapositiva 3"), ("de", "Folie 3"), ("fr", "diapositive 3")],
)
def test_what_stands_on_a_slide_is_on_no_page(language: Language, told: str) -> None:
    answer = exchange(quote(1, "He did.", source="deck.pptx"), quote(2, "Again.", source="deck.pptx", page=4)).answer
    assert answer is not None
    plain, bibtex = (export.references(answer, style, messages(language)) for style in ("text", "bibtex"))
    assert f", {told}, deck.pptx: “He did.”" in plain
    assert f"  howpublished = {{deck.pptx, {told}, {told.replace('3', '4')}}},\n" in bibtex
    assert "pages = " not in bibtex


def test_a_key_names_the_year_once() -> None:
    made = references("bibtex", quote(1, "No.", title="Handbook 2025"))
    assert made.startswith("@misc{handbook-2025-dddddd,")


def test_bibtex_is_safe_to_compile() -> None:
    made = references("bibtex", quote(1, HOSTILE))
    assert r"\textbraceleft{}\textbackslash{}input\textbraceright{} 5\% \& more" in made


def parsed(bibtex: str) -> Any:  # noqa: ANN401  # a pybtex.database.BibliographyData, which has no types
    """Read entries as BibTeX would. Without the parser the test is skipped, or fails where nobody would notice."""
    try:
        from pybtex.database import parse_string
    except ModuleNotFoundError:
        missing = "There is no pybtex: BibTeX is not parsed. Remedy: pip install -c .ci/constraints.txt -e '.[dev]'"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return parse_string(bibtex, "bibtex")  # raises whatever BibTeX would complain of


@given(st.lists(st.sampled_from((*'{}\\@,="%#~^&_$ \n', "and", "@misc{a,", "é")) | st.text(max_size=4), min_size=1))
def test_whatever_documents_say_is_one_entry_each_to_a_parser_of_bibtex(pieces: list[str]) -> None:
    text = " ".join(["so", *pieces])
    own = quote(1, text, title=text, source=text, outlet=text, author=text)
    made = references("bibtex", own, quote(2, "No.", document_id="e" * 16))
    entries = list(parsed(made).entries.values())
    assert len(entries) == 2
    as_written = export._latex(text)
    fields = dict(entries[0].fields)
    assert {fields[name] for name in ("title", "organization", "howpublished")} == {as_written}
    assert (fields["note"], fields["year"], fields["month"]) == (f"“{as_written}”", "2025", "November")
    assert [str(each) for each in entries[0].persons["author"]] == [f"{{{as_written}}}"]


@pytest.mark.parametrize("format_", ["markdown", "html"])
def test_a_refusal_is_saved_with_the_passages_that_it_speaks_of(format_: export.Format) -> None:
    hit = Source("d" * 16, "a.md", "A title", None, 0, 9, 0.1, "The near\none.")
    answer = Answer("Who?", "Who?", "not_found", 0.1, None, said("not_found_near", "en"), (), (hit,) * 9, "extractive")
    kept = Conversation("c", (replace(exchange(), answer=answer),))
    made = export.conversation(kept, format_, "T", EN)
    assert made.count("A title, a.md: The near one.") == 3


@pytest.mark.parametrize("format_", ["markdown", "html"])
def test_when_it_was_asked_is_written_for_people(format_: export.Format) -> None:
    made = export.conversation(Conversation("c", (exchange(quote(1, "He did.")),)), format_, "T", messages("de"))
    assert "02.01.2026, 03:04 UTC" in made


@pytest.mark.parametrize("format_", ["markdown", "html"])
def test_hostile_text_is_inert_in_a_file(format_: export.Format) -> None:
    kept = Conversation("c", (exchange(quote(1, HOSTILE, title=HOSTILE), question=HOSTILE, short=HOSTILE),))
    made = export.conversation(kept, format_, HOSTILE, EN)
    assert "<script>x" not in made
    assert "![a](http" not in made or format_ == "html"
    assert made.count("&lt;script&gt;x") + made.count("\\<script\\>x") >= 5


def test_json_holds_every_exchange_with_its_filter_and_its_state() -> None:
    stopped = Exchange("m", "What?", "stopped", "half", where='source="a.md"')
    kept = Conversation("c", (exchange(quote(1, "He did.")), stopped))
    saved = json.loads(export.conversation(kept, "json", "Title", EN))
    assert [each["state"] for each in saved["exchanges"]] == ["complete", "stopped"]
    assert saved["exchanges"][0]["asked"] == "2026-01-02T03:04:00+00:00"
    assert saved["exchanges"][0]["answer"]["claims"][0]["quotes"][0]["text"] == "He did."
    assert saved["exchanges"][1]["filter"] == 'source="a.md"'
