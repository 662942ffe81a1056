from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import ReadError
from tests.files import replaced
from tests.office import opendocument
from tests.reading import LONG, blocks, written

META = (
    "<dc:title>The Handbook</dc:title><meta:initial-creator>Jane Doe</meta:initial-creator>"
    "<meta:creation-date>2024-03-05T10:00:00</meta:creation-date><dc:date>2024-04-06</dc:date>"
    "<dc:language>en-GB</dc:language>"
)


def p(text: str) -> str:
    return f"<text:p>{text}</text:p>"


def test_a_text_in_document_order(tmp_path: Path) -> None:
    def row(*texts: str) -> str:
        cells = "".join(f"<table:table-cell>{p(text)}</table:table-cell>" for text in texts)
        return f"<table:table-row>{cells}</table:table-row>"

    items = "".join(f"<text:list-item>{p(text)}</text:list-item>" for text in ("First", "Second"))
    note = f"<text:note-citation>1</text:note-citation><text:note-body>{p('See above.')}</text:note-body>"
    box = f"<draw:frame><draw:text-box>{p('In a box.')}</draw:text-box></draw:frame>"
    content = (
        f'<text:tracked-changes>{p("gone")}</text:tracked-changes><text:h text:outline-level="2">Leave</text:h>'
        f"{p(f'{LONG}<text:note>{note}</text:note>')}<text:list>{items}</text:list>"
        f"<table:table><table:table-header-rows>{row('Grade', 'Days')}</table:table-header-rows>"
        f"{row('Junior', '25')}</table:table>"
        f"<text:section>{p('A<text:s text:c=' + chr(34) + '3' + chr(34) + '/>b<text:tab/>c' + box)}</text:section>"
    )
    document = written(tmp_path, "a.odt", opendocument("text", content, META))
    assert blocks(document) == [
        ("heading", "Leave"),
        ("paragraph", LONG),
        ("paragraph", "See above."),
        ("item", "First"),
        ("item", "Second"),
        ("row", "Grade: Junior; Days: 25"),
        ("paragraph", "A b c"),
        ("paragraph", "In a box."),
    ]
    assert document.title == "The Handbook"
    assert dict(document.metadata) == {
        "author": "Jane Doe", "published": "2024-03-05", "modified": "2024-04-06", "language": "en-GB", "format": "odt",
    }  # fmt: skip


def test_the_content_goes_before_the_name(tmp_path: Path) -> None:
    assert written(tmp_path, "a.zip", opendocument("text", p(LONG))).metadata["format"] == "odt"


def test_hostile_and_locked_files(tmp_path: Path) -> None:
    data = opendocument("text", p(LONG))
    xxe = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    locked = b'<m:manifest xmlns:m="m"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>'
    for part, content, reason in (
        ("content.xml", xxe, "holds a document type"),
        ("meta.xml", xxe, "holds a document type"),
        ("content.xml", b"<broken", "is a damaged OpenDocument file"),
        ("content.xml", b"<x/>", "is a damaged OpenDocument file"),
        ("content.xml", bytes(40 * 2**20), "unpacks to more than 200 times its size"),
        ("META-INF/manifest.xml", locked, "is encrypted with a password"),
    ):
        with pytest.raises(ReadError, match=reason):
            written(tmp_path, "a.odt", replaced(data, part, content))


def annotation(text: str, author: str = "Grace") -> str:
    by = f"<dc:creator xmlns:dc='http://purl.org/dc/elements/1.1/'>{author}</dc:creator>"
    return f"<office:annotation>{by}{p(text)}{p('Ask her.')}</office:annotation>"


def test_comments_stand_behind_what_they_are_about_and_keep_their_author(tmp_path: Path) -> None:
    cells = f"<table:table-cell>{p('Steel' + annotation('How much?', ''))}</table:table-cell>"
    box = f"<draw:frame><draw:text-box>{p('In a box.' + annotation('Which?'))}</draw:text-box></draw:frame>"
    opening = f"It opens in {annotation('Not before June.')}May."
    content = (
        f"<text:h>The bridge{annotation('Its name')}</text:h>{p(opening)}"
        f"<table:table><table:table-row>{cells}</table:table-row></table:table>{p('Last.' + box)}"
    )
    assert blocks(written(tmp_path, "a.odt", opendocument("text", content))) == [
        ("heading", "The bridge"),
        ("row", "Comment by Grace: Its name Ask her."),
        ("paragraph", "It opens in May."),
        ("row", "Comment by Grace: Not before June. Ask her."),
        ("paragraph", "Steel"),
        ("row", "Comment: How much? Ask her."),
        ("paragraph", "Last."),
        ("paragraph", "In a box."),
        ("row", "Comment by Grace: Which? Ask her."),
    ]


def test_comments_on_cells_and_slides(tmp_path: Path) -> None:
    def row(*cells: str) -> str:
        inside = "".join(f"<table:table-cell>{cell}</table:table-cell>" for cell in cells)
        return f"<table:table-row>{inside}</table:table-row>"

    sheet = row(p("Item"), p("Cost")) + row(p("Steel"), annotation("Too much.") + p("2"))
    data = opendocument("spreadsheet", f'<table:table table:name="Costs">{sheet}</table:table>')
    assert blocks(written(tmp_path, "a.ods", data))[1:] == [
        ("row", "Item: Steel; Cost: 2"),
        ("row", "Comment by Grace on B2: Too much. Ask her."),
    ]
    frame = f"<draw:frame><draw:text-box>{p(LONG)}</draw:text-box></draw:frame>"
    page = f"<draw:page>{frame}{annotation('Shorten.')}</draw:page>"
    assert blocks(written(tmp_path, "a.odp", opendocument("presentation", page)))[1:] == [
        ("paragraph", LONG),
        ("row", "Comment by Grace: Shorten. Ask her."),
    ]
