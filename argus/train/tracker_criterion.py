"""The tracker's whole loss: every mask that was decoded in a batch, and how masks and pointers follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from argus.model.mask_decoder import Decoded
from argus.train.losses.masks import dice_loss, focal_loss
from argus.train.losses.tracking import consistency_loss, identity_loss, iou_loss, object_loss, true_iou

SHARED = 0.1  # of the loss of three masks, what all of them have a part in: else those that lose at first never learn


@dataclass(frozen=True, kw_only=True)
class TrackerLossConfig:
    """Weights of the losses (the first four as published with SAM 2), how much the focal loss weighs pixels of the
    object against those around it, and how little those that are right already (gamma 0: plain cross-entropy)."""

    focal: float = 20.0
    dice: float = 1.0
    iou: float = 1.0
    object_score: float = 1.0
    consistency: float = 0.5
    identity: float = 0.1
    focal_alpha: float = 0.25
    focal_gamma: float = 2.0


@dataclass(frozen=True, kw_only=True)
class TrackerLosses:
    """Weighted parts and their sum; `pick_iou` and `track_iou` (masks of first prompts, and masks that were carried
    on from memory) are for the log."""

    total: Tensor
    focal: Tensor
    dice: Tensor
    iou: Tensor
    object_score: Tensor
    consistency: Tensor
    identity: Tensor
    pick_iou: Tensor
    track_iou: Tensor


@dataclass(frozen=True, kw_only=True)
class Judged:
    """N objects as they were decoded (all masks), with the truth on the grid of masks and whether they are seen."""

    decoded: Decoded
    wanted: Float[Tensor, "n h w"]
    seen: Bool[Tensor, " n"]


@dataclass(frozen=True, kw_only=True)
class Course:
    """N objects through the T frames of a clip: the masks that were chosen (logits), the pointers, in which frames an
    object was tracked and is seen, and the known motion between frames (None: unknown)."""

    mask_logits: Float[Tensor, "t n h w"]
    pointers: Float[Tensor, "t n c"]
    seen: Bool[Tensor, "t n"]
    ways_xy_norm: Float[Tensor, "t-1 h w 2"] | None


class TrackerCriterion:
    """Means over all that a batch decoded."""

    def __init__(self, config: TrackerLossConfig) -> None:
        self.config = config

    def __call__(
        self, first: Sequence[Judged], carried: Sequence[Judged], others: Sequence[Judged], courses: Sequence[Course]
    ) -> TrackerLosses:
        """Answers to first prompts, objects carried on, answers to corrections, and the courses of the clips."""
        config = self.config
        judged = [*first, *carried, *others]
        parts = [self._masks(one) for one in judged]
        focal, dice, iou = (_mean([part[i] for part in parts]) for i in range(3))
        score = _mean([object_loss(one.decoded.object_logits.float(), one.seen) for one in judged])
        weighted = {
            "focal": config.focal * focal,
            "dice": config.dice * dice,
            "iou": config.iou * iou,
            "object_score": config.object_score * score,
            "consistency": config.consistency * _mean([_consistency(course) for course in courses], like=score),
            "identity": config.identity * _mean([_identity(course) for course in courses], like=score),
        }
        return TrackerLosses(
            total=torch.stack(list(weighted.values())).sum(),
            **weighted,
            pick_iou=_mean([_answered_iou(one) for one in first], like=score),
            track_iou=_mean([_answered_iou(one) for one in carried], like=score),
        )

    def _masks(self, judged: Judged) -> tuple[Tensor, Tensor, Tensor]:
        """Focal, Dice and IoU losses of the objects that are seen: half of the single mask, half of the best of three
        (that with the least loss), with a little of all three; the IoU of every mask is estimated."""
        rows = judged.seen.nonzero()[:, 0]
        logits = judged.decoded.mask_logits[rows].float().flatten(2)  # (m, 4, k)
        wanted = judged.wanted[rows].flatten(1)[:, None].expand_as(logits)
        count, masks = logits.shape[:2]
        pairs = (logits.flatten(0, 1), wanted.flatten(0, 1))
        focal = focal_loss(*pairs, alpha=self.config.focal_alpha, gamma=self.config.focal_gamma).view(count, masks)
        dice = dice_loss(*pairs).view(count, masks)
        best = 1 + (self.config.focal * focal + self.config.dice * dice).detach()[:, 1:].argmin(1, keepdim=True)
        true = true_iou(*pairs).view(count, masks)
        shared = [torch.lerp(loss.gather(1, best)[:, 0], loss[:, 1:].mean(1), SHARED) for loss in (focal, dice)]
        chosen = [(loss[:, 0] + of_three) / 2 for loss, of_three in zip((focal, dice), shared, strict=True)]
        return chosen[0], chosen[1], iou_loss(judged.decoded.iou_scores[rows].float(), true).mean(1)


@torch.no_grad()
def _answered_iou(judged: Judged) -> Tensor:
    """IoU of the mask of three whose estimate is the best, of objects that are seen."""
    rows = judged.seen.nonzero()[:, 0]
    chosen = 1 + judged.decoded.iou_scores[rows, 1:].argmax(1)
    return true_iou(judged.decoded.mask_logits[rows, chosen].float().flatten(1), judged.wanted[rows].flatten(1))


def _consistency(course: Course) -> Tensor:
    """Of each object and frame, where it is seen in the frame and in the one before."""
    if course.ways_xy_norm is None:
        return course.mask_logits.new_zeros(0)
    both = course.seen[1:] & course.seen[:-1]
    pairs = zip(course.mask_logits[:-1].float(), course.mask_logits[1:].float(), course.ways_xy_norm, both, strict=True)
    return torch.cat([consistency_loss(before[rows], after[rows], ways) for before, after, ways, rows in pairs])


def _identity(course: Course) -> Tensor:
    return identity_loss(course.pointers.float(), course.seen)[None]


def _mean(parts: Sequence[Tensor], like: Tensor | None = None) -> Tensor:
    """Mean over all elements of all parts; 0 where there are none."""
    if not parts and like is not None:
        return torch.zeros_like(like)
    values = torch.cat(list(parts))
    return values.sum() / max(len(values), 1)
