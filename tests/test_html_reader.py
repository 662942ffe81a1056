from __future__ import annotations

from pathlib import Path

import pytest

from tests.reading import ARTICLE, LONG, OTHER, blocks, written


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
