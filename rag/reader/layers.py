"""The trained layers of the cross-encoder, and its verdict.

`rag.reader.cross_encoder` imports this when the first question is read, because torch takes long.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from index.bert import Layer, Shape, attention_mask, layer_weights

MINILM = Shape(width=384, heads=12, inner=1536, layers=6, vocabulary=30522, max_tokens=512, epsilon=1e-12)
WIDTH = MINILM.width
_SLOPE, _EVEN = 15.0, 0.55
"""Log-odds per unit of cosine that training starts with, and the cosine at which the odds are even."""


class Layers(nn.Module):
    """Transformer layers over the embedded tokens of a question and, after them, those of a passage."""

    def __init__(self) -> None:
        super().__init__()
        self.segments = nn.Parameter(torch.zeros(2, WIDTH))
        self.layers = nn.ModuleList(Layer(MINILM) for _ in range(MINILM.layers))
        self.likeness = nn.Linear(WIDTH, 1)
        self.verdict = nn.Linear(2 * WIDTH, 1, bias=False)

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Take MiniLM's layers; the verdict starts as the cosine of question and sentence, scaled to log-odds."""
        for number, layer in enumerate(self.layers):
            layer.load_state_dict(layer_weights(weights, number))
        nn.init.constant_(self.likeness.weight, _SLOPE)
        nn.init.constant_(self.likeness.bias, -_SLOPE * _EVEN)
        nn.init.normal_(self.verdict.weight, std=0.01)

    def forward(self, states: Tensor, segments: Tensor, present: Tensor, dropout: float = 0.0) -> Tensor:
        """Return the joint states ``(rows, tokens, WIDTH)``.

        ``segments`` tells by token the question (0) from the passage (1), ``present`` either from padding.
        """
        states = states + self.segments[segments]
        mask = attention_mask(present, states.dtype)
        for layer in self.layers:
            states = layer(states, mask, dropout)
        return states

    def log_odds(self, states: Tensor, segments: Tensor, present: Tensor, sentences: Tensor) -> Tensor:
        """Return, for each sentence, the logarithm of its odds against "nothing here answers"; shape ``(count,)``.

        ``sentences`` are rows of (row, first token, token after the last) in ``states``, shape ``(count, 3)``.
        """
        row, first, end = sentences.unbind(1)
        sums = functional.pad(states.float().cumsum(1), (0, 0, 1, 0))
        means = (sums[row, end] - sums[row, first]) / (end - first).unsqueeze(1)
        asked = ((segments == 0) & present).unsqueeze(2)
        questions = (states.float() * asked).sum(1)  # its length does not matter, only its direction does
        alike = functional.normalize(means, dim=1) * functional.normalize(questions, dim=1)[row]
        own = torch.cat([means.to(states.dtype), states[row, 0]], 1)
        odds: Tensor = self.likeness(alike.to(states.dtype)) + self.verdict(own)
        return odds.squeeze(1)
