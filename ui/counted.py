"""Things and how many of them, for people: *1 passage*, *1,204 passages*."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with the noun, which takes an *s* unless it is one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
