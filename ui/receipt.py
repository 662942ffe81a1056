"""What became of documents that were removed, in words: one receipt for the terminal and the operator's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from index.errors import InputError
from ui.counted import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evals.running.answerer import Documents
    from index.removal import Removal


def still_found(removal: Removal) -> bool:
    """Tell whether a search finds the document all the same, as it may in a damaged index."""
    return any(removal.still_found.values())


def lines(removal: Removal, remedy: str) -> list[str]:
    """Return the receipt of one document; ``remedy`` says what to do where it is still found."""
    names, kept = ", ".join(removal.sources), ", ".join(removal.kept_sources)
    if kept:
        return [f"{names}  (only this name; the text stays, as {kept})"]
    found = [f"{number} by {search} search" for search, number in removal.still_found.items() if number]
    proof = f"STILL FOUND: {', '.join(found)}; {remedy}" if found else "found by no search"
    size = f"{counted(removal.passages, 'passage')}, {counted(removal.vectors, 'vector')}, {removal.bytes:,} bytes"
    told = [f"{names}  ({size}; {proof})"]
    return told + ([f"the same words stand in: {', '.join(removal.elsewhere)}"] if removal.elsewhere else [])


def traces(removals: Sequence[Removal], remedy: str) -> list[str]:
    """Say if words of what was removed are still in the files of the index; ``remedy`` says what erases them."""
    if all(removal.erased for removal in removals):
        return []
    return [f"Its words are still in files of the index, where no search finds them. To erase them, {remedy}"]


def impact(corpus: Documents, home: Path) -> str:
    """Erase the answers that evals keep of what is gone, and say how many cases and saved answers cited it, if any."""
    from evals.cases.impact import altered, cited_by_saved_answers, counted, recall
    from evals.running.memory import forget

    forget(home)
    try:
        changed = counted(altered([*recall(home), *cited_by_saved_answers(home)], corpus))
    except InputError as error:
        return str(error)  # what was removed is told all the same
    return f"{changed} cited text that is no longer there. See: citechat eval impact" if changed else ""
