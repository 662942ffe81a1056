"""PowerPoint presentations (.pptx) -> a section a slide, with its notes; a slide is a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from index.readers.metadata import known_fields
from index.readers.opc import Relation, local, properties, reference, related, relations
from index.readers.package import Package
from index.readers.parsed import Parsed, RawBlock, clean, comment
from index.readers.tables import names_columns, row_texts

if TYPE_CHECKING:
    from lxml.etree import _Element

_TITLES = frozenset(("title", "ctrTitle"))
_FURNITURE = frozenset(("dt", "ftr", "hdr", "sldNum", "sldImg"))
_BREAKS = frozenset(("br", "tab"))
_MOST_SHAPES = 100_000
_WIDEST = 100
_COMMENTS = -1


def parse(data: bytes) -> Parsed:
    """Read a presentation. Raises ``Unreadable`` for bombs, encrypted and damaged files."""
    package = Package(data, "PowerPoint presentation")
    part = related(package, "", "officeDocument")
    if not part:
        raise package.damaged()
    parts = relations(package, part)
    order = [reference(each) for each in package.xml(part).iter() if local(each) == "sldId"]
    slides = [parts[id_].target for id_ in order if id_ in parts]
    walk = _Walk(package, _authors(package, parts.values()))
    blocks: list[RawBlock] = []
    titles: list[str] = []
    for number, slide in enumerate(slides, start=1):
        found = list(walk.slide(slide))
        title = next((raw.text for raw in found if raw.kind == "heading" and raw.level == 1), "")
        titles.append(title)
        if found and not title:
            found.insert(0, RawBlock("heading", f"Slide {number}", level=1))
        blocks += (replace(raw, page=number) for raw in found)
    title, fields = properties(package)
    languages = {**fields, **known_fields([("language", walk.language)])}
    return Parsed(blocks, title or next(filter(None, titles), ""), languages | fields, labelled=True)


class _Walk:
    """Goes through slides; remembers the language that their text is marked with first."""

    def __init__(self, package: Package, authors: Mapping[str, str]) -> None:
        self._package = package
        self._authors = authors
        self._group = 0
        self._left = _MOST_SHAPES
        self.language = ""

    def slide(self, part: str) -> Iterator[RawBlock]:
        """Yield a slide's title, its other shapes in their order, the comments on it, then its notes."""
        if part not in self._package.names:
            raise self._package.damaged()
        shapes = list(self._shapes(self._package.xml(part)))
        parts = relations(self._package, part)
        titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
        words = [" ".join(text for _, text in self._paragraphs(shape)) for shape in titles]
        if title := clean(" ".join(words)):
            yield RawBlock("heading", title, level=1)
        for shape in shapes:
            if _placeholder(shape) not in _TITLES | _FURNITURE:
                yield from self._shape(shape, parts)
        for relation in parts.values():
            if relation.kind == "comments" and relation.target in self._package.names:
                yield from self._comments(self._package.xml(relation.target))
        notes = related(self._package, part, "notesSlide")
        if notes:
            yield from self._notes(notes)

    def _notes(self, part: str) -> Iterator[RawBlock]:
        bodies = [each for each in self._shapes(self._package.xml(part)) if _placeholder(each) == "body"]
        texts = [text for body in bodies for _, text in self._paragraphs(body)]
        if texts:
            yield RawBlock("heading", "Notes", level=2)
            yield from (RawBlock("paragraph", text) for text in texts)

    def _comments(self, root: _Element) -> Iterator[RawBlock]:
        """Yield comments and the answers to them, as PowerPoint wrote them before 2021 (``text``) and since."""
        for each in (each for each in root.iter() if local(each) in ("cm", "reply")):
            own = (part for part in each if local(part) in ("text", "txBody"))
            words = " ".join(part.text or "" if local(part) == "text" else _text(part) for part in own)
            if text := comment(self._authors.get(each.get("authorId", ""), ""), words):
                yield RawBlock("row", text, group=_COMMENTS)

    def _shapes(self, root: _Element) -> Iterator[_Element]:
        """Yield the shapes of all groups in order; of alternatives, the first choice."""
        waiting = list(reversed([each for each in root.iter() if local(each) == "spTree"][:1]))
        while waiting:
            element = waiting.pop()
            name = local(element)
            self._left -= 1
            if self._left < 0:
                raise self._package.damaged()
            if name in ("sp", "graphicFrame"):
                yield element
            elif name in ("spTree", "grpSp", "AlternateContent", "Choice"):
                waiting += reversed([each for each in element if local(each) != "Fallback"])

    def _shape(self, shape: _Element, parts: dict[str, Relation]) -> Iterator[RawBlock]:
        self._group += 1
        if local(shape) == "graphicFrame":
            tables = [each for each in shape.iter() if local(each) == "tbl"]
            for table in tables:
                yield from self._table(table)
            for data in (each for each in shape.iter() if local(each) in ("chart", "relIds")):
                yield from self._drawn(reference(data, "dm") or reference(data), parts)
            return
        paragraphs = list(self._paragraphs(shape))
        is_list = _placeholder(shape) in ("body", "obj") and len(paragraphs) > 1
        for has_bullet, text in paragraphs:
            if has_bullet or (has_bullet is None and is_list):
                yield RawBlock("item", text, group=self._group)
            else:
                yield RawBlock("paragraph", text)

    def _paragraphs(self, shape: _Element) -> Iterator[tuple[bool | None, str]]:
        """Yield each paragraph with text; True with a bullet of its own, False without any, ``None`` if inherited."""
        for paragraph in (each for each in shape.iter() if local(each) == "p"):
            if not (text := clean(_text(paragraph))):
                continue
            marks = {local(each) for each in paragraph.iter() if local(each).startswith("bu")}
            self.language = self.language or next(
                (str(each.get("lang")) for each in paragraph.iter() if local(each) == "rPr" and each.get("lang")), ""
            )
            yield (False if "buNone" in marks else True if marks & {"buChar", "buAutoNum"} else None), text

    def _table(self, table: _Element) -> Iterator[RawBlock]:
        rows: list[list[str]] = []
        for row in (each for each in table if local(each) == "tr"):
            texts: list[str] = []
            for cell in [each for each in row if local(each) == "tc"][:_WIDEST]:
                above = rows[-1][len(texts)] if rows and len(texts) < len(rows[-1]) else ""
                words = " ".join(_text(each) for each in cell.iter() if local(each) == "p")
                texts.append(above if cell.get("vMerge") in ("1", "true") else clean(words))
            rows.append(texts)
        styled = any(local(each) == "tblPr" and each.get("firstRow") in ("1", "true") for each in table)
        has_header = len(rows) > 1 and (styled or names_columns(rows))
        for text in row_texts(rows[has_header:], rows[0] if has_header else ()):
            yield RawBlock("row", text, group=self._group)

    def _drawn(self, id_: str, parts: dict[str, Relation]) -> Iterator[RawBlock]:
        """Yield the words of a diagram, or the values that a chart shows."""
        relation = parts.get(id_)
        if relation is None or relation.target not in self._package.names:
            return
        root = self._package.xml(relation.target)
        if relation.kind == "diagramData":
            for paragraph in (each for each in root.iter() if local(each) == "p"):
                if text := clean(_text(paragraph)):
                    yield RawBlock("item", text, group=self._group)
        elif relation.kind == "chart":
            yield from self._chart(root)

    def _chart(self, root: _Element) -> Iterator[RawBlock]:
        titles = [each for each in root.iter() if local(each) == "title"][:1]
        if title := clean(" ".join(_text(each) for each in titles)):
            yield RawBlock("paragraph", title)
        series = [each for each in root.iter() if local(each) == "ser"]
        names = [_points(each, "tx") for each in series]
        categories = next((found for each in series if (found := _points(each, "cat") or _points(each, "xVal"))), [])
        columns = [_points(each, "val") or _points(each, "yVal") for each in series]
        rows = [list(row) for row in zip_longest(categories, *columns, fillvalue="")]
        for text in row_texts(rows, ["", *(" ".join(name) for name in names)]):
            yield RawBlock("row", text, group=self._group)


def _authors(package: Package, parts: Iterable[Relation]) -> dict[str, str]:
    """Return who may have commented, by the id that comments give."""
    told = [
        part.target for part in parts if part.kind in ("commentAuthors", "authors") and part.target in package.names
    ]
    return {
        each.get("id", ""): each.get("name", "")
        for target in told
        for each in package.xml(target).iter()
        if local(each) in ("cmAuthor", "author")
    }


def _placeholder(shape: _Element) -> str:
    """Return what a shape is a placeholder for (``obj`` if it does not say), the empty string if it is none."""
    found = next((each for each in shape.iter() if local(each) == "ph"), None)
    return found.get("type", "obj") if found is not None else ""


def _text(element: _Element) -> str:
    return "".join(
        (each.text or "") if local(each) == "t" else " " * (local(each) in _BREAKS) for each in element.iter()
    )


def _points(series: _Element, name: str) -> list[str]:
    """Return the cached values of a part of a chart's series."""
    part = next((each for each in series if local(each) == name), None)
    return [each.text or "" for each in part.iter() if local(each) == "v"] if part is not None else []
