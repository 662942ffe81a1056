"""What a page says of itself in linked data (JSON-LD), in whichever of its objects."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_LONGEST = 2**20
_MOST_NAMES = 20


def linked_data(tree: _Element, name: str) -> str:
    """Return what is called ``name`` first in a page: a text, or the names of people, separated by commas."""
    for value in _objects(tree):
        if name in value and (found := ", ".join(_texts(value[name]))):
            return found
    return ""


def _objects(tree: _Element) -> Iterator[dict[str, object]]:
    """Yield the objects of a page's linked data, outer ones first."""
    for script in tree.iter("script"):
        if script.get("type") != "application/ld+json" or len(script.text or "") > _LONGEST:
            continue
        try:
            queue = deque([json.loads(script.text or "null")])
        except (ValueError, RecursionError):
            continue
        while queue:
            value = queue.popleft()
            if isinstance(value, dict):
                yield value
                queue += value.values()
            elif isinstance(value, list):
                queue += value


def _texts(value: object) -> list[str]:
    found = value if isinstance(value, list) else [value]
    names = (each.get("name") if isinstance(each, dict) else each for each in found[:_MOST_NAMES])
    return [name.strip() for name in names if isinstance(name, str) and name.strip()]
