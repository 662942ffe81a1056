"""Whether the documents answer at all: a calibrated probability, and the threshold below which citechat says no.

The parameters are data (``abstain.json``), fitted by ``citechat eval calibrate`` on answerable and unanswerable cases.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from index.errors import InputError
from rag.read import FEATURES as READER_FEATURES
from rag.read import Candidate, Features, LinearModel
from rag.retrieve import Found

FILE = "abstain.json"
"""Name of the parameters, in the package and in a home folder."""

FEATURES = (
    "log_odds",  # the cross-encoder's log-odds that one of the sentences it read answers, against that none does
    "best_similarity",  # cosine of the question and the nearest passage
    "soft_near",  # term weight that the best sentence, its neighbours, title, headings and date hold or come near to
    "names_covered",  # names of the question found there
)
SIGNS = (1, 1, 1, 1)
"""Which way each feature may count: for (1) or against (-1) an answer, or either way (0)."""


def describe(candidates: Sequence[Candidate], found: Sequence[Found]) -> Features:
    """Return the features of what was found for a question, in the order of `FEATURES`; shape ``(4,)``.

    The cross-encoder was trained to spread its belief over the sentences and "nothing here answers", so the odds of the
    sentences add up.
    """
    best = candidates[0]
    return np.array(
        [
            np.logaddexp.reduce([candidate.log_odds for candidate in candidates]),
            max(hit.dense for hit in found),
            best.features[READER_FEATURES.index("soft_near")],
            best.features[READER_FEATURES.index("names_covered")],
        ]
    )


@dataclass(frozen=True, slots=True)
class Gate:
    """The calibrated decision: ``confidence`` below ``threshold`` means that the documents do not answer."""

    model: LinearModel
    threshold: float

    def confidence(self, features: Features) -> float:
        """Return the calibrated probability that the documents answer, 0 to 1."""
        logit = float(self.model.logits(features[np.newaxis])[0])
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, logit))))


def load_gate(home: Path) -> Gate:
    """Return the gate that was calibrated for a home folder, or the one that the package carries.

    Raises:
        InputError: the home's parameters are not for this version.
    """
    own = home / FILE
    if not own.is_file():
        return _parse(resources.files("rag").joinpath(FILE).read_text(encoding="utf-8"))
    try:
        return _parse(own.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{own} holds no calibration for this version ({error}).",
            "Run citechat eval calibrate again, or remove it.",
        ) from error


def _parse(text: str) -> Gate:
    data = json.loads(text)
    return Gate(LinearModel.parse(data, FEATURES), float(data["threshold"]))
