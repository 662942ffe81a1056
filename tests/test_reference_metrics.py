"""Metrics against reference implementations: ir-measures, scikit-learn, SciPy, NumPy, and torchmetrics for SQuAD."""

from __future__ import annotations

from pathlib import Path

import ir_measures
import numpy as np
import pytest
import torchmetrics.functional.text
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap
from sklearn.calibration import calibration_curve
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score, roc_auc_score

from evals.datasets import load
from evals.reports.compare import compare
from evals.scoring import metrics, wordings

DATA = Path(__file__).parents[2] / "shared" / "data"
RANDOM = np.random.default_rng(11)
RELEVANCE = [RANDOM.integers(0, 2, 12) for _ in range(50)]


def test_ranking_is_judged_as_by_ir_measures_on_the_same_files(tmp_path: Path) -> None:
    """Graded relevance, several relevant passages, some of them not found, in TREC's formats."""
    qrels, run = tmp_path / "qrels", tmp_path / "run"
    ours: dict[tuple[str, str], float | None] = {}
    with qrels.open("w") as wanted_file, run.open("w") as run_file:
        for query in range(60):
            found = [f"d{number}" for number in RANDOM.permutation(30)[:15]]
            grades = {f"d{number}": int(RANDOM.integers(0, 4)) for number in RANDOM.permutation(30)[:8]}
            wanted = {name: grade for name, grade in grades.items() if grade}
            if not wanted:
                continue
            wanted_file.writelines(f"q{query} 0 {name} {grade}\n" for name, grade in grades.items())
            run_file.writelines(f"q{query} Q0 {name} {rank} {100 - rank} t\n" for rank, name in enumerate(found, 1))
            ranks = [found.index(name) + 1 if name in found else None for name in wanted]
            first = min((rank for rank in ranks if rank), default=None)
            ours[f"q{query}", "RR"] = metrics.reciprocal_rank(first)
            for k in (1, 5, 10):
                ours[f"q{query}", f"nDCG@{k}"] = metrics.ndcg_of_ranks([*wanted.values()], ranks, k)
                ours[f"q{query}", f"Success@{k}"] = metrics.hit_at(first, k)
                ours[f"q{query}", f"R@{k}"] = metrics.recall_at(ranks, k)
    measures = [ir_measures.parse_measure(name) for name in sorted({name for _, name in ours})]
    judged = ir_measures.read_trec_qrels(str(qrels))  # type: ignore[no-untyped-call]
    ranked = ir_measures.read_trec_run(str(run))  # type: ignore[no-untyped-call]
    theirs = {
        (each.query_id, str(each.measure)): each.value for each in ir_measures.iter_calc(measures, judged, ranked)
    }
    assert len(theirs) > 500
    assert theirs == pytest.approx(ours)


def test_ndcg_is_that_of_scikit_learn() -> None:
    scores = -np.arange(12)  # ranked as they stand
    for relevance in RELEVANCE:
        ideal = sorted(relevance.tolist(), reverse=True)
        for k in (1, 5, 10):
            expected = ndcg_score([relevance], [scores], k=k)
            assert metrics.ndcg(relevance.tolist(), ideal, k) == pytest.approx(expected)


def test_reciprocal_rank_is_that_of_scikit_learn() -> None:
    """With one relevant hit, average precision is the reciprocal rank."""
    for rank in range(1, 13):
        relevance = np.eye(12, dtype=int)[rank - 1]
        expected = label_ranking_average_precision_score([relevance], [-np.arange(12)])
        assert metrics.reciprocal_rank(rank) == pytest.approx(expected)


