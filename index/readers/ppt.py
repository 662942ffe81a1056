"""PowerPoint presentations of before 2007 (.ppt) -> a section a slide, with its notes; a slide is a page.

[MS-PPT] describes the tree of records. A file may keep what slides were before: only what the last edit's directory
names counts. The text of placeholders stands apart from the slides, in an outline that they refer to.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from index.readers import ole
from index.readers.parsed import Parsed, RawBlock, Unreadable, clean

_NAME = "PowerPoint presentation"
_EDIT, _DIRECTORY = 0x0FF5, 0x1772
_LIST, _ENTRY, _SLIDE_FACTS = 0x0FF0, 0x03F3, 0x03EF
_KIND, _WIDE, _NARROW, _IN_OUTLINE = 0x0F9F, 0x0FA0, 0x0FA8, 0x0F9E
_SLIDES, _NOTES = 0, 2
"""Lists in the document, by their instance."""

_ENCRYPTED = 0xF3D1C4DF
_OF_TITLE, _OF_BODY, _OF_NOTES = (0, 6), (1, 5, 7, 8), 2
_DEEPEST = 32
_MOST_EDITS = 10_000

_Text = tuple[int, str]
"""What kind of place a text stands in, and the text: its paragraphs end with a carriage return."""


class _Record(NamedTuple):
    """A record: where its content starts and ends."""

    kind: int
    instance: int
    holds_others: bool
    start: int
    end: int


class _Entry(NamedTuple):
    """A slide or a page of notes in its list: the number of its object, its own, and its texts of the outline."""

    object: int
    id: int
    outline: list[_Text]


def parse(data: bytes) -> Parsed:
    """Read a presentation. Raises ``Unreadable`` for encrypted and damaged files."""
    file = ole.opened(data, _NAME)
    try:
        show = _Show(ole.stream(file, "PowerPoint Document"), ole.stream(file, "Current User"))
        blocks = list(show.blocks())
    except (struct.error, IndexError, KeyError) as error:
        raise ole.damaged(_NAME) from error
    title, fields = ole.properties(file)
    return Parsed(blocks, title or next(filter(None, show.titles), ""), fields, labelled=True)


class _Show:
    """The stream of records, and where in it the present version of each object is."""

    def __init__(self, main: bytes, user: bytes) -> None:
        self.titles: list[str] = []
        self._main = main
        if struct.unpack_from("<I", user, 12)[0] == _ENCRYPTED:
            raise Unreadable("is encrypted with a password.", "Save it without a password and add it again.")
        edit = struct.unpack_from("<I", user, 16)[0]
        self._places: dict[int, int] = {}
        (document,) = struct.unpack_from("<I", main, edit + 24)
        for _ in range(_MOST_EDITS):
            if self._record(edit).kind != _EDIT:
                raise ole.damaged(_NAME)
            before, directory = struct.unpack_from("<II", main, edit + 16)
            self._add_places(self._record(directory))
            if not before:
                break
            edit = before
        self._document = self._record(self._places[document])

    def blocks(self) -> Iterator[RawBlock]:
        """Yield the slides in their order."""
        lists = {
            each.instance: list(self._entries(each)) for each in self._within(self._document) if each.kind == _LIST
        }
        notes = {entry.id: entry for entry in lists.get(_NOTES, [])}
        for number, entry in enumerate(lists.get(_SLIDES, []), start=1):
            slide = self._record(self._places[entry.object])
            noted = notes.get(self._id_of_notes(slide))
            blocks = [*self._slide(number, self._texts(slide, entry)), *(self._notes(noted) if noted else ())]
            yield from (replace(raw, page=number) for raw in blocks)

    def _slide(self, number: int, texts: list[_Text]) -> Iterator[RawBlock]:
        title = clean(" ".join(text for kind, text in texts if kind in _OF_TITLE))
        self.titles.append(title)
        rest = [(kind, lines) for kind, text in texts if kind not in _OF_TITLE and (lines := _lines(text))]
        if title or rest:
            yield RawBlock("heading", title or f"Slide {number}", level=1)
        for group, (kind, lines) in enumerate(rest, start=number * _MOST_EDITS):
            for line in lines:
                is_item = kind in _OF_BODY and len(lines) > 1
                yield RawBlock("item", line, group=group) if is_item else RawBlock("paragraph", line)

    def _notes(self, entry: _Entry) -> Iterator[RawBlock]:
        texts = self._texts(self._record(self._places[entry.object]), entry)
        lines = [line for kind, text in texts if kind == _OF_NOTES for line in _lines(text)]
        if lines:
            yield RawBlock("heading", "Notes", level=2)
            yield from (RawBlock("paragraph", line) for line in lines)

    def _entries(self, listed: _Record) -> Iterator[_Entry]:
        entry = None
        kind = 0
        for record in self._records(listed.start, listed.end):
            if record.kind == _ENTRY:
                if entry:
                    yield entry
                place, _, _, id_ = struct.unpack_from("<4I", self._main, record.start)
                entry = _Entry(place, id_, [])
            elif record.kind == _KIND:
                (kind,) = struct.unpack_from("<I", self._main, record.start)
            elif entry and record.kind in (_WIDE, _NARROW):
                entry.outline.append((kind, self._text(record)))
        if entry:
            yield entry

    def _texts(self, slide: _Record, entry: _Entry) -> list[_Text]:
        """Return the texts of a slide, or of a page of notes, as its shapes follow one another."""
        found: list[_Text] = []
        kind = 0
        for record in self._within(slide):
            if record.kind == _KIND:
                (kind,) = struct.unpack_from("<I", self._main, record.start)
            elif record.kind in (_WIDE, _NARROW):
                found.append((kind, self._text(record)))
            elif record.kind == _IN_OUTLINE:
                (number,) = struct.unpack_from("<I", self._main, record.start)
                found += entry.outline[number : number + 1]
        return found or entry.outline

    def _id_of_notes(self, slide: _Record) -> int:
        """Return the number of a slide's notes, 0 if it has none."""
        facts = next((each for each in self._records(slide.start, slide.end) if each.kind == _SLIDE_FACTS), None)
        return int(struct.unpack_from("<I", self._main, facts.start + 16)[0]) if facts else 0

    def _text(self, record: _Record) -> str:
        raw = self._main[record.start : record.end]
        return raw.decode("utf-16-le", "replace") if record.kind == _WIDE else raw.decode("latin-1")

    def _add_places(self, directory: _Record) -> None:
        """Take over where objects are that no later edit has placed elsewhere."""
        at = directory.start
        while directory.kind == _DIRECTORY and at + 4 <= directory.end:
            (packed,) = struct.unpack_from("<I", self._main, at)
            first, count = packed & 0xFFFFF, packed >> 20
            for number, place in enumerate(struct.unpack_from(f"<{count}I", self._main, at + 4), start=first):
                self._places.setdefault(number, place)
            at += 4 + 4 * count

    def _record(self, at: int) -> _Record:
        head, kind, length = struct.unpack_from("<HHI", self._main, at)
        return _Record(kind, head >> 4, head & 0xF == 0xF, at + 8, min(at + 8 + length, len(self._main)))

    def _records(self, start: int, end: int) -> Iterator[_Record]:
        while start + 8 <= end:
            record = self._record(start)
            yield record
            start = max(record.end, start + 8)

    def _within(self, outer: _Record, depth: int = 0) -> Iterator[_Record]:
        """Yield all records in one, however deep, in order."""
        for record in self._records(outer.start, outer.end):
            yield record
            if record.holds_others and depth < _DEEPEST:
                yield from self._within(record, depth + 1)


def _lines(text: str) -> list[str]:
    """Return the paragraphs that say something; an asterisk alone stands for a number or a date."""
    return [line for line in text.replace("\x0b", " ").split("\r") if clean(line) not in ("", "*")]
