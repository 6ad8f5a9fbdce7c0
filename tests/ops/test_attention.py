"""The written-out gradient is the fused kernel's, and it is what training on a CPU uses."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from argus.ops import attention
from argus.ops.attention import PLAIN_KEYS, attend


def made(keys: int, kind: str) -> tuple[list[Tensor], Tensor | None]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 3, 5, 8), (2, 3, keys, 8), (2, 3, keys, 8))
    inputs = [torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for s in shapes]
    if kind == "allowed":
        mask = torch.rand(2, 1, 1, keys, generator=generator) > 0.4
        return inputs, mask.index_fill(3, torch.tensor([0]), True)
    if kind == "bias":
        bias = torch.randn(2, 3, 5, keys, generator=generator, dtype=torch.float64).requires_grad_()
        return [*inputs, bias], bias
    return inputs, None


@pytest.mark.parametrize("keys", [5, PLAIN_KEYS + 1])
@pytest.mark.parametrize("kind", ["plain", "allowed", "bias"])
def test_same_values_and_gradients_as_the_fused_kernel(keys: int, kind: str) -> None:
    inputs, mask = made(keys, kind)
    ours = attend(*inputs[:3], mask)
    fused = scaled_dot_product_attention(*inputs[:3], attn_mask=mask)
    weight = torch.linspace(-1, 1, ours.numel(), dtype=torch.float64).view(ours.shape)
    torch.testing.assert_close(ours, fused)
    for a, b in zip(torch.autograd.grad(ours, inputs, weight), torch.autograd.grad(fused, inputs, weight)):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("kind", ["plain", "allowed", "bias", "shared"])
def test_logits_of_a_few_rows_at_once_give_the_same(monkeypatch: pytest.MonkeyPatch, rows: int, kind: str) -> None:
    inputs, mask = made(9, kind)
    if kind == "shared":
        mask = torch.randn(1, 3, 1, 9, dtype=torch.float64).requires_grad_()
        inputs.append(mask)
    weight = torch.linspace(-1, 1, 2 * 3 * 5 * 8, dtype=torch.float64).view(2, 3, 5, 8)
    answers = []
    for most in (1 << 22, rows * 3 * 5 * 9):
        monkeypatch.setattr(attention, "LOGITS_AT_ONCE", most)
        ours = attend(*inputs[:3], mask)
        answers.append((ours, *torch.autograd.grad(ours, inputs, weight)))
    for whole, parts in zip(*answers):
        torch.testing.assert_close(parts, whole)


def test_causal_queries_do_not_see_what_follows() -> None:
    inputs, _ = made(5, "plain")
    ours = attend(*inputs, causal=True)
    fused = scaled_dot_product_attention(*inputs, is_causal=True)
    torch.testing.assert_close(ours, fused)
    gradient = torch.autograd.grad(ours[:, :, 0].sum(), inputs[2])[0]
    assert gradient[:, :, 0].abs().min() > 0 and not gradient[:, :, 1:].any()


@pytest.mark.parametrize("block", [1, 2, 1024])
@pytest.mark.parametrize("kind", ["plain", "allowed", "bias"])
def test_values_may_be_narrow_and_are_read_in_blocks(monkeypatch: pytest.MonkeyPatch, block: int, kind: str) -> None:
    monkeypatch.setattr(attention, "BLOCK", block)
    inputs, mask = made(9, kind)
    query, key, value = inputs[0], inputs[1], inputs[2][..., :3]
    with torch.no_grad():
        ours = attend(query, key, value, mask)
    torch.testing.assert_close(ours, scaled_dot_product_attention(query, key, value, attn_mask=mask))
    torch.testing.assert_close(attend(query, key, value, mask), ours)  # with gradients


@pytest.mark.parametrize("logits_at_once", [1, 40, 1 << 22])
@pytest.mark.parametrize("kind", ["plain", "allowed", "bias"])
def test_wide_heads_in_bf16_are_attended_in_parts(
    monkeypatch: pytest.MonkeyPatch, logits_at_once: int, kind: str
) -> None:
    sizes = []
    softmax = Tensor.softmax
    monkeypatch.setattr(Tensor, "softmax", lambda x, dim: sizes.append(x.shape) or softmax(x, dim))
    monkeypatch.setattr(attention, "LOGITS_AT_ONCE", logits_at_once)
    monkeypatch.setattr(attention, "WIDE_HEAD", 1)
    inputs, mask = made(7, kind)
    query, key, value = (x.bfloat16() for x in (inputs[0], inputs[1], inputs[2][..., :3]))
    low, high = (mask.bfloat16(), mask.float()) if kind == "bias" else (mask, mask)
    with torch.no_grad():
        ours = attend(query, key, value, low)
        wanted = scaled_dot_product_attention(*(x.float() for x in (query, key, value)), attn_mask=high)
    torch.testing.assert_close(ours.float(), wanted, atol=0.03, rtol=0.03)
    assert sizes and all(shape.numel() <= max(logits_at_once, shape[-1]) for shape in sizes)


def test_wide_heads_in_bf16_are_as_exact_as_their_type() -> None:
    query, key, value = (torch.randn(1, 2, n, 128, generator=torch.Generator().manual_seed(n)) for n in (20, 30, 31))
    value = value[:, :, :30]
    with torch.no_grad():
        ours = attend(query.bfloat16(), key.bfloat16(), value.bfloat16())
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.float(), scaled_dot_product_attention(query, key, value), atol=0.03, rtol=0.03)
