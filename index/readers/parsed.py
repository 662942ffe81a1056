"""What a format's parser returns, and the one function that turns it into a document."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from index.readers.repeats import without_repeats
from index.types import Block, BlockKind, Document, Page

# Characters that show nothing, reorder what is shown or carry hidden text: controls, soft hyphens, zero-width and
# bidirectional controls, variation selectors, tags, lone surrogates, noncharacters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SEPARATORS = re.compile("[\x0b\x0c\x1c-\x1f]")
_BREAKING = re.compile(r"[^\S\xa0]+")
_SYMBOLS = str.maketrans({"\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢", "\uf0fc": "✓", "\uf0e0": "→", "\uf02d": "-"})
"""Bullets and arrows that Word takes from the fonts Symbol and Wingdings: they come at private code points."""


class Unreadable(Exception):
    """A parser's verdict on a file: a predicate (``is encrypted with a password``) and what to do about it."""

    def __init__(self, predicate: str, remedy: str = "") -> None:
        self.predicate = predicate
        self.remedy = remedy
        super().__init__(predicate, remedy)


@dataclass(frozen=True, slots=True)
class RawBlock:
    """A block as a parser found it; its text is normalised later.

    ``group`` tells lists and tables apart: consecutive items or rows of one group stand on consecutive lines.
    ``glue`` is set on the rest of a paragraph that a page break interrupted: a space, or nothing inside a word.
    """

    kind: BlockKind
    text: str
    level: int = 0
    page: int | None = None
    group: int = 0
    glue: str | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's blocks in reading order, its title where it has one, and what it says of itself.

    ``labelled``: the headings only label parts (a sheet, a time), so that none of them is the title.
    """

    blocks: Sequence[RawBlock]
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    labelled: bool = False


def clean(text: str) -> str:
    """Return ``text`` on one line: NFC, visible characters only, single spaces."""
    return " ".join(visible(text).split())


def comment(author: str, text: str, place: str = "") -> str:
    """Return a reader's comment (on a cell, its ``place``) as it is shown and quoted; empty where it says nothing."""
    by = f" by {author}" if author.strip() else ""
    on = f" on {place}" if place else ""
    return clean(f"Comment{by}{on}: {text}") if text.strip() else ""


def assemble(parsed: Parsed, document_id: str, source: str) -> Document:
    """Lay the blocks out as one text with exact offsets.

    Blocks are separated by a blank line; consecutive items or rows of one group, and the lines of code, by a line
    break. A paragraph that repeats its surroundings is kept once (see ``repeats``). Pages divide the whole text.
    """
    parts: list[str] = []
    blocks: list[Block] = []
    page_starts: list[tuple[int, int]] = []
    length = 0
    for separator, raw in _separated(without_repeats(_normalised(parsed.blocks))):
        gap = separator if blocks else ""
        start = length + len(gap)
        parts += (gap, raw.text)
        length = start + len(raw.text)
        if raw.page is not None and (not page_starts or page_starts[-1][0] != raw.page):
            page_starts.append((raw.page, start))
        if raw.glue is not None and blocks:
            blocks[-1] = replace(blocks[-1], end=length)
        else:
            blocks.append(Block(raw.kind, start, length, raw.level if raw.kind == "heading" else 0))
    return Document(
        id=document_id,
        source=source,
        title=clean(parsed.title),
        text="".join(parts),
        metadata={name: value for name, text in parsed.metadata.items() if (value := _value(text))},
        pages=_pages(page_starts, length),
        blocks=tuple(blocks),
    )


def _value(text: str) -> str:
    """Return ``text`` on one line like `clean`; its no-break spaces stay, which hold together an item of a list."""
    return _BREAKING.sub(" ", visible(text)).strip()


def visible(text: str) -> str:
    """Return ``text`` in NFC without the characters that show nothing; line breaks and spaces stay."""
    if text.isascii() and text.isprintable():
        return text
    text = _SEPARATORS.sub(" ", _INVISIBLE.sub("", text)).translate(_SYMBOLS)
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _normalised(blocks: Sequence[RawBlock]) -> Iterator[RawBlock]:
    """Yield the blocks that say something, code line by line (a blank line in code starts another group)."""
    code_group = 0
    for raw in blocks:
        if raw.kind != "code":
            if any(map(str.isalnum, text := clean(raw.text))):
                yield replace(raw, text=text)
            continue
        code_group += 1
        for line in visible(raw.text).splitlines():
            if text := line.expandtabs(4).rstrip():
                yield replace(raw, text=text, group=code_group)
            else:
                code_group += 1


def _separated(blocks: Sequence[RawBlock]) -> Iterator[tuple[str, RawBlock]]:
    """Yield each block with what stands between it and the one before."""
    previous: RawBlock | None = None
    for raw in blocks:
        if raw.glue is not None:
            separator = raw.glue
        elif (
            previous is not None
            and raw.kind in ("item", "row", "code")
            and (previous.kind, previous.group) == (raw.kind, raw.group)
        ):
            separator = "\n"
        else:
            separator = "\n\n"
        yield separator, raw
        previous = raw


def _pages(starts: Sequence[tuple[int, int]], length: int) -> tuple[Page, ...]:
    bounds = [0, *(start for _, start in starts[1:]), length]
    return tuple(Page(number, bounds[i], bounds[i + 1]) for i, (number, _) in enumerate(starts))
