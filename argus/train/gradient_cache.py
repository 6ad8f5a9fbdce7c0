"""A loss over all batches of a step in the memory of one: gradient caching (GradCache, Gao et al., 2021).

A contrast needs the representations of everything at once. But once its gradient by them is known, each batch can be
encoded again and learn alone: by the chain rule the gradients add up to that of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Cached:
    """One batch's share: of the whole loss's `value`, of its gradient by the batch's representations, and by what all
    batches share."""

    value: Float[Tensor, ""]
    of_representations: tuple[Tensor, ...]
    of_shared: tuple[Tensor, ...]


def cache_gradients(
    parts: Sequence[Sequence[Tensor]], loss: Callable[..., Float[Tensor, ""]], shared: Sequence[nn.Parameter]
) -> list[Cached]:
    """From each batch's representations (several kinds, as they are when nothing is learned from them) to its share.

    `loss` takes the representations of all batches, kind by kind; `shared` are parameters that it uses itself.
    """
    whole = [torch.cat(list(kind)).detach().requires_grad_() for kind in zip(*parts, strict=True)]
    with torch.enable_grad():
        value = loss(*whole)
    gradients = torch.autograd.grad(value, [*whole, *shared])
    of_parts = [
        gradient.split([len(part[kind]) for part in parts]) for kind, gradient in enumerate(gradients[: len(whole)])
    ]
    return [
        Cached(
            value=value.detach() / len(parts),
            of_representations=tuple(gradient[place] for gradient in of_parts),
            of_shared=tuple(gradient / len(parts) for gradient in gradients[len(whole) :]),
        )
        for place in range(len(parts))
    ]


def with_cached_gradient(
    cached: Cached, representations: Sequence[Tensor], shared: Sequence[nn.Parameter]
) -> Float[Tensor, ""]:
    """The batch's share of the whole loss: its value, and its gradient by the same representations, made again."""
    pairs = zip((*representations, *shared), (*cached.of_representations, *cached.of_shared), strict=True)
    along = torch.stack([(tensor * gradient).sum() for tensor, gradient in pairs]).sum()
    return cached.value + along - along.detach()
