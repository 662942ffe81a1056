"""BERT in plain torch, as MiniLM and most small embedders are built.

transformers reads the same files, but importing it is the longest single part of a start; the tests compare the two.
The cross-encoder is made of the same layers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from index.packed import PackedWeights, attend, can_pack

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "attended_norm": "attention.output.LayerNorm",
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "norm": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a BERT: of its states, heads, inner layer, vocabulary, longest input, and the norm's epsilon."""

    width: int
    heads: int
    inner: int
    layers: int
    vocabulary: int
    max_tokens: int
    epsilon: float

    @classmethod
    def of(cls, folder: Path) -> Shape:
        """Read a model's ``config.json``; raises ``KeyError`` or ``ValueError`` if it is not a BERT's."""
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if not _is_plain(config):
            raise ValueError(f"{folder / CONFIG} does not describe a plain BERT")
        return cls(
            width=int(config["hidden_size"]),
            heads=int(config["num_attention_heads"]),
            inner=int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            vocabulary=int(config["vocab_size"]),
            max_tokens=int(config["max_position_embeddings"]),
            epsilon=float(config["layer_norm_eps"]),
        )


def is_bert(folder: Path) -> bool:
    """Tell whether a folder holds a model that `Bert` can load."""
    config = folder / CONFIG
    if not config.is_file() or not (folder / WEIGHTS).is_file():
        return False
    content = json.loads(config.read_text(encoding="utf-8"))
    return content.get("architectures") == ["BertModel"] and _is_plain(content)


def _is_plain(config: Mapping[str, Any]) -> bool:
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder", False)
    )


class Layer(nn.Module):
    """A transformer layer: attention and a feed-forward block, each added to what came in and normalised."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self._heads = shape.heads
        self._packed: PackedWeights | None = None
        self.query, self.key, self.value, self.attended = (nn.Linear(width, width) for _ in range(4))
        self.inner, self.outer = nn.Linear(width, shape.inner), nn.Linear(shape.inner, width)
        self.attended_norm, self.norm = (nn.LayerNorm(width, eps=shape.epsilon) for _ in range(2))

    def forward(self, states: Tensor, mask: Tensor, dropout: float = 0.0) -> Tensor:
        """Return the new states, shape ``(rows, tokens, width)`` like ``states``; ``mask`` see `attention_mask`.

        ``dropout`` is the share of each block's output that is dropped in training.
        """
        if self._packed is not None:
            return self._quickly(self._packed, states, mask)
        rows, tokens, width = states.shape
        query, key, value = (
            part(states).view(rows, tokens, self._heads, width // self._heads).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        attend_to = _attention if self.training else functional.scaled_dot_product_attention
        attended = attend_to(query, key, value, mask)
        attended = self.attended(attended.transpose(1, 2).reshape(rows, tokens, width))
        states = self.attended_norm(states + functional.dropout(attended, dropout, self.training))
        fed = self.outer(functional.gelu(self.inner(states)))
        normed: Tensor = self.norm(states + functional.dropout(fed, dropout, self.training))
        return normed

    def pack(self) -> None:
        """Prepare for use with the present weights, not for training; where nothing is gained, change nothing."""
        if can_pack(self.query.weight):
            self._packed = PackedWeights.of(self)

    def _quickly(self, packed: PackedWeights, states: Tensor, mask: Tensor) -> Tensor:
        rows, tokens, width = states.shape
        states = states.reshape(rows * tokens, width)
        parts = packed.parts(states).view(rows, tokens, 3, self._heads, width // self._heads)
        attended = attend(parts.permute(2, 0, 3, 1, 4), mask)
        states = self.attended_norm(packed.attended(attended, states))
        inner = torch.ops.aten.gelu_(packed.inner(states))
        normed: Tensor = self.norm(packed.outer(inner, states))
        return normed.view(rows, tokens, width)


def _attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Return the same as torch's, whose way back is slow on CPUs."""
    likeness = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1) + mask
    attended: Tensor = likeness.softmax(-1) @ value
    return attended


def pack(layers: nn.ModuleList) -> None:
    """Prepare those that are a `Layer` for use: see `Layer.pack`."""
    for layer in layers:
        if isinstance(layer, Layer):
            layer.pack()


class Bert(nn.Module):
    """A BERT encoder's embeddings and its first layers; every text is a first segment."""

    def __init__(self, shape: Shape, layers: int | None = None) -> None:
        super().__init__()
        self.words, self.positions = (_embedding(count, shape.width) for count in (shape.vocabulary, shape.max_tokens))
        self.segment = nn.Parameter(torch.empty(shape.width))
        self.norm = nn.LayerNorm(shape.width, eps=shape.epsilon)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers if layers is None else layers))

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype = torch.float32, layers: int | None = None) -> Bert:
        """Load the model in a folder, or its first ``layers`` layers, for use, not for training.

        Raises ``OSError``, ``KeyError``, ``ValueError`` or ``RuntimeError`` if the folder does not hold one.
        """
        with torch.device("meta"):
            model = cls(Shape.of(folder), layers)
        weights = load_file(folder / WEIGHTS)
        own = {
            "words.weight": weights["embeddings.word_embeddings.weight"],
            "positions.weight": weights["embeddings.position_embeddings.weight"],
            "segment": weights["embeddings.token_type_embeddings.weight"][0],
            "norm.weight": weights["embeddings.LayerNorm.weight"],
            "norm.bias": weights["embeddings.LayerNorm.bias"],
        }
        for number in range(len(model.layers)):
            own |= {f"layers.{number}.{name}": weight for name, weight in layer_weights(weights, number).items()}
        model.load_state_dict(own, assign=True)
        model = model.to(dtype).requires_grad_(False).eval()
        pack(model.layers)
        return model

    def forward(self, ids: Tensor, present: Tensor) -> Tensor:
        """Return token states ``(rows, tokens, width)`` of token ids, where ``present`` is false for padding."""
        states: Tensor = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]] + self.segment)
        mask = attention_mask(present, states.dtype)
        for layer in self.layers:
            states = layer(states, mask)
        return states


def _embedding(count: int, width: int) -> nn.Embedding:
    """Return one whose weights are not drawn: where there are none yet, torch would load its compiler to draw them."""
    return nn.Embedding(count, width, _weight=torch.empty(count, width))


def layer_weights(weights: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    """Return the weights of a `Layer` from those of a BERT's file; ``KeyError`` if it has no such layer."""
    return {
        f"{ours}.{kind}": weights[f"encoder.layer.{number}.{theirs}.{kind}"]
        for ours, theirs in _NAMES.items()
        for kind in ("weight", "bias")
    }


def attention_mask(present: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what keeps attention off padding, to be added to it; shape ``(rows, 1, 1, tokens)``."""
    return torch.zeros(present.shape, dtype=dtype).masked_fill(~present, -1e4)[:, None, None, :]
