"""Masks as they are seen in a window of their image and at another size, and windows that hold few instances."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, sqrt

import numpy as np
from jaxtyping import Bool, Float32, Int
from PIL import Image

from argus.data.pictures import Window
from argus.ops import rle
from argus.ops.rle import Rle

_LEAST_SIDE_PX = 16
MOST_MASK_BYTES = 2**30


def masks_in(
    rles: Sequence[Rle], window: Window, to_hw: tuple[int, int]
) -> tuple[Int[np.ndarray, "n"], Bool[np.ndarray, "n h w"]]:
    """The masks that have a pixel in a window, as it looks at `to_hw`, and which they are.

    When a window shrinks, a pixel of the result belongs to a mask that covers half of it; a mask that covers half of
    none keeps those it covers most. Raises ValueError when they would take more than 1 GiB.
    """
    width, height = window[2] - window[0], window[3] - window[1]
    rows = np.flatnonzero(meet(rle.boxes_xyxy_px(rles), window))
    if len(rows) * to_hw[0] * to_hw[1] > MOST_MASK_BYTES:
        raise ValueError(
            f"Expected masks of at most 1 GiB, got {len(rows)} instances at {to_hw[1]} x {to_hw[0]} pixels. Take a "
            "window of the image with fewer (Dataset.window_xyxy_px), or a smaller size."
        )
    masks = np.zeros((len(rows), *to_hw), bool)
    for mask, row in zip(masks, rows.tolist(), strict=True):
        seen = rle.decode(rles[row])[window[1] : window[3], window[0] : window[2]]
        if (height, width) == to_hw:
            mask[:] = seen
        else:
            _shrink(seen, mask)
    kept = masks.any((1, 2))
    return rows[kept], masks if kept.all() else masks[kept]


def few(
    boxes_xyxy_px: Float32[np.ndarray, "n 4"],
    size_hw: tuple[int, int],
    most: int,
    rng: np.random.Generator,
    share: float = 1.0,
) -> Window:
    """A random window of an image of `size_hw` with `share` of its sides (1: the whole), half of the time about one of
    its boxes; where that meets more than `most` of them, a smaller one that meets at least one and at most `most` (of
    16 pixels a side where none does)."""
    if most < 1:
        raise ValueError(f"Expected at least one instance in a window, got {most}.")
    some = len(boxes_xyxy_px) > 0
    window = _random_window(boxes_xyxy_px if some and rng.random() < 0.5 else None, size_hw, share, rng)
    share = min(share, 1.2 * sqrt(most / max(len(boxes_xyxy_px), 1)))
    while meet(boxes_xyxy_px, window).sum() > most and min(window[2] - window[0], window[3] - window[1]) > 1:
        window = _random_window(boxes_xyxy_px, size_hw, share, rng)
        if max(window[2] - window[0], window[3] - window[1]) <= _LEAST_SIDE_PX:
            break
        share *= 0.9
    return window


def _random_window(
    about: Float32[np.ndarray, "n 4"] | None, size_hw: tuple[int, int], share: float, rng: np.random.Generator
) -> Window:
    """A window of `share` of an image's sides, anywhere, or where it holds the centre of one of the boxes."""
    whole = np.array([size_hw[1], size_hw[0]])
    sides = np.minimum(whole, np.maximum(whole * min(share, 1), _LEAST_SIDE_PX)).astype(int)
    if about is None:
        corner = rng.random(2) * (whole - sides)
    else:
        box = about[rng.integers(len(about))]
        corner = (box[:2] + box[2:]) / 2 - rng.random(2) * sides
    left, top = np.clip(corner, 0, whole - sides).astype(int).tolist()
    return (left, top, left + int(sides[0]), top + int(sides[1]))


def meet(boxes_xyxy_px: Float32[np.ndarray, "n 4"], window: Window) -> Bool[np.ndarray, "n"]:
    """Which boxes have pixels in the window."""
    inside = (boxes_xyxy_px[:, :2] < window[2:]) & (boxes_xyxy_px[:, 2:] > window[:2])
    return inside.all(axis=1) & (boxes_xyxy_px[:, 2] > boxes_xyxy_px[:, 0])


def _shrink(seen: Bool[np.ndarray, "r c"], into: Bool[np.ndarray, "h w"]) -> None:
    """Draw a mask at the size of `into`, which is empty: only that part is resized which has pixels."""
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return
    down, across = into.shape[0] / seen.shape[0], into.shape[1] / seen.shape[1]
    top, bottom = floor(rows[0] * down), min(ceil((rows[-1] + 1) * down), into.shape[0])
    left, right = floor(columns[0] * across), min(ceil((columns[-1] + 1) * across), into.shape[1])
    y0, x0 = floor(top / down), floor(left / across)
    part = seen[y0 : ceil(bottom / down), x0 : ceil(right / across)]
    box = (left / across - x0, top / down - y0, right / across - x0, bottom / down - y0)
    inner = (*np.maximum(box[:2], 0), min(box[2], part.shape[1]), min(box[3], part.shape[0]))
    grey = Image.fromarray(part.astype(np.uint8) * 255)
    small = np.asarray(grey.resize((right - left, bottom - top), Image.Resampling.BOX, box=inner))
    into[top:bottom, left:right] = small >= min(128, max(int(small.max()), 1))
