"""How well single objects are picked by their box: the mean IoU over objects."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from argus.data.sources.coco import BoxedObjects
from argus.ops import rle
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
    height, width = objects.size_hw
    masks = []
    for left, top, right, bottom in objects.boxes_xyxy_px:
        mask = np.zeros((height, width), bool)
        rows, columns = slice(max(int(top), 0), int(np.ceil(bottom))), slice(max(int(left), 0), int(np.ceil(right)))
        mask[rows, columns] = True
        masks.append(rle.encode(mask))
    return masks
