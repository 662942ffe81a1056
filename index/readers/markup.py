"""A tree of HTML, or of trafilatura's simplified kind of it, -> blocks in document order."""

from __future__ import annotations

import re
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING

from index.readers.parsed import RawBlock, clean
from index.readers.tables import names_columns, row_texts

if TYPE_CHECKING:
    from lxml.etree import _Element

_INVISIBLE = frozenset(
    "head script style noscript noframes template iframe object svg math canvas select button graphic".split()
)
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form header hr html li list item main nav ol p pre quote section summary table tbody td textarea th tr row "
    "cell thead tfoot title ul h1 h2 h3 h4 h5 h6".split()
)
_LAYOUT = frozenset("table h1 h2 h3 h4 h5 h6 form".split())
_LONGEST_CELL = 500
_NOTE_MARK = re.compile(r"\[(?:\d{1,3}|[a-z])\]|[*†‡§]")
_RAISED_MARK = re.compile(r"\[?(?:\d{1,3}|[a-z]|[*†‡§])\]?")
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_MOST_HEADER_ROWS = 3


def tree_blocks(tree: _Element) -> list[RawBlock]:
    """Return the visible text below ``tree``. Depth costs no recursion."""
    return _Walk().walk(tree)


class _Walk:
    """Collects text until a block ends."""

    def __init__(self) -> None:
        self._blocks: list[RawBlock] = []
        self._text: list[str] = []
        self._kind = RawBlock("paragraph", "")
        self._group = 0
        self._counters: list[int | None] = []
        self._code_depth = 0

    def walk(self, tree: _Element) -> list[RawBlock]:
        from lxml.etree import iterwalk

        walker = iterwalk(tree, events=("start", "end"))
        for event, element in walker:
            tag = _tag(element)
            is_root = element is tree
            if event == "start":
                if (tag in _INVISIBLE and not is_root) or _is_mark(element, tag) or self._is_table(element, tag):
                    walker.skip_subtree()
                else:
                    self._start(element, tag)
                    self._text.append(element.text or "")
            else:
                self._end(element, tag)
                self._text.append("" if is_root else element.tail or "")
        self._flush()
        return self._blocks

    def _start(self, element: _Element, tag: str) -> None:
        if tag in _BLOCKS or _is_code(element, tag):
            self._flush()
        if tag in _HEADINGS:
            self._kind = RawBlock("heading", "", level=_HEADINGS[tag])
        elif tag in ("ul", "ol", "list"):
            self._group += not self._counters
            is_numbered = tag == "ol" or element.get("rend") == "ol"
            self._counters.append(_number(element, "start", 1) - 1 if is_numbered else None)
        elif tag in ("li", "item"):
            self._kind = RawBlock("item", self._marker(element), group=self._group)
        elif _is_code(element, tag):
            self._code_depth += 1
            self._kind = RawBlock("code", "")
        elif tag in ("br", "lb"):
            self._text.append("\n" if self._code_depth else " ")

    def _end(self, element: _Element, tag: str) -> None:
        if tag in _INVISIBLE:
            return
        if tag in _BLOCKS or _is_code(element, tag):
            self._flush()
        if tag in ("ul", "ol", "list") and self._counters:
            self._counters.pop()
        if _is_code(element, tag):
            self._code_depth -= 1
        if tag in _HEADINGS or tag in ("li", "item") or _is_code(element, tag):
            self._kind = RawBlock("paragraph", "")

    def _marker(self, element: _Element) -> str:
        if not self._counters or (count := self._counters[-1]) is None:
            return ""
        self._counters[-1] = number = _number(element, "value", count + 1)
        return f"{number}. "

    def _flush(self) -> None:
        text, self._text = "".join(self._text), []
        if not text.strip():
            return
        kind = self._kind
        self._blocks.append(
            RawBlock(kind.kind, text if kind.kind == "code" else kind.text + text.strip(), kind.level, group=kind.group)
        )
        if not self._code_depth:
            self._kind = RawBlock("paragraph", "")

    def _is_table(self, element: _Element, tag: str) -> bool:
        """Take a table of data as rows; one that only lays out the page is walked like anything else."""
        if tag != "table" or any(below.tag in _LAYOUT for below in element.iterdescendants()):
            return False
        rows = [
            [(cell.tag == "th" or cell.get("role") == "head", _cell_text(cell)) for cell in row if _is_cell(cell)]
            for row in element.iter("tr", "row")
        ]
        rows = [row for row in rows if any(text for _, text in row)]
        texts = [text for row in rows for _, text in row]
        if max(map(len, rows), default=0) < 2 or max(map(len, texts)) > _LONGEST_CELL:
            return False
        self._flush()
        caption = next((_cell_text(below) for below in element.iter("caption")), "")
        while rows and len({text for _, text in rows[0]} - {""}) == 1 and (rows[0][0][1] or len(rows[0]) > 2):
            caption = " ".join(filter(None, (caption, next(text for _, text in rows.pop(0) if text))))
        if caption:
            self._blocks.append(RawBlock("paragraph", caption))
        self._group += 1
        heads = list(takewhile(lambda row: all(is_head or not text for is_head, text in row), rows[:-1]))
        heads = heads if len(heads) <= _MOST_HEADER_ROWS else []
        if not heads and names_columns([_texts(row) for row in rows]):
            heads = rows[:1]
        header = [
            " ".join(dict.fromkeys(filter(None, names))) for names in zip_longest(*map(_texts, heads), fillvalue="")
        ]
        for text in row_texts([_texts(row) for row in rows[len(heads) :]], header):
            self._blocks.append(RawBlock("row", text, group=self._group))
        return True


