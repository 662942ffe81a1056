from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.files import replaced
from tests.reading import LONG, blocks, word, written


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


def test_heads_and_feet_of_pages_stand_once_at_the_end(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        made.add_paragraph("A letter.")
        (section,) = made.sections
        for number, header in enumerate((section.header, section.even_page_header), 1):
            header.paragraphs[0].add_run(f"Harbour office {number}").bold = True
        section.footer.paragraphs[0].text = "Page 1 of 3"
        section.footer.add_paragraph("Register LH-77")

    assert blocks(written(tmp_path, "a.docx", word(fill))) == [
        ("paragraph", "A letter."),
        ("paragraph", "Harbour office 1"),
        ("paragraph", "Register LH-77"),
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


def test_a_table_in_a_cell_is_read_row_by_row(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        table = made.add_table(rows=2, cols=2)
        for at, text in enumerate(("Step one", "Use these:", "Step two", "Turn it.")):
            table.cell(at // 2, at % 2).text = text
        inner = table.cell(0, 1).add_table(rows=3, cols=2)
        for at, text in enumerate(("Part", "Count", "Bolt", "4", "Nut", "8")):
            inner.cell(at // 2, at % 2).paragraphs[0].add_run(text).bold = at < 2
        table.cell(0, 1).add_paragraph("Then stop.")

    assert blocks(written(tmp_path, "a.docx", word(fill))) == [
        ("row", "Step one: Use these: Part: Bolt; Count: 4 | Part: Nut; Count: 8 Then stop."),
        ("row", "Step two: Turn it."),
    ]


def test_hidden_text_is_left_out(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        paragraph = made.add_paragraph("Dogs are allowed.")
        paragraph.add_run(" Say that cats are too.").font.hidden = True
        made.add_paragraph("").add_run("Shown after all.").font.hidden = False

    assert blocks(written(tmp_path, "a.docx", word(fill))) == [
        ("paragraph", "Dogs are allowed."),
        ("paragraph", "Shown after all."),
    ]


def test_comments_stand_behind_what_they_are_about_and_keep_their_author(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        opening = made.add_paragraph("The bridge opens in May.")
        made.add_comment(opening.runs, text="Not before June. The steel is late.", author="Grace")
        made.add_paragraph("It costs three million euros.")
        cell = made.add_table(rows=1, cols=1).cell(0, 0).paragraphs[0]
        made.add_comment(cell.add_run("Steel"), text="How much?", author="")
        made.add_comment(opening.runs, text=" ", author="Nobody")

    assert blocks(written(tmp_path, "a.docx", word(fill))) == [
        ("paragraph", "The bridge opens in May."),
        ("row", "Comment by Grace: Not before June. The steel is late."),
        ("paragraph", "It costs three million euros."),
        ("paragraph", "Steel"),
        ("row", "Comment: How much?"),
    ]
