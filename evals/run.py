"""Ask every case of some suites, judge the answers, and sum the judgements up."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from evals import metrics
from evals.answerer import describe
from evals.cases import check_ids
from evals.summary import Report, summarise
from index.errors import InputError
from index.filters import parse_filter
from rag.serialize import answer_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evals.answerer import Answerer
    from evals.cases import Case, Suite
    from rag.types import Answer, Quote

HITS_KEPT = 5


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case, its answer and the judgement: per-case values of the metrics, and why it failed (passed: nothing)."""

    case: Case
    answer: Answer
    metrics: Mapping[str, float | None]
    reasons: tuple[str, ...]
    latency_ms: float

    @property
    def passed(self) -> bool:
        """Whether the status is right, nothing of the answer is missing or forbidden, and every quote is verbatim."""
        return not self.reasons

    def as_json(self) -> dict[str, object]:
        """Return the case's entry in the report."""
        answer = answer_json(self.answer)
        return {
            "id": self.case.id,
            "passed": self.passed,
            "reasons": list(self.reasons),
            "tags": list(self.case.tags),
            "question": self.case.question,
            "history": [{"role": turn.role, "content": turn.content} for turn in self.case.history],
            "expected": _expected(self.case),
            **{key: answer[key] for key in ("status", "confidence", "short_answer", "answer", "claims")},
            "hits": [*answer["hits"]][:HITS_KEPT],
            "metrics": dict(self.metrics),
            "latency_ms": self.latency_ms,
            "timings_ms": answer["timings_ms"],
        }


def run_suite(
    suites: Sequence[Suite],
    pipeline_for: Callable[[Suite], Answerer],
    progress: Callable[[CaseResult], object] | None = None,
) -> Report:
    """Ask the cases of all suites in order and return the report.

    ``pipeline_for`` opens what answers a suite; closing it is the caller's. Latency is the time of one question asked
    alone. Raises ``InputError`` if two suites use one id, or if a question cannot be asked.
    """
    check_ids(case for suite in suites for case in suite.cases)
    results: list[CaseResult] = []
    settings: list[dict[str, object]] = []
    for suite in suites:
        pipeline = pipeline_for(suite)
        settings.append({"suite": suite.path.name, "cases": len(suite.cases), **describe(pipeline)})
        for case in suite.cases:
            results.append(run_case(case, pipeline))
            if progress is not None:
                progress(results[-1])
    return summarise(results, settings)


def run_case(case: Case, pipeline: Answerer) -> CaseResult:
    """Ask one case and judge its answer."""
    condition = parse_filter(case.filter) if case.filter else None
    started = perf_counter()
    try:
        answer = pipeline.ask(case.question, case.history, condition)
    except InputError as error:
        raise InputError(f"{case.where}: {error.problem}", error.remedy) from error
    latency_ms = (perf_counter() - started) * 1000
    return judge(case, answer, lambda document_id: pipeline.corpus.document(document_id).text, latency_ms)


def judge(case: Case, answer: Answer, text_of: Callable[[str], str], latency_ms: float) -> CaseResult:
    """Compare an answer with its case. ``text_of`` gives the stored text of a document id, or ``InputError``."""
    text = metrics.answer_text(answer)
    altered = metrics.altered_quotes(answer.quotes, text_of)
    reasons = tuple(_reasons(case, answer, text, altered))
    rank = metrics.first_relevant(case, answer.hits)
    values: dict[str, float | None] = {
        "pass_rate": float(not reasons),
        "answer_recall": metrics.answer_recall(case.answer, text),
        "evidence_recall": metrics.evidence_recall(case.evidence, answer.quotes),
        "quote_verbatim": metrics.share(len(answer.quotes) - len(altered), len(answer.quotes)),
        "claim_support": metrics.share(metrics.supported_claims(answer.claims), len(answer.claims)),
        "false_answer_rate": metrics.false_answer(case, answer),
        "false_refusal_rate": metrics.false_refusal(case, answer),
    }
    if not case.unanswerable:
        values |= {f"retrieval_hit@{k}": metrics.hit_at(rank, k) for k in (1, 5, 10)}
        values["mrr"] = metrics.reciprocal_rank(rank)
    return CaseResult(case, answer, values, reasons, latency_ms)


def _reasons(case: Case, answer: Answer, text: str, altered: Sequence[Quote]) -> Iterator[str]:
    wanted = "not_found" if case.unanswerable else "answered"
    if answer.status != wanted:
        yield f"the status is {answer.status}, not {wanted}"
    if answer.status == "answered":
        for group in metrics.missing_groups(case.answer, text):
            yield f"missing from the answer: {' or '.join(group)}"
    for wording in metrics.forbidden_found(case.forbidden, text):
        yield f"forbidden in the answer: {wording}"
    for quote in altered:
        yield f"quote {quote.n} is not what {quote.source} says at {quote.start}-{quote.end}"


def _expected(case: Case) -> dict[str, object]:
    return {
        "status": "not_found" if case.unanswerable else "answered",
        "answer": [list(group) for group in case.answer],
        "forbidden": list(case.forbidden),
        "evidence": [{"source": item.source, "quote": item.quote} for item in case.evidence],
        "filter": case.filter,
    }
