"""Linear models over named features, whose parameters are data: fitted by ``evals``, kept as JSON beside the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A linear model over standardised features."""

    weights: Features
    bias: float
    mean: Features
    scale: Features

    def logits(self, features: Features) -> Features:
        """Return the score of each row of ``features``, shape ``(rows, columns)`` to ``(rows,)``."""
        scores: Features = ((features - self.mean) / self.scale) @ self.weights + self.bias
        return scores

    @classmethod
    def parse(cls, data: Mapping[str, Any], names: Sequence[str]) -> LinearModel:
        """Read a model's parameters, which must be for these features in this order, else ``ValueError``."""
        if data["features"] != list(names):
            raise ValueError("fitted on other features")
        weights, mean, scale = (np.array(data[key], np.float64) for key in ("weights", "mean", "scale"))
        if not weights.shape == mean.shape == scale.shape == (len(names),):
            raise ValueError("not as many parameters as features")
        return cls(weights, float(data["bias"]), mean, scale)
