"""The text of a letter -> blocks, in which what the writer quotes is told from what the writer says.

A quoted paragraph begins with ``> ``, so that nobody is taken for the author of what was written by another. Where the
letters before follow at the end, as they do under most replies, the line that says whose they are is a heading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from index.readers.html import parse_tree
from index.readers.markup import tree_blocks
from index.readers.parsed import RawBlock, clean
from index.readers.text import parse_text

if TYPE_CHECKING:
    from lxml.etree import _Element

Quotable = tuple[bool, RawBlock]
"""Whether a block is quoted, and the block."""

_MARK = "> "
_MARKS = re.compile(r"[ \t]?>[> \t]*")
_FLOWED = re.compile(r"(?m)(?<=\S) \r?\n(?=[^>\s])")
_ATTRIBUTION = re.compile(
    r"(?:\bwrote|\bwrites|\bschrieb\b.*|\bescribió|\bescribe|\ba écrit|\bha scritto|\bescreveu)\s*[:：]$", re.IGNORECASE
)
_SEPARATOR = re.compile(
    r"-{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht|"
    r"mensaje (?:original|reenviado)|message (?:d'origine|d’origine|transféré))\s*-{2,}|begin forwarded message:",
    re.IGNORECASE,
)
_SENDER_LINE = re.compile(r"(?:from|von|de|da)\s?:\s*\S", re.IGNORECASE)
_DATE_LINE = re.compile(r"\b(?:sent|date|gesendet|datum|enviado(?: el)?|fecha|envoyé|inviato|data)\s?:", re.IGNORECASE)
_HEADER_LINES = 4
_LONGEST_HEADING = 300
_START, _END = "\ue001quote\ue001", "\ue002quote\ue002"
"""Paragraphs that stand for the tags of a quotation while a page is turned into blocks."""


def text_blocks(text: str, flowed: bool) -> list[RawBlock]:
    """Return the blocks of a letter in plain text; ``flowed``: a space at the end of a line says that it goes on."""
    text = _FLOWED.sub(" ", text) if flowed else text
    found: list[Quotable] = []
    for depth, lines in groupby(text.splitlines(), key=_depth):
        stretch = "\n".join(_MARKS.sub("", line, count=1) if depth else line for line in lines)
        found += [(depth > 0, raw) for raw in parse_text(stretch).blocks]
    return _arranged(found)


def html_blocks(page: str) -> list[RawBlock]:
    """Return the blocks of a letter in HTML: all that is shown."""
    from lxml.etree import SubElement

    tree = parse_tree(page)
    for quote in list(tree.iter("blockquote")):
        _mark(quote, SubElement(quote, "p"))
    quoted = 0
    found: list[Quotable] = []
    for raw in tree_blocks(tree):
        text = clean(raw.text)
        if text in (_START, _END):
            quoted = max(0, quoted + (1 if text == _START else -1))
        else:
            found.append((quoted > 0, raw))
    return _arranged(found)


def _mark(quote: _Element, end: _Element) -> None:
    """Put a paragraph at the beginning of a quotation and make ``end``, its last child, another."""
    start = quote.makeelement("p")
    start.text, start.tail = _START, quote.text
    quote.text, end.text = None, _END
    quote.insert(0, start)


def _depth(line: str) -> int:
    marks = _MARKS.match(line)
    return marks[0].count(">") if marks else 0


def _arranged(found: Sequence[Quotable]) -> list[RawBlock]:
    """Return the blocks with quotations marked, and the letters before under a heading of their own."""
    at = _history(found)
    written = [_marked(raw) if quoted else _lowered(raw) for quoted, raw in found[:at]]
    if at == len(found):
        return written
    before = [_lowered(raw) for _, raw in found[at + 1 :]]
    return [*written, RawBlock("heading", clean(found[at][1].text), level=2), *before]


def _history(found: Sequence[Quotable]) -> int:
    """Return where the line stands that begins the letters before, the end if there is none."""
    for at, (quoted, raw) in enumerate(found):
        if not quoted and len(raw.text) <= _LONGEST_HEADING:
            following = " ".join(other.text for _, other in found[at : at + _HEADER_LINES])
            is_header = _SENDER_LINE.match(raw.text) and _DATE_LINE.search(following)
            if at and (is_header or _SEPARATOR.fullmatch(clean(raw.text))):
                return at
    last_own = max((at for at, (quoted, _) in enumerate(found) if not quoted), default=-1)
    is_attribution = (
        0 <= last_own < len(found) - 1
        and len(found[last_own][1].text) <= _LONGEST_HEADING
        and _ATTRIBUTION.search(clean(found[last_own][1].text))
    )
    return last_own if is_attribution else len(found)


def _marked(raw: RawBlock) -> RawBlock:
    """Return a quoted block; a heading in it is none of this letter's."""
    if raw.kind in ("row", "code"):
        return raw
    return replace(raw, kind="paragraph" if raw.kind == "heading" else raw.kind, level=0, text=_MARK + raw.text.strip())


def _lowered(raw: RawBlock) -> RawBlock:
    """Return a block whose heading stands below the subject."""
    return replace(raw, level=min(6, raw.level + 1)) if raw.kind == "heading" else raw
