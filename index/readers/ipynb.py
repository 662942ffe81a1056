"""Jupyter notebooks -> the prose of their Markdown cells, their code, and what it printed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from index.readers.html import plain_blocks
from index.readers.json import loaded
from index.readers.markdown import text_blocks
from index.readers.metadata import known_fields, with_header_facts
from index.readers.parsed import Parsed, RawBlock, Unreadable

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LONGEST_OUTPUT = 20_000
_TABLE = re.compile(r"<table[\s>]", re.IGNORECASE)


def parse(data: bytes) -> Parsed:
    """Read a notebook. Raises ``Unreadable`` for what is no notebook."""
    notebook = loaded(data)
    if not isinstance(notebook, dict):
        raise Unreadable("is not a notebook.", "Save it again in Jupyter.")
    blocks = [raw for cell in _cells(notebook) for raw in _cell(cell)]
    declared = _mapping(notebook.get("metadata"))
    authors = [_text(_mapping(each).get("name")) for each in _items(declared.get("authors"))]
    fields = known_fields([*((str(key), value) for key, value in declared.items()), ("author", authors)])
    kept: dict[str, str] = {name: fields[name] for name in ("author", "published", "modified") if name in fields}
    return with_header_facts(Parsed(blocks, fields.get("title", ""), kept))


def _cells(notebook: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield the cells; notebooks before 2014 kept them in worksheets."""
    sheets = [_mapping(sheet) for sheet in _items(notebook.get("worksheets"))]
    for holder in (notebook, *sheets):
        yield from map(_mapping, _items(holder.get("cells")))


def _cell(cell: Mapping[str, object]) -> Iterator[RawBlock]:
    kind = cell.get("cell_type")
    source = _text(cell.get("source", cell.get("input")))
    if kind == "markdown":
        yield from text_blocks(source)
    elif kind == "heading":
        level = _text(cell.get("level"))
        yield RawBlock("heading", source, level=min(max(int(level), 1), 6) if level.isdecimal() else 1)
    elif kind == "code":
        yield RawBlock("code", source)
        for output in _items(cell.get("outputs")):
            yield from _output(_mapping(output))
    elif kind == "raw":
        yield RawBlock("code", source)


def _output(output: Mapping[str, object]) -> Iterator[RawBlock]:
    """Yield what a cell printed, a table as rows; pictures are left out."""
    data = {**output, **_mapping(output.get("data"))}
    html = _text(data.get("text/html") or data.get("html"))
    if _TABLE.search(html):
        yield from plain_blocks(html)
    elif markdown := _text(data.get("text/markdown")):
        yield from text_blocks(markdown)
    elif output.get("output_type") in ("error", "pyerr"):
        yield RawBlock("code", f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}")
    elif any(key.startswith("image/") for key in data):
        return  # its text only says that there is a picture
    elif text := _text(data.get("text/plain") or data.get("text")):
        yield RawBlock("code", _ANSI.sub("", text[:_LONGEST_OUTPUT]))


def _text(value: object) -> str:
    """Return a text that a notebook may hold line by line."""
    if isinstance(value, list):
        return "".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []
