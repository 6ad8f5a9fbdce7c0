"""Segment everything: objects without a prompt, by asking for the object at each point of a grid.

After SAM's automatic masks (Kirillov et al., 2023): masks that are not sure, or whose border is not sharp, are left
out, and of those that are nearly the same the best stays.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral, Real

import torch
from jaxtyping import Float, Int
from torch import Tensor

from argus.inference.pick import OBJECTS_AT_ONCE, Picks
from argus.model.sam3 import Features, Sam3
from argus.model.tracker import pad_clicks
from argus.ops import boxes, rle
from argus.ops.components import fill_and_clean
from argus.ops.masks import logits_to_rles, stability
from argus.types import Detections

OBJECT = "object"  # the concept of what is found without being named
MOST_PER_SIDE = 256


@dataclass(frozen=True, kw_only=True)
class Everything:
    """How closely an image is searched and what is kept; the defaults are SAM's. See `ImagePredictor.everything`."""

    points_per_side: int = 32
    iou_threshold: float = 0.88
    stability_threshold: float = 0.95
    stability_offset: float = 1.0
    box_nms: float = 0.7
    min_area_px: int = 0
    max_count: int | None = None

    def __post_init__(self) -> None:
        for name in ("iou_threshold", "stability_threshold", "box_nms"):
            value = getattr(self, name)
            if not (isinstance(value, Real) and 0 <= float(value) <= 1):
                raise ValueError(f"Expected {name} in 0..1, got {value!r}.")
        offset = self.stability_offset
        if not (isinstance(offset, Real) and math.isfinite(offset) and offset >= 0):
            raise ValueError(f"Expected stability_offset as a finite logit of at least 0, got {offset!r}.")
        if not _is_whole(self.points_per_side, 1) or self.points_per_side > MOST_PER_SIDE:
            raise ValueError(
                f"Expected points_per_side as a whole number in 1..{MOST_PER_SIDE}, got {self.points_per_side!r}."
            )
        if not _is_whole(self.min_area_px, 0):
            raise ValueError(f"Expected min_area_px as a whole number of at least 0, got {self.min_area_px!r}.")
        if self.max_count is not None and not _is_whole(self.max_count, 1):
            raise ValueError(
                f"Expected max_count as a whole number of at least 1, got {self.max_count!r}. "
                "For no limit leave it out (None)."
            )


def segment_everything(model: Sam3, features: Features, size_hw: tuple[int, int], how: Everything) -> Detections:
    """All objects of one encoded image of `size_hw`, best first; masks are kept as runs as soon as they pass."""
    found = Detections.merge([Detections.empty(size_hw), *_candidates(model, features, size_hw, how)])
    found = found[found.areas_px >= max(how.min_area_px, 1)]
    alone = without_duplicates(torch.from_numpy(found.boxes_xyxy_px), torch.from_numpy(found.scores), how.box_nms)
    return found[alone[: how.max_count].numpy()]


def grid_points(points_per_side: int, size_hw: tuple[int, int]) -> Float[Tensor, "n 2"]:
    """The centres (x, y in pixels) of a grid of equal cells over the image, row by row."""
    steps = (torch.arange(points_per_side) + 0.5) / points_per_side
    rows, columns = torch.meshgrid(steps * size_hw[0], steps * size_hw[1], indexing="ij")
    return torch.stack((columns, rows), dim=-1).flatten(0, 1)


def without_duplicates(
    boxes_xyxy_px: Float[Tensor, "n 4"], scores: Float[Tensor, "n"], most_iou: float
) -> Int[Tensor, "k"]:
    """The boxes that stay, best first, as `greedy_nms` has it, but without the overlap of every pair in memory."""
    left = torch.sort(scores, descending=True, stable=True).indices
    kept = []
    while len(left):
        best, left = left[:1], left[1:]
        kept.append(best)
        left = left[boxes.iou(boxes_xyxy_px[best], boxes_xyxy_px[left])[0] <= most_iou]
    return torch.cat(kept) if kept else left


def _candidates(model: Sam3, features: Features, size_hw: tuple[int, int], how: Everything) -> Iterator[Detections]:
    """What a few points find at a time, of three masks each, where it is sure and stable."""
    of_tracker, tracker = features.tracker, model.tracker
    assert tracker is not None
    points = _one_point_each(grid_points(how.points_per_side, size_hw)).points(size_hw, model.image_size_hw)
    cells_per_px = math.prod(of_tracker.mask_hw) / math.prod(size_hw)
    for start in range(0, len(points), OBJECTS_AT_ONCE):
        clicks = pad_clicks(points[start : start + OBJECTS_AT_ONCE], model.device)
        image = torch.zeros(len(clicks.valid), dtype=torch.long, device=model.device)
        decoded = tracker.pick(of_tracker, image, clicks, None, several=True)
        sure = decoded.iou_scores > how.iou_threshold
        logits, scores = decoded.mask_logits[sure], decoded.iou_scores[sure]
        stable = stability(logits, how.stability_offset) >= how.stability_threshold
        logits = fill_and_clean(logits[stable].float().cpu(), int(how.min_area_px * cells_per_px))
        rles = logits_to_rles(logits, size_hw)
        of = scores[stable].float().cpu().numpy()
        yield Detections.build(rle.boxes_xyxy_px(rles), of, [OBJECT] * len(of), rles, size_hw)


def _one_point_each(points_xy_px: Float[Tensor, "n 2"]) -> Picks:
    """An object at each point."""
    return Picks(
        points_xy_px=points_xy_px[:, None].unbind(0),
        labels=torch.ones(len(points_xy_px), 1, dtype=torch.long).unbind(0),
        boxes_xyxy_px=None,
        mask_logits=None,
    )


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, Integral) and int(value) >= least and not isinstance(value, bool)
