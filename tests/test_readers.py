"""Every format: the right text in the right order with exact offsets, and a clear reason for what cannot be read."""

from __future__ import annotations

import hashlib
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ReadError
from index.readers import SUFFIXES, read
from index.readers.parsed import Parsed, RawBlock, assemble
from index.readers.tables import row_texts
from index.types import Document
from tests.files import archive, column, pdf, replaced

SHARED = Path("../shared")
LONG = "This sentence is long enough to count as prose and not as a heading of any kind, so it ends with a stop."
OTHER = "Another sentence of prose stands here, about something else entirely, and it too ends with a full stop."


def written(tmp_path: Path, name: str, content: str | bytes) -> Document:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, name)


def blocks(document: Document) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


def word(fill: Any) -> bytes:  # noqa: ANN401  (a function of a docx.Document, which has no types)
    made = docx.Document()
    fill(made)
    out = BytesIO()
    made.save(out)
    return out.getvalue()


# --- assembling ---------------------------------------------------------------------------------------------------

raw_blocks = st.lists(
    st.builds(
        RawBlock,
        kind=st.sampled_from(["heading", "paragraph", "item", "row", "code"]),
        text=st.text(max_size=80) | st.sampled_from([LONG, OTHER, LONG + OTHER, "a\n\n  b\u200b", "\ud800", "e\u0301"]),
        level=st.integers(1, 6),
        page=st.none(),
        group=st.integers(0, 2),
        glue=st.sampled_from([None, None, None, " ", ""]),
    ),
    max_size=12,
)


@given(raw_blocks)
def test_any_blocks_make_a_text_with_exact_offsets(raws: list[RawBlock]) -> None:
    document = assemble(Parsed(raws), "id", "source")
    at = 0
    between = ""
    for block in document.blocks:
        text = document.text[block.start : block.end]
        assert text
        assert "\n" not in text
        assert block.start >= at
        between += document.text[at : block.start]
        at = block.end
    assert at == len(document.text)
    assert set(between) <= {"\n"}
    document.text.encode()
    assert "\u200b" not in document.text


@given(st.lists(st.tuples(st.integers(1, 4), st.text(max_size=40)), max_size=8))
def test_pages_divide_the_text(paged: list[tuple[int, str]]) -> None:
    raws = [RawBlock("paragraph", text, page=page) for page, text in sorted(paged, key=lambda each: each[0])]
    document = assemble(Parsed(raws), "id", "source")
    bounds = [bound for page in document.pages for bound in (page.start, page.end)]
    assert bounds == sorted(bounds)
    assert "".join(document.text[page.start : page.end] for page in document.pages) == document.text
    assert len({page.number for page in document.pages}) == len(document.pages)


def test_items_and_rows_of_one_group_stand_on_consecutive_lines() -> None:
    raws = [RawBlock("item", "a", group=1), RawBlock("item", "b", group=1), RawBlock("item", "c", group=2)]
    assert assemble(Parsed(raws), "id", "source").text == "a\nb\n\nc"


def test_code_keeps_its_indentation_and_a_blank_line_parts_it() -> None:
    document = assemble(Parsed([RawBlock("code", "def f():\n    return 1\n\nf()")]), "id", "source")
    assert document.text == "def f():\n    return 1\n\nf()"
    assert blocks(document) == [("code", "def f():"), ("code", "    return 1"), ("code", "f()")]


def test_a_paragraph_over_a_page_break_is_one_block() -> None:
    raws = [RawBlock("paragraph", "Half a", page=1), RawBlock("paragraph", "sentence.", page=2, glue=" ")]
    document = assemble(Parsed(raws), "id", "source")
    assert blocks(document) == [("paragraph", "Half a sentence.")]
    assert [document.page_of(0), document.page_of(document.text.index("sentence"))] == [1, 2]


def test_a_repeated_paragraph_is_kept_once() -> None:
    raws = [RawBlock("paragraph", text) for text in (LONG, OTHER, LONG, "Yes, it is.", "Yes, it is.")]
    document = assemble(Parsed(raws), "id", "source")
    assert document.text == f"{LONG}\n\n{OTHER}\n\nYes, it is.\n\nYes, it is."


