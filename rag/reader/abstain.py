"""What tells whether the documents answer: the features that the `gate` weighs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.terms import terms
from rag.reader.linear import Features
from rag.reader.read import FEATURES as READER_FEATURES
from rag.reader.read import Candidate
from rag.retrieval.likeness import Likeness


def describe(candidates: Sequence[Candidate], likeness: Likeness) -> Features:
    """Return the features of a question and what was read for it, in the order of `gate.FEATURES`; shape ``(3,)``."""
    best = candidates[0]
    around = best.stems | {term.stem for term in terms(best.found.stored.passage.context)}
    around |= {stem for other in candidates if _adjoins(best, other) for stem in other.stems}
    return np.array(
        [
            max((each.log_odds for each in candidates if each.log_odds), default=0.0),  # 0: not read twice
            likeness.lacking(around),
            best.features[READER_FEATURES.index("names_covered")],
        ]
    )


def _adjoins(candidate: Candidate, other: Candidate) -> bool:
    return other.found is candidate.found and abs(other.ordinal - candidate.ordinal) == 1
