from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from index.errors import ReadError
from tests.files import replaced
from tests.office import book
from tests.reading import LONG, OTHER, blocks, written

METADATA = (
    "<dc:title>Winter</dc:title><dc:creator>Jane Doe</dc:creator><dc:creator>Bob Roe</dc:creator>"
    "<dc:date>2019-08-23</dc:date><dc:language>en</dc:language>"
    '<meta property="dcterms:modified">2020-01-30T00:00:00Z</meta>'
)
CHAPTERS = {
    "one.xhtml": f"<head><title/></head><body><h1>First</h1><p>{LONG}<a id='x'/></p><script>bad()</script></body>",
    "two.xhtml": f"<body><p>{OTHER}</p><ul><li>a point</li></ul></body>",
}
NCX = (
    b'<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">'
    b'<ncx xmlns="n"><navMap><navPoint><navLabel><text>Second</text></navLabel><content src="two.xhtml#a"/></navPoint>'
    b"</navMap></ncx>"
)


def test_chapters_in_the_order_of_the_spine(tmp_path: Path) -> None:
    document = written(tmp_path, "a.epub", book(CHAPTERS, METADATA, {"OEBPS/toc.ncx": NCX}))
    assert blocks(document) == [
        ("heading", "First"),
        ("paragraph", LONG),
        ("heading", "Second"),
        ("paragraph", OTHER),
        ("item", "a point"),
    ]
    assert document.title == "Winter"
    assert dict(document.metadata) == {
        "author": "Jane Doe, Bob Roe", "published": "2019-08-23", "modified": "2020-01-30", "language": "en",
        "format": "epub",
    }  # fmt: skip


def test_a_spine_that_names_nothing_leaves_no_chapter_out(tmp_path: Path) -> None:
    package = book(CHAPTERS)
    expected = [OTHER, "a point", "First", LONG]  # as in the manifest
    with ZipFile(BytesIO(package)) as opened:
        (name,) = (each for each in opened.namelist() if each.endswith(".opf"))
        described = re.sub(rb"<itemref[^>]*>", b"", opened.read(name))
    assert [text for _, text in blocks(written(tmp_path, "a.epub", replaced(package, name, described)))] == expected


def test_the_content_goes_before_the_name(tmp_path: Path) -> None:
    assert written(tmp_path, "a.zip", book(CHAPTERS)).metadata["format"] == "epub"


LOCK = b'<encryption xmlns="e"><CipherReference URI="%b"/></encryption>'


def test_a_protected_book_is_refused_one_with_protected_fonts_is_not(tmp_path: Path) -> None:
    fonts = {"META-INF/encryption.xml": LOCK % b"OEBPS/font.otf"}
    assert LONG in written(tmp_path, "a.epub", book(CHAPTERS, extra=fonts)).text
    with pytest.raises(ReadError, match="is under copy protection"):
        written(tmp_path, "b.epub", book(CHAPTERS, extra={"META-INF/encryption.xml": LOCK % b"OEBPS/one.xhtml"}))


def test_hostile_books(tmp_path: Path) -> None:
    xxe = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    for part, content, reason in (
        ("META-INF/container.xml", xxe, "holds a document type"),
        ("OEBPS/content.opf", xxe, "holds a document type"),
        ("OEBPS/content.opf", b"<broken", "is a damaged EPUB file"),
        ("OEBPS/one.xhtml", bytes(40 * 2**20), "unpacks to more than 200 times its size"),
        ("OEBPS/one.xhtml", b"<html><body>" + b"<div>" * 50_000, "is nested too deeply"),
    ):
        with pytest.raises(ReadError, match=reason):
            written(tmp_path, "a.epub", replaced(book(CHAPTERS), part, content))


def test_an_entity_of_a_chapter_stays_what_it_is(tmp_path: Path) -> None:
    page = b'<!DOCTYPE html [<!ENTITY e SYSTEM "file:///etc/passwd">]><html><body><p>Words &e; here</p></body></html>'
    assert "root:" not in written(tmp_path, "a.epub", replaced(book(CHAPTERS), "OEBPS/one.xhtml", page)).text


def test_the_spine_may_not_name_what_is_outside(tmp_path: Path) -> None:
    opf = (
        b'<package><manifest><item id="a" href="../../../../etc/passwd" media-type="application/xhtml+xml"/></manifest>'
        b'<spine><itemref idref="a"/></spine></package>'
    )
    with pytest.raises(ReadError, match="holds no text"):
        written(tmp_path, "a.epub", replaced(book(CHAPTERS), "OEBPS/content.opf", opf))


def test_the_marks_of_notes_are_in_no_sentence(tmp_path: Path) -> None:
    chapter = (
        "<body><p>The lamp was lit<a epub:type='noteref' href='#n'><sup>1</sup></a> at <a href='#d'>dusk</a>.</p>"
        "<aside epub:type='footnote' id='n'><p>In 1874. <a role='doc-backlink' href='#r'>Back</a></p></aside></body>"
    )
    assert blocks(written(tmp_path, "a.epub", book({"one.xhtml": chapter}))) == [
        ("paragraph", "The lamp was lit at dusk."),
        ("paragraph", "In 1874."),
    ]


def test_a_raised_number_that_leads_to_a_note_is_in_no_sentence(tmp_path: Path) -> None:
    page = '<body><p>It rained.<sup><a href="#n1">1</a></sup> It snowed.<a href="n.xhtml#n2">[2]</a></p>'
    page += '<p>Section <a href="#s5">5</a> has the rest.</p></body>'
    assert blocks(written(tmp_path, "a.epub", book({"one.xhtml": page}))) == [
        ("paragraph", "It rained. It snowed."),
        ("paragraph", "Section 5 has the rest."),
    ]
