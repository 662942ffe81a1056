"""OLE compound files, which Office wrote before 2007: what they hold at the top, and their properties."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from index.readers.decode import encoding_named
from index.readers.metadata import known_fields
from index.readers.parsed import Unreadable

_CODE_PAGE, _TITLE, _AUTHOR, _CREATED, _SAVED = 1, 2, 4, 12, 13
_WIDE, _WIDE_PAGE = 31, 1200
_MOST_PROPERTIES = 100
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_DAMAGE = (OSError, ValueError, IndexError, KeyError, TypeError, OverflowError, AttributeError, struct.error)
"""What olefile raises for files that are not as they should be."""


def opened(data: bytes, name: str) -> Any:  # noqa: ANN401  (olefile has no types)
    """Open a compound file, called ``name`` where it has to be said. Raises ``Unreadable`` for a damaged one."""
    import olefile

    try:
        return olefile.OleFileIO(io.BytesIO(data))
    except _DAMAGE as error:
        raise damaged(name) from error


def damaged(name: str) -> Unreadable:
    """Return the verdict on a file that is not as [MS-CFB] and its own format have it."""
    return Unreadable(f"is a damaged {name}.", "Open it in the program that made it and save it again.")


def stream(ole: Any, *path: str) -> bytes:  # noqa: ANN401
    """Return the bytes of a stream, none if it is not there or damaged."""
    with suppress(*_DAMAGE):
        return bytes(ole.openstream(list(path)).read())
    return b""


def names(data: bytes) -> frozenset[str]:
    """Return the names of the streams at the top. Raises ``Unreadable`` for a damaged file."""
    return frozenset(entry[0] for entry in opened(data, "Office file").listdir() if len(entry) == 1)


def properties(ole: Any) -> tuple[str, dict[str, str]]:  # noqa: ANN401
    """Return the title and the known fields of a file's summary, as far as it can be read."""
    values: dict[int, str | datetime] = {}
    with suppress(*_DAMAGE):
        values.update(_summary(stream(ole, "\x05SummaryInformation")))
    names = (("author", _AUTHOR), ("published", _CREATED), ("modified", _SAVED))
    return str(values.get(_TITLE, "")), known_fields((name, values.get(number, "")) for name, number in names)


def _summary(data: bytes) -> Iterator[tuple[int, str | datetime]]:
    """Yield the properties of a summary ([MS-OLEPS]) that are of use here."""
    (at,) = struct.unpack_from("<I", data, 44)
    (count,) = struct.unpack_from("<I", data, at + 4)
    listed = struct.iter_unpack("<II", data[at + 8 : at + 8 + 8 * min(count, _MOST_PROPERTIES)])
    places = {number: at + offset for number, offset in listed}
    page = struct.unpack_from("<H", data, places[_CODE_PAGE] + 4)[0] if _CODE_PAGE in places else 1252
    for number in (_TITLE, _AUTHOR):
        if number in places:
            kind, size = struct.unpack_from("<II", data, places[number])
            raw = data[places[number] + 8 :][: 2 * size if kind == _WIDE else size]
            encoding = "utf-16-le" if kind == _WIDE or page == _WIDE_PAGE else encoding_named(f"cp{page}")
            yield number, raw.decode(encoding or "cp1252", "replace").rstrip("\0")
    for number in (_CREATED, _SAVED):
        if number in places and (ticks := struct.unpack_from("<Q", data, places[number] + 4)[0]):
            yield number, _EPOCH + timedelta(microseconds=ticks // 10)
