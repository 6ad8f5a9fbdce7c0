"""Mask losses, and the points at which masks are compared."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, grid_sample

OVERSAMPLE, IMPORTANT = 3, 0.75  # of `uncertain_points`, as in PointRend


def focal_loss(
    logits: Float[Tensor, "m k"], wanted: Float[Tensor, "m k"], *, alpha: float, gamma: float = 2.0
) -> Float[Tensor, " m"]:
    """Mean focal loss of each row (Lin et al., ICCV 2017)."""
    probability = logits.sigmoid()
    missing = probability + wanted - 2 * probability * wanted  # 1 - p of the truth
    entropy = binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return ((alpha * wanted + (1 - alpha) * (1 - wanted)) * missing**gamma * entropy).mean(-1)


def dice_loss(logits: Float[Tensor, "m k"], wanted: Float[Tensor, "m k"]) -> Float[Tensor, " m"]:
    """1 - Dice coefficient of each row, both sides plus 1 (Milletari et al., 3DV 2016)."""
    probability = logits.sigmoid()
    overlap = 2 * (probability * wanted).sum(-1)
    return 1 - (overlap + 1) / (probability.sum(-1) + wanted.sum(-1) + 1)


@torch.no_grad()
def uncertain_points(mask_logits: Float[Tensor, "m h w"], count: int) -> Float[Tensor, "m count 2"]:
    """Points (x, y in 0..1) where each mask is compared (PointRend, Kirillov et al., CVPR 2020).

    `IMPORTANT` of them are the least certain of `OVERSAMPLE` x count random ones, the rest plainly random. All are
    drawn in one call, mask after mask, so that splitting the masks over several calls draws the same points.
    """
    candidates, kept = count * OVERSAMPLE, int(count * IMPORTANT)
    drawn = torch.rand(len(mask_logits), candidates + count - kept, 2, device=mask_logits.device)
    doubt = -values_at(mask_logits, drawn[:, :candidates]).abs()
    chosen = doubt.topk(kept, dim=1).indices[..., None].expand(-1, -1, 2)
    return torch.cat([drawn[:, :candidates].gather(1, chosen), drawn[:, candidates:]], dim=1)


def values_at(maps: Float[Tensor, "m h w"], points_xy: Float[Tensor, "m k 2"]) -> Float[Tensor, "m k"]:
    """Bilinear values of each map at its points (x, y in 0..1 of the map's extent)."""
    return grid_sample(maps[:, None], points_xy[:, None] * 2 - 1, align_corners=False)[:, 0, 0]


def labels_at(
    masks: Bool[Tensor, "n h w"], rows: Int[Tensor, " m"], points_xy: Float[Tensor, "m k 2"]
) -> Float[Tensor, "m k"]:
    """1 where a point falls on a pixel of the mask, else 0; `rows` says which mask belongs to each row of points."""
    height, width = masks.shape[1:]
    x = (points_xy[..., 0] * width).long().clamp(max=width - 1)
    y = (points_xy[..., 1] * height).long().clamp(max=height - 1)
    return masks[rows[:, None], y, x].to(points_xy.dtype)
