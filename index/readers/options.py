"""What a reader is told besides the bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from index.readers.parsed import Unreadable


def _nobody_waits() -> None:
    """Where nobody set a time limit, nobody has to hear of progress."""


@dataclass(frozen=True, slots=True)
class Options:
    """``password`` opens what is encrypted; no representation shows it.

    ``alive`` is called between the steps of long work: each of them, and not the whole, has to keep within the time
    limit.
    """

    password: str = field(default="", repr=False)
    alive: Callable[[], None] = _nobody_waits


def wrong_password(options: Options) -> Unreadable:
    """Return the verdict on a file that ``options.password`` does not open."""
    if options.password:
        return Unreadable("is encrypted with a password other than the one given.", "Check --password.")
    return Unreadable("is encrypted with a password.", "Give it with --password.")
