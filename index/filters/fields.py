"""The fields that a filter may name, and their values in a document and in a passage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from index.readers.metadata import FIELDS

Fields: TypeAlias = Mapping[str, tuple[str, ...]]
"""The values of each field; one that has none is left out."""

DATE_FIELDS = ("published", "modified")
OF_PASSAGES = ("page", "heading")
"""Fields in which the passages of one document differ."""

STANDARD = ("title", "author", "outlet", "language", "format", "source", *DATE_FIELDS, *OF_PASSAGES)
"""Fields with a meaning of their own. Any other is a key of a document's front matter."""

_WORDS_FOR = {"section": "heading", "pages": "page", "headline": "title", "file": "source", "source": "source"}
_WHOLE = ("title", "source", "heading", "format", *DATE_FIELDS)
_LIST = re.compile(r" *[,;] +")
_PEOPLE = re.compile(r" *[,;] +(?:(?:and|y|e|und|et|&) +)?| +(?:and|y|e|und|et|&) +")


def canonical(name: str) -> str:
    """Return the name of a field as it is stored: ``Authors`` is ``author``, ``section`` is ``heading``.

    The words that front matter may use are understood here too, except that ``source`` is the name of the file.
    """
    name = name.strip().lower()
    return _WORDS_FOR.get(name) or FIELDS.get(name.replace("-", "_").replace(" ", "_"), name)


def document_fields(title: str, sources: Iterable[str], metadata: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the fields of a document. A list has its items for values, and the whole as it is written.

    No-break spaces part nothing, and equal spaces: they hold together the items of lists.
    """
    fields = {canonical(name): _values(canonical(name), value) for name, value in metadata.items()}
    return {**fields, **({"title": (title,)} if title else {}), "source": tuple(sources)}


def passage_fields(document: Fields, heading: str, pages: Iterable[int]) -> Fields:
    """Return the fields of a passage: those of its document, its heading and the pages that it stands on.

    A ``page`` or ``section`` that the front matter states counts for every passage, besides its own.
    """
    own = {"heading": (heading,) if heading else (), "page": tuple(map(str, pages))}
    merged = {name: (*document.get(name, ()), *values) for name, values in own.items()}
    return {**document, **{name: values for name, values in merged.items() if values}}


def _values(name: str, text: str) -> tuple[str, ...]:
    if name in _WHOLE:
        return (text,)
    items = (_PEOPLE if name == "author" else _LIST).split(text)
    values = (item.replace("\xa0", " ").strip() for item in (text, *items))
    return tuple(dict.fromkeys(filter(None, values)))
