"""Rendered answers, parsed again: hostile text can be read, and does nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.answer.said import may_become_own, said
from rag.types import Answer, Claim, Quote, Remark, Source, Status, Support
from ui.i18n import messages
from ui.page import render

EN = messages("en")
MESSAGE = "AbC_-9" * 4
OURS = re.compile(rf"#(cite-{MESSAGE}-\d+|evidence-{MESSAGE})")
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HARMLESS = {"text", "em_open", "em_close", "strong_open", "strong_close", "link_open", "link_close", "hardbreak"}

MARKUP = (
    *"*_`~#>-+=|!&<[](){}:\\\n\t\"'/.@1 a",
    *["![x](http://evil.invalid/?q=", "[x](javascript:alert(1))", "<img src=x onerror=alert(1)>", "<script>", "</p>"],
    *["```mermaid\n", "~~~\n", "# ", "> ", "- ", "1. ", "1) ", "    ", "\n\n", "---\n", "| a |\n|---|\n", "**", "__"],
    *["[a]: http://evil.invalid\n", "[a]", "<http://evil.invalid>", "http://evil.invalid", "www.evil.invalid", "a@b.c"],
    *["&lt;", "&#x5b;", "&amp;", "\\[", "\u00a0", "\u2028", "\u200b", "\u202e", "\x00", "\x1b", "$$x$$", "\\(x\\)"],
    *[f"[\\[1\\]](#cite-{MESSAGE}-1)", f"](#cite-{MESSAGE}-1)", "[1]", "\u201cquoted\u201d", "\U0001f30d", "[he]"],
)
HOSTILE = st.lists(st.sampled_from(MARKUP) | st.text(max_size=8), max_size=12).map("".join)


def quote(n: int, text: str, title: str = "A title") -> Quote:
    return Quote(n, "d" * 16, "a.md", title, None, 0, len(text), text)


def source(text: str, title: str = "A title") -> Source:
    return Source("d" * 16, "a.md", title, None, 0, len(text), 1.0, text)


def answer(
    status: Status = "answered",
    text: str = "",
    short: str | None = None,
    claims: Sequence[Claim] = (),
    hits: Sequence[Source] = (),
) -> Answer:
    return Answer("?", "?", status, 0.9, short, text, tuple(claims), tuple(hits), "extractive")


def shown(text: str) -> str:
    """What a reader should see of a text: all of it but control characters, white space as single spaces."""
    return " ".join(re.sub(r"[\x00-\x08\x0e-\x1b\x7f]", "", text).split())


def paragraphs(markdown: str) -> list[str]:
    """Parse Markdown, check that only harmless markup is in it, and return the visible text of each paragraph."""
    seen: list[str] = []
    for block in PARSER.parse(markdown):
        assert block.type in {"paragraph_open", "paragraph_close", "inline"}, block
        if block.type == "inline":
            seen.append("".join(visible(block.children or ())))
    return seen


def without_marks(text: str) -> str:
    return "".join(character for character in text if character != "*" and not character.isspace())


def visible(tokens: Iterable[Token]) -> Iterable[str]:
    for token in tokens:
        assert token.type in HARMLESS, token
        if token.type == "link_open":
            assert OURS.fullmatch(str(token.attrs["href"])), token
        yield "\n" if token.type == "hardbreak" else token.content


@given(HOSTILE)
def test_escaped_text_is_one_plain_line(text: str) -> None:
    assert paragraphs(render.escape(text)) == ([shown(text)] if shown(text) else [])
    tokens = PARSER.parseInline(render.escape(text))[0].children or []
    assert {token.type for token in tokens} <= {"text"}


@given(HOSTILE)
def test_a_question_is_shown_line_by_line(text: str) -> None:
    lines = [shown(line) for line in text.splitlines()]
    assert "\n".join(paragraphs(render.question(text))) == "\n".join(filter(None, lines))


@given(HOSTILE, HOSTILE, HOSTILE)
def test_an_answer_shows_its_claims_literally(short: str, first: str, second: str) -> None:
    claims = [
        Claim(first, "verbatim", (quote(1, first, title=second), quote(2, second))),
        Claim(second, "unsupported", ()),
    ]
    lead = shown(short.strip().rstrip("."))
    expected = [lead, f"{shown(first)} [1] [2]".strip(), f"{shown(second)} not supported".strip()]
    assert paragraphs(render.answer(answer(short=short, claims=claims), MESSAGE, EN)) == [
        line for line in expected if line
    ]


def test_where_the_documents_differ_none_of_their_answers_is_the_heading() -> None:
    claims = [Claim("It is 25.", "verbatim", (quote(1, "It is 25."),)), Claim("28.", "verbatim", (quote(2, "28."),))]
    differing = replace(answer(short="25", claims=claims), remarks=(Remark("differ", (1, 2), 2),))
    rendered = render.answer(differing, MESSAGE, EN)
    assert paragraphs(rendered) == ["The documents differ: [1] [2]. The newest is [2].", "It is 25. [1]", "28. [2]"]
    assert rendered.split("\n\n")[0].count(f"](#cite-{MESSAGE}-") == 3


def test_a_number_in_a_reader_s_own_words_becomes_no_link() -> None:
    claims = [Claim("It is 25.", "verbatim", (quote(1, "It is 25."),))]
    missing = replace(answer(claims=claims), remarks=(Remark("missing", about="what [1] means"),))
    assert "#cite-" not in render.answer(missing, MESSAGE, EN).split("\n\n")[-1]


def test_a_refusal_under_a_filter_says_so() -> None:
    refused = answer("not_found", "Not there.")
    assert "Only the documents that pass the filter" in render.answer(refused, MESSAGE, EN, filtered=True)
    assert "filter" not in render.answer(refused, MESSAGE, EN)


@given(HOSTILE, HOSTILE)
def test_a_refusal_shows_the_nearest_passages_literally(text: str, title: str) -> None:
    rendered = render.answer(answer("not_found", "Not there.", hits=[source(text, title)]), MESSAGE, EN)
    assert paragraphs(rendered) == [
        "Not there.",
        "Nearest passages",
        f"[1] {shown(title) or 'a.md'} — {render.snippet(text)}".strip(),
    ]


@given(HOSTILE, st.integers(0, 60))
def test_an_answer_that_is_being_written_is_harmless_at_every_moment(text: str, length: int) -> None:
    for written in (text[:length], f"**{text[:length]}", f"**{text[:length]}** and [1] so on"):
        joined = "".join("".join(paragraphs(render.progress(written))).split())
        # The marks of the lead and the space around citations are layout: everything else stays, in its order.
        assert without_marks(joined) == without_marks(shown(written))


@given(HOSTILE)
def test_a_question_back_is_harmless(text: str) -> None:
    paragraphs(render.answer(answer("clarify", text), MESSAGE, EN))


@given(HOSTILE, st.integers(0, 60))
def test_inert_text_starts_nothing_in_a_markdown_client(text: str, cut: int) -> None:
    whole = render.inert(text)
    assert whole.replace("\u200b", "") == text.replace("\u200b", "")
    assert render.inert(text[:cut]) + render.inert(text[cut:], text[:cut][-3:]) == whole
    blocks = PARSER.parse(whole)
    tokens = {token.type for block in blocks for token in (block, *(block.children or ()))}
    assert not tokens & {"image", "link_open", "html_inline", "html_block"}
    assert all(block.info.strip() != "mermaid" for block in blocks)


def test_an_answer_begins_with_the_short_answer_and_links_every_citation() -> None:
    claims = [
        Claim("He [Zelensky] said so.", "supported", (quote(1, "He said so."),)),
        Claim("It is [sic] done.", "verbatim", (quote(2, "It is [sic] done."), quote(3, "Done."))),
    ]
    assert render.answer(answer(short="Yes.", claims=claims), "mid", EN) == (
        "**Yes**\n\n"
        'He \\[*Zelensky*\\] said so\\. [\\[1\\]](#cite-mid-1 "supported")\n\n'
        'It is \\[sic\\] done\\. [\\[2\\]](#cite-mid-2 "verbatim") [\\[3\\]](#cite-mid-3 "verbatim")'
    )


@pytest.mark.parametrize("text", ["[he]", "so[he]so", "“[he]”", "[*he*]", "[a][b]", "[ he ]", "[]", "[[he]]", "x [he"])
def test_explanations_are_in_italics_wherever_they_stand(text: str) -> None:
    rendered = render.answer(answer(claims=[Claim(text, "supported", (quote(1, "x"),))]), MESSAGE, EN)
    assert paragraphs(rendered) == [f"{text} [1]"]
    emphasised = [token for token in PARSER.parse(rendered)[1].children or [] if token.type == "em_open"]
    assert len(emphasised) == len(re.findall(r"\[[^\s\[\]]+\]", text))


@pytest.mark.parametrize("support", ["verbatim", "supported", "partial"])
def test_each_citation_says_how_far_it_carries(support: Support) -> None:
    rendered = render.answer(answer(claims=[Claim("So.", support, (quote(1, "So."),))]), "mid", EN)
    assert rendered == f'So\\. [\\[1\\]](#cite-mid-1 "{support}")'


@pytest.mark.parametrize(
    ("text", "expected"),
    [(said("no_words", "en"), said("no_words", "de")), ("Which leave do you mean?", "Which leave do you mean?")],
)
def test_what_the_pipeline_says_itself_is_put_into_the_readers_language(text: str, expected: str) -> None:
    assert paragraphs(render.answer(answer("clarify", text), MESSAGE, messages("de"))) == [expected]
    assert may_become_own(text[:5]) is (text == said("no_words", "en"))


def test_an_answer_speaks_the_language_of_the_question() -> None:
    refused = replace(answer("not_found", said("not_found_near", "de")), question="Wer zahlt das?")
    assert paragraphs(render.answer(refused, MESSAGE, EN))[0] == said("not_found_near", "de")
    untold = replace(refused, question="Rhine?")
    assert paragraphs(render.answer(untold, MESSAGE, EN))[0] == said("not_found_near", "en")


def test_progress_puts_the_short_answer_and_each_claim_on_lines_of_their_own() -> None:
    assert render.progress("**Yes.** One. [1] [2] Two. [3] Thr").split("\n\n") == [
        "**Yes**",
        "One\\. \\[1\\] \\[2\\]",
        "Two\\. \\[3\\]",
        "Thr",
    ]


def test_reading_counts_passages_and_documents() -> None:
    assert paragraphs(render.reading((source("a"), source("b")), (), MESSAGE, EN)) == [
        "Reading 2 passages from 1 document…"
    ]
    assert paragraphs(render.reading((), (), MESSAGE, EN)) == ["Looking through the documents…"]


def test_what_is_written_from_is_shown_while_it_is_written() -> None:
    quotes = (quote(1, "*One*."), quote(2, "Two."))
    assert paragraphs(render.reading((source("a"),), quotes, MESSAGE, EN)) == [
        "Reading 1 passage from 1 document…",
        "*One*. [1]",
        "Two. [2]",
    ]


def test_a_notice_stands_at_the_end() -> None:
    noticed = replace(answer(claims=[Claim("So.", "supported", (quote(1, "So."),))]), notice="No *model*.")
    assert paragraphs(render.answer(noticed, MESSAGE, EN)) == ["So. [1]", "No *model*."]


def test_a_snippet_is_cut_between_words() -> None:
    cut = render.snippet("word " * 100)
    assert cut == "word " * 40 + "…"
    assert render.snippet("a  b\n") == "a b"
