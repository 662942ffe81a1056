"""What the operator works on, and what the operator can do to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import FormData, UploadFile

from index.errors import InputError
from ui import receipt
from ui.admin.access import Access
from ui.admin.cases import Cases
from ui.admin.documents import Shelves
from ui.counted import counted
from ui.kept.feedback import asked_again

if TYPE_CHECKING:
    from collections.abc import Sequence

    from index.intake import AddResult
    from index.removal import Removal
    from index.store.base import DocumentInfo
    from ui.kept.conversations import Transcripts
    from ui.kept.days import Daybook
    from ui.kept.feedback import Judgements
    from ui.web.metrics import Metrics
    from ui.web.stream import Library


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages work on. ``shelves`` is there if the documents can be changed from here."""

    access: Access
    library: Library
    shelves: Shelves | None
    conversations: Transcripts
    feedback: Judgements
    cases: Cases
    metrics: Metrics
    days: Daybook
    home: Path
    reports: Path
    title: str


class Changes:
    """What the forms do. Each takes a form and the parts of its path and returns what to tell the operator."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def _shelves(self) -> Shelves:
        if self._desk.shelves is None:
            raise InputError("These documents cannot be changed from here.")
        return self._desk.shelves

    def add(self, fields: FormData, _: dict[str, str]) -> list[str]:
        """Index the uploaded files."""
        files = [each for each in fields.getlist("files") if isinstance(each, UploadFile) and each.filename]
        if not files:
            raise InputError("No file was chosen.", "Choose one or more.")
        return [_told(result) for result in self._shelves.add([(str(each.filename), each.file) for each in files])]

    def replace(self, fields: FormData, path: dict[str, str]) -> list[str]:
        """Put a file in the place of a document."""
        file = fields.get("files")
        if not isinstance(file, UploadFile) or not file.filename:
            raise InputError("No file was chosen.", "Choose the one that takes the place of the document.")
        mirrored = self._shelves.mirrored(path["document"])
        results, gone = self._shelves.replace(path["document"], file.filename, file.file)
        return [*map(_told, results), *([f"Gone: {_named(gone)}", *_to_come_back(mirrored)] if gone else [])]

    def remove(self, _: FormData, path: dict[str, str]) -> list[str]:
        """Remove a document."""
        mirrored = self._shelves.mirrored(path["document"])
        removed = self._shelves.remove(path["document"])
        told = [f"Removed for good: {'; '.join(receipt.lines(removal, 'press Repair'))}" for removal in removed]
        changed = receipt.impact(self._desk.library, self._desk.home)
        return [*told, *_to_come_back(mirrored), *receipt.traces(removed, "press Compact."), *filter(None, [changed])]

    def sync(self, _: FormData, __: dict[str, str]) -> list[str]:
        """Bring the index up to date with the folders of the settings."""
        changed = [result for result in self._shelves.sync() if result.status != "unchanged"]
        return [_told(result) for result in changed] or ["Nothing has changed in the folders."]

    def verify(self, _: FormData, __: dict[str, str]) -> list[str]:
        """Prove that the index is sound."""
        return self._state(self._shelves.archive.verify())

    def repair(self, _: FormData, __: dict[str, str]) -> list[str]:
        """Mend the index, and tell what is left."""
        mended, problems = self._shelves.mend()
        return [*(f"Mended: {each}" for each in mended or ["nothing had to be."]), *self._state(problems)]

    def compact(self, _: FormData, __: dict[str, str]) -> list[str]:
        """Give unused space back."""
        done = self._shelves.compact()
        return [f"The index took {done.before:,} bytes and takes {done.after:,} now."]

    def _state(self, problems: list[str]) -> list[str]:
        if problems:
            return problems
        totals = self._desk.library.stats()
        return [f"The index is sound: {counted(totals.documents, 'document')}, {counted(totals.passages, 'passage')}."]

    def draft(self, fields: FormData, _: dict[str, str]) -> list[str]:
        """Make a draft of an eval case from a judgement, or from an answer that found nothing."""
        message_id = str(fields.get("message_id", ""))
        judged = self._desk.feedback.entry(message_id)
        if judged is not None:
            self._desk.cases.draft(judged, "feedback")
        else:
            missed = self._desk.conversations.whoever(message_id)
            if missed is None or missed.answer is None or missed.answer.status != "not_found":
                raise InputError("There is no such judgement and no such gap on record.", "Reload the page.")
            self._desk.cases.draft({"reason": "", **asked_again(missed)}, "gap")
        return ["A draft was made. Say what a right answer holds, and it is a case."]

    def finish(self, fields: FormData, path: dict[str, str]) -> list[str]:
        """Turn a draft into a case, or drop it."""
        cases = self._desk.cases
        if "discard" in fields:
            cases.discard(path["case"])
            return ["The draft was dropped."]
        cases.finish(path["case"], str(fields.get("expected", "")), unanswerable="unanswerable" in fields)
        return [f"The case is in {cases.finished}."]


_SAID = ("unchanged", "deleted")
"""What needs no number of passages."""


def _told(result: AddResult) -> str:
    detail = result.reason if result.status == "failed" else counted(result.passages, "passage")
    return f"{result.source}: {result.status}" + ("" if result.status in _SAID else f" ({detail})")


def _to_come_back(mirrored: Sequence[Path]) -> list[str]:
    return [f"{path} is still there: the next sync indexes it again. Change it there, too." for path in mirrored]


def _named(info: DocumentInfo | Removal) -> str:
    return (
        f"{', '.join(info.sources)} ({info.title}; {counted(info.passages, 'passage')}, {info.characters:,} characters)"
    )
