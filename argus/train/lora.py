"""Low-rank adapters on a model that is fine-tuned: what they change, and how they become a file.

A parametrization, not wrapped layers: whatever reads a weight (a layer, or a place that folds two layers into one) sees
the adapter, and merging is nothing but reading the weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

from argus.checkpoint.lora import Adapter, low_rank_sum, mark_of
from argus.model.sam3 import Sam3

RANK = 8
ADAPTED = ("vision.", "text.", "detector.", "tracker.prompt_encoder.", "tracker.mask_decoder.")
"""What learns; the rest of the tracker remembers objects through videos, of which there are none to learn from."""
WAVES = ("tracker.prompt_encoder.frequencies", "tracker.prompt_encoder.grid_frequencies")  # no training changes them
_TABLES = ("text.embedding", "text.position", "vision.position", *WAVES)  # good for any concept: left as they are
_LEARNED_TABLES = ("decoder.query_embed", "reference_logits", "exemplar_encoder.label")


class LowRank(nn.Module):
    """weight + up x down; training starts from the weight itself. Low rank after Hu et al., ICLR 2022."""

    def __init__(self, weight: Tensor, rank: int):
        super().__init__()
        rows, rest = len(weight), weight[0].numel()
        self.down = nn.Parameter(torch.randn(rank, rest, device=weight.device) * rest**-0.5)
        self.up = nn.Parameter(torch.zeros(rows, rank, device=weight.device))

    def forward(self, weight: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return low_rank_sum(weight, self.down, self.up)


def learnable(name: str) -> bool:
    """Whether a parameter learns when everything does: all but the tracker's parts for video."""
    return name.startswith(ADAPTED) and not name.startswith(WAVES)


def add_adapters(model: Sam3, rank: int, seed: int) -> None:
    """Freeze a model but for new adapters of `rank` on all linear and convolution weights of what is `ADAPTED`.

    What is too small to gain by it learns whole: biases and norms, queries, labels, and matrices with fewer rows or
    columns than twice the rank. Raises ValueError for a rank below 1.
    """
    if rank < 1:
        raise ValueError(f"expected a rank of at least 1 for adapters, got {rank}")
    torch.manual_seed(seed)
    for name, parameter in list(model.named_parameters()):
        owner = model.get_submodule(name.rpartition(".")[0])
        parameter.requires_grad_(_learns_whole(name, parameter, rank))
        if _is_adapted(name, parameter, rank):
            parametrize.register_parametrization(owner, name.rpartition(".")[2], LowRank(parameter.detach(), rank))


def adapter_of(model: Sam3, base: Sam3, name: str, training: dict[str, Any]) -> Adapter:
    """What `add_adapters` and training changed of `base`, which is called `name`; all tensors are copies."""
    low = {f"{path}.{weight}": part for path, weight, part in _low_ranks(model)}
    learned = {n: p for n, p in model.named_parameters() if n.startswith(ADAPTED) and ".parametrizations." not in n}
    originals = dict(base.named_parameters())
    whole = {n: p for n, p in learned.items() if p.shape != originals[n].shape or not torch.equal(p, originals[n])}
    names = {*low, *whole}
    return Adapter(
        base=name,
        mark=mark_of({n: originals[n] for n in names}),
        down={n: part.down.detach().clone() for n, part in low.items()},
        up={n: part.up.detach().clone() for n, part in low.items()},
        whole={n: p.detach().clone() for n, p in whole.items()},
        training=training,
    )


def _low_ranks(model: nn.Module) -> Iterator[tuple[str, str, LowRank]]:
    """Each adapter with its layer's path and the name of the weight there."""
    for path, module in model.named_modules():
        for name, parts in getattr(module, "parametrizations", {}).items():
            if isinstance(parts[0], LowRank):
                yield path, name, parts[0]


def _is_adapted(name: str, parameter: Tensor, rank: int) -> bool:
    if not name.startswith(ADAPTED) or name.startswith(_TABLES) or any(part in name for part in _LEARNED_TABLES):
        return False
    return parameter.ndim > 1 and min(len(parameter), parameter[0].numel()) >= 2 * rank


def _learns_whole(name: str, parameter: Tensor, rank: int) -> bool:
    return name.startswith(ADAPTED) and not name.startswith(_TABLES) and not _is_adapted(name, parameter, rank)
