"""Losses of the tracker beside those of its masks: scores, motion and identity."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, grid_sample, normalize

TEMPERATURE = 0.1  # of the likeness of pointers
EPS = 1e-3


def true_iou(mask_logits: Float[Tensor, "m k"], wanted: Float[Tensor, "m k"]) -> Float[Tensor, " m"]:
    """IoU of each thresholded mask with the thresholded truth (0..1); 1 where both are empty."""
    ours, theirs = mask_logits > 0, wanted > 0.5
    either = (ours | theirs).sum(-1)
    return torch.where(either > 0, (ours & theirs).sum(-1) / either.clamp(min=1), 1.0).to(mask_logits.dtype)


def iou_loss(iou_scores: Float[Tensor, "..."], true: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """How far each estimated IoU is from the true one, as the relative entropy of two chances: 0 where they agree.

    Its gradient is the difference before the sigmoid that made the estimate. A distance of the estimates themselves
    has none where they are near 0, which they all come to while masks are still wrong, and do not leave again.
    """
    wanted = true.detach().clamp(EPS, 1 - EPS)
    score = iou_scores.clamp(EPS, 1 - EPS)
    return wanted * (wanted / score).log() + (1 - wanted) * ((1 - wanted) / (1 - score)).log()


def object_loss(object_logits: Float[Tensor, " m"], seen: Bool[Tensor, " m"]) -> Float[Tensor, " m"]:
    """Cross-entropy of each object's score: whether it is in the frame."""
    return binary_cross_entropy_with_logits(object_logits, seen.to(object_logits.dtype), reduction="none")


def consistency_loss(
    before: Float[Tensor, "m h w"], after: Float[Tensor, "m h w"], ways_xy_norm: Float[Tensor, "h w 2"]
) -> Float[Tensor, " m"]:
    """How far each mask (logits) in a frame is from that in the frame before, moved by the known motion, in 0..1.

    `ways_xy_norm` says where (in 0..1) the frame before showed what each pixel shows; NaN where it did not, and there
    nothing is compared.
    """
    known = ~ways_xy_norm.isnan().any(-1)
    places = (ways_xy_norm.nan_to_num(0.5) * 2 - 1).expand(len(before), -1, -1, -1)
    moved = grid_sample(before.sigmoid()[:, None], places, align_corners=False)[:, 0] * known
    now = after.sigmoid() * known
    apart = (now - moved).square().flatten(1).sum(1)
    return apart / (now.square() + moved.square()).flatten(1).sum(1).clamp(min=1)


def identity_loss(pointers: Float[Tensor, "t n c"], seen: Bool[Tensor, "t n"]) -> Float[Tensor, ""]:
    """Each pointer is told from those of the other objects in the frame before, among which is its own (InfoNCE, van
    den Oord et al., 2018); the mean over frames and objects, 0 where there is nothing to tell apart."""
    unit = normalize(pointers, dim=-1)
    logits = unit[1:] @ unit[:-1].transpose(1, 2) / TEMPERATURE  # (t - 1, n, n)
    logits = logits.masked_fill(~seen[:-1, None], -1e4)
    told = seen[1:] & seen[:-1] & (seen[:-1].sum(1, keepdim=True) > 1)
    own = torch.arange(pointers.shape[1], device=pointers.device).expand(len(logits), -1)
    losses = cross_entropy(logits.flatten(0, 1), own.flatten(), reduction="none").view_as(told)
    return (losses * told).sum() / told.sum().clamp(min=1)
