"""A question proposed for a sentence, with what answers it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asking:
    """A question and what of the sentence answers it: a wording, a number, a date, or all items of a list.

    A number is its value and the word for what it counts; a date is as ISO 8601 writes it.
    """

    question: str
    wording: str = ""
    number: tuple[float, str] | None = None
    date: str = ""
    listed: tuple[str, ...] = ()
