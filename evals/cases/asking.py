"""A question proposed for a sentence, with what answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evals.types import Quantity


@dataclass(frozen=True, slots=True)
class Asking:
    """A question and what of the sentence answers it: a wording, a quantity, a date, or all items of a list."""

    question: str
    wording: str = ""
    quantity: Quantity | None = None
    date: str = ""
    listed: tuple[str, ...] = ()
