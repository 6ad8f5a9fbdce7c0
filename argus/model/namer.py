"""Naming from close up: a small net that sees each object alone, and tells which phrases are true of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

STEM = 2  # pixels along a side that the net takes together
CHANNELS = 4  # three colours and the mask
USUAL = 1.5  # less the logarithm of an object's usual extent
TEMPERATURE = 0.07  # of the contrast of names at the start; it is learned
PHRASE_SCALE, PHRASE_BIAS = 10.0, -3.0  # of a phrase's logit at the start: few phrases are true of an object


@dataclass(frozen=True, kw_only=True)
class NamerConfig:
    """Pixels along a side of the close-up, the net's channels and blocks from fine to coarse, and the width that
    objects and phrases are compared in."""

    side: int = 48
    widths: tuple[int, ...] = (24, 48, 96, 192)
    blocks: tuple[int, ...] = (1, 2, 2, 2)
    width: int = 256

    def __post_init__(self) -> None:
        finest = STEM * 2 ** max(len(self.widths) - 1, 0)
        counts = (*self.widths, *self.blocks, self.width)
        if not len(self.widths) == len(self.blocks) > 0 or min(counts) < 1 or self.side < 1 or self.side % finest:
            raise ValueError(
                f"expected a side that {finest} divides, and as many widths as counts of blocks, got {self}"
            )


class Namer(nn.Module):
    """Objects by their close-ups, and phrases by their text tokens, in one space."""

    def __init__(self, config: NamerConfig, text_width: int) -> None:
        super().__init__()
        self.config = config
        widths, out = config.widths, config.width
        self.stem = nn.Conv2d(CHANNELS * STEM**2, widths[0], 3, padding=1)
        befores = [widths[max(level - 1, 0)] for level in range(len(widths))]
        self.blocks = nn.ModuleList(
            _Block(before if first else width, width, stride=2 if first and level else 1)
            for level, (before, width, count) in enumerate(zip(befores, widths, config.blocks, strict=True))
            for first in (True, *[False] * (count - 1))
        )
        self.norm = _Norm(widths[-1])
        self.thing = nn.Sequential(nn.Linear(self.features, 2 * out), nn.ReLU(), nn.Linear(2 * out, out))
        self.phrase = nn.Sequential(
            nn.LayerNorm(text_width), nn.Linear(text_width, 2 * out), nn.ReLU(), nn.Linear(2 * out, out)
        )
        self.contrast_scale = nn.Parameter(torch.tensor(1 / TEMPERATURE).log())
        self.phrase_scale = nn.Parameter(torch.tensor(PHRASE_SCALE).log())
        self.phrase_bias = nn.Parameter(torch.tensor(PHRASE_BIAS))

    @property
    def features(self) -> int:
        """How many `seen` gives of an object."""
        return 2 * self.config.widths[-1] + 1

    def things(self, views: Float[Tensor, "n 4 s s"], extents: Float[Tensor, " n"]) -> Float[Tensor, "n c"]:
        """Objects, each of length 1."""
        return self.placed(self.seen(views, extents))

    def placed(self, seen: Float[Tensor, "n f"]) -> Float[Tensor, "n c"]:
        """Objects that were seen, each of length 1, where phrases are."""
        return F.normalize(self.thing(seen), dim=-1)

    def seen(self, views: Float[Tensor, "n 4 s s"], extents: Float[Tensor, " n"]) -> Float[Tensor, "n f"]:
        """What is seen of objects in their `views`, and how large they are: the square root of their boxes' share of
        the picture."""
        x = self.stem(F.pixel_unshuffle(views, STEM).contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            x = block(x)
        x = F.relu(self.norm(x))
        mask = F.adaptive_avg_pool2d(views[:, 3:], x.shape[-1])
        mask = mask / mask.sum((2, 3), keepdim=True).clamp(min=1e-3)
        size = extents[:, None].clamp(min=1e-3).log().to(x.dtype) + USUAL
        return torch.cat((x.mean((2, 3)), (x * mask).sum((2, 3)), size), 1)

    def phrases(self, pooled: Float[Tensor, "k t"]) -> Float[Tensor, "k c"]:
        """Phrases, each of length 1, by the mean of their text tokens (`pooled`)."""
        return F.normalize(self.phrase(pooled), dim=-1)

    def logits(self, likeness: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        """Whether a phrase is true of an object, by their product."""
        return likeness * self.phrase_scale.exp().clamp(max=100) + self.phrase_bias


def pooled(tokens: Float[Tensor, "k t c"], valid: Bool[Tensor, "k t"]) -> Float[Tensor, "k c"]:
    """The mean text token of each phrase."""
    kept = valid.to(tokens.dtype)[..., None]
    return (tokens * kept).sum(1) / kept.sum(1)


class _Block(nn.Module):
    """A residual block, its norms first (He et al., ECCV 2016); it begins as the identity."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.first = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.second = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.first_norm, self.second_norm = _Norm(before), _Norm(after)
        self.skip = nn.Conv2d(before, after, 1, bias=False) if before != after else None
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h2 w2"]:
        y = F.relu(self.first_norm(x))
        added = self.second(F.relu(self.second_norm(self.first(y))))
        if self.skip is None:
            return x + added
        return self.skip(F.avg_pool2d(y, self.stride) if self.stride > 1 else y) + added


class _Norm(nn.Module):
    """Batch norm (Ioffe and Szegedy, ICML 2015), without PyTorch's count of batches, a whole number that nothing reads
    where the momentum is fixed, and that files of weights have no place for."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        mean, variance = self.get_buffer("running_mean"), self.get_buffer("running_var")
        return F.batch_norm(x, mean, variance, self.weight, self.bias, training=self.training)
