"""One answer against its case: the values of every metric, and why the case failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evals.scoring import metrics, wordings
from evals.scoring.facts import count_facts, in_order, missing_facts
from rag.answer.serialize import answer_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evals.running.asking import Asked
    from evals.types import Case
    from rag.types import Answer, Quote

HITS_KEPT = 5
RANKS = (1, 5, 10)
CONTEXT = 240
"""Characters shown on either side of a quote, at most."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case, its answer and the judgement: per-case values of the metrics, and why it failed (passed: nothing).

    ``error`` is the trace where asking failed; there is no answer then (an empty one stands for it). ``contexts`` has,
    by the number of each verbatim quote, the words of the document before and after it.
    """

    case: Case
    answer: Answer
    metrics: Mapping[str, float | None]
    reasons: tuple[str, ...]
    latency_ms: float
    error: str = ""
    contexts: Mapping[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the status is right, nothing of the answer is missing or forbidden, and every quote is verbatim."""
        return not self.reasons

    def as_json(self) -> dict[str, object]:
        """Return the case's entry in the report; ``notice`` and ``remarks`` are there where there are any."""
        answer = answer_json(self.answer)
        for quote in (quote for claim in answer["claims"] for quote in claim["quotes"]):
            quote["before"], quote["after"] = self.contexts.get(quote["n"], ("", ""))
        return {
            "id": self.case.id,  # first, for whoever reads the file
            "passed": self.passed,
            "reasons": list(self.reasons),
            **case_json(self.case),
            "status": "error" if self.error else answer["status"],
            **{key: answer[key] for key in ("confidence", "short_answer", "answer", "claims")},
            **{key: answer[key] for key in ("notice", "remarks") if key in answer},
            "error": self.error,
            "hits": [*answer["hits"]][:HITS_KEPT],
            "metrics": dict(self.metrics),
            "latency_ms": self.latency_ms,
            "timings_ms": answer["timings_ms"],
        }


def judge(case: Case, asked: Asked, text_of: Callable[[str], str]) -> CaseResult:
    """Compare an answer with its case. ``text_of`` gives the stored text of a document id, or ``InputError``."""
    answer = asked.answer
    if asked.error:
        reason = f"asking failed: {asked.error.rstrip().splitlines()[-1]}"
        return CaseResult(case, answer, _nothing(case), (reason,), asked.latency_ms, asked.error)
    altered = metrics.altered_quotes(answer.quotes, text_of)
    reasons = tuple(_reasons(case, answer, altered))
    values: dict[str, float | None] = {
        "pass_rate": float(not reasons),
        "quote_verbatim": metrics.share(len(answer.quotes) - len(altered), len(answer.quotes)),
        "claim_support": metrics.share(metrics.supported_claims(answer.claims), len(answer.claims)),
        "claim_grounding": metrics.share(wordings.grounded_claims(answer.claims), len(answer.claims)),
        "false_answer_rate": metrics.false_answer(case, answer),
        "false_refusal_rate": metrics.false_refusal(case, answer),
        "answer_tokens": float(asked.tokens) if answer.status == "answered" else None,
    }
    if case.status == "answered":
        values |= _of_the_answer(case, answer) | _of_retrieval(case, answer)
    contexts = {quote.n: _context(quote, text_of) for quote in answer.quotes if quote not in altered}
    return CaseResult(case, answer, values, reasons, asked.latency_ms, contexts=contexts)


def _context(quote: Quote, text_of: Callable[[str], str]) -> tuple[str, str]:
    """Return whole words of the quote's own paragraph on either side of it."""
    text = text_of(quote.document_id)
    before = text[max(0, quote.start - CONTEXT) : quote.start].rpartition("\n\n")[2]
    after = text[quote.end : quote.end + CONTEXT].partition("\n\n")[0]
    if len(before) == CONTEXT:
        before = before.partition(" ")[2]
    if len(after) == CONTEXT:
        after = after.rpartition(" ")[0]
    return before, after


