"""Values that know the line of the file they stand on, so that an error can name it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from index.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a file: a mapping, a sequence, or a scalar.

    ``where`` is ``file:line``. A scalar keeps the words as written in ``text`` (``""`` for null), so that the
    answer ``No`` or ``1.10`` stays what its author wrote, and what they mean as data in ``scalar``.
    """

    where: str
    mapping: dict[str, Node] | None = None
    sequence: tuple[Node, ...] | None = None
    text: str = ""
    scalar: object = None

    def error(self, problem: str, remedy: str = "") -> InputError:
        """Return an error about this value, and what to do about it where that does not go without saying."""
        return InputError(f"{self.where}: {problem}{'.' if remedy else ''}", remedy)

    def fields(self, what: str, known: Iterable[str]) -> dict[str, Node]:
        """Return the mapping; raise ``InputError`` if it is none or has a key that is not ``known``."""
        if self.mapping is None:
            raise self.error(f"{what} must be a mapping of {', '.join(known)}")
        for key, node in self.mapping.items():
            if key not in known:
                close = get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"the keys are {', '.join(known)}"
                raise node.error(f"unknown key {key!r}, {hint}")
        return self.mapping

    def items(self, what: str) -> tuple[Node, ...]:
        """Return the sequence; raise ``InputError`` if it is none."""
        if self.sequence is None:
            raise self.error(f"{what} must be a list")
        return self.sequence

    def string(self, what: str) -> str:
        """Return the words of a scalar; raise ``InputError`` if it is none or blank."""
        if self.mapping is not None or self.sequence is not None or not self.text.strip():
            raise self.error(f"{what} must be text that is not empty")
        if any("\ud800" <= character <= "\udfff" for character in self.text):
            raise self.error(f"{what} holds half a character (an unpaired surrogate)")
        return self.text

    def boolean(self, what: str) -> bool:
        """Return a truth value; raise ``InputError`` if it is none."""
        if not isinstance(self.scalar, bool):
            raise self.error(f"{what} must be true or false")
        return self.scalar

    def data(self) -> object:
        """Return plain dictionaries, lists and scalars."""
        if self.mapping is not None:
            return {key: node.data() for key, node in self.mapping.items()}
        if self.sequence is not None:
            return [node.data() for node in self.sequence]
        return self.scalar
