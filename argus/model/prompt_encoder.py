"""The tracker's prompt encoder: clicks, boxes and masks of single objects as tokens and maps.

After SAM (Kirillov et al., 2023). A box is two points with labels of their own.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from argus.nn.norm import LayerNorm2d

NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT, NOT_A_POINT = range(5)  # labels of points
MASK_SCALE = 4  # a mask prompt has so many times the sides of the token grid


@dataclass(frozen=True, kw_only=True)
class Clicks:
    """Points of N objects, padded: (x, y) in 0..1, their labels, and which of them are not padding.

    Labels: 0 (-), 1 (+), 2 and 3 (top left and bottom right corner of a box), 4 (no point, which every object has one
    of at its end, and a second one in place of points where it has none).
    """

    points_xy_norm: Float[Tensor, "n k 2"]
    labels: Int[Tensor, "n k"]
    valid: Bool[Tensor, "n k"]


class PromptEncoder(nn.Module):
    """Points to tokens, a mask to a map; an object without a mask has a learned constant instead."""

    def __init__(self, width: int):
        super().__init__()
        frequencies = torch.randn(2, width // 2)  # random, never trained
        self.frequencies = nn.Parameter(frequencies, requires_grad=False)
        self.grid_frequencies = nn.Parameter(frequencies.clone(), requires_grad=False)  # the same: files may hold both
        self.labels = nn.Embedding(NOT_A_POINT + 1, width)
        self.no_mask = nn.Parameter(torch.randn(width) * 0.02)
        self.mask_convs = nn.ModuleList((nn.Conv2d(1, 4, 2, stride=2), nn.Conv2d(4, 16, 2, stride=2)))
        self.mask_norms = nn.ModuleList((LayerNorm2d(4), LayerNorm2d(16)))
        self.mask_project = nn.Conv2d(16, width, 1)

    def tokens(self, clicks: Clicks) -> Float[Tensor, "n k c"]:
        """One token a point."""
        is_point = (clicks.labels != NOT_A_POINT)[..., None]
        return torch.where(is_point, fourier(clicks.points_xy_norm, self.frequencies), 0) + self.labels(clicks.labels)

    def map(self, mask_logits: Float[Tensor, "n 1 height width"]) -> Float[Tensor, "n c h w"]:
        """Mask prompts, of `MASK_SCALE` times the grid, on the token grid."""
        x = mask_logits
        for conv, norm in zip(self.mask_convs, self.mask_norms, strict=True):
            x = F.gelu(norm(conv(x)))
        return self.mask_project(x)

    def grid(self, height: int, width: int) -> Float[Tensor, "n c"]:
        """Positions of the centres of a grid's cells, row by row."""
        device = self.grid_frequencies.device
        y = (torch.arange(height, device=device) + 0.5) / height
        x = (torch.arange(width, device=device) + 0.5) / width
        rows, columns = torch.meshgrid(y, x, indexing="ij")
        return fourier(torch.stack((columns, rows), dim=-1), self.grid_frequencies).flatten(0, 1)


def fourier(points_xy_norm: Float[Tensor, "... 2"], frequencies: Float[Tensor, "2 d"]) -> Float[Tensor, "... c"]:
    """Random Fourier features of points in 0..1 (Tancik et al., 2020)."""
    angle = (2 * points_xy_norm.to(frequencies.dtype) - 1) @ frequencies * (2 * math.pi)
    return torch.cat((angle.sin(), angle.cos()), dim=-1)
