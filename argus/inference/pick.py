"""Single objects picked by a person: clicks, boxes and earlier masks in pixels, and the tracker's answer to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from torch import Tensor

from argus.model.mask_decoder import Decoded
from argus.model.prompt_encoder import BOTTOM_RIGHT, NEGATIVE, POSITIVE, TOP_LEFT
from argus.model.sam3 import Features, Sam3
from argus.model.tracker import pad_clicks
from argus.ops import rle
from argus.ops.boxes import check_xyxy_px
from argus.ops.masks import logits_to_rles
from argus.types import Detections

OBJECTS_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Picked(Detections):
    """The best mask of each of N objects, in the order they were asked for, and all M that were considered.

    `iou_scores` are the model's estimates of each mask's IoU in 0..1, the greatest of which is an object's score;
    `mask_logits` have four times the sides of the token grid, and the best of them can be given back to `pick`.
    """

    iou_scores: Float[np.ndarray, "n m"]
    mask_logits: Float[np.ndarray, "n m h w"]

    def _take(self, chosen: Int[np.ndarray, "k"]) -> "Picked":
        return replace(
            self,
            boxes_xyxy_px=self.boxes_xyxy_px[chosen],
            scores=self.scores[chosen],
            concept=self.concept[chosen],
            rles=tuple(self.rles[index] for index in chosen),
            iou_scores=self.iou_scores[chosen],
            mask_logits=self.mask_logits[chosen],
        )

    @property
    def best_logits(self) -> Float[np.ndarray, "n h w"]:
        """The logits of each object's best mask, as `pick(mask_logits=...)` takes them to refine it."""
        return self.mask_logits[np.arange(len(self)), self.iou_scores.argmax(axis=1)]


@dataclass(frozen=True, kw_only=True)
class Picks:
    """What a person says of N objects of one image: points and boxes in pixels, checked, and masks."""

    points_xy_px: tuple[Float[Tensor, "_ 2"], ...]
    labels: tuple[Tensor, ...]
    boxes_xyxy_px: Float[Tensor, "n 4"] | None
    mask_logits: Float[Tensor, "n 1 h w"] | None

    def __len__(self) -> int:
        return len(self.points_xy_px)

    def points(self, size_hw: tuple[int, int], model_hw: tuple[int, int]) -> list[tuple[Tensor, Tensor]]:
        """Of each object: points (k, 2) as the model reads them, fractions from the corner of the image to the centre
        of a pixel of the model's own resolution (as published), and labels; corners of a box are points too."""
        scale = torch.tensor([size_hw[1], size_hw[0]], dtype=torch.float32)
        shift = 0.5 / torch.tensor([model_hw[1], model_hw[0]], dtype=torch.float32)
        objects = []
        for index, (points, labels) in enumerate(zip(self.points_xy_px, self.labels, strict=True)):
            if self.boxes_xyxy_px is not None:
                points = torch.cat((self.boxes_xyxy_px[index].view(2, 2), points))
                labels = torch.cat((torch.tensor([TOP_LEFT, BOTTOM_RIGHT]), labels))
            objects.append((points / scale + shift, labels))
        return objects


def read_picks(
    points: ArrayLike | Sequence[ArrayLike] | Tensor | None,
    labels: ArrayLike | Sequence[ArrayLike] | Tensor | None,
    box: ArrayLike | Tensor | None,
    mask_logits: ArrayLike | Tensor | None,
    size_hw: tuple[int, int],
    mask_hw: tuple[int, int],
) -> Picks:
    """Check what a person gave. Raises ValueError for nothing, for values that are not in the image, for counts that
    differ, and for mask logits of another size than `mask_hw`."""
    if points is None and labels is not None:
        raise ValueError(f"Expected points for the labels {labels!r}, got none.")
    groups = None if points is None else _groups(points, "points", 1)
    marks = None if labels is None else _groups(labels, "labels", 0)
    boxes = None if box is None else _boxes(box)
    masks = None if mask_logits is None else _masks(mask_logits, mask_hw)
    counts = {
        name: len(given)
        for name, given in (("points", groups), ("box", boxes), ("mask_logits", masks))
        if given is not None
    }
    if not counts or 0 in counts.values():
        raise ValueError("Expected points, a box or mask logits of at least one object, got none of them.")
    if len(set(counts.values())) != 1:
        raise ValueError(f"Expected the same number of objects everywhere, got {counts}.")
    count = next(iter(counts.values()))
    groups = groups or [torch.zeros(0, 2)] * count
    if marks is not None and [len(m) for m in marks] != [len(g) for g in groups]:
        raise ValueError(
            f"Expected one label a point, got {[len(m) for m in marks]} labels for {[len(g) for g in groups]} points."
        )
    return Picks(
        points_xy_px=tuple(_inside(group, size_hw) for group in groups),
        labels=tuple(_signs(m) for m in marks)
        if marks
        else tuple(torch.ones(len(g), dtype=torch.long) for g in groups),
        boxes_xyxy_px=None if boxes is None else check_xyxy_px(boxes, size_hw),
        mask_logits=masks,
    )


