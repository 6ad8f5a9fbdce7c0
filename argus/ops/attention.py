"""Attention whose gradient is cheap on a CPU too."""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

PLAIN_KEYS = 1024
"""Up to so many keys (or with a learned bias) plain matrix products beat PyTorch's fused gradient on the CPU."""
WIDE_HEAD = 128
LOGITS_AT_ONCE = 1 << 22
"""Where logits are written out. It bounds the memory of a block, and is where more is no faster (from 2^18 to 2^24):
larger blocks are given back to the system and faulted in again each time, fewer rows slow the products in bf16."""

BLOCK = 1024
"""Queries and keys of a block of logits that stays in a CPU's cache (measured from 256 to 5184)."""


def attend(
    query: Float[Tensor, "b h q d"],
    key: Float[Tensor, "b h k d"],
    value: Float[Tensor, "b h k e"],
    mask: Bool[Tensor, "..."] | Float[Tensor, "..."] | None = None,
    *,
    causal: bool = False,
) -> Float[Tensor, "b h q e"]:
    """Scaled dot-product attention. `mask` broadcasts to (b, h, q, k): True where a key may be read, or a float that
    is added to the logits.

    The same function everywhere; where gradients are wanted on a CPU and the fused kernel's backward pass is the slow
    one (2 to 8 times, measured in bf16 on two CPUs), the pass is written out in matrix products. Without gradients a
    CPU attends a few queries at a time where its fused kernel is slow (wide heads in bf16: 4 times). Narrow values are
    widened for that kernel, which takes none that are not as wide as the keys, or, where keys are many, read in blocks
    that do without (a quarter as wide: 0.63 of the time).
    """
    learned_bias = mask is not None and mask.is_floating_point()
    trains = query.device.type == "cpu" and torch.is_grad_enabled() and query.requires_grad
    if query.device.type == "cpu" and not trains and not causal:
        if query.dtype == torch.bfloat16 and key.shape[3] >= WIDE_HEAD:
            return _attend_in_parts(query, key, value, mask)
        if (narrow := value.shape[3]) < key.shape[3]:
            if key.shape[2] > 4 * BLOCK:
                return _attend_in_blocks(query, key, value, mask)
            return attend(query, key, pad(value, (0, key.shape[3] - narrow)), mask)[..., :narrow]
    if not trains or not (learned_bias or key.shape[2] <= PLAIN_KEYS):
        return scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
    if causal:
        mask = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool).tril()
    batch, heads, count, _ = query.shape
    rows = max(1, LOGITS_AT_ONCE // (heads * count * key.shape[2]))
    inputs = [tensor.split(rows) for tensor in (query, key, value)]
    if mask is not None:
        inputs.append(_bias(mask, query.dtype).expand(batch, heads, -1, -1).split(rows))
    parts: list[Tensor] = [_Attend.apply(*part) for part in zip(*inputs, strict=True)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _attend_in_parts(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """softmax(Q K^T / sqrt(d) + bias) V without ever holding more than `LOGITS_AT_ONCE` (or one row) of the logits."""
    batch, heads, count, _ = query.shape
    out = query.new_empty(batch, heads, count, value.shape[3])
    rows = max(1, LOGITS_AT_ONCE // key.shape[2])
    bias = None if mask is None else _bias(mask, query.dtype).expand(batch, heads, -1, -1)
    for b, h in product(range(batch), range(heads)):  # plain matrices: batched products are slower in bf16
        q, k = query[b, h] * query.shape[-1] ** -0.5, key[b, h].T
        for start in range(0, count, rows):
            part = slice(start, start + rows)
            logits = q[part] @ k  # (rows, k)
            if bias is not None:
                logits += bias[b, h] if bias.shape[2] == 1 else bias[b, h, part]
            out[b, h, part] = logits.softmax(-1) @ value[b, h]
    return out


def _attend_in_blocks(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """softmax(Q K^T / sqrt(d) + bias) V by blocks of the logits, each seen once (Milakov & Gimelshein, 2018)."""
    batch, heads, count, _ = query.shape
    out = query.new_empty(batch, heads, count, value.shape[3])
    bias = None if mask is None else _bias(mask, query.dtype).expand(batch, heads, -1, -1)
    for b, h, start in product(range(batch), range(heads), range(0, count, BLOCK)):
        rows = slice(start, start + BLOCK)
        q = query[b, h, rows] * query.shape[-1] ** -0.5
        read, weight = q.new_zeros(len(q), value.shape[3]), q.new_zeros(len(q), 1)
        highest = q.new_full((len(q), 1), torch.finfo(q.dtype).min)
        for first in range(0, key.shape[2], BLOCK):
            columns = slice(first, first + BLOCK)
            logits = q @ key[b, h, columns].T
            if bias is not None:
                logits += bias[b, h, :, columns] if bias.shape[2] == 1 else bias[b, h, rows, columns]
            higher = torch.maximum(highest, logits.amax(1, keepdim=True))
            logits.sub_(higher).exp_()
            faded = (highest - higher).exp_()
            weight.mul_(faded).add_(logits.sum(1, keepdim=True))
            read.mul_(faded).addmm_(logits, value[b, h, columns])
            highest = higher
        out[b, h, rows] = read / weight
    return out


def _bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask as what is added to the logits."""
    if mask.is_floating_point():
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, float("-inf"))


class _Attend(torch.autograd.Function):
    """softmax(Q K^T / sqrt(d) + bias) V in the dtype of its inputs, keeping the attention for the backward pass."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
        logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
        attention = (logits if bias is None else logits.add_(bias)).softmax(-1)
        ctx.save_for_backward(query, key, value, attention)
        ctx.bias_shape = bias.shape if bias is not None and bias.requires_grad else None
        return attention @ value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        query, key, value, attention = ctx.saved_tensors
        scale = query.shape[-1] ** -0.5
        of_value = attention.transpose(-2, -1) @ grads[0]
        of_attention = grads[0] @ value.transpose(-2, -1)
        of_logits = torch._softmax_backward_data(of_attention, attention, -1, attention.dtype)
        of_bias = None if ctx.bias_shape is None else of_logits.sum_to_size(ctx.bias_shape)
        return (of_logits @ key) * scale, (of_logits.transpose(-2, -1) @ query) * scale, of_value, of_bias
