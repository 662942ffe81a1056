"""OpenDocument presentations (.odp) -> a section a slide, with its notes; a slide is a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from index.readers.odf import TextWalk, attribute, body, commented, opened, properties, text_of
from index.readers.opc import local
from index.readers.parsed import Parsed, RawBlock, clean

if TYPE_CHECKING:
    from lxml.etree import _Element

_FURNITURE = frozenset(("header", "footer", "date-time", "page-number", "page"))


def parse(data: bytes) -> Parsed:
    """Read a presentation. Raises ``Unreadable`` for bombs, encrypted and damaged files."""
    package = opened(data)
    title, fields = properties(package)
    walk = TextWalk()
    blocks: list[RawBlock] = []
    for number, page in enumerate(each for each in body(package, "presentation") if local(each) == "page"):
        name = _title(page)
        found = list(_slide(page, walk))
        title = title or name
        if name or found:
            found.insert(0, RawBlock("heading", name or f"Slide {number + 1}", level=1))
        blocks += (replace(raw, page=number + 1) for raw in found)
    return Parsed(blocks, title, fields, labelled=True)


def _title(page: _Element) -> str:
    frames = (each for each in page if attribute(each, "class") == "title")
    return clean(" ".join(text_of(each) for frame in frames for each in frame.iter() if local(each) == "p"))


def _slide(page: _Element, walk: TextWalk) -> Iterator[RawBlock]:
    for shape in page:
        if local(shape) == "notes":
            notes = [raw for frame in shape if attribute(frame, "class") == "notes" for raw in walk.blocks(frame)]
            yield from [RawBlock("heading", "Notes", level=2), *notes] if notes else []
        elif local(shape) == "annotation":
            yield from commented([shape])
        elif attribute(shape, "class") not in ("title", *_FURNITURE):
            yield from walk.blocks(shape)
