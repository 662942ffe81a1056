"""OLE compound files and Outlook messages made by hand."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD

Storage = Mapping[str, Any]
"""Streams (bytes) and storages (further mappings), by name."""

SUBJECT, SENDER, SENDER_ADDRESS, TO, BODY, HTML, CLASS = "0037", "0C1A", "0C1F", "0E04", "1000", "1013", "001A"
FILE, FILE_NAME, RTF = "3701", "3707", "1009"


def compound(root: Storage) -> bytes:
    """Return the compound file (version 3) that holds ``root``."""
    entries: list[list[Any]] = []
    _collect("Root Entry", 5, root, entries)
    mini = b"".join(
        entry[2] + bytes(-len(entry[2]) % _MINI) for entry in entries if entry[1] == 2 and len(entry[2]) < _CUTOFF
    )
    sectors: list[bytes] = []
    chains: list[int] = []
    mini_chains: list[int] = []
    starts = []
    for _, kind, data, *_ in entries:
        if kind != 2:
            starts.append(_END)
        elif len(data) < _CUTOFF:
            starts.append(len(mini_chains) if data else _END)
            _chain(mini_chains, -(-len(data) // _MINI))
        else:
            starts.append(_stored(data, sectors, chains))
    starts[0] = _stored(mini, sectors, chains)
    directory = b"".join(
        _entry(name, kind, links, start, len(mini) if number == 0 else len(data) if kind == 2 else 0)
        for number, ((name, kind, data, links), start) in enumerate(zip(entries, starts, strict=True))
    )
    first_directory = _stored(directory, sectors, chains)
    table = struct.pack(f"<{len(mini_chains)}I", *mini_chains)
    first_table = _stored(table, sectors, chains)
    count = 1
    while len(chains) + count > count * _SECTOR // 4:
        count += 1
    first_fat = len(sectors)
    chains += [_FAT] * count
    fat = struct.pack(f"<{len(chains)}I", *chains)
    fat += b"\xff" * (-len(fat) % _SECTOR)
    header = struct.pack(
        "<8s16xHHHHH6x9I",
        *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6, 0, count, first_directory, 0, _CUTOFF),
        *(first_table, -(-len(table) // _SECTOR), _END, 0),
    )
    places = [first_fat + number for number in range(count)] + [_FREE] * (109 - count)
    return header + struct.pack("<109I", *places) + b"".join(sectors) + fat


def _collect(name: str, kind: int, content: Any, entries: list[list[Any]]) -> int:  # noqa: ANN401
    """Append an entry and those in it, each linked to the next; return its number."""
    number = len(entries)
    links = [_FREE, _FREE, _FREE]
    entries.append([name, kind, content, links])
    if kind != 2:
        before = None
        for each, inner in content.items():
            child = _collect(each, 2 if isinstance(inner, bytes) else 1, inner, entries)
            if before is None:
                links[2] = child
            else:
                before[1] = child
            before = entries[child][3]
    return number


def _chain(table: list[int], count: int) -> None:
    first = len(table)
    table += [*range(first + 1, first + count), _END][:count] if count else []


def _stored(data: bytes, sectors: list[bytes], chains: list[int]) -> int:
    """Append ``data`` in sectors; return the number of the first."""
    if not data:
        return _END
    first = len(sectors)
    sectors += [data[at : at + _SECTOR].ljust(_SECTOR, b"\0") for at in range(0, len(data), _SECTOR)]
    _chain(chains, len(sectors) - first)
    return first


def _entry(name: str, kind: int, links: Sequence[int], start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le")
    return struct.pack("<64sHBBIII36xIQ", encoded, len(encoded) + 2, kind, 1, *links, start, size)


def message(
    texts: Mapping[str, str], attachments: Sequence[Storage] = (), sent: int = 0, header: int = 32, **streams: bytes
) -> dict[str, Any]:
    """Return the storage of an Outlook message: properties that are texts, by their numbers in hex digits.

    ``sent`` is in units of 100 ns since 1601. ``streams`` are binary properties, ``x`` before their numbers.
    """
    fixed = bytes(header) + (struct.pack("<HHIQ", 0x40, 0x39, 6, sent) if sent else b"")
    return {
        "__properties_version1.0": fixed,
        **{f"__substg1.0_{number}001F": text.encode("utf-16-le") for number, text in texts.items()},
        **{f"__substg1.0_{number[1:]}0102": data for number, data in streams.items()},
        **{f"__attach_version1.0_#{number:08X}": each for number, each in enumerate(attachments)},
    }
