"""HTML -> the blocks of the page's main text, and what the page declares of itself. Nothing is ever fetched."""

from __future__ import annotations

import re
from collections.abc import Collection
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from index.readers.decode import decode, encoding_named
from index.readers.definitions import write_out_terms
from index.readers.linked_data import linked_data
from index.readers.markup import tree_blocks
from index.readers.metadata import known_fields
from index.readers.parsed import Parsed, RawBlock, Unreadable, clean, visible
from index.readers.spans import write_out_spans
from index.readers.text import parse_text

if TYPE_CHECKING:
    from lxml.etree import _Element

_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]+)|<\?xml[^>]{0,80}encoding=["']([\w-]+)""", re.I
)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# What a page marks as no part of itself on paper, and MediaWiki's marks around and in its text.
_NOT_PRINTED = frozenset("noprint no-print d-print-none mw-editsection mw-jump-link".split())
_CASE_CHANGE = re.compile(r"[^\W\d_][a-zà-ÿ][A-ZÀ-Þ][^\W\d_]")
_SHORT_PAGE = 400
_CALL = re.compile(r"\b(?:java)?scripts?\b|\bframes?\b", re.IGNORECASE)
_LANGUAGE = ("lang", "xml:lang", "{http://www.w3.org/XML/1998/namespace}lang")
_MOST_NAME_WORDS = 30
_MODIFIED = ("article:modified_time", "og:updated_time", "dcterms.modified", "last-modified", "lastmod")


def parse(data: bytes) -> Parsed:
    """Read an HTML page. Raises ``Unreadable`` for binary data and absurd nesting."""
    tree = parse_tree(decode(data, _declared_encoding(data)))
    language = next(filter(None, (tree.get(name) for name in _LANGUAGE)), "")
    language = language or _declared(tree, ("og:locale", "dc.language")) or linked_data(tree, "inLanguage")
    write_out_spans(tree)
    write_out_terms(tree)
    page = _main_text(tree)
    blocks = tree_blocks(page.body) if page is not None and page.body is not None else []
    # Of short pages trafilatura keeps little, or runs all of it together.
    if len(blocks) == 1 or sum(len(raw.text) for raw in blocks) < _SHORT_PAGE:
        blocks = tree_blocks(_without_frame(tree))
    blocks = blocks or _instead(tree)
    if len(blocks) == 1 and blocks[0].kind == "code":
        return parse_text(blocks[0].text)
    fields = known_fields(
        [
            ("published", (page and page.date) or linked_data(tree, "datePublished")),
            ("modified", _declared(tree, _MODIFIED) or linked_data(tree, "dateModified")),
            ("author", _declared(tree, ("author",)) or _people((page and page.author) or linked_data(tree, "author"))),
            ("outlet", (page and page.sitename) or ""),
            ("language", language),
        ]
    )
    return Parsed(blocks, _title(tree, (page and page.title) or "", fields.get("outlet", "")), fields)


def _drop_invisible(tree: _Element) -> None:
    """Take out, in place, what a browser would not show: it is no part of the text, and may be there to mislead."""
    elements = list(tree.iter())
    for element in elements:
        # Control characters get in as &#1; and lxml refuses to move them.
        element.text, element.tail = visible(element.text or ""), visible(element.tail or "")
    for element in elements:
        if _is_hidden(element) and element.getparent() is not None:
            element.drop_tree()
    for span in tree.iter("span"):
        following = span.getnext()
        # Names in a row of spans are set apart by styles alone.
        if following is not None and following.tag == "span" and not span.tail:
            span.tail = " " if _CASE_CHANGE.fullmatch(_ends(span, following)) else ""


def _is_hidden(element: _Element) -> bool:
    """Tell whether an element is not shown, or only to those who edit the page or navigate it."""
    classes = (element.get("class") or "").split()
    return (
        element.get("hidden") is not None
        or element.tag in ("rt", "rp")
        or _HIDDEN_STYLE.search(element.get("style") or "") is not None
        or not _NOT_PRINTED.isdisjoint(classes)
        or element.get("id") == "siteSub"
        or (element.tag == "sup" and "reference" in classes)
    )