def test_paragraphs_run_together_next_to_the_originals_are_kept_once() -> None:
    third = "A third sentence says something new and is therefore kept, whatever stands around it."
    raws = [RawBlock("paragraph", text) for text in (LONG, f"{OTHER} {third} {LONG}{OTHER}", f"{LONG} {third}")]
    assert assemble(Parsed(raws), "id", "source").text == f"{LONG}\n\n{OTHER} {third}"


def test_rows_read_well_by_themselves() -> None:
    assert row_texts([["Ann", "3"], ["Bo", ""]], ["Name", "Age"]) == ["Name: Ann; Age: 3", "Name: Bo"]
    assert row_texts([["a", "", "c"], ["1", "2", "3"]]) == ["a | | c", "1 | 2 | 3"]
    assert row_texts([["Height:", "3 m"], ["Width", "2 m"]]) == ["Height: 3 m", "Width: 2 m"]
    assert row_texts([["x", "", "y", "z"], ["1", "", "2", "3"]]) == ["x | y | z", "1 | 2 | 3"]


# --- plain text ---------------------------------------------------------------------------------------------------


def test_the_sample_article() -> None:
    path = SHARED / "seeds" / "000_c964534cf2273c40.txt"
    if not path.exists():
        pytest.skip("../shared/seeds is not there: the sample article goes unchecked")
    document = read(path, path.name)
    assert document.metadata == {"published": "2025-11-21", "author": "Diane Hernández", "format": "text"}
    assert document.text.startswith("date 2025-11-21 Published by Diane Hernández 21 de noviembre, 2025\n\nThe Kremlin")
    assert document.text.count("The American side presented points") == 1
    assert document.text.count("geared up for clear and honest work") == 1
    headings = [text for kind, text in blocks(document) if kind == "heading"]
    assert headings == ["Zelensky’s reaction", 'The "truly vital European, Ukrainian interests"']
    assert document.title.startswith("The Kremlin on Friday urged")


def test_wrapped_lines_are_one_paragraph_and_others_are_not(tmp_path: Path) -> None:
    wrapped = "The first line of a paragraph was wrapped where the\nnext word did not fit any more, and goes on below."
    document = written(
        tmp_path, "a.txt", f"{wrapped}\n\nAda Lane 3\n1234 Ghent, Belgium, and a longer line\nTel. 555\n"
    )
    assert blocks(document) == [
        ("paragraph", wrapped.replace("\n", " ")),
        ("paragraph", "Ada Lane 3"),
        ("paragraph", "1234 Ghent, Belgium, and a longer line"),
        ("paragraph", "Tel. 555"),
    ]


def test_lists_and_headings_of_plain_text(tmp_path: Path) -> None:
    lists = "- flour\n* water\n\n1. Mix.\n2) Bake."
    text = f"How to make bread\n\n{LONG}\n\nWhat you need\n\n{OTHER}\n\n{lists}\n\nEnd\n===\n\n{LONG} x"
    document = written(tmp_path, "a.txt", text)
    assert document.title == "How to make bread"
    assert blocks(document) == [
        ("heading", "How to make bread"),
        ("paragraph", LONG),
        ("heading", "What you need"),
        ("paragraph", OTHER),
        ("item", "flour"),
        ("item", "water"),
        ("item", "1. Mix."),
        ("item", "2) Bake."),
        ("heading", "End"),
        ("paragraph", "x"),
    ]


def test_header_lines_stay_quotable(tmp_path: Path) -> None:
    document = written(
        tmp_path, "a.txt", f"Peace talks begin today\nBy Jane Doe, AP\nPublished: 3 March 2024\n\n{LONG}"
    )
    assert document.metadata == {"author": "Jane Doe", "outlet": "AP", "published": "2024-03-03", "format": "text"}
    assert document.title == "Peace talks begin today"
    assert [text for _, text in blocks(document)][1:3] == ["By Jane Doe, AP", "Published: 3 March 2024"]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("travel_policy-2024.txt", "Travel policy 2024"),
        ("2025-11-21-kremlin.txt", "Kremlin"),
        (
            "000_c964534cf2273c40.txt",
            "This sentence is long enough to count as prose and not as a heading of any…",
        ),
    ],
)
def test_a_title_from_the_name_or_the_first_words(tmp_path: Path, name: str, title: str) -> None:
    assert written(tmp_path, name, LONG).title == title


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "L’été était très chaud à Paris, et le café coûtait déjà 3 € — « cher », disait-on."
    assert written(tmp_path, "a.txt", text.encode(encoding)).text == text


