"""What is measured, as pure functions of a case and its answer. Each docstring states its formula.

Rates and shares lie in 0..1. A figure that has nothing to count over is ``None``, never 0 or 1.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from functools import lru_cache
from math import ceil, floor, log2, sqrt
from typing import TYPE_CHECKING

from evals.scoring.text import contains, normalise
from index.errors import InputError
from index.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evals.types import Case, Evidence
    from rag.types import Answer, Claim, Quote, Source

Z_95 = 1.959964
"""The 97.5% quantile of the standard normal distribution."""


def same_source(source: str, wanted: str) -> bool:
    """Tell whether the path ``source`` equals ``wanted`` or ends with it at a folder's boundary."""
    path, tail = source.replace("\\", "/"), wanted.replace("\\", "/").lstrip("/")
    return path == tail or path.endswith("/" + tail)


def overlaps(text: str, evidence: str) -> bool:
    """Tell whether one of the two texts contains the other, typography aside."""
    one, other = normalise(text), normalise(evidence)
    return bool(one and other) and (one in other or other in one)


def evidence_recall(evidence: Sequence[Evidence], quotes: Sequence[Quote]) -> float | None:
    """Return ``|{sentences of the evidence that some quote stands on}| / |sentences|``.

    This is the recall of supporting facts, as HotpotQA counts them (Yang et al. 2018): a fact is a sentence of an
    item's words, or the source alone of an item without. A quote stands on it if it comes from the item's source and
    holds the sentence, or a sentence of the quote lies within it.
    """
    facts = _facts(evidence)
    found = sum(any(_stands_on(quote, fact) for quote in quotes) for fact in facts)
    return share(found, len(facts))


def evidence_precision(evidence: Sequence[Evidence], quotes: Sequence[Quote]) -> float | None:
    """Return ``|{quotes that stand on some fact}| / |quotes|``, ``None`` without evidence or quotes.

    A citation counts as a whole, as in ALCE (Gao et al. 2023): what is quoted around the wanted sentence takes nothing
    from it. For facts see `evidence_recall`.
    """
    facts = _facts(evidence)
    standing = sum(any(_stands_on(quote, fact) for fact in facts) for quote in quotes)
    return share(standing, len(quotes)) if evidence else None


