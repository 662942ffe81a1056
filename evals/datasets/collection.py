"""Documents with questions about them, as every public set becomes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from evals.cases.format import Case, Suite

Item = TypeVar("Item")

KEPT_OUT = 0.2
"""Share of the articles that the cross-encoder never learns from."""
_NUMBER = re.compile(r"-\d{3,}\.\w+$")


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents that share an index, by file name, and the cases over them.

    ``asked_of`` names, by case id, the document that a question was written for, also where it does not answer.
    """

    name: str
    documents: Mapping[str, str]
    cases: tuple[Case, ...]
    asked_of: Mapping[str, str]

    def article(self, case: Case) -> str:
        """Return what a case shares with others: the title of the document that it was written for, as a slug."""
        return _NUMBER.sub("", self.asked_of.get(case.id, case.id))

    def write(self, folder: Path) -> Suite:
        """Write the documents below ``folder`` (files that are there already stay untouched) and return the suite."""
        corpus = folder / self.name
        corpus.mkdir(parents=True, exist_ok=True)
        for name, text in self.documents.items():
            path = corpus / name
            if not path.exists() or path.read_bytes() != text.encode():
                path.write_bytes(text.encode())
        return Suite(Path(self.name), (corpus,), {}, self.cases)


def kept_out(article: str) -> bool:
    """Tell whether the cross-encoder never learns from an article, whichever set has it."""
    return hashlib.sha256(article.encode()).digest()[1] < 256 * KEPT_OUT


def spread(items: Sequence[Item], limit: int) -> list[Item]:
    """Return ``limit`` items at most, spread evenly."""
    count = min(limit, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def joined(name: str, parts: Iterable[Collection]) -> Collection:
    """Return the documents and cases of several collections as one collection."""
    documents: dict[str, str] = {}
    cases: list[Case] = []
    asked_of: dict[str, str] = {}
    for part in parts:
        documents |= part.documents
        cases += part.cases
        asked_of |= part.asked_of
    return Collection(name, documents, tuple(cases), asked_of)


def single(name: str, title: str, number: int, text: str, case: Callable[[str], Case]) -> Collection:
    """Return a collection of one document with one case, made by ``case`` of the document's name."""
    source = f"{slug(title)[:100]}-{number:05}.txt"
    made = case(source)
    return Collection(name, {source: f"{title}\n\n{text}\n"}, (made,), {made.id: source})


def slug(text: str) -> str:
    """Return words as part of a file name: lower case, joined by hyphens."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")
