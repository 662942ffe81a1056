"""Plain text -> blocks: paragraphs rebuilt from lines, list items, headings, header lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, pairwise

from index.readers.csv import parse as parse_table
from index.readers.decode import decode
from index.readers.metadata import header_facts, with_header_facts
from index.readers.parsed import Parsed, RawBlock, clean
from index.readers.tables import row_texts

_WIDEST_WRAP = 132
_LONGEST_HEADING = 90
_HEADER_LINES = 6
_FEWEST_ROWS = 3
_ITEM = re.compile(r"\s*(?:[-*•‣▪◦·–]\s+|(?P<number>\(?\d{1,3}[.)])\s+)(?=\S)")
_NUMBERED = re.compile(r"\s*\d")
_BREAKS_OFF = re.compile(r"\S+\s+\S+\s+(?:\S*[^\W\d_A-Z]|\S+,)$")
"""How a line of prose of some words ends whose sentence does not."""

_RULE = re.compile(r"[\W_]+")
_BARRED = re.compile(r"\|.+\|.+\|")
_UNDERLINE = re.compile(r"(=|-|~)\1{2,}")
_MARKED = re.compile(r"(={1,6})\s+(?P<text>[^\W\d_].{0,89}?)(?:\s{1,9}\1)?")
"""A heading as AsciiDoc and wikis mark it."""

_STARTS_HEADING = re.compile(r"[\"“„«'‘¿¡#§]?\w(?=.*[^\W\d_])")
_SENTENCE_WITHIN = re.compile(r"[^\W\d_]{3}[.!?]\s")
_ENDS_SENTENCE = re.compile(r"[.!?…:;,—–。！？][\"'”’»)\]]*$")


def parse(data: bytes) -> Parsed:
    """Read plain text, a table of it as one. Raises ``Unreadable`` for binary data."""
    text = decode(data)
    return parse_table(data) if _is_table(text) else parse_text(text)


def _is_table(text: str) -> bool:
    """Tell whether every line has as many tabs, between words."""
    lines = [line for line in text.splitlines() if line.strip()]
    tabs = {line.count("\t") for line in lines}
    return len(lines) >= _FEWEST_ROWS and len(tabs) == 1 and tabs != {0} and not any(line[0] == "\t" for line in lines)


def parse_text(text: str) -> Parsed:
    """Read plain text that is decoded already."""
    lines = text.replace("\f", "\n\n").splitlines()
    blocks = _with_headings(list(_blocks(lines)))
    parsed = with_header_facts(Parsed(blocks))
    first = blocks[0] if blocks else None
    if parsed.title or first is None or not (first.kind == "heading" or _is_title(first, blocks)):
        return parsed
    return Parsed([RawBlock("heading", first.text, level=1), *blocks[1:]], first.text, parsed.metadata)


def _blocks(lines: list[str]) -> Iterator[RawBlock]:
    """Yield the blocks of each stretch of lines between blank ones."""
    seen = 0
    group = 0
    for is_text, stretch in groupby(lines, key=lambda line: bool(line.strip())):
        if is_text:
            chunk = list(stretch)
            if rows := _drawn_table(chunk):
                group += 1
                yield from (RawBlock("row", text, group=group) for text in rows)
                continue
            group += not _ITEM.match(chunk[0])
            for run in _runs(chunk, may_have_header=seen < _HEADER_LINES):
                yield _block(run, group)
            seen += len(chunk)


def _drawn_table(lines: list[str]) -> list[str]:
    """Return the rows of a table that is drawn with bars, named by the first if a rule follows; none for others."""
    rows = [(at, line.strip()) for at, line in enumerate(lines) if not _RULE.fullmatch(line)]
    if len(rows) < 2 or not all(_BARRED.fullmatch(line) for _, line in rows):
        return []
    cells = [line[1:-1].split("|") for _, line in rows]
    if len(set(map(len, cells))) > 1:
        return []
    is_headed = rows[1][0] > rows[0][0] + 1
    return row_texts(cells[is_headed:], cells[0] if is_headed else ())


def _runs(lines: list[str], may_have_header: bool) -> Iterator[list[str]]:
    """Yield the lines of each block: wrapped lines go together, items, header lines and short lines stand alone."""
    wrapped = _is_wrapped(lines)
    run: list[str] = []
    after_header = False
    for number, line in enumerate(lines):
        underlines = len(run) == 1 and _UNDERLINE.fullmatch(line.strip()) is not None
        if _RULE.fullmatch(line) and not underlines:
            continue
        is_header = may_have_header and number < _HEADER_LINES and bool(header_facts(line))
        is_marked = _MARKED.fullmatch(line.rstrip()) is not None
        goes_on = bool(run) and _goes_on_with_number(lines, number)
        is_item = _ITEM.match(line) is not None and not goes_on
        stands_alone = (
            is_header or after_header or is_marked or is_item or not (wrapped or goes_on or _starts_low(line))
        )
        if run and stands_alone and not underlines:
            yield run
            run = []
        run.append(line)
        after_header = is_header or is_marked
    if run:
        yield run


def _block(run: list[str], group: int) -> RawBlock:
    if len(run) == 2 and (underline := _UNDERLINE.fullmatch(run[1].strip())):
        return RawBlock("heading", run[0], level=1 if underline[1] == "=" else 2)
    if marked := _MARKED.fullmatch(run[0].rstrip()):
        return RawBlock("heading", marked["text"], level=len(marked[1]))
    item = _ITEM.match(run[0])
    text = " ".join(run)
    if item is None:
        return RawBlock("paragraph", text)
    return RawBlock("item", text if item["number"] else text[item.end() :], group=group)


def _is_wrapped(lines: list[str]) -> bool:
    """Tell whether most lines end where the next word had no room, so that their breaks mean nothing."""
    width = max(map(len, lines))
    no_room = sum(
        len(line.rstrip()) + 1 + len(following.split(maxsplit=1)[0]) > width for line, following in pairwise(lines)
    )
    return width <= _WIDEST_WRAP and 2 * no_room > len(lines) - 1


def _starts_low(line: str) -> bool:
    return line.lstrip()[:1].islower()


def _goes_on_with_number(lines: list[str], at: int) -> bool:
    """Tell whether a line begins with a number of the sentence that the line before breaks off.

    A number on the next line or the last one, or an item beside it, makes it a list or a table.
    """
    line, before = lines[at].lstrip(), lines[at - 1].rstrip()[-_WIDEST_WRAP:]
    if not line[:1].isdecimal() or not _BREAKS_OFF.search(before) or _NUMBERED.match(before):
        return False
    if (item := _ITEM.match(line)) is None:
        return at + 1 == len(lines) or not _NUMBERED.match(lines[at + 1])
    others = [other for number, other in enumerate(lines) if number != at]
    return item["number"].strip("(.)") != "1" and not any(map(_ITEM.match, others))


def _with_headings(blocks: list[RawBlock]) -> list[RawBlock]:
    """Mark the short lines that end like no sentence and stand over prose, or with a number alone among paragraphs."""
    return [
        RawBlock("heading", raw.text, level=2) if _heads(before, raw, after) else raw
        for before, raw, after in zip([None, *blocks], blocks, [*blocks[1:], None], strict=False)
    ]


def _heads(before: RawBlock | None, raw: RawBlock, after: RawBlock | None) -> bool:
    if before is None or after is None or not _is_short_line(raw) or header_facts(raw.text):
        return False
    return _is_prose(after) if raw.kind == "paragraph" else "item" not in (before.kind, after.kind)


def _is_title(first: RawBlock, blocks: list[RawBlock]) -> bool:
    """Tell whether the first line reads like a title. Two words may be the name of who wrote it."""
    words = len(first.text.split()) > 2 or not first.text.isascii()
    return (
        first.kind == "paragraph"
        and words
        and _is_short_line(first)
        and len(blocks) > 1
        and not header_facts(first.text)
    )


def _is_short_line(raw: RawBlock) -> bool:
    text = clean(raw.text)
    return (
        raw.kind in ("paragraph", "item")
        and 2 < len(text) <= _LONGEST_HEADING
        and _STARTS_HEADING.match(text) is not None
        and not text[0].islower()
        and " | " not in text
        and not _ENDS_SENTENCE.search(text)
        and not _SENTENCE_WITHIN.search(text)
    )


def _is_prose(raw: RawBlock) -> bool:
    return raw.kind in ("paragraph", "item") and (
        len(raw.text) > _LONGEST_HEADING or bool(_ENDS_SENTENCE.search(raw.text))
    )
