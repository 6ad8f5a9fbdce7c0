"""Sine position embeddings of grids, points and boxes (as in "Attention is all you need", extended to 2-D by DETR)."""

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

TEMPERATURE = 10000.0


def sine(x: Float[Tensor, "..."], features: int) -> Float[Tensor, "... f"]:
    """Embed numbers (already scaled to radians) as `features` interleaved sines and cosines of falling frequency."""
    exponent = 2 * torch.div(torch.arange(features, device=x.device), 2, rounding_mode="floor") / features
    angle = x[..., None] / TEMPERATURE ** exponent.to(x.dtype)  # (..., features)
    return torch.stack((angle[..., 0::2].sin(), angle[..., 1::2].cos()), dim=-1).flatten(-2)


def sine_points(points_xy_norm: Float[Tensor, "... 2"], width: int) -> tuple[Tensor, Tensor]:
    """Embeddings of x and of y, each (..., width // 2), of points in 0..1."""
    x, y = (points_xy_norm * 2 * math.pi).unbind(-1)
    return sine(x, width // 2), sine(y, width // 2)


def sine_boxes(boxes_cxcywh_norm: Float[Tensor, "... 4"], width: int) -> Float[Tensor, "... c"]:
    """Embedding of boxes in the order y, x, w, h: (..., 2 * width)."""
    cx, cy, w, h = (boxes_cxcywh_norm * 2 * math.pi).unbind(-1)
    return torch.cat([sine(v, width // 2) for v in (cy, cx, w, h)], dim=-1)


@lru_cache(maxsize=16)
def sine_grid(height: int, width: int, channels: int, device: torch.device) -> Float[Tensor, "n c"]:
    """Embedding of each cell of a grid, (height * width, channels) in fp32: y in the first half, x in the second."""
    with torch.inference_mode(False):  # the cached value must stay usable in training
        y = torch.arange(1, height + 1, device=device, dtype=torch.float32) / (height + 1e-6) * 2 * math.pi
        x = torch.arange(1, width + 1, device=device, dtype=torch.float32) / (width + 1e-6) * 2 * math.pi
        rows = sine(y, channels // 2)[:, None].expand(-1, width, -1)
        columns = sine(x, channels // 2)[None].expand(height, -1, -1)
        return torch.cat((rows, columns), dim=-1).flatten(0, 1)


def sine_line(x: Float[Tensor, "n"], features: int) -> Float[Tensor, "n f"]:
    """Embed numbers as all sines, then all cosines, of falling frequency."""
    half = features // 2
    exponent = 2 * torch.div(torch.arange(half, device=x.device), 2, rounding_mode="floor") / half
    angle = x[:, None] / TEMPERATURE ** exponent.to(x.dtype)
    return torch.cat((angle.sin(), angle.cos()), dim=-1)
