"""Polygons as people's files have them: checked, and cut to the image."""

import numpy as np
from jaxtyping import Float

MARGIN_PX = 2  # so far outside, points are let be: drawing cuts them off exactly as COCO does


def points_of(polygon: object) -> Float[np.ndarray, "k 2"]:
    """The points of one polygon. Raises ValueError, with what is wrong, unless it is finite numbers in pairs."""
    if not isinstance(polygon, (list, tuple)) or any(
        not isinstance(value, (int, float)) or isinstance(value, bool) for value in polygon
    ):
        raise ValueError(f"its outline is no list of numbers, but {str(polygon)[:60]!r}")
    if len(polygon) % 2:
        raise ValueError(f"its outline has {len(polygon)} numbers, which do not pair as x and y")
    points = np.array(polygon, np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise ValueError("its outline has a coordinate that is no finite number")
    return points


def clipped(points: Float[np.ndarray, "k 2"], size_hw: tuple[int, int]) -> Float[np.ndarray, "m 2"]:
    """The part of a polygon in an image and `MARGIN_PX` around it: cut by one edge after the other (Sutherland,
    Hodgman)."""
    bounds = (-MARGIN_PX, -MARGIN_PX, size_hw[1] + MARGIN_PX, size_hw[0] + MARGIN_PX)
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
