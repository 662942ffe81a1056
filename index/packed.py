"""The weights of a transformer layer, in the order in which oneDNN multiplies by them.

torch's own linear layers bring their weights into that order at each call, and write the bias before they multiply. In
bfloat16 that costs up to a fifth of a pass. The operators used here are those that torch's compiler chooses for a CPU;
they need no compiler themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from index.bert import Layer

_ROWS = 1024
"""How many rows the weights are ordered for; others are multiplied as well, only a little slower."""


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
