"""A language model's opinion of the answers: a column of its own, beside how far it can be believed.

It never decides whether a case passes. Before it is asked about a run, the judge is asked about `labelled` answers; how
often it agrees with their labels, beyond chance, is printed with whatever it says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from evals.scoring.labelled import Labelled, labelled
from evals.scoring.metrics import cohens_kappa
from evals.scoring.verdicts import Verdict, Verdicts
from evals.scoring.wordings import answer_text
from index.errors import InputError, ModelFailed, ModelMissing
from rag.settings import load_settings
from rag.writer.llm import LLM, Message, open_llm
from rag.writer.prompts import JUDGE, judge_of

if TYPE_CHECKING:
    from pathlib import Path

    from evals.reports.summary import Report
    from evals.scoring.judge import CaseResult
    from evals.types import Case

_VERDICT = re.compile(r"\W*(?:verdict\W+)?(right|wrong)\b", re.I)
_MAX_REPLY = 200
_NAMES = re.compile(r"--llm-url|\bllm_url|--llm\b|CITECHAT_LLM_KEY or llm_key_file")
"""What the settings of a language model are called, which are others for a judge."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a judge agrees with the labels of the ``count`` answers on which it gave a verdict: Cohen's ``kappa``.

    It ``agreed`` on some of them; ``silent`` counts the answers on which it gave none. See `metrics.cohens_kappa`.
    """

    kappa: float | None
    count: int
    agreed: int
    silent: int


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a judge says of the answers of a report, by the id of the case, and how far it can be believed."""

    judge: str
    agreement: Agreement
    verdicts: Mapping[str, Verdict]

    @property
    def sentence(self) -> str:
        """The opinion and the agreement, in words."""
        said = Counter(self.verdicts.values())
        silent = f", {said['none']} without a verdict" if said["none"] else ""
        kappa = "unknown" if self.agreement.kappa is None else f"{self.agreement.kappa:.2f}"
        without = f", {self.agreement.silent} without a verdict" if self.agreement.silent else ""
        return (
            f"Opinion of the judge {self.judge}, not part of pass or fail: {said['right']} of {len(self.verdicts)} "
            f"answers right{silent}. Its agreement with our labelled answers: "
            f"Cohen's kappa {kappa}, n={self.agreement.count}{without}; 0 is no better than chance, 1 always the same."
        )

    def as_json(self) -> dict[str, Any]:
        """Return the opinion in the shape of a report's JSON."""
        agreement = {name: getattr(self.agreement, name) for name in Agreement.__slots__}
        return {
            "name": self.judge,
            "sentence": self.sentence,
            "agreement": agreement,
            "verdicts": dict(self.verdicts),
        }


class Judge:
    """A language model that says of answers whether they are right."""

    def __init__(self, llm: LLM, verdicts: Verdicts) -> None:
        """Ask the model about the labelled answers, and keep what it says among ``verdicts``.

        The first of them is asked in any case: a judge that is not there should not cost a run, and one that now says
        something else is another judge, of which nothing is known.

        Raises ``ModelFailed`` if it gives no reply to the first of them; a later failure counts as silence.
        """
        self._llm = llm
        self._verdicts = verdicts
        answers = labelled()
        asked = _request_of(answers[0])
        first = _verdict(self._reply(asked))
        if verdicts.get(asked) != first:
            verdicts.forget()
        verdicts.put(asked, first)
        rest = tqdm(answers[1:], desc="labelled answers", unit="answer", disable=None)
        said = [first, *(self._said(_request_of(each)) for each in rest)]
        self.agreement = agreement(answers, said)

    def questions(self, report: Report) -> int:
        """Return how many answers of a report there are to judge."""
        return sum(1 for _ in _judged(report))

    def asked_about(self, report: Report, progress: Callable[[], object] = lambda: None) -> Report:
        """Return the report with this judge's opinion of every answer that a case expects an answer to."""
        verdicts: dict[str, Verdict] = {}
        for result in _judged(report):
            asked = judge_of(result.case.question, _wanted(result.case), answer_text(result.answer))
            verdicts[result.case.id] = self._said(asked)
            progress()
        return replace(report, opinion=Opinion(self._llm.name, self.agreement, verdicts))

    def _said(self, asked: str) -> Verdict:
        if known := self._verdicts.get(asked):
            return known
        try:
            said = _verdict(self._reply(asked))
        except ModelFailed:
            return "none"
        self._verdicts.put(asked, said)
        return said

    def _reply(self, asked: str) -> str:
        pieces = self._llm.stream([Message("system", JUDGE), Message("user", asked)])
        reply = ""
        try:
            for piece in pieces:
                reply += piece
                if len(reply) > _MAX_REPLY or _VERDICT.match(reply):
                    break
        finally:
            pieces.close()
        return reply


def open_judge(home: Path | None, name: str, url: str | None, *, fresh: bool = False) -> Judge:
    """Open a judge: any model that ``llm`` may name, at ``url`` or, by default, at ``llm_url``.

    What it said before is not asked again, unless ``fresh``. The key of ``llm_url`` goes to no other server than that.

    Raises:
        ModelMissing: there is no such model or server, or it does not answer.
        InputError: a setting is wrong, ``name`` is ``none``, or the home folder cannot be written.
    """
    settings = load_settings(home, llm=name, llm_url=url)
    if url is not None and url != load_settings(home).llm_url:
        settings = settings.model_copy(update={"llm_key": settings.judge_key, "llm_key_file": None})
    try:
        llm = open_llm(settings)
        if llm is None:
            raise InputError(f"{name!r} is no judge.", "Name a language model: --judge qwen2.5:7b --judge-url URL")
        return Judge(llm, Verdicts(settings.home, f"{settings.llm_url} {name}", fresh=fresh))
    except ModelMissing as error:
        kind = ModelFailed if isinstance(error, ModelFailed) else ModelMissing
        raise kind(f"The judge: {error.problem}", _NAMES.sub(_of_a_judge, error.remedy)) from error


def _of_a_judge(name: re.Match[str]) -> str:
    return "--judge-url" if "url" in name[0] else "--judge" if name[0] == "--llm" else "CITECHAT_JUDGE_KEY"


def agreement(answers: Sequence[Labelled], verdicts: Sequence[Verdict]) -> Agreement:
    """Return how verdicts agree with the labels of the answers that they are about, in the same order."""
    said = [
        (each.right, verdict == "right") for each, verdict in zip(answers, verdicts, strict=True) if verdict != "none"
    ]
    agreed = sum(label == verdict for label, verdict in said)
    return Agreement(cohens_kappa(said), len(said), agreed, len(answers) - len(said))


def _judged(report: Report) -> Iterator[CaseResult]:
    """Yield what there is to judge: whether to answer at all is told by the status alone."""
    for result in report.cases:
        if result.case.status == "answered" and result.answer.status == "answered" and not result.error:
            yield result


def _wanted(case: Case) -> list[str]:
    groups = [" or ".join(group) for group in case.answer]
    return [*groups, *map(str, case.quantities), *case.dates]


def _request_of(each: Labelled) -> str:
    return judge_of(each.question, (" or ".join(group) for group in each.expected), each.answer)


def _verdict(reply: str) -> Verdict:
    said = _VERDICT.match(reply)
    if said is None:
        return "none"
    return "right" if said[1].lower() == "right" else "wrong"