def _ends(span: _Element, following: _Element) -> str:
    """Return the last two characters of one element and the first two of the next."""
    return "".join(span.itertext())[-2:] + "".join(following.itertext())[:2]


def _title(tree: _Element, declared: str, outlet: str) -> str:
    """Return the page's title without the site's name: its only main heading where that agrees."""
    headings = [clean(" ".join(heading.itertext())) for heading in tree.iter("h1")]
    title = clean(declared or tree.findtext(".//title") or "")
    heading = headings[0] if len(headings) == 1 else ""
    return heading if heading and (title.startswith(heading) or title in ("", outlet)) else title


def _people(author: str) -> str:
    """Return ``author`` if it looks like names: words in capitals, or in a script without."""
    words = re.findall(r"[^\W\d_][\w'’.-]*", author)
    capitals = sum(not word[0].islower() for word in words)
    return author if words and len(words) <= _MOST_NAME_WORDS and 2 * capitals > len(words) else ""


def plain_blocks(fragment: str) -> list[RawBlock]:
    """Return all the visible text of a piece of HTML."""
    return tree_blocks(parse_tree(fragment)) if fragment.strip() else []


def _declared_encoding(data: bytes) -> str | None:
    """Return the encoding that the page names."""
    match = _CHARSET.search(data[:4096])
    if match is None:
        return None
    return encoding_named((match[1] or match[2]).decode("ascii"))


def parse_tree(text: str) -> _Element:
    """Return a page without what a browser would not show. Raises ``Unreadable`` for absurd nesting."""
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
    content = _DECLARATION.sub("", text).encode("utf-8", "replace")
    try:
        tree = document_fromstring(content, parser=parser)
    except etree.ParserError:
        return document_fromstring("<html></html>")
    if any("depth" in entry.message.lower() for entry in parser.error_log):
        raise Unreadable("is nested too deeply to read.", "Save it in a simpler form, as text for example.")
    _drop_invisible(tree)
    return tree


def _without_frame(tree: _Element) -> _Element:
    """Return a copy of the page without what frames its content, unless there is nothing else."""
    copy = deepcopy(tree)
    for element in list(copy.iter("nav", "aside", "footer")):
        element.drop_tree()
    return copy if "".join(copy.itertext()).strip() else tree


def _instead(tree: _Element) -> list[RawBlock]:
    """Return what a page says to readers without scripts or frames, unless it merely tells them to have some."""
    blocks = [raw for each in tree.iter("noscript") for raw in tree_blocks(each)]
    blocks += [raw for each in tree.iter("noframes") for raw in plain_blocks("".join(each.itertext()))]
    is_call = sum(len(raw.text) for raw in blocks) < _SHORT_PAGE and any(_CALL.search(raw.text) for raw in blocks)
    return [] if is_call else blocks


def _main_text(tree: _Element) -> Any:  # noqa: ANN401  (trafilatura.settings.Document, or None)
    """Return what trafilatura takes for the page's main text, with its metadata."""
    from lxml.etree import SubElement
    from trafilatura import bare_extraction

    copy = deepcopy(tree)
    for block in list(copy.iter("pre")):
        # trafilatura takes a bare <pre> for a quotation and joins its lines.
        if len(block) == 0:
            code = SubElement(block, "code")
            code.text, block.text = block.text, None
    return bare_extraction(
        copy,
        include_comments=False,
        include_tables=True,
        # Without their links, paragraphs and lists that are mostly links would go.
        include_links=True,
        favor_recall=True,
        with_metadata=True,
        # No guessing from the text: a wrong date is worse than none. The latest date is fixed, not today.
        date_extraction_params={"extensive_search": False, "original_date": True, "max_date": "2100-12-31"},
    )


def _declared(tree: _Element, names: Collection[str]) -> str:
    """Return what the page's head says under the first of ``names`` that it uses."""
    found = {
        (meta.get("property") or meta.get("name") or meta.get("itemprop") or "").lower(): meta.get("content") or ""
        for meta in tree.iter("meta")
    }
    return next((found[name] for name in names if found.get(name)), "")
