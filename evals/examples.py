"""Questions with known answers as citechat reads them: what the fitted models learn from.

They are those of the public sets ``squad2``, ``nq`` and ``clapnq`` and of the suites over ``seeds/`` that are put in
other words on purpose. Half of them, by a hash of what they share (article, suite and document), is kept for measuring.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from evals.cases import Case, load_cases
from evals.datasets import Collection, joined, load
from evals.homes import SuitePipelines
from evals.text import contains
from index.filters import parse_filter
from rag.pipeline import Pipeline
from rag.read import Candidate
from rag.rewrite import standalone
from rag.settings import load_settings

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

PUBLIC = ("squad2", "nq", "clapnq")
OWN = ("dossier", "handbook", "manual", "unanswerable")
SUITES = Path(__file__).with_name("suite") / "hard"
ARCHIVE = "archive"
"""Kind of the questions asked of the documents of all public sets at once."""
ELSEWHERE = 3
"""If one of so many best sentences holds the answer although its document is gone, another document answers."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question as it was read.

    Features of its sentences ``(n, d)``, the cross-encoder's log-odds ``(n,)`` (``-inf`` where it did not read), which
    of the sentences answer, and the gate's features.

    ``group`` names what it shares with other questions, ``kind`` where it is from.
    """

    kind: str
    group: str
    answerable: bool
    sentences: Floats
    log_odds: Floats
    answering: Booleans
    gate: Floats

    @property
    def held_out(self) -> bool:
        """Whether it is kept for measuring."""
        return hashlib.sha256(self.group.encode()).digest()[0] % 2 == 1


def examples(data: Path, home: Path, limit: int, *, unlearned: bool) -> list[Example]:
    """Read the questions of all sets, ``limit`` of each at most; with ``unlearned``, see `evals.datasets.load`."""
    found: list[Example] = []
    with SuitePipelines(load_settings(home)) as pipeline_for:
        for name in PUBLIC:
            collection = _merged(name, data, limit, unlearned=unlearned)
            suite = collection.write(home / "documents")
            exam = _Exam(pipeline_for(suite), collection.article)
            found += filter(None, (exam.read(case, name) for case in _bar(suite.cases, name)))
        for name in OWN:
            suite = load_cases(SUITES / f"{name}.yaml")
            exam = _Exam(pipeline_for(suite), _document)
            found += filter(None, (exam.read(case, name) for case in _bar(suite.cases, name)))
    return found


def archive_examples(data: Path, home: Path, limit: int) -> list[Example]:
    """Read the public sets' questions again, each asked of all their documents at once.

    Only questions of articles that are kept out of the cross-encoder's training are asked. One with an answer is asked
    twice: of everything, and of everything but the document that answers. Then it is unanswerable in the way people's
    questions are: about what the archive deals with, but does not tell. It is left out if another document seems to
    tell.
    """
    whole = joined(ARCHIVE, [_merged(name, data, limit, unlearned=True) for name in PUBLIC])
    suite = whole.write(home / "documents")
    found: list[Example] = []
    with SuitePipelines(load_settings(home)) as pipeline_for:
        exam = _Exam(pipeline_for(suite), whole.article)
        for case in _bar(suite.cases, ARCHIVE):
            if example := exam.read(case, ARCHIVE):
                found.append(example)
            gone = replace(case, filter=f'source!="{whole.asked_of[case.id]}"', evidence=())
            example = None if case.unanswerable else exam.read(gone, f"{ARCHIVE}, document gone")
            if example and not example.answering[:ELSEWHERE].any():
                found.append(replace(example, answerable=False))
    return found


def _merged(name: str, data: Path, limit: int, *, unlearned: bool) -> Collection:
    """Return all collections of a set as one, with all documents of the set."""
    chosen = {case.id for each in load(name, data, limit, unlearned=unlearned) for case in each.cases}
    whole = joined(name, load(name, data))
    return replace(whole, cases=tuple(case for case in whole.cases if case.id in chosen))


def _document(case: Case) -> str:
    return case.evidence[0].source if case.evidence else case.id


def _bar(cases: Sequence[Case], name: str) -> Iterable[Case]:
    return tqdm(cases, desc=name, unit="question", disable=None)


class _Exam:
    """Reads the questions of one index; ``group`` names what a case shares with others."""

    def __init__(self, pipeline: Pipeline, group: Callable[[Case], str]) -> None:
        self._pipeline = pipeline
        self._group = group
        self._sources = {info.id: info.sources for info in pipeline.corpus.documents()}

    def read(self, case: Case, kind: str) -> Example | None:
        """Read a case's question, unless it has no content, is two in one, or nothing is found for it."""
        question = standalone(case.question, case.history)
        where = parse_filter(case.filter) if case.filter else None
        readings = self._pipeline.readings(question, where) if question else []
        if len(readings) != 1 or readings[0].features is None:
            return None
        candidates = readings[0].candidates
        return Example(
            kind=kind,
            group=self._group(case),
            answerable=not case.unanswerable,
            sentences=np.array([candidate.features for candidate in candidates]),
            log_odds=np.array([candidate.log_odds for candidate in candidates]),
            answering=np.array([self._answers(case, candidate) for candidate in candidates], bool),
            gate=readings[0].features,
        )

    def _answers(self, case: Case, candidate: Candidate) -> bool:
        """Tell whether a sentence holds a wanted wording and stands in a document of the evidence, if that is known."""
        if not any(contains(candidate.text, wording) for group in case.answer for wording in group):
            return False
        sources = self._sources[candidate.document_id]
        return not case.evidence or any(source.endswith(each.source) for each in case.evidence for source in sources)
