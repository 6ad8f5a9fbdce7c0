"""The tracker's memory encoder: a frame's map and an object's mask in it, fused into a narrow map to remember.

After SAM 2 (Ravi et al., 2024); the fusing blocks are ConvNeXt's (Liu et al., 2022).
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from argus.nn.mlp import MLP
from argus.nn.norm import LayerNorm2d

MASK_SCALE = 16  # masks come in with so many times the sides of the token grid
CHANNELS = (1, 4, 16, 64, 256)
BLOCKS = 2
LOGIT_SCALE, LOGIT_BIAS = 20.0, -10.0  # masks in 0..1 come in as 20 x - 10


class MemoryEncoder(nn.Module):
    """A map of `width` channels and masks to maps of `memory_width` channels."""

    def __init__(self, width: int, memory_width: int):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, stride=2, padding=1) for i, o in pairwise(CHANNELS))
        self.norms = nn.ModuleList(LayerNorm2d(o) for o in CHANNELS[1:])
        self.mask_project = nn.Conv2d(CHANNELS[-1], width, 1)
        self.image_project = nn.Conv2d(width, width, 1)
        self.blocks = nn.ModuleList(Block(width) for _ in range(BLOCKS))
        self.out = nn.Conv2d(width, memory_width, 1)

    def forward(
        self, image: Float[Tensor, "b c h w"], masks: Float[Tensor, "n 1 height width"]
    ) -> Float[Tensor, "n m h w"]:
        """`image` is that of each object, or the one image of all (b = 1), whose projection is then computed once;
        `masks` are scaled logits (20 x - 10)."""
        x = masks
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.gelu(norm(conv(x)))
        x = self.mask_project(x) + self.image_project(image)
        for block in self.blocks:
            x = block(x)
        return self.out(x)


class Block(nn.Module):
    """A wide depthwise convolution, norm and MLP, scaled a channel and added."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = LayerNorm2d(width)
        self.mlp = MLP((width, 4 * width, width), F.gelu)
        self.scale = nn.Parameter(torch.full((width,), 1e-6))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        y = self.mlp(self.norm(self.conv(x)).permute(0, 2, 3, 1)) * self.scale
        return x + y.permute(0, 3, 1, 2)
