"""HTML -> the blocks of the page's main text, and what the page declares of itself. Nothing is ever fetched."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any

from index.readers.dates import parse_date
from index.readers.decode import decode
from index.readers.markup import tree_blocks
from index.readers.metadata import known_fields
from index.readers.parsed import Parsed, RawBlock, Unreadable

if TYPE_CHECKING:
    from lxml.etree import _Element

_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]+)|<\?xml[^>]{0,80}encoding=["']([\w-]+)""", re.I
)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_SHORT_PAGE = 400
_MODIFIED = ("article:modified_time", "og:updated_time", "dcterms.modified", "last-modified", "lastmod")


def parse(data: bytes) -> Parsed:
    """Read an HTML page. Raises ``Unreadable`` for binary data and absurd nesting."""
    tree = _tree(decode(data, _declared_encoding(data)))
    language = tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    page = _main_text(tree)
    blocks = tree_blocks(page.body) if page is not None and page.body is not None else []
    everything = tree_blocks(tree)
    if _length(blocks) < _SHORT_PAGE and _length(everything) > _length(blocks):
        blocks = everything
    fields = known_fields(
        [
            ("published", (page and page.date) or ""),
            ("modified", _modified(tree)),
            ("author", (page and page.author) or ""),
            ("outlet", (page and page.sitename) or ""),
            ("language", language),
        ]
    )
    title = (page and page.title) or tree.findtext(".//title") or ""
    return Parsed(blocks, title, fields)


def plain_blocks(fragment: str) -> list[RawBlock]:
    """Return all the visible text of a piece of HTML."""
    return tree_blocks(_tree(fragment)) if fragment.strip() else []


def _declared_encoding(data: bytes) -> str | None:
    """Return the encoding that the page names; what calls itself Latin-1 on the web is Windows-1252."""
    match = _CHARSET.search(data[:4096])
    if match is None:
        return None
    name = (match[1] or match[2]).decode("ascii")
    try:
        name = codecs.lookup(name).name
    except LookupError:
        return None
    return "cp1252" if name in ("iso8859-1", "ascii") else name


def _tree(text: str) -> _Element:
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
    return tree


def _main_text(tree: _Element) -> Any:  # noqa: ANN401  (trafilatura.settings.Document, or None)
    """Return what trafilatura takes for the page's main text, with its metadata."""
    from copy import deepcopy

    from trafilatura import bare_extraction

    return bare_extraction(
        deepcopy(tree),
        include_comments=False,
        include_tables=True,
        favor_recall=True,
        with_metadata=True,
        # No guessing from the text: a wrong date is worse than none. The latest date is fixed, not today.
        date_extraction_params={"extensive_search": False, "original_date": True, "max_date": "2100-12-31"},
    )


def _modified(tree: _Element) -> str:
    for meta in tree.iter("meta"):
        name = (meta.get("property") or meta.get("name") or meta.get("itemprop") or "").lower()
        if name in _MODIFIED and (found := parse_date(meta.get("content") or "")):
            return found
    return ""


def _length(blocks: list[RawBlock]) -> int:
    return sum(len(raw.text) for raw in blocks)
