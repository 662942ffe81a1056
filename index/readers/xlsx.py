"""Excel workbooks (.xlsx, .xlsm) -> a section a sheet, a block a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

from index.readers.grid import MOST_CELLS, Grid, grid_blocks, too_many_cells
from index.readers.numfmt import BUILTIN, stored
from index.readers.opc import local, properties, reference, related, relations
from index.readers.package import Package
from index.readers.parsed import Parsed, RawBlock, clean, comment

if TYPE_CHECKING:
    from lxml.etree import _Element

_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_PHONETIC = frozenset(("rPh", "phoneticPr"))
_IN_ROWS = frozenset("c v is t r f rPh".split())
_GROUPS_PER_SHEET = 1_000_000
_Item = TypeVar("_Item")


def parse(data: bytes) -> Parsed:
    """Read a workbook's visible sheets. Raises ``Unreadable`` for bombs, encrypted and damaged files."""
    package = Package(data, "Excel workbook")
    part = related(package, "", "officeDocument")
    if not part:
        raise package.damaged()
    book = _Book(package, part)
    title, fields = properties(package)
    return Parsed(list(book.blocks()), title, fields, labelled=True)


class _Book:
    """A workbook: the texts and the formats that its sheets share."""

    def __init__(self, package: Package, part: str) -> None:
        self._package = package
        self._workbook = package.xml(part)
        self._parts = relations(package, part)
        self._is_1904 = any(
            each.get("date1904") in ("1", "true") for each in self._workbook if local(each) == "workbookPr"
        )
        shared = related(package, part, "sharedStrings")
        self._shared = [_text(each) for each in package.xml(shared)] if shared else []
        styles = related(package, part, "styles")
        self._formats, self._bold = _styles(package.xml(styles)) if styles else ([], [])
        people = related(package, part, "person")
        self._people = {
            each.get("id", ""): each.get("displayName", "") for each in (package.xml(people) if people else ())
        }
        self._left = MOST_CELLS

    def blocks(self) -> Iterator[RawBlock]:
        sheets = [each for each in self._workbook.iter() if local(each) == "sheet"]
        visible = [each for each in sheets if each.get("state", "visible") == "visible"] or sheets
        for number, sheet in enumerate(visible):
            relation = self._parts.get(reference(sheet))
            if relation is None or relation.kind != "worksheet":
                continue
            group = number * _GROUPS_PER_SHEET
            found = list(grid_blocks(self._grid(relation.target), group))
            found += [RawBlock("row", text, group=group) for text in self._comments(relation.target)]
            if found:
                yield RawBlock("heading", sheet.get("name", ""), level=2)
                yield from found

    def _comments(self, sheet: str) -> Iterator[str]:
        """Yield the comments on a sheet's cells; of those in a conversation, Excel keeps a copy that is no comment."""
        parts = list(relations(self._package, sheet).values())
        told = [each for part in parts if part.kind == "threadedComment" for each in self._package.xml(part.target)]
        for each in told:
            author = self._people.get(each.get("personId", ""), "")
            yield comment(author, " ".join(each.itertext()), each.get("ref", ""))
        answered = {each.get("ref") for each in told}
        for root in (self._package.xml(part.target) for part in parts if part.kind == "comments"):
            authors = ["".join(each.itertext()) for each in root.iter() if local(each) == "author"]
            for each in (each for each in root.iter() if local(each) == "comment"):
                if each.get("ref") not in answered:
                    author = _at(authors, each.get("authorId", ""), "")
                    yield comment(author, _text(each).removeprefix(f"{author}:"), each.get("ref", ""))

    def _grid(self, member: str) -> Grid:
        """Read a sheet, forgetting each row's elements as soon as it is read."""
        grid = Grid()
        number = -1
        for element in self._package.elements(member, keep=_IN_ROWS):
            if local(element) == "row":
                number = self._row(grid, element, number)
            elif local(element) == "mergeCell" and (merge := _range(element.get("ref", ""))):
                grid.merges.append(merge)
        return grid

    def _row(self, grid: Grid, element: _Element, before: int) -> int:
        stated = element.get("r", "")
        number = int(stated) - 1 if stated.isdecimal() and len(stated) <= 7 else before + 1
        column = -1
        row: dict[int, str] = {}
        is_bold = True
        for cell in element:
            at = _position(cell.get("r", ""))
            column = at[1] if at else column + 1
            if text := clean(self._shown(cell)):
                row[column] = text
                is_bold = is_bold and _at(self._bold, cell.get("s", "0"), False)
        self._left -= len(row)
        if self._left < 0:
            raise too_many_cells()
        if row:
            grid.rows[number] = row
            if is_bold:
                grid.bold.add(number)
        return number

    def _shown(self, cell: _Element) -> str:
        """Return a cell's text as Excel shows it; of a formula, its stored value."""
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return _text(cell)
        value = next((each.text or "" for each in cell if local(each) == "v"), "").strip()
        if kind == "s":
            return _at(self._shared, value, "")
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind != "n" or not value:
            return value
        return stored(value, _at(self._formats, cell.get("s", "0"), "General"), self._is_1904)


def _styles(root: _Element) -> tuple[list[str], list[bool]]:
    """Return the format code of each cell style, and whether it is bold."""
    codes = {str(number): code for number, code in BUILTIN.items()}
    fonts: list[bool] = []
    styles: list[_Element] = []
    for group in root:
        if local(group) == "numFmts":
            codes.update({each.get("numFmtId", ""): each.get("formatCode", "General") for each in group})
        elif local(group) == "fonts":
            fonts = [any(local(each) == "b" and each.get("val") not in ("0", "false") for each in f) for f in group]
        elif local(group) == "cellXfs":
            styles = list(group)
    formats = [codes.get(each.get("numFmtId", ""), "General") for each in styles]
    return formats, [_at(fonts, each.get("fontId", "0"), False) for each in styles]


def _text(element: _Element) -> str:
    """Return the text of a shared or inline string without its phonetic reading."""
    return "".join(
        each.text or ""
        for each in element.iter()
        if local(each) == "t" and not any(local(above) in _PHONETIC for above in each.iterancestors())
    )


def _position(reference: str) -> tuple[int, int] | None:
    """Return row and column, from 0, of ``B7``."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - 64
    return int(match[2]) - 1, column - 1


def _range(reference: str) -> tuple[int, int, int, int] | None:
    first, _, last = reference.partition(":")
    top, bottom = _position(first), _position(last)
    return (*top, *bottom) if top and bottom else None


def _at(items: list[_Item], number: str, default: _Item) -> _Item:
    return items[int(number)] if number.isdecimal() and len(number) < 10 and int(number) < len(items) else default
