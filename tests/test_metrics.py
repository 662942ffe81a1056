from __future__ import annotations

import math

import pytest

from evals.cases.format import Case, Evidence
from evals.scoring import metrics, wordings
from evals.scoring.text import contains, normalise
from index.errors import InputError
from rag.types import Answer, Claim, Quote, Source, Status, Support

TEXTS = {"d1": "Marco Rubio prepared the draft. It has 28 points."}


def quote(text: str, start: int = 0, source: str = "news/plan.md", document_id: str = "d1") -> Quote:
    return Quote(1, document_id, source, "Plan", None, start, start + len(text), text)


def hit(source: str, text: str) -> Source:
    return Source("d1", source, "Plan", None, 0, len(text), 1.0, text)


def answer(status: Status, *claims: Claim, short: str | None = None) -> Answer:
    return Answer("q", "q", status, 0.5, short, "", claims, (), "extractive")


def text_of(document_id: str) -> str:
    if document_id not in TEXTS:
        raise InputError(f"There is no document {document_id}.")
    return TEXTS[document_id]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  He\u2014said\n\u201cYes\u201d ", 'he-said "yes"'),
        ("1,200,300 and 1\u202f200", "1200300 and 1200"),
        ("in 2010,200 and 1,2000 and 0,5", "in 2010,200 and 1,2000 and 0,5"),
        ("1,200.50", "1200.50"),
        ("\ufb01ne\u200bly STRASSE stra\u00dfe", "finely strasse strasse"),
    ],
)
def test_normalise_removes_typography_only(text: str, normal: str) -> None:
    assert normalise(text) == normal


@pytest.mark.parametrize(
    ("text", "wording", "found"),
    [
        ("The draft of Marco Rubio.", "marco  rubio", True),
        ("Iranian oil", "Iran", False),
        ("a Stuart king", "art", False),
        ("16 apples, 6.5 pears", "6", False),
        ("It has 6.", "6", True),
        ("9,000 men", "9000", True),
        ("by 125%", "25%", False),
        ("“Big” one", '"big" one', True),
        ("他在IBM工作", "IBM", True),
        ("北京市民", "北京", True),
        ("anything", "  ", False),
    ],
)
def test_contains_matches_whole_words(text: str, wording: str, found: bool) -> None:
    assert contains(text, wording) is found


def test_answer_text_is_claims_and_short_answer() -> None:
    assert wordings.answer_text(answer("answered", Claim("He did.", "verbatim", ()), short="He")) == "He did.\nHe"


def test_forbidden_words_are_found() -> None:
    assert wordings.forbidden_found(["Kellogg", "Vance"], "It was Kellogg.") == ["Kellogg"]


@pytest.mark.parametrize(
    ("source", "wanted", "same"),
    [
        ("plan.md", "plan.md", True),
        ("news/2025/plan.md", "2025/plan.md", True),
        ("news\\plan.md", "news/plan.md", True),
        ("news/peace-plan.md", "plan.md", False),
        ("plan.md", "news/plan.md", False),
    ],
)
def test_a_source_ends_with_whole_path_parts(source: str, wanted: str, same: bool) -> None:
    assert metrics.same_source(source, wanted) is same


def test_evidence_precision_is_of_quotes() -> None:
    quotes = [quote("Marco Rubio prepared the draft."), quote("It has 28 points.")]
    assert metrics.evidence_precision([Evidence("plan.md", "the draft")], quotes) == 0.5
    assert metrics.evidence_precision([Evidence("plan.md")], []) is None
    assert metrics.evidence_precision([], quotes) is None


def test_evidence_recall_needs_the_source_and_the_words() -> None:
    quotes = [quote("Marco Rubio prepared the draft.")]
    assert metrics.evidence_recall([Evidence("plan.md", "prepared  the DRAFT")], quotes) == 1
    assert metrics.evidence_recall([Evidence("plan.md", "Yesterday Marco Rubio prepared the draft.")], quotes) == 1
    assert metrics.evidence_recall([Evidence("plan.md", "Marco Rubio prepared the draft. He smiled.")], quotes) == 0.5
    assert metrics.evidence_recall([Evidence("plan.md", "28 points")], quotes) == 0
    assert metrics.evidence_recall([Evidence("other.md", "draft"), Evidence("plan.md")], quotes) == 0.5
    assert metrics.evidence_recall([Evidence("plan.md")], []) == 0
    assert metrics.evidence_recall([], quotes) is None


def test_evidence_counts_sentence_by_sentence() -> None:
    one, two, three = "Marco Rubio prepared the draft.", "It has 28 points.", "Nobody signed it."
    both = [Evidence("plan.md", f"{one} {two}")]
    assert metrics.evidence_recall(both, [quote(f"{one}\n{two}")]) == 1
    assert metrics.evidence_recall(both, [quote(one), quote(two)]) == 1
    assert metrics.evidence_recall(both, [quote(two)]) == 0.5
    partly = [quote(f"{two} {three}")]  # overlaps the evidence, and neither holds the other
    assert (metrics.evidence_recall(both, partly), metrics.evidence_precision(both, partly)) == (0.5, 1)
    assert metrics.evidence_recall(both, [quote(three)]) == metrics.evidence_precision(both, [quote(three)]) == 0
    assert metrics.evidence_recall([*both, Evidence("plan.md", three), Evidence("plan.md")], [quote(one)]) == 0.5
    assert metrics.evidence_precision(both, [quote(one, source="other.md"), quote(one)]) == 0.5


