"""Outlines that people drew or exported, as masks: what lies outside the image is cut off, what is no outline told."""

from collections.abc import Sequence

import numpy as np

from argus.ops import rle
from argus.ops.polygons import points_of
from argus.ops.rle import Rle


def outline(segmentation: object, size_hw: tuple[int, int], *, may_be_empty: bool = False) -> Rle:
    """The mask of a COCO segmentation: polygons (or one, its numbers in one list) or runs (which `may_be_empty`).

    Raises ValueError, with what is wrong, for numbers that are not finite or not in pairs, an outline without area or
    outside the image, runs of another size, and for anything else.
    """
    try:
        if isinstance(segmentation, (list, tuple)):
            nested = segmentation and isinstance(segmentation[0], (list, tuple))
            return from_outlines(list(segmentation) if nested else [segmentation], size_hw)
        found = rle.from_coco(segmentation, size_hw)
    except (TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(f"its segmentation is malformed ({error})") from error
    if not may_be_empty and not rle.area([found])[0]:
        raise ValueError("its mask has no pixel")
    return found


def from_outlines(polygons: Sequence[object], size_hw: tuple[int, int]) -> Rle:
    """The union of polygons x, y, x, y ... in pixels, the parts outside the image cut off; raises as `outline`."""
    height, width = size_hw
    found = rle.from_polygons(polygons, size_hw)
    if not rle.area([found])[0]:
        closed = [points for points in map(points_of, polygons) if len(points) >= 3]
        if not closed:
            raise ValueError("its outline has fewer than three points, so no area")
        low, high = np.concatenate(closed).min(0), np.concatenate(closed).max(0)
        if (high <= 0).any() or low[0] >= width or low[1] >= height:
            raise ValueError(f"its outline lies outside the image of {width} x {height} pixels")
        raise ValueError("its outline has no area (not one pixel)")
    return found
