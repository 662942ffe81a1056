"""What a container gives: its members one after another, each with its bytes or the reason why it has none.

A container is any file that holds others: an archive, a mailbox, a letter with attachments. Its module has a function
``members``. Nothing is ever written to disk, so a member's name is only a name; it is refused where unpacking it would
lead out of a folder, because such an archive was made to do harm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from index.readers.parsed import Unreadable, clean

MAX_DEPTH = 4
"""How many containers may lie in one another."""

MAX_MEMBERS = 100_000
"""Members of a file, those of containers in it included."""

MAX_MEMBER_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 2**30
"""Bytes of all members of a file together; a container in it counts with its own bytes too."""

_MAX_RATIO = 200
_RATIO_FROM = 4 * 2**20
_LONGEST_NAME = 200
_CHUNK = 2**16
_DRIVE = re.compile(r"[a-zA-Z]:")


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int = ..., /) -> bytes:
        """Return the next ``size`` bytes, less at the end."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member: its name (folders separated by ``/``), and what gives its bytes or raises ``Unreadable``.

    Of a name that promises nothing (``is_promised`` is false), only the content can tell whether it is a document.
    """

    name: str
    content: Callable[[], bytes]
    is_promised: bool = True


class TooMuch(Unreadable):
    """A bound on the whole file is reached: no further member is read."""


@dataclass(slots=True)
class Budget:
    """What is left of the bounds on one file with all that lies in it."""

    members: int = MAX_MEMBERS
    total: int = MAX_TOTAL_BYTES

    def count(self) -> None:
        """Count one more member. Raises ``TooMuch``."""
        self.members -= 1
        if self.members < 0:
            raise TooMuch(f"holds more than {MAX_MEMBERS} files; the rest is left out.", "Split it.")

    def spend(self, size: int) -> None:
        """Count unpacked bytes. Raises ``TooMuch``."""
        self.total -= size
        if self.total < 0:
            limit = MAX_TOTAL_BYTES // 2**20
            raise TooMuch(f"unpacks to more than {limit} MiB; the rest is left out.", "Split it.")


class Measured:
    """A packed file that ends with ``TooMuch`` when it unpacks to more than is sane, whoever reads it."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._left = MAX_TOTAL_BYTES

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes. Raises ``TooMuch``."""
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise TooMuch(f"unpacks to more than {MAX_TOTAL_BYTES // 2**20} MiB; the rest is left out.", "Split it.")
        return data


def bounded(file: Readable, packed: int | None = None) -> bytes:
    """Return the rest of ``file``, of which the packed size (bytes) may be known.

    Raises ``Unreadable`` for what is too large and for bombs, without holding more than is allowed.
    """
    data = bytearray()
    while chunk := file.read(_CHUNK):
        data += chunk
        if len(data) > MAX_MEMBER_BYTES:
            raise Unreadable(f"unpacks to more than {MAX_MEMBER_BYTES // 2**20} MiB.", "Split it into smaller files.")
        if packed is not None and len(data) > max(_RATIO_FROM, _MAX_RATIO * packed):
            raise Unreadable(
                f"unpacks to more than {_MAX_RATIO} times its size.", "It may be made to do harm; do not trust it."
            )
    return bytes(data)


def path_problem(name: str) -> Unreadable | None:
    """Return why a member's name is refused, ``None`` for an honest one."""
    if name.startswith(("/", "\\")) or _DRIVE.match(name) or ".." in re.split(r"[/\\]", name):
        return Unreadable("has a path that leads out of the archive.", "Pack it again with plain names.")
    return None


def is_hidden(name: str) -> bool:
    """Tell whether a member is hidden, lies in a hidden folder, or is what macOS or (``~$``) an open Office adds."""
    parts = name.replace("\\", "/").split("/")
    return any(part.startswith((".", "~$")) and part not in (".", "..") for part in parts) or parts[0] == "__MACOSX"


def plain_name(name: str) -> str:
    """Return a member's name without what means nothing (``./``, ``//``), on one line, not longer than is sane."""
    parts = [clean(part)[-_LONGEST_NAME:] for part in name.replace("\\", "/").split("/")]
    return "/".join(part for part in parts if part not in ("", "."))


def told_apart(members: Iterator[Member]) -> Iterator[Member]:
    """Yield ``members``, a number added to a name that occurred before."""
    seen: set[str] = set()
    for member in members:
        name, number = member.name, 2
        stem, dot, suffix = member.name.rpartition(".")
        while name in seen:
            name = f"{stem} ({number}).{suffix}" if dot and stem else f"{member.name} ({number})"
            number += 1
        seen.add(name)
        yield replace(member, name=name)
