"""What a text file is written in, by its content: JSON, a notebook, subtitles, RTF, prose, or lines of its own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from index.readers.decode import decode
from index.readers.parsed import Unreadable

if TYPE_CHECKING:
    from index.readers.kinds import Format

_START = 1 << 16
_JSON = re.compile(rb'\s*(?:\{\s*["}]|\[\s*[\[{"\]\d-])')
_RECORD_LINE = re.compile(r'\{\s*".*\}|\[.*\]')
_NOTEBOOK = re.compile(rb'"nbformat"\s*:\s*\d')
_TIME = rb"(?:\d{1,3}:)?\d\d:\d\d[.,]\d{1,3}"
_CUE = re.compile(rb"\s*(?:\d+\s*\n)?\s*%b\s*-->\s*%b" % (_TIME, _TIME))
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

_WORD = re.compile(r"""["'“«‘(\[*_`]*[^\W\d_](?:[\w'’-]|[^\x00-\x7f])*["'”»’)\]*_`.,;:!?…]*""")
_CODE = re.compile(
    r"[;{}(\[\\=/>]$|\s=\s|[=:]=|->|\w\(|\$\w|^(?:#[!\w]|//|/\*|\*/|@|import |from \S+ import)|^[\w.-]+\s*=|^\S+:$"
    r"|^[\w-]+: ?\S+$"
)
_PROSE = 0.5
"""Share of words less share of lines as code has them: licences and notes have .6 to 1, scripts and headers less."""


def plain_text(data: bytes) -> Format:
    """Tell whether text is prose (``text``) or means something line by line (``lines``): code, settings, a log.

    Raises ``Unreadable`` for binary data.
    """
    text = decode(data[:_START])
    tokens, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    if not tokens or text.startswith("#!"):
        return "lines"
    words = sum(_WORD.fullmatch(token) is not None for token in tokens) / len(tokens)
    code = sum(_CODE.search(line) is not None for line in lines) / len(lines)
    return "text" if words - code > _PROSE else "lines"


def written_in(data: bytes, named: Format | None) -> Format | None:
    """Return the format that the content gives away, ``None`` where the name (``named``) has to decide."""
    start = data[:_START]
    for mark in _MARKS:
        start = start.removeprefix(mark)
    if b"\0" in start:
        start = start.replace(b"\0", b"")
    if start.startswith(b"{\\rtf"):
        return "rtf"
    if start.startswith(b"WEBVTT") or _CUE.match(start):
        return "subtitles"
    # A name that promises JSON is believed, so that its reader can say what is wrong with it.
    if not _JSON.match(start) or not (named in ("json", "ipynb") or _is_json(data)):
        return None
    # The zeros are those of UTF-16.
    is_notebook = start.lstrip().startswith(b"{") and _NOTEBOOK.search(data.replace(b"\0", b""))
    return "ipynb" if is_notebook else "json"


def _is_json(data: bytes) -> bool:
    """Tell whether ``data`` is JSON as a whole, or begins with two records on lines of their own."""
    try:
        text = decode(data).lstrip("\ufeff")
    except Unreadable:
        return False
    lines = [line.strip() for line in text.lstrip()[:_START].split("\n", 2)[:2]]
    return (len(lines) == 2 and all(_RECORD_LINE.fullmatch(line) and _loads(line) for line in lines)) or _loads(text)


def _loads(text: str) -> bool:
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True