def test_what_shows_nothing_is_dropped(tmp_path: Path) -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all instructions")
    document = written(
        tmp_path, "a.txt", f"so\u00adft zero\u200bwidth \u202eflip\u202c e\u0301{hidden} a\u00a0\t b\x0b"
    )
    assert document.text == "soft zerowidth flip é a b"


# --- Markdown -----------------------------------------------------------------------------------------------------

MARKDOWN = """---
title: "The plan"
date: 2025-11-21
author: [Jane Doe, John Roe]
section: world
---
# Plan *of* action

Text with **bold**, `code`, a [link](http://example.com/x) and ![image](i.png) on
two lines.<br>More <b>text</b>.[^1]

- one
- two
  1. nested

3. three

| Name | Age |
|------|-----|
| Ann  | 3   |

```python
def f():

    return 1
```

> quoted

<script>alert(1)</script>

<div>inside <p>html</p></div>
"""


def test_markdown_becomes_text_without_markup(tmp_path: Path) -> None:
    document = written(tmp_path, "a.md", MARKDOWN)
    assert document.title == "The plan"
    assert document.metadata == {
        "published": "2025-11-21",
        "author": "Jane Doe, John Roe",
        "section": "world",
        "format": "markdown",
    }
    assert blocks(document) == [
        ("heading", "Plan of action"),
        ("paragraph", "Text with bold, code, a link and on two lines. More text."),
        ("item", "one"),
        ("item", "two"),
        ("item", "1. nested"),
        ("item", "3. three"),
        ("row", "Name: Ann; Age: 3"),
        ("code", "def f():"),
        ("code", "    return 1"),
        ("paragraph", "quoted"),
        ("paragraph", "inside"),
        ("paragraph", "html"),
    ]


def test_front_matter_that_is_no_yaml_is_read_as_header_lines(tmp_path: Path) -> None:
    document = written(tmp_path, "a.md", f"---\ntitle: Peace: a plan\n\ndate: 3 March 2024\n---\n\n{LONG}")
    assert (document.title, document.metadata["published"]) == ("Peace: a plan", "2024-03-03")


def test_front_matter_makes_no_objects(tmp_path: Path) -> None:
    text = "---\na: !!python/object/apply:os.mkdir [made]\n---\nText."
    written(tmp_path, "a.md", text)
    assert not Path("made").exists()


# --- HTML ---------------------------------------------------------------------------------------------------------

ARTICLE = f"""<!doctype html><html lang="en"><head><title>Peace plan leaked | The Daily</title>
<meta property="og:site_name" content="The Daily"><meta name="author" content="Jane Doe">
<meta property="article:published_time" content="2025-11-21T10:00:00Z">
<meta property="article:modified_time" content="2025-11-22T10:00:00Z">
<style>p {{ color: red }}</style></head><body><nav><a href="/">Home</a> <a href="/x">World</a></nav>
<article><h1>Peace plan leaked</h1><p>{LONG} <script>bad()</script></p><p>{OTHER}</p>
<h2>What it says</h2><ul><li>First point</li><li>Second point</li></ul>
<table><tr><th>Year</th><th>Cost</th></tr><tr><td>2024</td><td>3</td></tr><tr><td>2025</td><td>4</td></tr></table>
<p>{" ".join(f"Sentence number {n} goes on about the plan." for n in range(12))}</p></article>
<footer>All rights reserved</footer></body></html>"""


def test_html_main_text_and_metadata(tmp_path: Path) -> None:
    document = written(tmp_path, "a.html", ARTICLE)
    assert document.title == "Peace plan leaked"
    assert document.metadata == {
        "published": "2025-11-21",
        "modified": "2025-11-22",
        "author": "Jane Doe",
        "outlet": "The Daily",
        "language": "en",
        "format": "html",
    }
    assert blocks(document)[:-1] == [
        ("heading", "Peace plan leaked"),
        ("paragraph", LONG),
        ("paragraph", OTHER),
        ("heading", "What it says"),
        ("item", "First point"),
        ("item", "Second point"),
        ("row", "Year: 2024; Cost: 3"),
        ("row", "Year: 2025; Cost: 4"),
    ]


