"""How well single objects are picked by their box: the mean IoU over objects."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from argus.data.sources.coco import BoxedObjects
from argus.ops import rle
from argus.ops.masks import filled_box
from argus.ops.rle import Rle

# A predictor under test: an image and the boxes of objects in it, (n, 4) xyxy in pixels; one mask a box.
PickByBox: TypeAlias = Callable[[Path, np.ndarray], Sequence[Rle]]


def evaluate_pick(objects: BoxedObjects, images: Path, pick: PickByBox) -> Float[np.ndarray, "n"]:
    """The IoU of each object of one image with what `pick` makes of its box."""
    found = pick(images / objects.file_name, objects.boxes_xyxy_px)
    if len(found) != len(objects.rles):
        raise ValueError(f"Expected {len(objects.rles)} masks, one for each box, got {len(found)}.")
    return np.array([rle.iou([ours], [theirs])[0, 0] for ours, theirs in zip(found, objects.rles, strict=True)])


def filled_boxes(objects: BoxedObjects) -> list[Rle]:
    """The baseline: every pixel that a box touches."""
    return [rle.encode(filled_box(box, objects.size_hw)) for box in objects.boxes_xyxy_px]
