"""What a judge said before, kept in the home folder: an unchanged answer is judged once.

A file holds the verdicts of one judge. A line is the SHA-256 of what the judge was asked and what it said, so nothing
of an answer can be read from it. Silence is not kept: the judge is asked again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from index.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "verdicts"
Verdict = Literal["right", "wrong", "none"]
"""What a judge says of an answer; ``none`` where it says neither, or nothing."""
_KEPT: Mapping[str, Verdict] = {"right": "right", "wrong": "wrong"}


class Verdicts:
    """The verdicts of the judge that ``judge`` names; ``fresh`` gives none of those known, and keeps the new ones."""

    def __init__(self, home: Path, judge: str, *, fresh: bool = False) -> None:
        """Read what is kept.

        Raises:
            InputError: the folder cannot be written.
        """
        self._path = home / "evals" / FOLDER / f"{hashlib.sha256(judge.encode()).hexdigest()[:16]}.txt"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            raise InputError(f"Cannot write {self._path}: {error.strerror}.", "Choose another --home.") from error
        self._known: dict[str, Verdict] = {}
        for key, _, said in (line.partition(" ") for line in lines if not fresh):
            if verdict := _KEPT.get(said):
                self._known[key] = verdict

    def get(self, asked: str) -> Verdict | None:
        """Return what the judge said, if it was asked this."""
        return self._known.get(_key(asked))

    def put(self, asked: str, said: Verdict) -> None:
        """Keep what the judge said, unless it said nothing."""
        if said == "none" or self.get(asked) == said:
            return
        self._known[_key(asked)] = said
        with self._path.open("ab", buffering=0) as file:
            file.write(f"\n{_key(asked)} {said}\n".encode())  # begins a line even where a run ended inside one

    def forget(self) -> None:
        """Erase all that is kept of this judge."""
        self._known.clear()
        self._path.write_bytes(b"")


def _key(asked: str) -> str:
    return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()