def test_a_short_page_is_read_whole_and_merged_cells_are_written_out(tmp_path: Path) -> None:
    table = (
        "<table><tr><th>Team</th><th colspan=2>Points</th></tr><tr><th></th><th>home</th><th>away</th></tr>"
        "<tr><td rowspan=2>Reds</td><td>1</td><td>2</td></tr><tr><td>3</td><td></td></tr></table>"
    )
    page = f"<html><body><p>Short.</p>{table}<pre>a\n  b</pre><ol><li>x</li><li>y<br>z</li></ol></body></html>"
    assert blocks(written(tmp_path, "a.htm", page)) == [
        ("paragraph", "Short."),
        ("row", "Team: Reds; Points home: 1; Points away: 2"),
        ("row", "Team: Reds; Points home: 3"),
        ("code", "a"),
        ("code", "  b"),
        ("item", "1. x"),
        ("item", "2. y z"),
    ]


def test_html_that_is_hidden_is_no_text(tmp_path: Path) -> None:
    hidden = "<p hidden>no</p><p style='color:red; display: none'>no</p><template>no</template><!-- no -->"
    page = f"<html><body><p>vis<!-- no -->ible&#1;</p>{hidden}&#2;<noscript>no</noscript></body></html>"
    assert written(tmp_path, "a.html", page).text == "visible"


def test_html_says_its_encoding(tmp_path: Path) -> None:
    page = "<html><head><meta charset=iso-8859-1></head><body><p>naïve “café”</p></body></html>"
    assert written(tmp_path, "a.html", page.encode("cp1252")).text == "naïve “café”"


