"""Letters, whatever they were stored as -> blocks and metadata, and their attachments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import getaddresses, parsedate_to_datetime
from functools import partial
from pathlib import PurePosixPath

from index.readers import format_named, suffix_of
from index.readers.dates import parse_date
from index.readers.kinds import Format, detect
from index.readers.members import MAX_MEMBER_BYTES, Member, is_hidden
from index.readers.metadata import known_fields
from index.readers.parsed import Parsed, RawBlock, Unreadable, clean
from index.readers.quotes import html_blocks, text_blocks

_LONGEST_LISTING = 900
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Body:
    """A part of a letter's text, in plain text (``flowed`` or not) or in HTML."""

    text: str
    is_html: bool = False
    flowed: bool = False

    def blocks(self) -> list[RawBlock]:
        """Return what it says, quotations marked."""
        return html_blocks(self.text) if self.is_html else text_blocks(self.text, self.flowed)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a letter; its name may be empty. ``content`` may raise ``Unreadable``."""

    name: str
    content: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter: its header lines, decoded, as they stand in it; its text; what came with it."""

    subject: str = ""
    sender: str = ""
    to: str = ""
    cc: str = ""
    date: str = ""
    bodies: Sequence[Body] = ()
    attachments: Sequence[Attachment] = ()


def parsed(letter: Letter) -> Parsed:
    """Return a letter's subject, header lines and text, in this order, and what is known of it."""
    subject = clean(letter.subject)
    blocks = [RawBlock("heading", subject, level=1)] if subject else []
    header = (("From", letter.sender), ("To", letter.to), ("Cc", letter.cc), ("Date", letter.date))
    blocks += [RawBlock("row", f"{label}: {value}") for label, text in header if (value := clean(text))]
    blocks += [raw for body in letter.bodies for raw in body.blocks()]
    fields = known_fields(
        [
            ("author", _names(letter.sender)),
            ("published", iso_date(letter.date)),
            ("to", ", ".join(_names(letter.to))[:_LONGEST_LISTING]),
            ("attachments", ", ".join(each.name for each in letter.attachments if each.name)[:_LONGEST_LISTING]),
        ]
    )
    return Parsed(blocks, subject, fields)


def attached(letter: Letter) -> Iterator[Member]:
    """Yield the attachments that can be read: of a known name, of a format that shows, or prose without a suffix.

    Pictures and programs are left out.
    """
    for number, each in enumerate(letter.attachments, start=1):
        name = file_name(each.name)
        if format_named(name):
            if not is_hidden(name):
                yield Member(name, partial(_bounded, each.content))
        elif (kind := _kind(each.content)) and not (kind == "text" and suffix_of(name)):
            yield Member(f"{name}.{kind}" if name and kind != "text" else name or f"attachment {number}", each.content)


def file_name(text: str) -> str:
    """Return ``text`` as the name of a file, without the folders that it may name."""
    name = PurePosixPath(clean(text).replace("\\", "/")).name
    path = PurePosixPath(name)
    return name if len(name) <= _LONGEST_NAME else f"{path.stem[: _LONGEST_NAME - len(path.suffix)]}{path.suffix}"


def iso_date(header: str) -> str:
    """Return the day of a ``Date`` header in its own time zone, as ISO 8601; empty where it is none."""
    try:
        return parsedate_to_datetime(header).date().isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return parse_date(re.sub(r"\s*\(.*\)$", "", header))


def is_stub(plain: str, html: str) -> bool:
    """Tell whether ``plain`` only stands in for the letter's HTML: it is empty, or says far less."""
    shown = sum(len(clean(raw.text)) for raw in html_blocks(html))
    return 3 * len(clean(plain)) < shown


def _names(addresses: str) -> list[str]:
    """Return the names, or else the addresses, that a header line holds."""
    if "@" not in addresses:
        return [clean(addresses)]
    found = [clean(name) or address for name, address in getaddresses([addresses])]
    return [*filter(None, found)] or [clean(addresses)]


def _bounded(content: Callable[[], bytes]) -> bytes:
    data = content()
    if len(data) > MAX_MEMBER_BYTES:
        raise Unreadable(f"has more than {MAX_MEMBER_BYTES // 2**20} MiB.", "Save it and split it.")
    return data


def _kind(content: Callable[[], bytes]) -> Format | None:
    """Return the format of a document that the bytes give away, ``None`` if they show none."""
    try:
        kind = detect(content(), None)
    except Unreadable:
        return None
    return None if kind == "lines" else kind
