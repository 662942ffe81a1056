"""Which answers stand on words that are gone: the cases and saved answers that cited what a document no longer says.

Of what a run cited, the home folder keeps where it stood and a digest of the words, not the words: what is removed from
the index is not kept here either.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evals.cases.feedback import FILE as FEEDBACK
from evals.cases.feedback import Feedback, read_feedback
from evals.scoring.text import normalise
from index.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from evals.reports.stored import StoredReport
    from evals.running.answerer import Documents
    from evals.scoring.judge import CaseResult

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Citation:
    """Words of a source that an answer stands on: how many, and the SHA-256 of them without marks and case.

    ``case`` is the id of the case, ``None`` for an answer that a reader judged.
    """

    case: str | None
    question: str
    source: str
    words: int
    digest: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Impact:
    """A case, or a saved answer, that cited words which its source no longer says (``gone``: there is no source)."""

    case: str | None
    question: str
    source: str
    gone: bool

    def __str__(self) -> str:
        what = f"case {self.case}" if self.case is not None else "saved answer"
        why = "is gone" if self.gone else "does not say it any more"
        return f"{what}: {self.question} ({self.source} {why})"


def cite(case: str | None, question: str, source: str, text: str) -> Citation:
    """Return what is kept of a citation."""
    words = _words(text)
    return Citation(case, question, source, len(words), _digest(words))


def cited_by(results: Iterable[CaseResult]) -> list[Citation]:
    """Return what the answers of a run cite."""
    return [
        cite(result.case.id, result.case.question, quote.source, quote.text)
        for result in results
        for quote in result.answer.quotes
    ]


def cited_in(report: StoredReport) -> list[Citation]:
    """Return what the answers of a stored report cite."""
    return [
        cite(case["id"], case.get("question", ""), quote["source"], quote["text"])
        for case in report["cases"]
        for claim in case.get("claims", [])
        for quote in claim["quotes"]
    ]


def cited_by_saved_answers(home: Path) -> list[Citation]:
    """Return what the answers cite that readers have judged, as the file of a home folder has them."""
    return cited_by_judged(read_feedback(home / FEEDBACK))


def cited_by_judged(judged: Iterable[Feedback]) -> list[Citation]:
    """Return what the answers of these judgements cite."""
    return [cite(None, each.question, quote.source, quote.text) for each in judged for quote in each.quotes]


def remember(home: Path, results: Sequence[CaseResult]) -> None:
    """Keep what a run cited, in place of what the same cases cited before."""
    path = _path(home)
    asked = {result.case.id for result in results}
    kept = [each for each in recall(home) if each.case not in asked]
    lines = [json.dumps(each.as_json(), ensure_ascii=False) for each in (*kept, *cited_by(results))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="surrogatepass")


def recall(home: Path) -> list[Citation]:
    """Return what the cases of earlier runs on this home folder cited."""
    path = _path(home)
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogatepass").splitlines()
        entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [Citation(**entry) for entry in entries]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", "Remove it; the next eval run writes it anew.") from error


def altered(citations: Iterable[Citation], corpus: Documents) -> list[Impact]:
    """Return the cases and answers whose cited words stand nowhere in the document that has the source today.

    Words that only moved, or whose lines and marks changed, are still there.
    """
    documents = {source: info.id for info in corpus.documents() for source in info.sources}
    texts: dict[str, list[str]] = {}
    found: dict[Impact, None] = {}
    for each in citations:
        document_id = documents.get(each.source)
        if document_id is None:
            found[Impact(each.case, each.question, each.source, True)] = None
            continue
        if document_id not in texts:
            texts[document_id] = _words(corpus.document(document_id).text)
        if not _stands(each, texts[document_id]):
            found[Impact(each.case, each.question, each.source, False)] = None
    return list(found)


def counted(impacts: Sequence[Impact]) -> str:
    """Say how many cases and saved answers there are, or nothing of none."""
    cases = len({each.case for each in impacts if each.case is not None})
    answers = len({each.question for each in impacts if each.case is None})
    named = [
        f"{number} {noun}{'s' if number > 1 else ''}" for number, noun in ((cases, "case"), (answers, "saved answer"))
    ]
    return " and ".join(each for each in named if not each.startswith("0 "))


def _path(home: Path) -> Path:
    return home / "evals" / "cited.jsonl"


def _words(text: str) -> list[str]:
    return _WORD.findall(normalise(text))


def _digest(words: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def _stands(citation: Citation, words: Sequence[str]) -> bool:
    starts = range(len(words) - citation.words + 1)
    return any(_digest(words[start : start + citation.words]) == citation.digest for start in starts)
