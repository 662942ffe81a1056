"""A title for every document."""

from __future__ import annotations

import re
from itertools import chain, takewhile
from pathlib import PurePath

from index.readers.parsed import Parsed, clean

_LONGEST = 200
_FROM_TEXT = 80
_NUMBERING = re.compile(r"^(?:[\d\s]+\s)(?=\D)")
_FIRST_SECTION = re.compile(r"1[.)](?=\s)")
_HASH = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE)
_REAL_WORD = re.compile(r"[^\W\d_]{3,}|[^\x00-\x7f\W\d_]")


def title_of(parsed: Parsed, source: str) -> str:
    """Return the declared title, else the main heading, else words of the file's name, else the first words."""
    blocks = parsed.blocks
    opening = takewhile(lambda raw: len(raw.text) <= _LONGEST, blocks)
    top = (raw for raw in blocks if raw.level == 1)
    heading = next((raw.text for raw in chain(opening, top) if raw.kind == "heading"), "")
    heading = "" if parsed.labelled or _is_section(heading, parsed) else heading
    first = next((raw.text for raw in blocks if len(raw.text) > _FROM_TEXT), blocks[0].text if blocks else "")
    title = clean(parsed.title) or clean(heading) or _from_name(source) or _beginning(clean(first))
    return title if len(title) <= _LONGEST else _beginning(title, _LONGEST)


def _is_section(heading: str, parsed: Parsed) -> bool:
    """Tell whether a heading is the first of several that are numbered."""
    first = _FIRST_SECTION.match(heading)
    if first is None:
        return False
    second = f"2{first.group()[-1]}"
    return any(raw.kind == "heading" and raw.text.lstrip().startswith(second) for raw in parsed.blocks)


def _from_name(source: str) -> str:
    """Return the words of a file's name, empty when it is mostly a number or a hash."""
    stem = re.sub(r"[\s_+-]+", " ", PurePath(source).stem)
    words = _NUMBERING.sub("", _HASH.sub("", stem)).strip()
    is_name = _REAL_WORD.search(words) and sum(map(str.isalpha, words)) > sum(map(str.isdigit, words))
    return words[0].upper() + words[1:] if is_name else ""


def _beginning(text: str, length: int = _FROM_TEXT) -> str:
    return text if len(text) <= length else f"{text[:length].rsplit(' ', 1)[0].rstrip(' ,;:')}…"
