"""Single-object picking (PVS) as a term beside detection: some objects of the same images, by a box or clicks."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from argus.data.collate_clips import FirstMix, Picks
from argus.model.tracker import Tracker, TrackerFeatures
from argus.train.following import Record, pick_stills
from argus.train.tracker_criterion import TrackerCriterion, TrackerLossConfig


@dataclass(frozen=True, kw_only=True)
class Picking:
    """Up to `objects` of each image are picked, pointed out and corrected by `mix`; the tracker's loss of their masks
    and scores counts `weight` times beside the detector's."""

    weight: float = 1.0
    objects: int = 2
    mix: FirstMix = field(default_factory=lambda: FirstMix(box=0.5, click=0.5, corrections=1))
    loss: TrackerLossConfig = field(default_factory=TrackerLossConfig)

    def __post_init__(self) -> None:
        if self.weight <= 0 or self.objects < 1:
            raise ValueError(
                f"expected a weight above 0 and 1 object or more an image, got {self.weight} and {self.objects}"
            )
        if self.mix.box + self.mix.click < 1:
            raise ValueError(
                f"expected objects pointed out by boxes and clicks alone, got shares of {self.mix.box} and "
                f"{self.mix.click}: what is given as a mask need not be picked"
            )


def picking_losses(
    tracker: Tracker, features: TrackerFeatures, picks: Picks, picking: Picking
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The weighted loss of an answer to each object's first prompt and to its corrections, and the mean IoU of first
    answers; both are means over objects, and 0 without any."""
    if not len(picks.first):
        nothing = torch.zeros((), device=features.image.device)
        return nothing, nothing
    record = Record()
    pick_stills(tracker, features, picks, record)
    with torch.autocast(features.image.device.type, enabled=False):
        losses = TrackerCriterion(picking.loss)(record.first, [], record.others, [])
    return picking.weight * losses.total, losses.pick_iou
