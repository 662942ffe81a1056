"""PowerPoint and OpenDocument slides: a section and a page each."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from index.errors import ReadError
from tests.files import replaced
from tests.office import opendocument, presentation
from tests.reading import LONG, OTHER, blocks, written

BOX = (Inches(1), Inches(2), Inches(4), Inches(2))


def fill(made: Any) -> None:  # noqa: ANN401
    title = made.slides.add_slide(made.slide_layouts[0])
    title.shapes.title.text, title.placeholders[1].text = "The plan", "Jane Doe, 2024"
    bullets = made.slides.add_slide(made.slide_layouts[1])
    bullets.shapes.title.text, bullets.placeholders[1].text = "Costs", "Rent rises\nWages stay"
    bullets.notes_slide.notes_text_frame.text = LONG
    other = made.slides.add_slide(made.slide_layouts[6])
    other.shapes.add_textbox(*BOX).text_frame.text = OTHER
    table = other.shapes.add_table(2, 2, *BOX).table
    for at, text in enumerate(("Year", "Cost", "2024", "3")):
        table.cell(at // 2, at % 2).text = text
    group = other.shapes.add_group_shape().shapes.add_group_shape()
    group.shapes.add_textbox(*BOX).text_frame.text = "Inside a group"


def test_slides_are_sections_and_pages(tmp_path: Path) -> None:
    document = written(tmp_path, "a.pptx", presentation(fill))
    assert blocks(document) == [
        ("heading", "The plan"),
        ("paragraph", "Jane Doe, 2024"),
        ("heading", "Costs"),
        ("item", "Rent rises"),
        ("item", "Wages stay"),
        ("heading", "Notes"),
        ("paragraph", LONG),
        ("heading", "Slide 3"),
        ("paragraph", OTHER),
        ("row", "Year: 2024; Cost: 3"),
        ("paragraph", "Inside a group"),
    ]
    assert document.title == "The plan"
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert document.page_of(document.text.index(LONG)) == 2
    assert document.page_of(document.text.index("Inside a group")) == 3


def test_the_template_of_a_library_says_nothing(tmp_path: Path) -> None:
    assert dict(written(tmp_path, "a.pptx", presentation(fill)).metadata) == {"format": "pptx"}


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    core = (
        b'<cp:coreProperties xmlns:cp="c" xmlns:dc="d" xmlns:dcterms="t"><dc:title>Costs of 2024</dc:title>'
        b"<dc:creator>Jane Doe</dc:creator><dcterms:created>2024-03-05T10:00:00Z</dcterms:created>"
        b"<dcterms:modified>2024-04-06T10:00:00Z</dcterms:modified><dc:language>en</dc:language></cp:coreProperties>"
    )
    document = written(tmp_path, "a.pptx", replaced(presentation(fill), "docProps/core.xml", core))
    assert document.title == "Costs of 2024"
    assert dict(document.metadata) == {
        "author": "Jane Doe", "published": "2024-03-05", "modified": "2024-04-06", "language": "en", "format": "pptx",
    }  # fmt: skip


def test_a_chart_gives_its_values(tmp_path: Path) -> None:
    def chart(made: Any) -> None:  # noqa: ANN401
        made_of: Any = CategoryChartData
        data = made_of()
        data.categories = ["North", "South"]
        data.add_series("Sales", (10, 20))
        slide = made.slides.add_slide(made.slide_layouts[6])
        slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *BOX, data)

    assert blocks(written(tmp_path, "a.pptx", presentation(chart)))[1:] == [
        ("row", "North; Sales: 10"),
        ("row", "South; Sales: 20"),
    ]


@pytest.mark.parametrize("part", ["ppt/presentation.xml", "ppt/slides/slide1.xml"])
def test_what_contradicts_the_format_is_damage(tmp_path: Path, part: str) -> None:
    with pytest.raises(ReadError, match="is a damaged PowerPoint presentation"):
        written(tmp_path, "a.pptx", replaced(presentation(fill), part, b"<broken"))


def test_a_presentation_without_words(tmp_path: Path) -> None:
    data = presentation(lambda made: made.slides.add_slide(made.slide_layouts[6]))
    with pytest.raises(ReadError, match="holds no text"):
        written(tmp_path, "a.pptx", data)


def test_opendocument_slides(tmp_path: Path) -> None:
    def frame(kind: str, text: str) -> str:
        words = f"<draw:text-box><text:p>{text}</text:p></draw:text-box>"
        return f'<draw:frame presentation:class="{kind}">{words}</draw:frame>'

    notes = f"<presentation:notes>{frame('notes', LONG)}</presentation:notes>"
    pages = f"<draw:page>{frame('outline', OTHER)}{frame('title', 'The plan')}{frame('footer', 'x')}{notes}</draw:page>"
    data = opendocument("presentation", f"{pages}<draw:page>{frame('subtitle', 'The end')}</draw:page>")
    document = written(tmp_path, "a.odp", data)
    assert blocks(document) == [
        ("heading", "The plan"),
        ("paragraph", OTHER),
        ("heading", "Notes"),
        ("paragraph", LONG),
        ("heading", "Slide 2"),
        ("paragraph", "The end"),
    ]
    assert (document.title, document.page_of(document.text.index("The end"))) == ("The plan", 2)


OLD = (
    "commentAuthors",
    '<p:cmAuthorLst xmlns:p="p"><p:cmAuthor id="0" name="Grace"/></p:cmAuthorLst>',
    '<p:cmLst xmlns:p="p"><p:cm authorId="0" idx="1"><p:pos x="1" y="1"/><p:text>Too long.</p:text></p:cm>'
    '<p:cm authorId="9" idx="2"><p:text>Who says so?</p:text></p:cm></p:cmLst>',
)
NEW = (
    "authors",
    '<p:authorLst xmlns:p="p"><p:author id="{A}" name="Grace"/></p:authorLst>',
    '<p:cmLst xmlns:p="p" xmlns:a="a"><p:cm id="{1}" authorId="{A}"><p:replyLst><p:reply authorId="{B}"><p:txBody>'
    "<a:p><a:r><a:t>Who says so?</a:t></a:r></a:p></p:txBody></p:reply></p:replyLst>"
    "<p:txBody><a:p><a:r><a:t>Too long.</a:t></a:r></a:p></p:txBody></p:cm></p:cmLst>",
)


@pytest.mark.parametrize(("kind", "authors", "comments"), [OLD, NEW])
def test_comments_stand_with_their_slide_and_keep_their_author(
    tmp_path: Path, kind: str, authors: str, comments: str
) -> None:
    data = presentation(fill)
    for member, added, part, content in (
        ("ppt/_rels/presentation.xml.rels", kind, "ppt/authors.xml", authors),
        ("ppt/slides/_rels/slide2.xml.rels", "comments", "ppt/comments.xml", comments),
    ):
        with ZipFile(BytesIO(data)) as package:
            relations = package.read(member)
        relation = f'<Relationship Id="added" Type="http://x/relationships/{added}" Target="/{part}"/></Relationships>'
        data = replaced(data, member, relations.replace(b"</Relationships>", relation.encode()))
        data = replaced(data, part, content.encode())
    document = written(tmp_path, "a.pptx", data)
    found = blocks(document)
    assert found[found.index(("item", "Wages stay")) + 1 : found.index(("heading", "Notes"))] == [
        ("row", "Comment by Grace: Too long."),
        ("row", "Comment: Who says so?"),
    ]
    assert document.page_of(document.text.index("Too long.")) == 2
