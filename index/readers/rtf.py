"""Rich Text Format -> headings, paragraphs, items and rows, and what its information group says."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

from index.readers.metadata import known_fields, with_header_facts
from index.readers.parsed import Parsed, Unreadable, clean
from index.readers.rtf_layout import Layout

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
    "rdblquote": "”", "bullet": "• ", "emspace": " ", "enspace": " ",
}  # fmt: skip
_SYMBOLS = {"~": "\u00a0", "_": "-", "\\": "\\", "{": "{", "}": "}", "\n": "\n", "\r": "\n"}
_CHARSETS = {0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "big5", 161: "cp1253",
             162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
             238: "cp1250"}  # fmt: skip
_DEEPEST = 1000
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


def parse(data: bytes) -> Parsed:
    """Read an RTF document. Raises ``Unreadable`` for absurd nesting."""
    reader = _Reader()
    reader.read(data)
    blocks = reader.layout.blocks
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
        self._notes: list[list[str]] = []
        self._state = _State()
        self._stack: list[_State] = []
        self._codepage = "cp1252"
        self._fonts: dict[int, str] = {}
        self._styles: dict[int, str] = {}
        self.layout = Layout(self._styles)
        self._style = 0
        self._bytes = bytearray()
        self._to_skip = 0
        self._surrogate = 0

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
        self.layout.end()
        for note in self._notes:
            self.layout.follow("pard", None)
            self.layout.write("".join(note), bold=False)
            self.layout.follow("par", None)
        self.layout.end()

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
            self.layout.follow("par", None)
        else:
            self._write(_SYMBOLS.get(symbol, ""))

    def _word(self, word: str, number: int | None, opened: bool) -> None:
        state = self._state
        if word in _LEFT_OUT or (opened and state.destination == "*" and word != "shppict"):
            state.destination = word
        elif word == "info":
            state.destination = "info"
        elif word == "footnote" and not state.destination:
            state.destination = word
            self._notes.append([])
        elif state.destination == "info" and opened:
            state.destination = f"info {word}"
        elif state.destination.startswith("info ") and word in _TIME_PARTS:
            dash = "" if word == "yr" else "-"
            self.info.setdefault(state.destination[5:], []).append(f"{dash}{number or 0:02}")
        elif word == "u" and number is not None:
            self._unicode(number % 65536)
        elif word in _SIGNS:
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
        elif word == "s" and state.destination == "stylesheet":
            self._style = number or 0
        elif not state.destination:
            self.layout.follow(word, number)

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
        elif destination == "footnote" and not self._state.hidden:
            self._notes[-1].append(text)
        elif destination == "stylesheet":
            name = text.strip().rstrip(";")
            if name:
                self._styles.setdefault(self._style, name)
        elif not destination and not self._state.hidden:
            self.layout.write(text, self._state.bold)


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return "cp1252"