def test_auc_is_that_of_scikit_learn() -> None:
    confidence, can = RANDOM.random(300).round(2), RANDOM.random(300) < 0.6
    ours = metrics.auc(confidence[can].tolist(), confidence[~can].tolist())
    assert ours == pytest.approx(roc_auc_score(can, confidence))


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (3, 7), (29, 110), (110, 110)])
def test_wilson_is_that_of_scipy(hits: int, count: int) -> None:
    expected = binomtest(hits, count).proportion_ci(0.95, "wilson")
    assert metrics.wilson(hits / count, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_percentiles_are_those_of_numpy() -> None:
    values = RANDOM.random(101).tolist()
    for percent in (0, 5, 50, 95, 100):
        assert metrics.percentile(values, percent) == pytest.approx(float(np.percentile(values, percent)))


def test_calibration_error_is_the_weighted_gap_of_scikit_learns_curve() -> None:
    confidence = RANDOM.random(500)
    true = RANDOM.random(500) < confidence**2
    share, mean = calibration_curve(true, confidence, n_bins=10)
    counts = np.histogram(confidence, bins=10, range=(0, 1))[0]
    expected = float((np.abs(share - mean) * counts[counts > 0]).sum() / 500)
    judged = list(zip(confidence.tolist(), true.tolist(), strict=True))
    assert metrics.calibration_error(judged) == pytest.approx(expected)


def test_the_interval_of_a_difference_is_that_of_scipys_bootstrap() -> None:
    before, after = RANDOM.random(80) < 0.6, RANDOM.random(80) < 0.8
    reports = (
        {"cases": [{"id": str(n), "passed": bool(ok), "metrics": {"pass_rate": float(ok)}} for n, ok in enumerate(run)]}
        for run in (before, after)
    )
    ours = compare(*reports).differences[0]
    gaps = after.astype(float) - before
    theirs = bootstrap((gaps,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(5))
    assert (ours.low, ours.high) == pytest.approx(theirs.confidence_interval, abs=0.026)  # two cases of eighty


# --- SQuAD: lower case, punctuation and articles removed; F1 over the bags of tokens, the best of the wordings --------


@pytest.mark.parametrize(
    ("accepted", "said", "exact", "f1"),
    [
        (["Denver Broncos"], "the Denver Broncos!", 1.0, 1.0),
        (["the cat sat"], "a cat", 0.0, 2 * 1 * 0.5 / (1 + 0.5)),
        (["one two", "two three four"], "three four five", 0.0, 2 / 3),
        (["to be or not to be"], "to be to be", 0.0, 2 * 1 * (4 / 6) / (1 + 4 / 6)),
        (["yes"], "no", 0.0, 0.0),
        (["the"], "", 1.0, 1.0),
        (["x"], "", 0.0, 0.0),
    ],
)
def test_squad_scores(accepted: list[str], said: str, exact: float, f1: float) -> None:
    assert wordings.normalised_match(accepted, said) == exact
    assert wordings.token_f1(accepted, said) == pytest.approx(f1)


TOKENS = st.lists(st.sampled_from(["red", "green", "blue", "one"]), max_size=8)


@given(TOKENS, TOKENS)
def test_f1_is_precision_and_recall_of_matched_tokens(said: list[str], wanted: list[str]) -> None:
    matched = 0
    unmatched = list(wanted)
    for token in said:
        if token in unmatched:
            unmatched.remove(token)
            matched += 1
    ours = wordings.token_f1([" ".join(wanted)], " ".join(said))
    if not said or not wanted:
        assert ours == float(said == wanted)
    elif not matched:
        assert ours == 0
    else:
        precision, recall = matched / len(said), matched / len(wanted)
        assert ours == pytest.approx(2 * precision * recall / (precision + recall))


def official_scores(accepted: list[str], said: str) -> tuple[float, float]:
    """What SQuAD's own script gives of one prediction, as torchmetrics carries it: exact match and F1."""
    scored = torchmetrics.functional.text.squad(
        [{"prediction_text": said, "id": "q"}],
        [{"answers": {"text": accepted, "answer_start": [0] * len(accepted)}, "id": "q"}],
    )
    return float(scored["exact_match"]) / 100, float(scored["f1"]) / 100


def our_scores(accepted: list[str], said: str) -> tuple[float, float]:
    return wordings.normalised_match(accepted, said), wordings.token_f1(accepted, said)


WORDS = ["red", "Red", "the", "The", "an", "A", "and", "1,230", "U.S.", "it's", "–", "«oui»", "ÉTÉ", "a.m."]
PIECES = st.sampled_from(WORDS)
TEXTS = st.lists(st.one_of(PIECES, st.text("aAthe .,'-\n\t\u00a0é中", max_size=6)), max_size=7).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
def test_squad_scores_are_those_of_the_official_script(accepted: list[str], said: str) -> None:
    assert our_scores(accepted, said) == pytest.approx(official_scores(accepted, said), abs=1e-6)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"The public question sets are not at {DATA}.")
def test_squad_scores_are_those_of_the_official_script_on_squad_itself() -> None:
    """Each question's answers against what might be said: a slice of one of them, another question's, words around."""
    cases = [case for each in load("squad", DATA, limit=200) for case in each.cases]
    for case, other in zip(cases, cases[1:] + cases[:1], strict=True):
        accepted = list(case.answer[0])
        words = accepted[-1].split()
        start = int(RANDOM.integers(0, len(words)))
        for said in (" ".join(words[start:]), other.answer[0][0], f"It was the {accepted[0]}, in fact.", ""):
            assert our_scores(accepted, said) == pytest.approx(official_scores(accepted, said), abs=1e-6), case.id
