"""Ask every case of some suites, judge the answers, and sum the judgements up."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from evals.cases.evidence import stale
from evals.cases.format import check_ids
from evals.reports.summary import Report, summarise
from evals.running.answerer import describe
from evals.running.asking import ask_all
from evals.scoring.judge import CaseResult, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from evals.running.answerer import Answerer
    from evals.running.asking import Memory
    from evals.types import Case, Suite

__all__ = ["CaseResult", "run_suite"]

TEXTS_KEPT = 64
"""Documents whose text is kept while a suite is judged, at most."""


def run_suite(
    suites: Sequence[Suite],
    pipeline_for: Callable[[Suite], Answerer],
    progress: Callable[[CaseResult], object] | None = None,
    *,
    only: Collection[str] | None = None,
    memory_for: Callable[[Answerer, Mapping[str, object]], Memory | None] = lambda *_: None,
    after_suite: Callable[[Answerer, Sequence[CaseResult]], object] | None = None,
    workers: int = 1,
) -> Report:
    """Ask the cases of all suites and return the report, in the order of the cases.

    ``pipeline_for`` opens what answers a suite; closing it is the caller's. ``only`` names the cases that count
    (default: all); a case that one of them follows is asked, not judged. ``memory_for`` gives the answers known of a
    pipeline and its description; ``after_suite`` hears of its results while it is open. ``workers`` conversations are
    asked at a time; latencies are undisturbed only with one. A case that cannot be asked has failed, and the rest goes
    on. Raises ``InputError`` if two suites use one id.
    """
    check_ids(case for suite in suites for case in suite.cases)
    results: list[CaseResult] = []
    settings: list[dict[str, object]] = []
    out_of_date: list[str] = []
    for suite in suites:
        judged = [case for case in suite.cases if only is None or case.id in only]
        if not judged:
            continue
        pipeline = pipeline_for(suite)
        system = describe(pipeline)
        memory = memory_for(pipeline, system)
        settings.append({"suite": suite.path.name, "cases": len(judged), **system})
        out_of_date += stale(judged, pipeline.corpus)
        text_of = _texts(pipeline)
        of_suite: dict[str, CaseResult] = {}
        for case, asked in ask_all(with_followed(judged, suite.cases), pipeline, memory, workers):
            if only is None or case.id in only:
                of_suite[case.id] = judge(case, asked, text_of)
                if progress is not None:
                    progress(of_suite[case.id])
        results += [of_suite[case.id] for case in judged]
        if after_suite is not None:
            after_suite(pipeline, list(of_suite.values()))
    return replace(summarise(results, settings), stale=tuple(out_of_date))


def _texts(pipeline: Answerer) -> Callable[[str], str]:
    """Return what gives the stored text of a document id: a case's quotes ask for it several times, others too."""

    @lru_cache(TEXTS_KEPT)
    def text_of(document_id: str) -> str:
        return pipeline.corpus.document(document_id).text

    return text_of


def with_followed(wanted: Sequence[Case], cases: Sequence[Case]) -> list[Case]:
    """Return the ``wanted`` of some ``cases`` with those that they follow, in order."""
    needed = {case.id for case in wanted}
    for case in reversed(cases):
        if case.id in needed and case.follows is not None:
            needed.add(case.follows)
    return [case for case in cases if case.id in needed]
