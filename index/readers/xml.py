"""XML -> paragraphs and headings where it marks up a text, records and their values where it holds data."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from index.readers.decode import decode, encoding_named
from index.readers.json import value_blocks
from index.readers.package import declares_entities, xml_parser
from index.readers.parsed import Parsed, RawBlock, Unreadable
from index.readers.tables import names_columns, row_texts

if TYPE_CHECKING:
    from lxml.etree import _Element

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>\s*")
_ENCODING = re.compile(rb"""<\?xml[^>]{0,80}encoding=["']([\w-]+)""", re.IGNORECASE)
_OF_TEXTS = frozenset("p para paragraph sec section chapter body".split())
"""Elements that only texts have (DocBook, JATS, TEI and their like)."""

_HEADINGS = frozenset("title head heading h1 h2 h3 h4 h5 h6".split())
_ITEMS = frozenset("item listitem list-item li".split())
_TABLES = frozenset(("table", "informaltable"))
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def parse(data: bytes) -> Parsed:
    """Read XML; nothing is fetched and no entity is resolved.

    Raises ``Unreadable`` for what is not well-formed, with the place, and for a document type that declares entities.
    """
    from lxml import etree

    declared = _ENCODING.match(data.lstrip())
    text = _DECLARATION.sub("", decode(data, encoding_named(declared[1].decode("ascii")) if declared else None))
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), xml_parser(encoding="utf-8"))
    except etree.XMLSyntaxError as error:
        if not error.lineno:  # where the memory ends, lxml knows of no line
            raise MemoryError from error
        raise Unreadable(f"is no well-formed XML: {error.msg}.", "Correct it, or export it again.") from error
    if declares_entities(root):
        raise Unreadable("declares entities, which can be made to do harm.", "Save it without its document type.")
    if not _is_text(root):
        return value_blocks(_value(_innermost(root)))
    return Parsed(list(_blocks(root, 0)), metadata={"language": root.get(_LANGUAGE) or root.get("lang") or ""})


def _is_text(root: _Element) -> bool:
    """Tell whether the XML marks up a text: words stand beside elements, or an element is called a paragraph."""
    return any(_name(each) in _OF_TEXTS or (len(each) and _own_words(each)) for each in root.iter("*"))


def _blocks(element: _Element, depth: int) -> Iterator[RawBlock]:
    name = _name(element)
    if name in _TABLES:
        yield from _rows(element)
    elif len(element) and not _own_words(element) and name not in _HEADINGS:
        for child in element.iterchildren("*"):
            yield from _blocks(child, depth + 1)
    elif name in _HEADINGS:
        yield RawBlock("heading", _words(element), level=min(max(depth, 1), 6))
    else:
        yield RawBlock("item" if name in _ITEMS else "paragraph", _words(element))


def _rows(table: _Element) -> Iterator[RawBlock]:
    """Yield the rows of a table, each with the names of its columns where the first row has them."""
    rows = [[_words(cell) for cell in row.iterchildren("*")] for row in table.iter("{*}row", "{*}tr")]
    is_headed = next(table.iter("{*}thead"), None) is not None or names_columns(rows)
    yield from (
        RawBlock("row", text, group=id(table))
        for text in row_texts(rows[is_headed:], rows[0] if is_headed and rows else ())
    )


def _innermost(element: _Element) -> _Element:
    """Return the first element that holds more than one other."""
    while len(element) == 1 and len(element[0]):
        element = element[0]
    return element


def _value(element: _Element) -> object:
    """Return an element as JSON has it: its words, or a record of its attributes and of what is in it, by name."""
    words = "" if len(element) else _words(element)
    attributes = {str(name): str(value) for name, value in element.attrib.items() if "}" not in str(name)}
    if not attributes and not len(element):
        return words
    values: dict[str, list[object]] = {("text" if " " in words else "value"): [words]} if words else {}
    for name, text in attributes.items():
        values.setdefault(name, []).append(text)
    for child in element.iterchildren("*"):
        values.setdefault(_name(child), []).append(_value(child))
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _words(element: _Element) -> str:
    """Return all the words in an element; references to characters that a document type would name are resolved."""
    return html.unescape("".join(element.itertext())).strip()


def _own_words(element: _Element) -> bool:
    return any(text and text.strip() for text in (element.text, *(child.tail for child in element)))


def _name(element: _Element) -> str:
    return str(element.tag).rpartition("}")[2]
