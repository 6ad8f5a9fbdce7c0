"""Optimiser, learning rate over the steps, and the moving average of the weights."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from argus.train.engine import local

M = TypeVar("M", bound=nn.Module)

BETAS = (0.9, 0.98)
EMA_DECAY = 0.999
_TABLES = (  # what is looked up or learned as it is, by the ends of the names
    "vision.position",
    "text.position",
    "text.embedding.weight",
    "exemplar_encoder.label.weight",
    "decoder.query_embed",
    "decoder.reference_logits",
    "prompt_encoder.labels.weight",
    "mask_decoder.mask_tokens",
    "memory_time",
    "frequencies",
)


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """AdamW, its rates and their course.

    Rates hold after the warm-up: `vision` for the vision encoder, `text` for the text encoder, `rest` for all else.
    `vision_layer_decay` multiplies the rate once more for each block below the last, `adapters` that of low-rank
    adapters. The rate rises linearly over `warmup` steps, falls with 1 / sqrt(1 + steps since then / `timescale`), and
    goes linearly to zero over the last `cooldown` steps. Gradients are clipped to the norm `clip`.
    """

    vision: float
    text: float
    rest: float
    vision_layer_decay: float = 1.0
    adapters: float = 1.0
    weight_decay: float = 0.1
    clip: float = 1.0
    warmup: int = 500
    timescale: int = 10_000
    cooldown: int = 1_000

    def __post_init__(self) -> None:
        if not 0 < self.vision_layer_decay <= 1:
            raise ValueError(f"vision_layer_decay must lie in 0..1 (above 0), got {self.vision_layer_decay}")
        if min(self.warmup, self.cooldown) < 0 or self.timescale <= 0 or self.clip <= 0:
            raise ValueError(f"warmup and cooldown must be >= 0, timescale and clip > 0, got {self}")


def rate_at(step: int, steps: int, config: OptimConfig) -> float:
    """Share of the base learning rate at `step` (from 0) of `steps`: inverse square root (Zhai et al., CVPR 2022)."""
    share = 1 / math.sqrt(1 + max(step - config.warmup, 0) / config.timescale)
    if config.warmup:
        share *= min((step + 1) / config.warmup, 1)
    if config.cooldown:
        share *= min((steps - step) / config.cooldown, 1)
    return share


def make_optimizer(model: nn.Module, config: OptimConfig) -> torch.optim.AdamW:
    """AdamW over groups of equal rate and decay; each group keeps its base rate as `base_lr`.

    Norms and biases (all vectors), embeddings, queries and position tables (by name) have no weight decay.
    """
    vision_blocks = _count_blocks(model)
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = rate_of(name, vision_blocks, config) * (config.adapters if ".parametrizations." in name else 1.0)
            key = (rate, config.weight_decay if _decays(name, parameter) else 0.0)
            groups.setdefault(key, []).append(parameter)
    described = [
        {"params": group, "lr": rate, "base_lr": rate, "weight_decay": decay} for (rate, decay), group in groups.items()
    ]
    return torch.optim.AdamW(described, betas=BETAS, fused=True)


def rate_of(name: str, vision_blocks: int, config: OptimConfig) -> float:
    """Base rate of a parameter by its name, which holds `vision.` or `text.` where it belongs to those encoders."""
    parts = name.split(".")
    if "text" in parts:
        return config.text
    if "vision" not in parts:
        return config.rest
    block = re.search(r"\bvision\.blocks\.(\d+)\.", name)
    below_last = vision_blocks - 1 - int(block[1]) if block else vision_blocks
    return config.vision * config.vision_layer_decay**below_last


def set_rate(optimizer: torch.optim.Optimizer, share: float) -> None:
    """Give every group this share of its base rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * share


class Ema(Generic[M]):
    """A copy of a model whose weights follow the model's as a moving average; in evaluation mode, without gradients.

    The average is young at first: its decay after n updates is min(EMA_DECAY, (1 + n) / (10 + n)).
    """

    def __init__(self, model: M) -> None:
        self.model: M = copy.deepcopy(model).eval().requires_grad_(False)
        self.updates = 0

    @torch.no_grad()
    def update(self, model: M) -> None:
        decay = min(EMA_DECAY, (1 + self.updates) / (10 + self.updates))
        pairs = zip(self.model.parameters(), model.parameters(), strict=True)
        learned = [(local(mine), local(other)) for mine, other in pairs if other.requires_grad]
        torch._foreach_lerp_([mine for mine, _ in learned], [other for _, other in learned], 1 - decay)
        for mine, other in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(other)
        self.updates += 1


def _count_blocks(model: nn.Module) -> int:
    found = (re.search(r"\bvision\.blocks\.(\d+)\.", name) for name in _names(model))
    return max((int(match[1]) + 1 for match in found if match), default=0)


def _names(model: nn.Module) -> Iterator[str]:
    return (name for name, _ in model.named_parameters())


def _decays(name: str, parameter: Tensor) -> bool:
    return parameter.ndim > 1 and not name.endswith(_TABLES)