def pick(model: Sam3, features: Features, picks: Picks, size_hw: tuple[int, int], several: bool) -> Picked:
    """The best mask of each object, a few objects at a time."""
    of_tracker, tracker = features.tracker, model.tracker
    assert tracker is not None
    parts: list[Decoded] = []
    points = picks.points(size_hw, model.image_size_hw)
    for start in range(0, len(picks), OBJECTS_AT_ONCE):
        rows = slice(start, start + OBJECTS_AT_ONCE)
        clicks = pad_clicks(points[rows], model.device)
        masks = None if picks.mask_logits is None else picks.mask_logits[rows].to(model.device, model.dtype)
        image = torch.zeros(len(clicks.valid), dtype=torch.long, device=model.device)
        parts.append(tracker.pick(of_tracker, image, clicks, masks, several))
    mask_logits = torch.cat([part.mask_logits for part in parts]).float().cpu()
    iou_scores = torch.cat([part.iou_scores for part in parts]).float().cpu()
    chosen = iou_scores.argmax(1)
    rles = logits_to_rles(mask_logits[torch.arange(len(chosen)), chosen], size_hw)
    return Picked(
        boxes_xyxy_px=np.asarray(rle.boxes_xyxy_px(rles), np.float32),
        scores=iou_scores.amax(1).numpy(),
        concept=np.asarray([f"object {i + 1}" for i in range(len(rles))], np.str_),
        rles=rles,
        size_hw=size_hw,
        iou_scores=iou_scores.numpy(),
        mask_logits=mask_logits.numpy(),
    )


def _numbers(values: ArrayLike | Sequence[ArrayLike] | Tensor) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach().cpu().float()
    return torch.tensor(np.asarray(values, np.float32))


def _boxes(values: ArrayLike | Tensor) -> Tensor:
    what = "a box of 4 numbers, or one for each object (n, 4)"
    try:
        boxes = _numbers(values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Expected {what}, got {values!r:.80}.") from error
    if boxes.ndim not in (1, 2) or boxes.shape[-1] != 4:
        raise ValueError(f"Expected {what}, got shape {tuple(boxes.shape)}.")
    return boxes.reshape(-1, 4)


def _groups(values: ArrayLike | Sequence[ArrayLike] | Tensor, name: str, axes: int) -> list[Tensor]:
    """One tensor an object, from the values of one object or a sequence of several objects' values."""
    what = "(k, 2) for one object, (n, k, 2) or a list for several" if axes else "(k) for one object, (n, k) or a list"
    try:
        one = _numbers(values)
        parts = [one] if one.ndim == 1 + axes else list(one)
    except (TypeError, ValueError):  # objects of different numbers of points, or no numbers
        try:
            parts = [_numbers(part) for part in values]  # type: ignore[union-attr]
        except (TypeError, ValueError) as error:
            raise ValueError(f"Expected {name} as numbers, {what}, got {values!r:.80}.") from error
    if any(part.ndim != 1 + axes or (axes and part.shape[-1] != 2) for part in parts):
        raise ValueError(f"Expected {name} of shape {what}, got shapes {[tuple(part.shape) for part in parts]}.")
    return parts


def _inside(points: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Points that are in the image. Raises ValueError for others."""
    limit = torch.tensor([size_hw[1], size_hw[0]])
    if not bool(((points >= 0) & (points <= limit)).all()):
        raise ValueError(
            f"Expected points in the image of {size_hw[1]} x {size_hw[0]} pixels (width x height), got "
            f"{points.tolist()}."
        )
    return points


def _signs(labels: Tensor) -> Tensor:
    if not bool(((labels == NEGATIVE) | (labels == POSITIVE)).all()):
        raise ValueError(f"Expected labels 1 (+) or 0 (-), got {labels.tolist()}.")
    return labels.long()


def _masks(mask_logits: ArrayLike | Tensor, mask_hw: tuple[int, int]) -> Tensor:
    try:
        masks = _numbers(mask_logits)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Expected mask logits as numbers, got {mask_logits!r:.80}.") from error
    masks = masks[None] if masks.ndim == 2 else masks[:, 0] if masks.ndim == 4 and masks.shape[1] == 1 else masks
    if masks.ndim != 3 or tuple(masks.shape[1:]) != mask_hw:
        raise ValueError(
            f"Expected mask logits (h, w) or (n, h, w) of {mask_hw[0]} x {mask_hw[1]}, such as the best_logits of an "
            f"earlier answer, got shape {tuple(masks.shape)}."
        )
    if not bool(masks.isfinite().all()):
        raise ValueError("Expected finite mask logits, got NaN or infinity in them.")
    return masks[:, None]
