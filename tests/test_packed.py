from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from index.bert import Layer, Shape, attention_mask
from index.packed import attend, can_pack
from index.sentence_model import native_dtype

SHAPE = Shape(width=384, heads=12, inner=1536, layers=1, vocabulary=10, max_tokens=512, epsilon=1e-12)

native = pytest.mark.skipif(native_dtype() != torch.bfloat16, reason="this CPU does not multiply bfloat16 natively")


def layer() -> Layer:
    torch.manual_seed(1)
    return Layer(SHAPE).requires_grad_(False).eval()


@native
@pytest.mark.parametrize(("rows", "tokens"), [(1, 1), (3, 20), (2, 63), (2, 64), (5, 101), (1, 128), (1, 512)])
def test_a_packed_layer_gives_what_the_plain_one_gives_in_float32(rows: int, tokens: int) -> None:
    plain, packed = layer(), layer().to(torch.bfloat16)
    packed.pack()
    states = torch.randn(rows, tokens, SHAPE.width)
    present = torch.ones(rows, tokens, dtype=torch.bool)
    present[-1, tokens // 2 + 1 :] = False
    expected = plain(states, attention_mask(present, torch.float32))[present]
    found = packed(states.to(torch.bfloat16), attention_mask(present, torch.bfloat16))[present]
    assert functional.cosine_similarity(found.float(), expected).min() > 0.9995
    assert (found.float() - expected).abs().max() < 0.1


@native
def test_a_packed_layer_keeps_its_weights_whatever_becomes_of_the_layer() -> None:
    packed = layer().to(torch.bfloat16)
    packed.pack()
    states, mask = torch.randn(1, 8, SHAPE.width, dtype=torch.bfloat16), torch.zeros(1, 1, 1, 8, dtype=torch.bfloat16)
    before = packed(states, mask)
    packed.inner.weight.zero_()
    assert torch.equal(packed(states, mask), before)


def test_in_float32_nothing_is_packed() -> None:
    plain = layer()
    assert not can_pack(plain.query.weight)
    states, mask = torch.randn(1, 8, SHAPE.width), torch.zeros(1, 1, 1, 8)
    before = plain(states, mask)
    plain.pack()
    assert torch.equal(plain(states, mask), before)


@pytest.mark.parametrize("tokens", [30, 64, 90, 96])
def test_attention_in_products_is_attention(tokens: int) -> None:
    torch.manual_seed(2)
    parts = torch.randn(3, 2, 4, tokens, 8)
    present = torch.ones(2, tokens, dtype=torch.bool)
    present[1, 25:] = False
    mask = attention_mask(present, torch.float32)
    query, key, value = parts
    expected = functional.scaled_dot_product_attention(query, key, value, mask).transpose(1, 2).reshape(-1, 32)
    assert torch.allclose(attend(parts, mask), expected, atol=1e-5)
