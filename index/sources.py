"""The names that documents go by, and what is known of a file and of what lies in it."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from index.store.base import UNSETTLED, Origin


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to add: where it is, and its name relative to what the user named."""

    path: Path
    name: str


class Sources:
    """The origins of an index, by file."""

    def __init__(self, origins: Mapping[str, Origin]) -> None:
        self._origins = origins
        self._locations = sorted(origins)
        self._taken = {origin.source for origin in origins.values()}
        # A container's own name is the beginning of its members' names.
        self._taken |= {str(folder) for source in self._taken for folder in PurePosixPath(source).parents}

    def before(self, location: str) -> dict[str, Origin]:
        """Return what came from the file at ``location``, by member (``""``: the file itself)."""
        inside = f"{location}/"
        found = {"": self._origins[location]} if location in self._origins else {}
        at = bisect_left(self._locations, inside)
        while at < len(self._locations) and self._locations[at].startswith(inside):
            found[self._locations[at].removeprefix(inside)] = self._origins[self._locations[at]]
            at += 1
        return found

    def name(self, file: FoundFile, before: Mapping[str, Origin]) -> str:
        """Return the name of a file: the one it has, else a free one, with as many folders as tell it apart."""
        for member, origin in before.items():
            return origin.source.removesuffix(f"/{member}") if member else origin.source
        name = file.name
        for parent in Path(os.path.realpath(file.path)).parents[len(Path(file.name).parts) - 1 :]:
            if name not in self._taken:
                break
            name = f"{as_text(parent.name)}/{name}"
        number = 2
        unique = name
        while unique in self._taken:
            unique, number = f"{name} ({number})", number + 1
        self._taken.add(unique)
        return unique


@dataclass(frozen=True, slots=True)
class Visit:
    """A file that is being read: what came from it before, and what is found in it now (document ids by member)."""

    location: str
    name: str
    before: Mapping[str, Origin]
    size: int
    modified_ns: int
    found: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    @property
    def is_one_document(self) -> bool:
        """Whether the file is a document, and nothing else is or was in it."""
        return not self.failed and self.found.keys() == {""} >= self.before.keys()

    def is_of(self, digest: str) -> bool:
        """Tell whether it is the file with this digest that was read."""
        return digest.startswith(self.found.get("", ""))

    def origin(self, member: str, modified_ns: int, digest: str) -> Origin:
        """Return the origin of a member's document."""
        location, source = within(self.location, member), within(self.name, member)
        return Origin(location, source, self.size, modified_ns, digest, self.found[member])

    def origins(self, digest: str) -> list[Origin]:
        """Return all that the file consists of; what failed keeps what was stored of it before."""
        time = UNSETTLED if self.failed else self.modified_ns
        kept = [
            replace(origin, modified_ns=UNSETTLED)
            for member, origin in self.before.items()
            if member not in self.found and any(f"{member}/".startswith(f"{failed}/") for failed in self.failed)
        ]
        return [*(self.origin(member, time, digest) for member in self.found), *kept]


def within(name: str, member: str) -> str:
    """Return the source or location of a member of the file called ``name``; ``""`` is the file itself."""
    return f"{name}/{member}" if member else name


def location_of(path: Path) -> str:
    """Return what identifies a file: its path without links, as text."""
    return as_text(os.path.realpath(path))


def as_text(path: str | Path) -> str:
    """Return a path as text that can be stored and shown, whatever bytes its name consists of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
