from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import ReadError
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


def test_a_page_without_a_text_of_its_own_shows_what_stands_in_for_it(tmp_path: Path) -> None:
    text = "<p>Open until six.</p>"
    for page in (
        f"<body><div></div><noscript>{text}</noscript></body>",
        f"<frameset><noframes>{text}</noframes></frameset>",
    ):
        assert written(tmp_path, "a.html", f"<html>{page}</html>").text == "Open until six."
    call = "<html><body><noscript>You need to enable JavaScript to run this app.</noscript></body></html>"
    with pytest.raises(ReadError, match="holds no text"):
        written(tmp_path, "a.html", call)


def test_how_characters_are_read_aloud_is_no_text(tmp_path: Path) -> None:
    ruby = "<ruby>灯台<rp>(</rp><rt>とうだい</rt><rp>)</rp></ruby>は青い。"
    assert written(tmp_path, "a.html", f"<html><body><p>{ruby}</p></body></html>").text == "灯台は青い。"


def test_what_is_said_of_a_term_is_quoted_with_it(tmp_path: Path) -> None:
    terms = "<dt>Height</dt><dd>2 metres</dd><dt>Is it old?</dt><dd>Yes.</dd><dt>By:</dt><dd>Ann</dd><dd>Bo</dd>"
    page = f"<html><body><p>The vane.</p><dl>{terms}</dl><label>Fee</label><textarea>14 euros</textarea></body></html>"
    assert [text for _, text in blocks(written(tmp_path, "a.html", page))] == [
        "The vane.", "Height: 2 metres", "Is it old?", "Yes.", "By:", "Ann", "Bo", "Fee", "14 euros"
    ]  # fmt: skip


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


NEWS_PAGE = """<!doctype html><html lang="en-GB"><head><title>New harbour bridge approved - The Example</title>
<meta property="og:site_name" content="The Example"><script type="application/ld+json">{"@graph": [{"@type":
"NewsArticle", "datePublished": "2025-11-20T06:12:44Z", "dateModified": "2025-11-21T09:30:00Z", "author": [{"@type":
"Person", "name": "Aoife Brennan"}]}]}</script></head><body><nav><ul><li><a href="/">Home</a></li></ul></nav>
<main><article><header><h1><span>New harbour bridge approved</span></h1></header>
<div><time datetime="2025-11-20T06:12:44Z">20 November 2025</time></div>
<div><span>By Aoife Brennan</span><span>The Example, Cardiff</span></div>
<div><p><b>Councillors have approved a bridge across the harbour, ending a row that has lasted six years.</b></p></div>
<div><p>The vote on Wednesday night was 31 to 24, with two abstentions. Work is due to begin in March.</p></div>
<div><h2>What will be built?</h2></div>
<div><p>The bridge will have two lanes, a cycle path and a lifting span of 40 metres, the council's plans say.</p></div>
<div><ul><li><b>Spring 2026:</b> the pier is taken down</li><li><b>June 2028:</b> the bridge opens</li></ul></div>
<div><table><caption>Costs</caption><tr><th>Year</th><th>Cost</th></tr><tr><td>2026</td><td>11m</td></tr>
<tr><td>2027</td><td>25m</td></tr></table></div>
<div><h2>Related</h2><ul><li><a href="/a">Ferry to close</a></li><li><a href="/b">Harbour row</a></li></ul></div>
</article><aside><h2>Top stories</h2><ul><li><a href="/s">Minister resigns</a></li></ul></aside></main>
<footer><p>Copyright The Example. We are not responsible for other sites.</p></footer></body></html>"""

WIKI_PAGE = f"""<!doctype html><html lang="en"><head><title>Keeper retires - Wikinews</title></head><body>
<main id="content"><h1 id="firstHeading">Keeper retires</h1><div id="siteSub">From a free news source</div>
<div class="mw-parser-output"><p><strong class="published"><span id="publishDate" title="2025-11-19">Wednesday,
November 19, 2025</span></strong></p><p>{LONG}</p>
<p>"I was never lonely," she said.<sup class="reference"><a>[1]</a></sup>
{OTHER} {LONG.replace("This", "That")} {OTHER.replace("Another", "One more")}</p>
<div><h2 id="Sources">Sources</h2><span class="mw-editsection">[<a>edit</a>]</span></div>
<ul><li>Kari Lund, The Example, November 18, 2025</li></ul><div class="noprint">Share this: Email</div></div></main>
</body></html>"""


def test_html_a_saved_news_page(tmp_path: Path) -> None:
    document = written(tmp_path, "a.html", NEWS_PAGE)
    assert document.title == "New harbour bridge approved"
    assert document.metadata == {
        "published": "2025-11-20",
        "modified": "2025-11-21",
        "author": "Aoife Brennan",
        "outlet": "The Example",
        "language": "en-GB",
        "format": "html",
    }
    found = blocks(document)
    assert ("paragraph", "By Aoife Brennan The Example, Cardiff") in found
    assert found[found.index(("heading", "What will be built?")) + 2 :] == [
        ("item", "Spring 2026: the pier is taken down"),
        ("item", "June 2028: the bridge opens"),
        ("paragraph", "Costs"),
        ("row", "Year: 2026; Cost: 11m"),
        ("row", "Year: 2027; Cost: 25m"),
    ]
    for frame in ("Home", "Ferry to close", "Minister resigns", "Copyright"):
        assert frame not in document.text


def test_html_a_saved_wiki_page(tmp_path: Path) -> None:
    document = written(tmp_path, "a.html", WIKI_PAGE)
    assert (document.title, document.metadata["published"]) == ("Keeper retires", "2025-11-19")
    assert '"I was never lonely," she said. Another' in document.text
    for mark in ("edit", "[1]", "free news source", "Share this"):
        assert mark not in document.text


def test_html_linked_data_that_is_none_does_no_harm(tmp_path: Path) -> None:
    for content in ("{", "[" * 5000, "[null, 3, {}]", '{"dateModified": 3}'):
        page = ARTICLE.replace("<style>", f'<script type="application/ld+json">{content}</script><style>')
        page = page.replace("article:modified_time", "nothing")
        assert "modified" not in written(tmp_path, "a.html", page).metadata


def test_a_list_keeps_its_own_numbers(tmp_path: Path) -> None:
    page = "<p>Short.</p><ol start=3><li>x<ol><li>y</li></ol></li><li value=7>z</li><li value=v>a</li></ol>"
    assert [text for _, text in blocks(written(tmp_path, "a.html", f"<html><body>{page}</body></html>"))] == [
        "Short.",
        "3. x",
        "1. y",
        "7. z",
        "8. a",
    ]
