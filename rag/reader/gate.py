"""Whether the documents answer at all: a calibrated probability, and the threshold below which citechat says no.

The parameters are data (``abstain.json``), fitted by ``citechat eval calibrate`` on answerable and unanswerable cases.
What they weigh is in `abstain`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np

from index.errors import InputError
from rag.reader.linear import Features, LinearModel
from rag.settings import Settings

FILE = "abstain.json"
"""Name of the parameters, in the package and in a home folder."""

FEATURES = (
    "log_odds",  # the greatest that the cross-encoder gives a sentence
    "lacking_near",  # greatest weight of a question term that the best sentence and its surroundings lack
    "names_covered",  # names of the question found there
)
"""What means the same in any text. How alike question and sentence are does not: it tells answers from near-misses in
encyclopaedia articles, but in a handbook or a dossier it says nothing, and a gate that goes by it does worse there."""
SIGNS = (1, -1, 1)
"""Which way each feature may count: for (1) or against (-1) an answer, or either way (0)."""


@dataclass(frozen=True, slots=True)
class Risk:
    """What a threshold costs, measured on questions that the model did not see; rates from 0 to 1.

    ``false_answers`` is the share of the questions without an answer that get one, ``false_refusals`` the share of
    those with an answer that get none.
    """

    threshold: float
    false_answers: float
    false_refusals: float


@dataclass(frozen=True, slots=True)
class Gate:
    """The calibrated decision: ``confidence`` below ``threshold`` means that the documents do not answer.

    ``curve`` has what other thresholds cost, in ascending order; the further up, the fewer false answers. Calibrations
    of earlier versions have none.
    """

    model: LinearModel
    threshold: float
    curve: tuple[Risk, ...] = ()

    def threshold_for(self, max_false_answers: float) -> float:
        """Return the lowest threshold of the curve with at most this share of false answers, 0 to 1.

        Raises:
            InputError: the calibration has no curve.
        """
        if not self.curve:
            raise InputError(
                "max_false_answers is set, but the calibration in use has no curve to find its threshold on.",
                "Run citechat eval calibrate on your own cases, or set threshold instead.",
            )
        kept = (risk.threshold for risk in self.curve if risk.false_answers <= max_false_answers)
        return next(kept, math.nextafter(1.0, 2.0))

    def threshold_under(self, settings: Settings) -> float:
        """Return the threshold that is in force under these settings.

        Raises:
            InputError: they set ``max_false_answers``, and the calibration has no curve.
        """
        if settings.threshold is not None:
            return settings.threshold
        return self.threshold if settings.max_false_answers is None else self.threshold_for(settings.max_false_answers)

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
        return _parse(resources.files("rag.reader").joinpath(FILE).read_text(encoding="utf-8"))
    try:
        return _parse(own.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{own} holds no calibration for this version ({error}).",
            "Run citechat eval calibrate again, or remove it.",
        ) from error


def _parse(text: str) -> Gate:
    data = json.loads(text)
    model, threshold = LinearModel.parse(data, FEATURES), float(data["threshold"])
    curve = tuple(Risk(*map(float, point)) for point in data.get("curve", ()))
    if any(one.threshold >= other.threshold for one, other in pairwise(curve)):
        raise ValueError("its curve is not in ascending order")
    return Gate(model, threshold, curve)
