"""Outlines that people drew or exported, as masks: what lies outside the image is cut off, what is no outline told."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from argus.ops import rle
from argus.ops.rle import Rle

_MARGIN_PX = 2  # so far outside, points are let be: drawing cuts them off exactly as COCO does


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
    drawn = [_points(polygon) for polygon in polygons]
    closed = [points for points in drawn if len(points) >= 3]
    if not closed:
        raise ValueError("its outline has fewer than three points, so no area")
    inside = [
        _clipped(points, (-_MARGIN_PX, -_MARGIN_PX, width + _MARGIN_PX, height + _MARGIN_PX)) for points in closed
    ]
    found = rle.from_polygons([points.ravel().tolist() for points in inside if len(points) >= 3], size_hw)
    if not rle.area([found])[0]:
        low, high = np.concatenate(closed).min(0), np.concatenate(closed).max(0)
        if (high <= 0).any() or low[0] >= width or low[1] >= height:
            raise ValueError(f"its outline lies outside the image of {width} x {height} pixels")
        raise ValueError("its outline has no area (not one pixel)")
    return found


def _points(polygon: object) -> Float[np.ndarray, "k 2"]:
    """The points of one polygon."""
    if not isinstance(polygon, (list, tuple)) or any(isinstance(value, (str, bool)) for value in polygon):
        raise ValueError(f"its outline is no list of numbers, but {str(polygon)[:60]!r}")
    if len(polygon) % 2:
        raise ValueError(f"its outline has {len(polygon)} numbers, which do not pair as x and y")
    points = np.array(polygon, np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise ValueError("its outline has a coordinate that is no finite number")
    return points


def _clipped(points: Float[np.ndarray, "k 2"], bounds: tuple[float, float, float, float]) -> Float[np.ndarray, "m 2"]:
    """The part of a polygon within left, top, right, bottom: cut by one edge after the other (Sutherland, Hodgman)."""
    if (points >= bounds[:2]).all() and (points <= bounds[2:]).all():
        return points
    for axis, bound, sign in ((0, bounds[0], 1), (1, bounds[1], 1), (0, bounds[2], -1), (1, bounds[3], -1)):
        depth = sign * (points[:, axis] - bound)  # inside: at least 0
        if (depth >= 0).all():
            continue
        if (depth < 0).all():
            return points[:0]
        after, depth_after = np.roll(points, -1, axis=0), np.roll(depth, -1)
        crosses = (depth >= 0) != (depth_after >= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            cuts = points + (after - points) * (depth / (depth - depth_after))[:, None]
        cuts[:, axis] = bound
        both = np.stack([points, cuts], axis=1).reshape(-1, 2)
        points = both[np.stack([depth >= 0, crosses], axis=1).ravel()]
    return points