def test_altered_quotes_differ_from_the_stored_text() -> None:
    good = quote("28 points", start=39)
    assert TEXTS["d1"][39:48] == "28 points"
    moved, changed = quote("28 points", start=38), quote("29 points", start=39)
    unknown, past_the_end = quote("28 points", 39, document_id="d2"), quote("points.....", 42)
    bad = [moved, changed, unknown, past_the_end, quote("", 3), quote("s", -2)]
    assert metrics.altered_quotes([good, *bad], text_of) == bad


def test_supported_claims_are_verbatim_or_supported() -> None:
    kinds: list[Support] = ["verbatim", "supported", "partial", "unsupported"]
    assert metrics.supported_claims([Claim("x", kind, ()) for kind in kinds]) == 2


@pytest.mark.parametrize(
    ("text", "grounded"),
    [
        ("Marco Rubio prepared the draft.", 1),
        ("He [Vance] prepared the draft.", 1),
        ("The draft is by Marco Rubio.", 1),
        ("The draft is by Vance.", 0),
        ("He prepared 2 drafts.", 0),
        ("2 drafts were prepared.", 0),
    ],
)
def test_a_grounded_claim_names_nothing_that_its_quotes_do_not(text: str, grounded: int) -> None:
    assert wordings.grounded_claims([Claim(text, "verbatim", (quote("Marco Rubio prepared the draft."),))]) == grounded


def test_first_relevant_by_evidence_then_by_answer() -> None:
    hits = [hit("a.md", "Rubio spoke."), hit("b.md", "the draft"), hit("b.md", "Rubio prepared the draft")]
    case = Case("c", "q", answer=(("Rubio",),), evidence=(Evidence("b.md", "prepared"),))
    assert metrics.first_relevant(case, hits) == 3
    assert metrics.first_relevant(Case("c", "q", answer=(("Rubio",),), evidence=(Evidence("b.md"),)), hits) == 2
    assert metrics.first_relevant(Case("c", "q", answer=(("Vance", "Rubio"),)), hits) == 1
    assert metrics.first_relevant(Case("c", "q", answer=(("Vance",),)), hits) is None


def test_hit_and_reciprocal_rank() -> None:
    ranks = [1, 2, 6, None]
    assert [metrics.hit_at(rank, 5) for rank in ranks] == [1, 1, 0, 0]
    assert metrics.mean([metrics.reciprocal_rank(rank) for rank in ranks]) == pytest.approx((1 + 1 / 2 + 1 / 6) / 4)


def test_false_answers_and_refusals() -> None:
    can, cannot = Case("a", "q", answer=(("x",),)), Case("b", "q", unanswerable=True)
    statuses: list[Status] = ["answered", "not_found", "clarify"]
    assert [metrics.false_refusal(can, answer(status)) for status in statuses] == [0, 1, 1]
    assert [metrics.false_answer(cannot, answer(status)) for status in statuses] == [1, 0, 0]
    assert metrics.false_refusal(cannot, answer("answered")) is None
    assert metrics.false_answer(can, answer("answered")) is None


@pytest.mark.parametrize(
    ("rate", "count", "low", "high"),
    [
        # By hand: z^2/n = .384146, centre .992073, half the width .313616, both over 1.384146.
        (0.8, 10, 0.490162, 0.943318),
        (0.0, 10, 0.0, 0.277533),
        (1.0, 10, 0.722467, 1.0),
        (0.5, 100, 0.403832, 0.596168),
        (0.3, 0, 0.0, 1.0),
    ],
)
def test_wilson(rate: float, count: int, low: float, high: float) -> None:
    assert metrics.wilson(rate, count) == pytest.approx((low, high), abs=2e-6)


def test_percentile_interpolates() -> None:
    assert metrics.percentile([4, 1, 3, 2], 50) == 2.5
    assert metrics.percentile([4, 1, 3, 2], 95) == pytest.approx(3.85)
    assert metrics.percentile([7], 95) == 7
    assert metrics.percentile([], 50) is None


def test_auc_counts_ties_half() -> None:
    assert metrics.auc([3, 2], [1, 2]) == 3.5 / 4
    assert metrics.auc([1], []) is None


def test_risk_coverage_joins_equal_confidences() -> None:
    answered = [(0.9, True), (0.5, False), (0.8, True), (0.5, True)]
    assert metrics.risk_coverage(answered, 8) == [(1 / 8, 0), (2 / 8, 0), (4 / 8, 1 / 4)]
    assert metrics.risk_coverage([], 8) == []


def test_recall_counts_the_wanted_found_in_time() -> None:
    ranks = [1, 5, 6, None]
    assert [metrics.recall_at(ranks, k) for k in (1, 5, 10)] == [0.25, 0.5, 0.75]


def test_ndcg_by_hand() -> None:
    assert metrics.ndcg_of_ranks([1, 2], [1, 2], 10) == pytest.approx((1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)))
    assert metrics.ndcg_of_ranks([1, 2], [2, 1], 10) == pytest.approx(1.0)
    assert metrics.ndcg_of_ranks([1, 1], [None, 3], 2) == 0.0
    assert metrics.ndcg_of_ranks([1] * 30, [*range(1, 11), *[None] * 20], 10) == pytest.approx(1.0)
