"""Rich Text Format -> headings, paragraphs, items and rows, and what its information group says."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from index.readers.metadata import known_fields, with_header_facts
from index.readers.parsed import Parsed, RawBlock, Unreadable, clean
from index.readers.tables import looks_like_names, names_columns, row_texts

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})?[ ]?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<symbol>[^a-zA-Z])"
    rb"|(?P<brace>[{}])|[\r\n]+|(?P<text>[^\\{}\r\n]+)",
    re.DOTALL,
)
_LEFT_OUT = frozenset(
    "fonttbl colortbl stylesheet pict object themedata colorschememapping latentstyles datastore listtable "
    "listoverridetable rsidtbl generator xmlnstbl fldinst header headerl headerr headerf footer footerl footerr "
    "footerf bkmkstart bkmkend filetbl revtbl nonshppict shpinst mmathPr wgrffmtfilter annotation listtext pntext "
    "pnseclvl private".split()
)
_SIGNS = {
    "tab": " ", "line": " ", "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "bullet": "• ", "emspace": " ", "enspace": " ", "cell": "", "nestcell": "",
}  # fmt: skip
_SYMBOLS = {"~": "\u00a0", "_": "-", "\\": "\\", "{": "{", "}": "}", "\n": "\n", "\r": "\n"}
_CHARSETS = {0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "big5", 161: "cp1253",
             162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
             238: "cp1250"}  # fmt: skip
_DEEPEST = 1000
_LONGEST_HEADING = 90
_BOLD_HEADING_LEVEL = 4
_HEADING_STYLE = re.compile(r"heading (\d)|(title)", re.IGNORECASE)
_TIME_PARTS = ("yr", "mo", "dy")


@dataclass(slots=True)
class _State:
    """What a group inherits from the one around it."""

    destination: str = ""
    font: int = 0
    skip: int = 1
    """How many characters stand in for one that older programs do not know (``\\u``)."""

    bold: bool = False
    hidden: bool = False


@dataclass(slots=True)
class _Paragraph:
    """The paragraph that is being read."""

    parts: list[str] = field(default_factory=list)
    bold: list[bool] = field(default_factory=list)
    style: int = 0
    outline: int = 9
    is_item: bool = False
    in_table: bool = False


def parse(data: bytes) -> Parsed:
    """Read an RTF document. Raises ``Unreadable`` for absurd nesting."""
    reader = _Reader()
    reader.read(data)
    blocks = list(reader.blocks())
    info = {name: clean("".join(parts)) for name, parts in reader.info.items()}
    fields = known_fields(
        [
            ("author", info.get("author", "")),
            ("published", info.get("creatim", "")),
            ("modified", info.get("revtim", "")),
        ]
    )
    found = with_header_facts(Parsed(blocks, info.get("title", "")))
    return Parsed(blocks, found.title, {**fields, **found.metadata})


class _Reader:
    """Follows the control words; characters go to the destination of their group."""

    def __init__(self) -> None:
        self.info: dict[str, list[str]] = {}
        self._blocks: list[RawBlock] = []
        self._state = _State()
        self._stack: list[_State] = []
        self._codepage = "cp1252"
        self._fonts: dict[int, str] = {}
        self._styles: dict[int, str] = {}
        self._style = 0
        self._bytes = bytearray()
        self._to_skip = 0
        self._paragraph = _Paragraph()
        self._cells: list[str] = []
        self._rows: list[list[str]] = []
        self._is_headed = False
        self._group = 0
        self._surrogate = 0
        self._in_list = False

    def read(self, data: bytes) -> None:
        opened = False
        for match in _TOKEN.finditer(data):
            kind = match.lastgroup
            if match["hex"]:
                self._byte(bytes.fromhex(match["hex"].decode()))
                continue
            if kind == "text":
                self._byte(match["text"])
                continue
            self._flush_bytes()
            if kind == "brace":
                self._brace(match["brace"] == b"{")
                opened = match["brace"] == b"{"
                continue
            if match["word"]:
                self._word(match["word"].decode(), int(match["number"]) if match["number"] else None, opened)
            elif match["symbol"]:
                self._symbol(match["symbol"].decode("latin-1"))
            opened = opened and match["symbol"] == b"*"
        self._flush_bytes()
        self._end_paragraph()
        self._end_table()

    def blocks(self) -> Iterator[RawBlock]:
        yield from self._blocks

    def _brace(self, opens: bool) -> None:
        self._to_skip = 0
        if opens:
            if len(self._stack) >= _DEEPEST:
                raise Unreadable("is nested too deeply to read.", "Save it again from its program.")
            self._stack.append(self._state)
            self._state = replace(self._state)
        elif self._stack:
            self._state = self._stack.pop()

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            # A destination that a reader may leave out if it does not know it.
            self._state.destination = self._state.destination or "*"
        elif symbol in ("\n", "\r"):
            self._end_paragraph()
        else:
            self._write(_SYMBOLS.get(symbol, ""))

    def _word(self, word: str, number: int | None, opened: bool) -> None:
        state = self._state
        if word in _LEFT_OUT or (opened and state.destination == "*" and word not in ("shppict",)):
            state.destination = word
        elif word == "info":
            state.destination = "info"
        elif state.destination == "info" and opened:
            state.destination = f"info {word}"
        elif state.destination.startswith("info ") and word in _TIME_PARTS:
            dash = "" if word == "yr" else "-"
            self.info.setdefault(state.destination[5:], []).append(f"{dash}{number or 0:02}")
        elif word == "u" and number is not None:
            self._unicode(number % 65536)
        elif word in _SIGNS and not word.endswith("cell"):
            self._write(_SIGNS[word])
        else:
            self._format(word, number)

    def _format(self, word: str, number: int | None) -> None:
        """Follow a control word that says how characters look or are encoded; leave the others to the paragraph."""
        state = self._state
        if word == "f":
            state.font = number or 0
        elif word == "fcharset" and state.destination == "fonttbl":
            self._fonts[state.font] = _CHARSETS.get(number or 0, "cp1252")
        elif word in ("ansicpg", "mac"):
            self._codepage = "mac_roman" if word == "mac" else _known(f"cp{number}")
        elif word == "uc":
            state.skip = min(max(number or 0, 0), 10)
        elif word in ("b", "v"):
            setattr(state, "bold" if word == "b" else "hidden", number != 0)
        elif word == "plain":
            state.bold = state.hidden = False
        elif word == "s":
            self._style = self._paragraph.style = number or 0
        elif not state.destination:
            self._lay_out(word, number)

    def _lay_out(self, word: str, number: int | None) -> None:
        paragraph = self._paragraph
        if word in ("par", "sect", "page"):
            self._end_paragraph()
        elif word == "pard":
            self._paragraph = _Paragraph(paragraph.parts, paragraph.bold)
        elif word == "outlinelevel":
            paragraph.outline = number if number is not None else 9
        elif word in ("ls", "pnlvlblt", "pnlvlbody"):
            paragraph.is_item = True
        elif word == "intbl":
            paragraph.in_table = True
        elif word in ("cell", "nestcell"):
            self._cells.append(clean("".join(paragraph.parts)))
            paragraph.parts.clear()
            paragraph.bold.clear()
        elif word in ("row", "nestrow"):
            self._rows.append(self._cells)
            self._cells = []
        elif word == "trhdr":
            self._is_headed = self._is_headed or not self._rows

    def _unicode(self, unit: int) -> None:
        """Write a UTF-16 code unit; the characters after it stand in for it and are skipped."""
        if 0xD800 <= unit < 0xDC00:
            self._surrogate = unit
        elif 0xDC00 <= unit < 0xE000:
            if self._surrogate:
                self._write(chr(0x10000 + ((self._surrogate - 0xD800) << 10) + unit - 0xDC00))
            self._surrogate = 0
        else:
            self._write(chr(unit))
        self._to_skip = self._state.skip

    def _byte(self, data: bytes) -> None:
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        self._bytes += data[skipped:]

    def _flush_bytes(self) -> None:
        """Decode what has come together: a character may need two bytes."""
        if self._bytes:
            encoding = self._fonts.get(self._state.font, self._codepage)
            encoding = self._codepage if encoding == "cp1252" else encoding
            text = self._bytes.decode(encoding, "replace")
            self._bytes.clear()
            self._write(text)

    def _write(self, text: str) -> None:
        destination = self._state.destination
        if destination.startswith("info "):
            self.info.setdefault(destination[5:], []).append(text)
        elif destination == "stylesheet":
            name = text.strip().rstrip(";")
            if name:
                self._styles.setdefault(self._style, name)
        elif not destination and not self._state.hidden:
            self._paragraph.parts.append(text)
            if text.strip():
                self._paragraph.bold.append(self._state.bold)

    def _end_paragraph(self) -> None:
        paragraph = self._paragraph
        if paragraph.in_table and (self._cells or self._rows or paragraph.parts):
            paragraph.parts.append(" ")
            if self._cells or not self._rows:
                return
        text = clean("".join(paragraph.parts))
        is_bold = bool(paragraph.bold) and all(paragraph.bold)
        paragraph.parts, paragraph.bold = [], []
        if not text:
            return
        self._end_table()
        level = self._level(paragraph, text, is_bold)
        is_item = not level and (paragraph.is_item or text.startswith("• "))
        self._group += is_item and not self._in_list
        self._in_list = is_item
        kind = RawBlock("heading", text, level=level) if level else RawBlock("paragraph", text)
        self._blocks.append(RawBlock("item", text.removeprefix("• "), group=self._group) if is_item else kind)

    def _level(self, paragraph: _Paragraph, text: str, is_bold: bool) -> int:
        if paragraph.outline < 6:
            return paragraph.outline + 1
        if style := _HEADING_STYLE.match(self._styles.get(paragraph.style, "")):
            return min(int(style[1] or 1), 6)
        return _BOLD_HEADING_LEVEL if is_bold and len(text) <= _LONGEST_HEADING and text[-1] not in ".!?,;" else 0

    def _end_table(self) -> None:
        rows, self._rows = self._rows, []
        is_headed, self._is_headed = self._is_headed, False
        if not rows:
            return
        self._group += 1
        self._in_list = False
        has_header = len(rows) > 1 and (is_headed or names_columns(rows) or looks_like_names(rows[0]))
        for text in row_texts(rows[has_header:], rows[0] if has_header else ()):
            self._blocks.append(RawBlock("row", text, group=self._group))


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return "cp1252"