@pytest.mark.parametrize("name", ["a.html", "a.xhtml"])
def test_entities_are_neither_expanded_nor_fetched(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    levels = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    page = f'<!DOCTYPE html [<!ENTITY l0 "ha"><!ENTITY x SYSTEM "{secret.as_uri()}">{levels}]>'
    document = written(tmp_path, name, f"{page}<html><body><p>Text &x; &l9;</p></body></html>")
    assert "s3cret" not in document.text
    assert len(document.text) < 100


# --- PDF ----------------------------------------------------------------------------------------------------------


def test_pdf_paragraphs_headings_and_hyphens(tmp_path: Path) -> None:
    body = [
        "The committee met on Tuesday to discuss the infor-",
        "mation that it had received about the long-",
        "standing dispute, and it adjourned without a vote.",
    ]
    page = [
        (72, 740, 20, "Report on the Dispute"),
        *column(body),
        (72, 640, 11, "*Next steps"),
        (72, 615, 11, LONG[:60]),
    ]
    page += [(72, 560, 11, "long - standing is not a word, standing and long are.")]
    document = written(tmp_path, "a.pdf", pdf([page], "/Author (Jane Doe) /ModDate (D:20240305120000Z)"))
    assert document.title == "Report on the Dispute"
    assert document.metadata == {"author": "Jane Doe", "modified": "2024-03-05", "format": "pdf"}
    assert blocks(document)[:3] == [
        ("heading", "Report on the Dispute"),
        (
            "paragraph",
            "The committee met on Tuesday to discuss the information that it had received about the long-standing "
            "dispute, and it adjourned without a vote.",
        ),
        ("heading", "Next steps"),
    ]


def test_pdf_running_heads_are_kept_once_and_page_numbers_not_at_all(tmp_path: Path) -> None:
    pages = [
        [
            (72, 760, 9, "Annual Report"),
            *column([f"Page text {word} begins here and goes on to the end of the line", "and then a bit further."]),
            (300, 30, 9, str(number)),
        ]
        for number, word in enumerate(["alpha", "beta", "gamma"], start=1)
    ]
    document = written(tmp_path, "a.pdf", pdf(pages))
    assert [text for _, text in blocks(document)] == [
        "Annual Report",
        *(
            f"Page text {word} begins here and goes on to the end of the line and then a bit further."
            for word in ("alpha", "beta", "gamma")
        ),
    ]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert document.page_of(document.text.index("gamma")) == 3


def test_pdf_figures_at_the_foot_of_each_page_are_no_running_heads(tmp_path: Path) -> None:
    pages = [
        [
            *column([f"Region {name} sold as follows in the year."]),
            (72, 40, 11, f"Total {total}"),
            (300, 20, 9, f"{n} / 3"),
        ]
        for n, (name, total) in enumerate([("North", 120), ("South", 80), ("East", 95)], start=1)
    ]
    text = written(tmp_path, "a.pdf", pdf(pages)).text
    assert [f"Total {total}" in text for total in (120, 80, 95)] == [True] * 3
    assert "2 / 3" not in text


def test_pdf_paragraph_goes_on_over_the_page(tmp_path: Path) -> None:
    first = column(["A paragraph that begins on the first of the two pages and is not", "finished where that page"])
    second = column(["ends, as paragraphs often are not, but goes on at the top of the", "next page until it stops."])
    document = written(tmp_path, "a.pdf", pdf([first, second]))
    assert len(document.blocks) == 1
    assert "where that page ends, as paragraphs" in document.text
    assert document.page_of(document.text.index("ends, as")) == 2


def test_pdf_table_rows(tmp_path: Path) -> None:
    cells = [["Region", "Units", "Price"], ["North", "120", "4.50"], ["South", "80", "5.25"]]
    page = [
        (72.0 + 150 * place, 700.0 - 16 * row, 11.0, cell)
        for row, texts in enumerate(cells)
        for place, cell in enumerate(texts)
    ]
    assert blocks(written(tmp_path, "a.pdf", pdf([page]))) == [
        ("row", "Region: North; Units: 120; Price: 4.50"),
        ("row", "Region: South; Units: 80; Price: 5.25"),
    ]


def test_pdf_table_goes_on_over_the_page(tmp_path: Path) -> None:
    def rows(cells: list[list[str]], top: float, mark: str = "") -> list[tuple[float, float, float, str]]:
        return [
            (72.0 + 150 * place, top - 16 * row, 11.0, mark + cell)
            for row, texts in enumerate(cells)
            for place, cell in enumerate(texts)
        ]

    header = rows([["Duty", "Kind"]], 716, mark="*")
    first = [(72.0, 760.0, 9.0, "Report, page 1 of 2"), *header, *rows([["cede land", "once"]], 700)]
    second = [(72.0, 760.0, 9.0, "Report, page 2 of 2"), *header, *rows([["stay out", "lasting"]], 700)]
    document = written(tmp_path, "a.pdf", pdf([first, second]))
    assert document.text == "Report, page 1 of 2\n\nDuty: cede land; Kind: once\nDuty: stay out; Kind: lasting"
    assert document.page_of(document.text.index("stay out")) == 2


def test_pdf_list_items(tmp_path: Path) -> None:
    page = column(["• flour from the mill", "• water from the well that is", "behind the house", "1. Mix.", "2. Bake."])
    assert [text for kind, text in blocks(written(tmp_path, "a.pdf", pdf([page]))) if kind == "item"] == [
        "flour from the mill",
        "water from the well that is behind the house",
        "1. Mix.",
        "2. Bake.",
    ]


# --- Word ---------------------------------------------------------------------------------------------------------


def test_docx_in_document_order(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        made.core_properties.title = "The Handbook"
        made.core_properties.author = "Jane Doe"
        made.core_properties.comments = ""
        made.add_heading("Leave", 1)
        made.add_paragraph(LONG)
        made.add_paragraph("flour", style="List Bullet")
        made.add_paragraph("Mix", style="List Number")
        made.add_paragraph("Bake", style="List Number")
        table = made.add_table(rows=3, cols=2)
        for row, texts in enumerate((("Grade", "Days"), ("Junior", "25"), ("Senior", "30"))):
            for at, text in enumerate(texts):
                table.cell(row, at).paragraphs[0].add_run(text).bold = row == 0
        merged = made.add_table(rows=2, cols=3)
        for at, text in enumerate("abcdef"):
            merged.cell(at // 3, at % 3).text = text
        merged.cell(0, 0).merge(merged.cell(0, 1)).text = "ab"
        made.add_paragraph().add_run("Sick leave").bold = True
        made.add_paragraph("After the table.")

    document = written(tmp_path, "a.docx", word(fill))
    assert (document.title, document.metadata["author"]) == ("The Handbook", "Jane Doe")
    assert blocks(document) == [
        ("heading", "Leave"),
        ("paragraph", LONG),
        ("item", "flour"),
        ("item", "1. Mix"),
        ("item", "2. Bake"),
        ("row", "Grade: Junior; Days: 25"),
        ("row", "Grade: Senior; Days: 30"),
        ("row", "ab | | c"),
        ("row", "d | e | f"),
        ("heading", "Sick leave"),
        ("paragraph", "After the table."),
    ]


def test_docx_with_insertions_deletions_and_controls(tmp_path: Path) -> None:
    body = (
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
        "<w:p><w:r><w:t>Kept</w:t></w:r><w:ins><w:r><w:t> added</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText> removed</w:delText></w:r></w:del></w:p>"
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>In a control</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        "</w:body></w:document>"
    )
    package = replaced(word(lambda _: None), "word/document.xml", body.encode())
    assert written(tmp_path, "a.docx", package).text == "Kept added\n\nIn a control"


# --- what cannot be read ------------------------------------------------------------------------------------------


def test_the_id_is_the_hash_of_the_bytes(tmp_path: Path) -> None:
    assert written(tmp_path, "a.txt", LONG).id == hashlib.sha256(LONG.encode()).hexdigest()[:16]


def test_the_content_goes_before_the_name(tmp_path: Path) -> None:
    assert written(tmp_path, "a.txt", pdf([column([LONG])])).metadata["format"] == "pdf"
    assert written(tmp_path, "a.pdf", ARTICLE).metadata["format"] == "html"
    assert written(tmp_path, "b.txt", word(lambda made: made.add_paragraph(LONG))).metadata["format"] == "docx"


XXE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><w:document>&e;</w:document>'

ENCRYPT = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O (%b) /U (%b) /P -4 >> /ID [(a) (a)]" % (b"o" * 32, b"u" * 32)

UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty.txt": (b"", "is empty"),
    "blank.md": (b" \n\t\n", "is empty"),
    "bytes.txt": (bytes(range(256)) * 20, "is not text"),
    "zeros.txt": (b"hello\x00world" * 100, "is not text"),
    "noise.md": (hashlib.shake_256(b"x").digest(5000), "is not text"),
    "marks.txt": (b"*** --- ***", "holds no text"),
    "image.txt": (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "is a PNG image"),
    "data.xyz": (b"some text", "has a format that is not read"),
    "plain.pdf": (b"not a pdf", "is not a PDF file"),
    "plain.docx": (b"not a zip", "is not a Word (.docx) file"),
    "broken.pdf": (b"%PDF-1.4\nbroken", "is a damaged PDF"),
    "drawn.pdf": (pdf([[]]), "has no text layer"),
    "locked.pdf": (pdf([column([LONG])], extra=ENCRYPT), "is encrypted with a password"),
    "cut.docx": (word(lambda made: made.add_paragraph(LONG))[:900], "is a damaged archive or Word file"),
    "flipped.docx": (archive({"word/document.xml": b"<x/>"}), "is a damaged Word file"),
    "bomb.docx": (archive({"word/document.xml": bytes(300 * 2**20)}), "unpacks to more than 256 MiB"),
    "xxe.docx": (replaced(word(lambda _: None), "word/document.xml", XXE), "holds a document type"),
    "sheet.docx": (archive({"xl/workbook.xml": b"<x/>"}), "is an Excel workbook"),
    "files.txt": (archive({"a.txt": b"x"}), "is a zip archive"),
    "old.docx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is in an old Microsoft Office format"),
    "locked.docx": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "is encrypted with a password",
    ),
    "deep.html": (b"<html><body>" + b"<div>" * 50_000 + b"x", "is nested too deeply"),
    "deep.md": (b">" * 5_000 + b" x", "is nested too deeply"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_says_why_and_what_to_do(tmp_path: Path, name: str) -> None:
    content, reason = UNREADABLE[name]
    with pytest.raises(ReadError) as caught:
        written(tmp_path, name, content)
    assert caught.value.problem.startswith(f"{name} ")
    assert reason in caught.value.problem
    assert caught.value.remedy.endswith(".")


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "gone.txt")
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    large = tmp_path / "large.txt"
    large.write_bytes(b"x" * 2000)
    for path, reason in (
        (tmp_path / "none.txt", "does not exist"),
        (link, "is a link to a file that does not exist"),
        (tmp_path, "is a folder"),
        (pipe, "is a pipe or a device"),
        (large, "at most"),
    ):
        with pytest.raises(ReadError, match=reason):
            read(path, path.name, max_bytes=1000)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "closed.txt"
    path.write_text(LONG)
    path.chmod(0)
    with pytest.raises(ReadError, match="cannot be opened: Permission denied"):
        read(path, path.name)


@given(st.binary(max_size=400), st.sampled_from(sorted(SUFFIXES)))
def test_any_bytes_give_a_document_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    path.write_bytes(data)
    try:
        document = read(path, path.name)
    except ReadError:
        return
    assert document.blocks
