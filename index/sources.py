"""The names that documents go by, and what is known of a file and of what lies in it."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from index.store.base import Origin


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


def within(name: str, member: str) -> str:
    """Return the source or location of a member of the file called ``name``; ``""`` is the file itself."""
    return f"{name}/{member}" if member else name


def as_text(path: str | Path) -> str:
    """Return a path as text that can be stored and shown, whatever bytes its name consists of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