def _tag(element: _Element) -> str:
    """Return the element's HTML name: ``h2`` for trafilatura's ``<head rend="h2">``, that of a script for comments."""
    if not isinstance(element.tag, str):
        return "script"
    return str(element.get("rend")) if element.tag == "head" and element.get("rend") in _HEADINGS else element.tag


def _is_mark(element: _Element, tag: str) -> bool:
    """Tell whether a link is but the mark of a note, or leads back from one: both belong to no sentence."""
    return tag == "a" and (
        _is_raised_number(element)
        or element.get("role") in ("doc-noteref", "doc-backlink")
        or any(key.endswith("type") and value in ("noteref", "backlink") for key, value in element.attrib.items())
    )


def _is_raised_number(link: _Element) -> bool:
    """Tell whether a link within the text shows ``[3]``, an asterisk, or a number that is raised."""
    if "#" not in link.get("href", ""):
        return False
    text = "".join(link.itertext()).strip()
    above = link.getparent()
    is_raised = (above is not None and above.tag == "sup") or any(each.tag == "sup" for each in link)
    return (_NOTE_MARK if not is_raised else _RAISED_MARK).fullmatch(text) is not None


def _number(element: _Element, attribute: str, default: int) -> int:
    """Return the whole number that an attribute gives, ``default`` for any other value."""
    value = element.get(attribute, "").strip()
    return int(value) if _WHOLE.fullmatch(value) else default


def _is_code(element: _Element, tag: str) -> bool:
    return tag == "pre" or (tag == "code" and "\n" in "".join(element.itertext()))


def _is_cell(element: _Element) -> bool:
    return element.tag in ("td", "th", "cell")


def _cell_text(cell: _Element) -> str:
    parts = [cell.text or ""]
    for below in cell.iterdescendants():
        if isinstance(below.tag, str) and below.tag not in _INVISIBLE:
            parts.append(" " if below.tag in ("br", "lb", "p", "div") else "")
            parts.append(below.text or "")
            parts.append(", " if below.tag in ("li", "item") else "")
        parts.append(below.tail or "")
    return clean("".join(parts)).removesuffix(",")


def _texts(row: list[tuple[bool, str]]) -> list[str]:
    return [text for _, text in row]
