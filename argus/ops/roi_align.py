"""RoIAlign (Mask R-CNN) as two small matrix products.

The mean of bilinear samples on a regular grid is separable, so each box's pooling is rows @ map @ columns.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def roi_align(
    maps: Float[Tensor, "b c h w"], boxes_xyxy_norm: Float[Tensor, "k 4"], image: Int[Tensor, "k"], size: int
) -> Float[Tensor, "k c s s"]:
    """Pool each box of its image's map into size x size bins; pixels are not shifted by half (`aligned=False`),
    a bin takes ceil(extent / size) samples along each axis, and samples outside the map read zero."""
    height, width = maps.shape[-2:]
    x1, y1, x2, y2 = boxes_xyxy_norm.float().unbind(-1)
    rows = _pooling_weights(y1 * height, y2 * height, height, size)  # (k, s, h)
    columns = _pooling_weights(x1 * width, x2 * width, width, size)  # (k, s, w)
    chosen = maps[image].float()  # (k, c, h, w)
    pooled = rows[:, None] @ chosen @ columns[:, None].transpose(-1, -2)
    return pooled.to(maps.dtype)


def _pooling_weights(
    start: Float[Tensor, "k"], end: Float[Tensor, "k"], cells: int, size: int
) -> Float[Tensor, "k s n"]:
    """What each of `cells` cells contributes to each of `size` bins between start and end."""
    extent = (end - start).clamp(min=1.0)
    samples = (extent / size).ceil().clamp(min=1)  # (k,)
    step = torch.arange(int(samples.max()) if len(samples) else 1, device=start.device)  # (m,)
    offset = (step + 0.5) / samples[:, None]  # (k, m), in bins
    bins = torch.arange(size, device=start.device)
    position = start[:, None, None] + (bins[:, None] + offset[:, None]) * (extent / size)[:, None, None]  # (k, s, m)
    used = (step < samples[:, None])[:, None] & (position >= -1) & (position <= cells)
    position = position.clamp(0, cells - 1)
    cell = torch.arange(cells, device=start.device)
    weight = (1 - (position[..., None] - cell).abs()).clamp(min=0)  # bilinear: a hat of width 1
    return (weight * used[..., None]).sum(2) / samples[:, None, None]
