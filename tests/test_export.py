"""Answers and conversations to take along."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rag.types import Answer, Claim, Quote
from ui.i18n import messages
from ui.kept.conversations import Conversation, Exchange
from ui.page import export

EN = messages("en")
HOSTILE = "<script>x</script> ![a](http://evil.invalid) {\\input} 5% & more"


def quote(n: int, text: str, **fields: object) -> Quote:
    made = Quote(n, "d" * 16, "a.md", "A title", 3, 0, len(text), text, "2025-11-21", "The Example")
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
        "[1] A title, The Example, Nov 21, 2025, page 3, a.md: “He did.”\n[2] a.md, Nov 21, 2025: “So there.”\n"
    )


def test_bibtex_has_an_entry_for_each_document() -> None:
    made = references("bibtex", quote(1, "He did."), quote(2, "Again.", page=4), quote(3, "No.", document_id="e" * 16))
    assert made.count("@misc{") == 2
    assert made.startswith(
        "@misc{a-title-2025-dddddd,\n  title = {A title},\n  organization = {The Example},\n  year = {2025},\n"
        "  month = {11},\n  pages = {3, 4},\n  howpublished = {a.md},\n  note = {“He did.” / “Again.”}\n}\n"
    )


def test_bibtex_is_safe_to_compile() -> None:
    made = references("bibtex", quote(1, HOSTILE))
    assert r"\{\textbackslash{}input\} 5\% \& more" in made


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
