"""Small objects: an image is read in overlapping tiles, each as large as the model reads images.

(Sliced inference, the common remedy for small objects: Akyon et al., ICIP 2022; the whole image, or coarser tiles, keep
what is larger.)
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from argus.inference.postprocess import Keep, answers
from argus.model.sam3 import Features, Sam3
from argus.ops import rle
from argus.ops.nms import greedy_nms
from argus.ops.pixels import to_model_input
from argus.ops.windows import Window, placed, tiles_of
from argus.types import Detections, Prompt

SAME = 0.5  # of the smaller of two masks from two tiles; with more in common they are one object
BORDER_PX = 1.0  # a box so near to a tile's border is cut by it


def find_in_tiles(
    model: Sam3,
    pixels: UInt8[np.ndarray, "h w 3"],
    whole: Features,
    prompts: Sequence[Prompt],
    keep: Keep,
    count: int,
) -> Detections:
    """Detections of each prompt, a phrase, in any of count x count tiles, or of those of one less along a side for what
    is too large for them; each object once, in pixels of the whole image, whose features are at hand."""
    size_hw = (pixels.shape[0], pixels.shape[1])
    parts: list[Detections] = []
    tile_of: list[int] = []
    preferred: list[float] = []
    for number, tile in enumerate((*tiles_of(size_hw, count), *tiles_of(size_hw, count - 1))):
        part = np.ascontiguousarray(tile.of(pixels))
        alone = tile.size_hw == size_hw
        features = whole if alone else model.encode(to_model_input(part, model.image_size_hw)[None])
        found = Detections.merge(answers(model, features, prompts, part, keep, max_masks=None))
        if not len(found):
            continue
        intact = 2.0 if number < count**2 else 1.0  # outlines are finer in smaller tiles
        preferred += np.where(_cut(found.boxes_xyxy_px, tile, size_hw), 0.0, intact).tolist()
        tile_of += [number] * len(found)
        corner = np.array([tile.left, tile.top] * 2, np.float32)
        rles = [placed(mask, tile, size_hw) for mask in found.rles]
        parts.append(Detections.build(found.boxes_xyxy_px + corner, found.scores, list(found.concept), rles, size_hw))
    if not parts:
        return Detections.empty(size_hw)
    return _once_each(Detections.merge(parts), np.array(tile_of), np.array(preferred))


def _cut(boxes_xyxy_px: Float[np.ndarray, "n 4"], tile: Window, size_hw: tuple[int, int]) -> Bool[np.ndarray, "n"]:
    """Which boxes, in pixels of the tile, reach a border of it that is none of the image."""
    height, width = tile.size_hw
    low, high = boxes_xyxy_px[:, :2] <= BORDER_PX, boxes_xyxy_px[:, 2:] >= np.array([width, height]) - BORDER_PX
    inner_low, inner_high = (tile.left > 0, tile.top > 0), (tile.right < size_hw[1], tile.bottom < size_hw[0])
    return np.asarray((low & inner_low).any(1) | (high & inner_high).any(1))


def _once_each(found: Detections, tile_of: np.ndarray, preferred: np.ndarray) -> Detections:
    """Of the masks that several tiles have of an object the one that is preferred, then the best."""
    areas = np.asarray(found.areas_px, np.float64)
    ious = np.asarray(rle.iou(found.rles, found.rles), np.float64)
    common = ious / (1 + ious) * (areas[:, None] + areas) / np.maximum(np.minimum(areas[:, None], areas), 1)
    apart = (tile_of[:, None] == tile_of) | (found.concept[:, None] != found.concept)
    rank = torch.from_numpy(found.scores + preferred)
    kept = greedy_nms(torch.from_numpy(np.where(apart, 0.0, common)), rank, SAME)
    return found[np.sort(kept.numpy())]
