"""Axial rotary position embedding (RoPE): positions on a 2-D grid as rotations of pairs of channels.

Tables are computed for the grid at hand, never stored in a checkpoint, so that any resolution works.
"""

from functools import lru_cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor

THETA = 10000.0


@lru_cache(maxsize=16)
def axial_rope(height: int, width: int, head_dim: int, scale: float, device: torch.device) -> Complex[Tensor, "n d"]:
    """Unit complex numbers (height * width, head_dim // 2): the first half turns with x, the second with y.

    `scale` multiplies the positions (SAM 3 maps its global layers onto the range of a window).
    """
    with torch.inference_mode(False):  # the cached value must stay usable in training
        frequency = THETA ** -(torch.arange(0, head_dim // 2, 2, device=device, dtype=torch.float32) / (head_dim // 2))
        x = torch.arange(width, device=device, dtype=torch.float32) * scale
        y = torch.arange(height, device=device, dtype=torch.float32) * scale
        columns = (x[:, None] * frequency)[None].expand(height, -1, -1)
        rows = (y[:, None] * frequency)[:, None].expand(-1, width, -1)
        angle = torch.cat((columns, rows), dim=-1).flatten(0, 1)
        return torch.polar(torch.ones_like(angle), angle)


def apply_rope(x: Float[Tensor, "... n d"], table: Complex[Tensor, "n e"]) -> Float[Tensor, "... n d"]:
    """Rotate each pair of neighbouring channels by the table's angle; computed in fp32, returned in x's dtype."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * table).flatten(-2).to(x.dtype)