def _facts(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence sentence by sentence."""
    return [
        replace(item, quote=sentence)
        for item in evidence
        for sentence in (_sentences(item.quote) if item.quote is not None else (None,))
    ]


def _stands_on(quote: Quote, fact: Evidence) -> bool:
    if not same_source(quote.source, fact.source):
        return False
    return fact.quote is None or any(overlaps(text, fact.quote) for text in (quote.text, *_sentences(quote.text)))


@lru_cache(maxsize=1024)
def _sentences(text: str) -> tuple[str, ...]:
    return tuple(text[span.start : span.end] for span in sentence_spans(text)) or (text,)


def altered_quotes(quotes: Sequence[Quote], text_of: Callable[[str], str]) -> list[Quote]:
    """Return the quotes that are not, character for character, what the stored document says at their offsets.

    ``text_of`` gives the stored text of a document id; where it raises ``InputError`` there is no such document.
    """
    return [quote for quote in quotes if not _is_verbatim(quote, text_of)]


def _is_verbatim(quote: Quote, text_of: Callable[[str], str]) -> bool:
    try:
        text = text_of(quote.document_id)
    except InputError:
        return False
    return 0 <= quote.start < quote.end <= len(text) and text[quote.start : quote.end] == quote.text


def supported_claims(claims: Sequence[Claim]) -> int:
    """Count the claims found ``verbatim`` or ``supported`` in their quotes. claim_support is their share."""
    return sum(claim.support in ("verbatim", "supported") for claim in claims)


def first_relevant(case: Case, hits: Sequence[Source]) -> int | None:
    """Return the rank, from 1, of the first relevant hit, or ``None``.

    A hit is relevant if it comes from the source of an item of evidence and holds the item's words, if it has any;
    for a case without evidence, if it holds any wording of the answer.
    """
    return next((rank for rank, hit in enumerate(hits, 1) if _is_relevant(case, hit)), None)


def _is_relevant(case: Case, hit: Source) -> bool:
    if not case.evidence:
        return any(contains(hit.text, wording) for group in case.answer for wording in group)
    return any(
        same_source(hit.source, item.source) and (item.quote is None or normalise(item.quote) in normalise(hit.text))
        for item in case.evidence
    )


def hit_at(rank: int | None, k: int) -> float:
    """Return 1 if the first relevant hit is among the first ``k``, else 0. retrieval_hit@k is its mean."""
    return float(rank is not None and rank <= k)


def reciprocal_rank(rank: int | None) -> float:
    """Return ``1 / rank`` of the first relevant hit, 0 without one. mrr is its mean."""
    return 1 / rank if rank is not None else 0.0


def recall_at(ranks: Sequence[int | None], k: int) -> float:
    """Return ``|{wanted items found at rank <= k}| / |wanted items|``; ``ranks`` has one of each."""
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks)


def gains(case: Case, hits: Sequence[Source]) -> list[float]:
    """Return for each hit how many items of evidence it is the first to hold (without evidence: groups of wordings)."""
    items = [replace(case, evidence=(item,)) for item in case.evidence] or [
        replace(case, answer=(group,)) for group in case.answer
    ]
    found = []
    for hit in hits:
        new = [item for item in items if _is_relevant(item, hit)]
        items = [item for item in items if item not in new]
        found.append(float(len(new)))
    return found


def ndcg(gained: Sequence[float], ideal: Sequence[float], k: int) -> float | None:
    """Return ``DCG(gained) / DCG(ideal)`` at most 1, where ``DCG = sum over ranks r <= k of gain / log2(r + 1)``.

    ``ideal`` is the best ranking there could be, in its order; ``None`` if it gains nothing (Järvelin and Kekäläinen
    2002, with linear gains).
    """
    best = _dcg(ideal[:k])
    return min(1.0, _dcg(gained[:k]) / best) if best else None


def ndcg_of_ranks(wanted: Sequence[float], ranks: Sequence[int | None], k: int) -> float | None:
    """Return the same of what each wanted item is worth and the rank at which it was found, if it was."""
    gained = [0.0] * k
    for gain, rank in zip(wanted, ranks, strict=True):
        if rank is not None and rank <= k:
            gained[rank - 1] += gain
    return ndcg(gained, sorted(wanted, reverse=True), k)


def _dcg(gained: Sequence[float]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gained, 1))


def false_answer(case: Case, answer: Answer) -> float | None:
    """Return 1 if an unanswerable question was answered, else 0. false_answer_rate is its mean over those."""
    return float(answer.status == "answered") if case.unanswerable else None


def false_refusal(case: Case, answer: Answer) -> float | None:
    """Return 1 if an answerable question was not answered, else 0. false_refusal_rate is its mean over those.

    Asking back (``clarify``) does not answer.
    """
    return float(answer.status != "answered") if case.status == "answered" else None


def share(part: float, whole: float) -> float | None:
    """Return ``part / whole``, or ``None`` of nothing."""
    return part / whole if whole else None


def mean(values: Sequence[float]) -> float | None:
    """Return ``sum(values) / |values|``, or ``None`` of nothing."""
    return share(sum(values), len(values))


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float | None:
    """Return ``sum(weight * value) / sum(weight)``, or ``None`` of nothing."""
    return share(sum(value * weight for value, weight in zip(values, weights, strict=True)), sum(weights))


def effective_count(weights: Sequence[float]) -> float:
    """Return ``sum(weight)^2 / sum(weight^2)``: how many cases of equal weight tell as much (Kish 1965)."""
    return share(sum(weights) ** 2, sum(weight * weight for weight in weights)) or 0.0


def calibration_error(judged: Sequence[tuple[float, bool]], bins: int = 10) -> float | None:
    """Return ``sum over bins of |bin| / n * |share that is true - mean confidence|`` (Naeini et al. 2015).

    ``judged`` holds confidences (0..1) and whether what they are confident of is so; bins are of equal width.
    """
    full = [[each for each in judged if min(int(each[0] * bins), bins - 1) == number] for number in range(bins)]
    gaps = (abs(sum(true - confidence for confidence, true in members)) for members in full)
    return share(sum(gaps), len(judged))


def cohens_kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """Return ``(p_o - p_e) / (1 - p_e)`` of two judgements of the same things (Cohen 1960); ``None`` if ``p_e`` is 1.

    ``p_o`` is the share on which they agree, ``p_e`` how often they would by chance, each judging yes as often as it
    did: 1 is full agreement, 0 is chance.
    """
    if not pairs:
        return None
    one, other = (sum(each) / len(pairs) for each in zip(*pairs, strict=True))
    observed = sum(first == second for first, second in pairs) / len(pairs)
    expected = one * other + (1 - one) * (1 - other)
    return share(observed - expected, 1 - expected)


def wilson(rate: float, count: float) -> tuple[float, float]:
    """Return the Wilson score interval at 95% of a ``rate`` seen over ``count`` independent trials.

    ``(p + z^2/2n ± z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)`` (Wilson 1927). For the mean of values between 0
    and 1 it errs on the wide side, because yes-or-no values vary most. ``count`` of 0 gives ``(0, 1)``.
    """
    if count == 0:
        return 0.0, 1.0
    z2 = Z_95**2 / count
    centre = rate + z2 / 2
    half = sqrt(Z_95**2 * rate * (1 - rate) / count + z2 * z2 / 4)
    return max(0.0, (centre - half) / (1 + z2)), min(1.0, (centre + half) / (1 + z2))


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the value below which ``percent`` (0..100) of ``values`` lie, interpolated linearly between two."""
    if not values:
        return None
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    low, high = ordered[floor(position)], ordered[ceil(position)]
    return low + (high - low) * (position - floor(position))


def auc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Return ``P(positive > negative) + P(positive = negative) / 2`` over all pairs: 0.5 is chance."""
    ordered = sorted(negative)
    wins = sum((bisect_left(ordered, one) + bisect_right(ordered, one)) / 2 for one in positive)
    return share(wins, len(positive) * len(negative))


def risk_coverage(answered: Sequence[tuple[float, bool]], total: int) -> list[tuple[float, float]]:
    """Return the points ``(coverage, risk)`` of answering only the most confident questions.

    ``answered`` holds the confidence of every answered question and whether its answer is right; ``total`` counts
    all questions. At each confidence c that occurs: coverage = ``|{confidence >= c}| / total``, risk = the share
    of those that are wrong. Coverage rises along the list.
    """
    ordered = sorted(answered, key=lambda item: -item[0])
    points, wrong = [], 0
    for count, (confidence, right) in enumerate(ordered, 1):
        wrong += not right
        if count == len(ordered) or ordered[count][0] != confidence:
            points.append((count / total, wrong / count))
    return points
