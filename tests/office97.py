"""Word, Excel and PowerPoint files as Office wrote them before 2007, made by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

from tests.ole import compound

HEADING, TITLE, BULLETS, CONTENTS = 1, 62, 48, 19
BOLD, VANISHES, DELETED, IN_TABLE, ENDS_ROW = 0x0835, 0x083C, 0x0800, 0x2416, 0x2417

Look = tuple[str, int, Sequence[int]]
"""A text, the style of the paragraph that it ends, and the properties (one byte each, set to 1) of both."""


def doc(texts: Sequence[Look], notes: Sequence[Look] = (), flags: int = 0, version: int = 0xC1) -> bytes:
    """Return a Word document, by Ann Muir: text and footnotes in one piece, two bytes a character."""
    looks = [*texts, *notes]
    raw = "".join(text for text, *_ in looks).encode("utf-16-le")
    start = 1024
    ends = [start + 2 * end for end in accumulate(len(text) for text, *_ in looks)]
    main = bytearray(start + len(raw))
    main[start:] = raw
    main += bytes(-len(main) % 512)
    page = len(main) // 512
    sheet = struct.pack("<HH", 2, 0) + b"".join(struct.pack("<HH", 2, number) for number in range(80))
    pieces = struct.pack("<II", 0, len(raw) // 2) + struct.pack("<HIH", 0, start, 0)
    tables = [
        sheet,
        *(struct.pack("<3I", start, ends[-1], page + number) for number in (0, 1)),
        b"\x02" + struct.pack("<I", len(pieces)) + pieces,
    ]
    places = [0, *accumulate(map(len, tables))]
    struct.pack_into("<HH", main, 0, 0xA5EC, version)
    struct.pack_into("<H", main, 0x0A, flags)
    struct.pack_into("<II", main, 0x4C, *(sum(len(text) for text, *_ in each) for each in (texts, notes)))
    for where, place, table in zip((0xA2, 0xFA, 0x102, 0x1A2), places, tables, strict=False):
        struct.pack_into("<II", main, where, place, len(table))
    main += _page(start, ends, [_set(properties) for *_, properties in looks], 1)
    main += _page(start, ends, [struct.pack("<H", style) + _set(properties) for _, style, properties in looks], 13)
    streams = {"WordDocument": bytes(main), "0Table": b"".join(tables), "\x05SummaryInformation": _summary("Ann Muir")}
    return compound(streams)


def _summary(author: str) -> bytes:
    """Return a summary of the author and the day when the file was made, 5 March 2024."""
    name = author.encode() + b"\0"
    made = int((datetime(2024, 3, 5) - datetime(1601, 1, 1)).total_seconds()) * 10**7
    section = struct.pack("<IIIIIIIQII", 0, 2, 12, 24, 4, 36, 64, made, 30, len(name)) + name
    return struct.pack("<HHI16sI16sI", 0xFFFE, 0, 0, b"", 1, b"", 48) + section


def _set(properties: Sequence[int]) -> bytes:
    return b"".join(struct.pack("<HB", number, 1) for number in properties)


def _page(start: int, ends: Sequence[int], looks: Sequence[bytes], width: int) -> bytes:
    """Return a page of the properties of characters (``width`` 1) or of paragraphs (13)."""
    page = bytearray(512)
    struct.pack_into(f"<{len(ends) + 1}I", page, 0, start, *ends)
    at = 510
    for number, look in enumerate(looks):
        stored = bytes([len(look)]) + look if width == 1 else bytes([0, -(-len(look) // 2)]) + look
        at = (at - len(stored)) // 2 * 2
        page[at : at + len(stored)] = stored
        page[4 * (len(ends) + 1) + number * width] = at // 2
    page[511] = len(ends)
    return bytes(page)


def xls(sheets: dict[str, Sequence[Sequence[str | float]]], hidden: Sequence[str] = (), code: str = "0.00") -> bytes:
    """Return a workbook; numbers have the format ``code``, texts that begin with an asterisk are bold without it."""
    fonts = b"".join(
        _biff(0x31, struct.pack("<5H4B2B", 200, 0, 0, weight, 0, 0, 0, 0, 0, 1, 0) + b"A") for weight in (400, 700)
    )
    formats = _biff(0x41E, struct.pack("<HHB", 164, len(code), 0) + code.encode())
    looks = b"".join(_biff(0xE0, struct.pack("<3H", *look) + bytes(14)) for look in ((0, 0, 1), (1, 0, 1), (0, 164, 1)))
    bodies = [_biff(0x809, struct.pack("<4H2I", 0x600, 0x10, 0, 0, 0, 0)) + _cells(rows) for rows in sheets.values()]
    names = [struct.pack("<BB", name in hidden, 0) + bytes([len(name), 0]) + name.encode() for name in sheets]
    head = _biff(0x809, struct.pack("<4H2I", 0x600, 0x05, 0, 0, 0, 0)) + fonts + formats + looks
    start = len(head) + sum(len(name) + 8 for name in names) + 4
    places = [start + sum(map(len, bodies[:number])) for number in range(len(bodies))]
    listed = b"".join(_biff(0x85, struct.pack("<I", at) + name) for at, name in zip(places, names, strict=True))
    return compound({"Workbook": (head + listed + _biff(0x0A, b"") + b"".join(bodies)).ljust(4096, b"\0")})


def _cells(rows: Sequence[Sequence[str | float]]) -> bytes:
    found = b""
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                text = cell.removeprefix("*")
                is_bold = cell != text
                found += _biff(
                    0x204, struct.pack("<4HB", row, column, is_bold, len(text), 1) + text.encode("utf-16-le")
                )
            else:
                found += _biff(0x203, struct.pack("<3Hd", row, column, 2, cell))
    return found + _biff(0x0A, b"")


def _biff(number: int, content: bytes) -> bytes:
    return struct.pack("<HH", number, len(content)) + content


def ppt(slides: Sequence[tuple[str, str, str]], token: int = 0xE391C05F) -> bytes:
    """Return a presentation: of each slide the title (in the outline), a text box and the notes.

    It was saved twice: the first time with other words, which are still there.
    """
    main = b""
    edit = 0
    for words in ([("Old title", "old text", "")] * len(slides), slides):
        objects = [_document(words)]
        for number, (_, text, note) in enumerate(words):
            facts = _record(0x03EF, struct.pack("<I8xIIHH", 0, 0, 500 + number if note else 0, 0, 0))
            box = _record(0xF00D, _kind(4) + _record(0x0FA8, text.encode("latin-1")), is_container=True)
            title = _record(0xF00D, _record(0x0F9E, struct.pack("<I", 0)), is_container=True)
            objects.append(_record(0x03EE, facts + title + box, is_container=True))
            noted = _record(0xF00D, _kind(2) + _record(0x0FA0, note.encode("utf-16-le")), is_container=True)
            objects.append(_record(0x03F0, noted, is_container=True))
        places = [len(main) + place for place in accumulate(map(len, objects), initial=0)]
        packed = struct.pack(f"<I{len(objects)}I", len(objects) << 20 | 1, *places[:-1])
        main += b"".join(objects)
        facts = struct.pack("<IIIIIII", 0, 0, edit, len(main), 1, len(objects), 0)
        main += _record(0x1772, packed)
        edit = len(main)
        main += _record(0x0FF5, facts)
    user = _record(0x0FF6, struct.pack("<III", 20, token, edit))
    return compound({"PowerPoint Document": main.ljust(4096, b"\0"), "Current User": user})


def _document(words: Sequence[tuple[str, str, str]]) -> bytes:
    """Return the document: the first object; a slide and its notes follow in turn."""
    slides = b"".join(
        _record(0x03F3, struct.pack("<5I", 2 + 2 * number, 0, 1, 256 + number, 0))
        + _kind(0)
        + _record(0x0FA0, title.encode("utf-16-le"))
        for number, (title, *_) in enumerate(words)
    )
    notes = b"".join(
        _record(0x03F3, struct.pack("<5I", 3 + 2 * number, 0, 0, 500 + number, 0)) for number in range(len(words))
    )
    lists = _record(0x0FF0, slides, is_container=True) + _record(0x0FF0, notes, is_container=True, instance=2)
    return _record(0x03E8, lists, is_container=True)


def _kind(number: int) -> bytes:
    return _record(0x0F9F, struct.pack("<I", number))


def _record(kind: int, content: bytes, is_container: bool = False, instance: int = 0) -> bytes:
    return struct.pack("<HHI", instance << 4 | (0xF if is_container else 0), kind, len(content)) + content
