"""A transformer layer as oneDNN computes it fastest in bfloat16: packed weights, attention in plain products.

torch's own linear layers bring their weights into that order at each call, and write the bias before they multiply. In
bfloat16 that costs up to a fifth of a pass. The operators used here are those that torch's compiler chooses for a CPU;
they need no compiler themselves. For passages of this length, two batched products with a softmax between them are
faster than torch's fused attention, if the softmax has whole vector registers to work on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from index.bert import Layer

_ROWS = 1024
"""How many rows the weights are ordered for; others are multiplied as well, only a little slower."""
_REGISTER = 32
"""Numbers of two bytes in a vector register of 512 bits."""
_SHORT = 64
"""Tokens below which fused attention is faster."""
_AWAY = -1e4
"""What is added to the score of a token that is not there."""


@dataclass(frozen=True, slots=True)
class PackedWeights:
    """The products of a `Layer`, all over rows of states, shape ``(tokens, width)``.

    ``parts`` gives query, key and value, one after another; ``inner`` the feed-forward block's inner states;
    ``attended`` and ``outer`` take their input and the states to be added to their product.
    """

    parts: Callable[[Tensor], Tensor]
    attended: Callable[[Tensor, Tensor], Tensor]
    inner: Callable[[Tensor], Tensor]
    outer: Callable[[Tensor, Tensor], Tensor]

    @classmethod
    def of(cls, layer: Layer) -> PackedWeights:
        """Pack a layer's weights; they are copied, so that later changes to the layer have no effect."""
        heads = (layer.query, layer.key, layer.value)
        weight, bias = (torch.cat([getattr(each, kind) for each in heads]) for kind in ("weight", "bias"))
        return cls(
            parts=_product(weight, bias),
            attended=_product_and_sum(layer.attended.weight, layer.attended.bias),
            inner=_product(layer.inner.weight, layer.inner.bias),
            outer=_product_and_sum(layer.outer.weight, layer.outer.bias),
        )


def attend(parts: Tensor, mask: Tensor) -> Tensor:
    """Return what each token takes from the others, shape ``(rows * tokens, width)``.

    ``parts`` are query, key and value, shape ``(3, rows, heads, tokens, size)``; ``mask`` see `bert.attention_mask`.
    """
    _, rows, heads, tokens, size = parts.shape
    if tokens < _SHORT:
        query, key, value = parts
        attended = functional.scaled_dot_product_attention(query, key, value, mask)
    else:
        more = -tokens % _REGISTER
        query = parts[0].reshape(rows * heads, tokens, size)
        key, value = functional.pad(parts[1:], (0, 0, 0, more)).reshape(2, rows * heads, tokens + more, size)
        wide = functional.pad(mask, (0, more), value=_AWAY).expand(rows, heads, 1, -1).reshape(rows * heads, 1, -1)
        scores = torch.baddbmm(wide, query, key.transpose(1, 2), alpha=size**-0.5)
        attended = torch.bmm(torch.softmax(scores, -1), value).view(rows, heads, tokens, size)
    return attended.transpose(1, 2).reshape(rows * tokens, heads * size)


def can_pack(weight: Tensor) -> bool:
    """Tell whether packing weights like this one makes products faster: in bfloat16, where torch has oneDNN."""
    operators: Any = torch.ops.mkldnn
    backend: Any = torch.backends.mkldnn
    return (
        weight.dtype == torch.bfloat16
        and weight.device.type == "cpu"
        and backend.is_available()
        and hasattr(operators, "_linear_pointwise")
        and hasattr(operators, "_reorder_linear_weight")
        and bool(operators._is_mkldnn_bf16_supported())
    )


def _packed(weight: Tensor) -> Tensor:
    ordered: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _ROWS)
    return ordered


def _product(weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    multiply: Any = torch.ops.mkldnn._linear_pointwise
    ordered, added = _packed(weight), bias.detach()
    return lambda states: multiply(states, ordered, added, "none", [], "")


def _product_and_sum(weight: Tensor, bias: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    multiply: Any = torch.ops.mkldnn._linear_pointwise.binary
    ordered, added = _packed(weight), bias.detach()
    return lambda states, before: multiply(states, before, ordered, added, "add")
