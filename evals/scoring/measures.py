"""The metrics by name: in words, in groups, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """How a metric is shown: its name in words, what it says, and whether less of it is better."""

    metric: str
    label: str
    says: str
    less_is_better: bool = False


MEASURES: tuple[tuple[str, tuple[Measure, ...]], ...] = (
    (
        "Answers",
        (
            Measure("pass_rate", "Passed", "right status, nothing missing or forbidden, every quote verbatim"),
            Measure("answer_recall", "Answer recall", "share of what a right answer holds that the answer says"),
            Measure("answer_precision", "Answer precision", "share of the claims that say something wanted"),
            Measure("token_f1", "Short answer F1", "words that the short answer and the wanted one share, as in SQuAD"),
            Measure("normalised_match", "Short answer match", "the short answer is a wanted one, case and marks aside"),
            Measure("exact_match", "Exact match", "the short answer is a wanted one, character for character"),
        ),
    ),
    (
        "Proof",
        (
            Measure("quote_verbatim", "Verbatim quotes", "quotes equal to the stored text, character for character"),
            Measure("claim_support", "Supported claims", "claims found verbatim or supported in their quotes"),
            Measure("claim_grounding", "Grounded claims", "claims whose numbers and names all stand in their quotes"),
            Measure("citation_precision", "Citation precision", "share of the quotes that hold an expected fact"),
            Measure("evidence_recall", "Evidence recall", "share of the expected evidence's sentences that are quoted"),
            Measure("evidence_precision", "Evidence precision", "share of the quotes that stand on expected evidence"),
        ),
    ),
    (
        "Knowing when not to answer",
        (
            Measure("false_answer_rate", "False answers", "unanswerable questions that were answered", True),
            Measure("false_refusal_rate", "False refusals", "answerable questions that were not answered", True),
            Measure("answerability_auc", "Answerability AUC", "how well confidence tells the two apart; 50% is chance"),
            Measure("calibration_error", "Calibration error", "how far confidence is from how often it is right", True),
        ),
    ),
    (
        "Retrieval",
        (
            Measure("retrieval_hit@1", "Hit at 1", "the first hit is relevant"),
            Measure("retrieval_hit@5", "Hit at 5", "a relevant hit among the first five"),
            Measure("retrieval_hit@10", "Hit at 10", "a relevant hit among the first ten"),
            Measure("mrr", "Mean reciprocal rank", "1 / rank of the first relevant hit"),
            Measure("ndcg@10", "nDCG at 10", "how high up all of the evidence stands; 100% is the best order"),
        ),
    ),
)

OF_ALL_CASES = ("answerability_auc", "calibration_error")
"""The metrics of ``MEASURES`` that are no mean over cases."""
MEANS = tuple(each.metric for _, group in MEASURES for each in group if each.metric not in OF_ALL_CASES)
"""The metrics that are the mean of a case's value, 0 to 1, over the cases that have one."""
COSTS = {
    "answer_tokens": "Tokens of an answer",
    "latency_p50_ms": "Latency, median (ms)",
    "latency_p95_ms": "Latency, 95th percentile (ms)",
}
"""What an answer costs; less is better, and nothing bounds it."""
LESS_IS_BETTER = frozenset(each.metric for _, group in MEASURES for each in group if each.less_is_better) | {*COSTS}


def label(metric: str) -> str:
    """Return the name of a metric in words."""
    labels = {each.metric: each.label for _, group in MEASURES for each in group} | COSTS
    return labels.get(metric, metric)
