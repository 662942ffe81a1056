"""XML: what marks up a text, what holds data, and what is made to do harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import ReadError
from tests.reading import LONG, OTHER, blocks, written

DOCBOOK = """<?xml version="1.0" encoding="{encoding}"?>
<!DOCTYPE article PUBLIC "-//OASIS//DTD DocBook XML V4.5//EN" "http://www.oasis-open.org/docbook/xml/4.5/docbookx.dtd">
<article xmlns="http://docbook.org/ns/docbook" xml:lang="en"><title>The ferry to Hölm</title>
<section><title>Fares</title><para>A ticket costs <emphasis>4&nbsp;euros</emphasis>,<!-- or 5? --> they say.</para>
<itemizedlist><listitem><para>Children ride free.</para></listitem></itemizedlist>
<table><tgroup><thead><row><entry>Day</entry><entry>Boat</entry></row></thead>
<tbody><row><entry>Monday</entry><entry>06:10</entry></row></tbody></tgroup></table></section></article>"""


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "UTF-16"])
def test_a_text_keeps_its_paragraphs_headings_and_tables(tmp_path: Path, encoding: str) -> None:
    document = written(tmp_path, "a.xml", DOCBOOK.format(encoding=encoding).encode(encoding))
    assert (document.title, document.metadata) == ("The ferry to Hölm", {"format": "xml", "language": "en"})
    assert blocks(document) == [
        ("heading", "The ferry to Hölm"),
        ("heading", "Fares"),
        ("paragraph", "A ticket costs 4 euros, they say."),
        ("paragraph", "Children ride free."),
        ("row", "Day: Monday; Boat: 06:10"),
    ]


def test_data_is_read_as_records(tmp_path: Path) -> None:
    menu = """<menu day="Monday"><dish><name>Soup &amp; bread</name><price currency="EUR">4</price></dish>
        <dish><name>Rice</name><price currency="EUR">6</price></dish></menu>"""
    assert blocks(written(tmp_path, "menu.xml", menu)) == [
        ("row", "day: Monday"),
        ("heading", "dish"),
        ("row", "name: Soup & bread; price value: 4; price currency: EUR"),
        ("row", "name: Rice; price value: 6; price currency: EUR"),
    ]


def test_a_feed_gives_its_articles(tmp_path: Path) -> None:
    item = "<item><title>{}</title><pubDate>Tue, 19 Nov 2024</pubDate><description>&lt;p&gt;{}&lt;/p&gt;</description>"
    feed = "".join(f"{item}</item>".format(*each) for each in (("Soup is back", LONG), ("Rice is out", OTHER)))
    found = written(tmp_path, "a.xml", f"<rss><channel><title>The canteen</title>{feed}</channel></rss>")
    assert found.title == "The canteen"
    assert [text for _, text in blocks(found)] == [
        "The canteen",
        "item",
        "Soup is back",
        "pubDate: Tue, 19 Nov 2024",
        LONG,
        "Rice is out",
        "pubDate: Tue, 19 Nov 2024",
        OTHER,
    ]


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e; and more</x>', "declares entities"),
        (f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]><x>&a9;</x>', "Maximum entity amplification"),
        ("<x><y>one</x>", "is no well-formed XML: Opening and ending tag mismatch: y line 1 and x"),
        ("<x>" * 5_000 + "one" + "</x>" * 5_000, "is no well-formed XML: Excessive depth"),
        ("<x/>", "holds no text"),
    ],
)
def test_what_is_no_xml_or_made_to_do_harm_says_so(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        written(tmp_path, "a.xml", content)


def test_nothing_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the password")
    page = f'<x xmlns:xi="http://www.w3.org/2001/XInclude"><p>{LONG}</p><xi:include href="{tmp_path}/secret.txt"/></x>'
    assert written(tmp_path, "a.xml", page).text == LONG
