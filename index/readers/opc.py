"""What Word, Excel and PowerPoint packages have in common: parts, their relations, and the document's properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.readers.metadata import known_fields
from index.readers.package import Package, joined
from index.readers.parsed import clean

if TYPE_CHECKING:
    from lxml.etree import _Element

_TEMPLATE_OF_PYTHON_PPTX = "2013-01-27T09:14:16Z"
_LIBRARIES = frozenset(("openpyxl", "python-docx", "python-pptx", "xlsxwriter", "apache poi"))
_NO_TITLES = frozenset(("powerpoint presentation", "slide 1", "untitled", "presentation"))


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to: the last word of the relation's type (``slide``) and the part's name."""

    kind: str
    target: str


def relations(package: Package, part: str) -> dict[str, Relation]:
    """Return id -> relation of a part, of the whole package for the empty name; links out of it are left out."""
    folder, _, name = part.rpartition("/")
    member = f"{folder}/_rels/{name}.rels".lstrip("/")
    if member not in package.names:
        return {}
    return {
        each.get("Id", ""): Relation(each.get("Type", "").rsplit("/", 1)[-1], joined(part, each.get("Target", "")))
        for each in package.xml(member)
        if isinstance(each.tag, str) and each.get("TargetMode") != "External"
    }


def related(package: Package, part: str, kind: str) -> str:
    """Return the name of the first part of this kind that ``part`` refers to, or the empty string."""
    found = (each.target for each in relations(package, part).values() if each.kind == kind)
    return next((target for target in found if target in package.names), "")


def properties(package: Package) -> tuple[str, dict[str, str]]:
    """Return the title and the known fields of the package's core properties."""
    member = related(package, "", "core-properties")
    if not member:
        return "", {}
    values = {local(each): clean("".join(each.itertext())) for each in package.xml(member)}
    title = values.get("title", "")
    author = values.get("creator", "")
    if values.get("created") == _TEMPLATE_OF_PYTHON_PPTX:
        return "" if title.lower() in _NO_TITLES else title, {}
    fields = [
        ("author", "" if author.lower() in _LIBRARIES else author),
        ("published", values.get("created", "")),
        ("modified", values.get("modified", "")),
        ("language", values.get("language", "")),
    ]
    return "" if title.lower() in _NO_TITLES else title, known_fields(fields)


def local(element: _Element) -> str:
    """Return an element's name without its namespace, the empty string for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def reference(element: _Element, name: str = "id") -> str:
    """Return the id of a relation that an element refers to (``r:id``), or the empty string."""
    return next((value for key, value in element.attrib.items() if key.endswith(f"}}{name}")), "")
