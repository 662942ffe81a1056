"""Mailboxes (mbox) -> their letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from index.readers.eml import header_line
from index.readers.mail import iso_date
from index.readers.members import Member
from index.readers.options import Options
from index.readers.parsed import clean

# A time of day and a header line tell it from a sentence that begins with "From".
_SEPARATOR = re.compile(
    rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From \S{1,500} [^\n]{0,80}\d\d:\d\d[^\n]{0,60}\n(?=>?[!-9;-~]{1,76}[: ])"
)
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_LONGEST_SUBJECT = 80


def members(data: bytes, _name: str, _options: Options) -> Iterator[Member]:
    """Yield the letters, named by their days and subjects: a letter keeps its name when others are deleted."""
    starts = [match.start() for match in _SEPARATOR.finditer(data)]
    for start, end in pairwise([*starts, len(data)]):
        letter = _ESCAPED.sub(rb"\1", data[data.index(b"\n", start) + 1 : end])
        yield Member(_named(letter), partial(bytes, letter))


def _named(letter: bytes) -> str:
    subject = clean(header_line(letter, "subject")).replace("/", "-")[:_LONGEST_SUBJECT].strip() or "no subject"
    return f"{iso_date(header_line(letter, 'date'))} {subject}".strip() + ".eml"