def _of_the_answer(case: Case, answer: Answer) -> dict[str, float | None]:
    facts = count_facts(case)
    accepted = case.answer[0] if len(case.answer) == facts == 1 else ()
    short = wordings.short_text(answer)
    return {
        "answer_recall": metrics.share(facts - len(missing_facts(case, wordings.answer_text(answer))), facts),
        "answer_precision": _share_stating(case, [claim.text for claim in answer.claims]),
        "citation_precision": _share_stating(case, [quote.text for quote in answer.quotes]),
        "exact_match": wordings.exact_match(accepted, short) if accepted else None,
        "normalised_match": wordings.normalised_match(accepted, short) if accepted else None,
        "token_f1": wordings.token_f1(accepted, short) if accepted else None,
        "evidence_recall": metrics.evidence_recall(case.evidence, answer.quotes),
        "evidence_precision": metrics.evidence_precision(case.evidence, answer.quotes),
    }


def _of_retrieval(case: Case, answer: Answer) -> dict[str, float | None]:
    wanted = len(case.evidence) or len(case.answer)
    if not wanted:
        return {}
    rank = metrics.first_relevant(case, answer.hits)
    return {
        **{f"retrieval_hit@{k}": metrics.hit_at(rank, k) for k in RANKS},
        "mrr": metrics.reciprocal_rank(rank),
        "ndcg@10": metrics.ndcg(metrics.gains(case, answer.hits), [1.0] * wanted, 10),
    }


def _share_stating(case: Case, texts: Sequence[str]) -> float | None:
    """Return the share of texts that state a fact of the case: claims are precise, citations hold what they are for."""
    stating = sum(len(missing_facts(case, text)) < count_facts(case) for text in texts)
    return metrics.share(stating, len(texts))


def _nothing(case: Case) -> dict[str, float | None]:
    """Return what a case counts that got no answer at all: the worst of what it would have been measured by."""
    values: dict[str, float | None] = {"pass_rate": 0.0}
    if case.status == "answered":
        values |= {"answer_recall": 0.0, "false_refusal_rate": 1.0, "mrr": 0.0, "ndcg@10": 0.0}
        values |= {f"retrieval_hit@{k}": 0.0 for k in RANKS}
        values |= {"evidence_recall": 0.0} if case.evidence else {}
    return values


def _reasons(case: Case, answer: Answer, altered: Sequence[Quote]) -> Iterator[str]:
    text = wordings.answer_text(answer)
    if answer.status != case.status:
        yield f"the status is {answer.status}, not {case.status}"
    if answer.status == "answered":
        yield from (f"missing from the answer: {fact}" for fact in missing_facts(case, text))
        if case.ordered and not in_order(case.answer, text):
            yield "the answer is not in the order wanted"
    for wording in wordings.forbidden_found(case.forbidden, text):
        yield f"forbidden in the answer: {wording}"
    for quote in altered:
        yield f"quote {quote.n} is not what {quote.source} says at {quote.start}-{quote.end}"


def case_json(case: Case) -> dict[str, object]:
    """Return what the report's entry of a case says of what is asked and wanted."""
    return {
        "id": case.id,
        "tags": list(case.tags),
        "weight": case.weight,
        "must_pass": case.must_pass,
        "question": case.question,
        "history": [{"role": turn.role, "content": turn.content} for turn in case.history],
        "follows": case.follows,
        "expected": _expected(case),
    }


def _expected(case: Case) -> dict[str, object]:
    return {
        "status": case.status,
        "answer": [list(group) for group in case.answer],
        "ordered": case.ordered,
        "numbers": [str(quantity) for quantity in case.quantities],
        "dates": list(case.dates),
        "forbidden": list(case.forbidden),
        "evidence": [{"source": item.source, "quote": item.quote} for item in case.evidence],
        "filter": case.filter,
        **({"today": case.today.isoformat()} if case.today else {}),
    }
