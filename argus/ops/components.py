"""Connected components of masks (8-connected): which are small, and masks without small holes and specks.

Works on runs of pixels along the rows, of many masks at once, since a mask has few of them.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

MASKS_AT_ONCE = 16  # bounds the memory that ragged masks take
FILLED, REMOVED = 0.1, -0.1  # logits of a filled hole and of a removed speck, as published


def fill_and_clean(mask_logits: Float[Tensor, "n h w"], max_area_px: int) -> Float[Tensor, "n h w"]:
    """Masks (logits above 0) without holes and specks of at most `max_area_px` pixels, each mask by itself.

    Holes are filled first (so a speck of background at the border is one too), with a logit of 0.1; specks then get
    -0.1. A speck has at most half the pixels of its mask, so that a small object of one piece stays.
    """
    if max_area_px < 1:
        return mask_logits
    parts = [_filled_and_cleaned(part, max_area_px) for part in mask_logits.split(MASKS_AT_ONCE)]
    return torch.cat(parts) if parts else mask_logits


def _filled_and_cleaned(mask_logits: Float[Tensor, "n h w"], max_area_px: int) -> Float[Tensor, "n h w"]:
    background = (mask_logits <= 0).cpu().numpy()
    holes = small_components(background, np.full(len(background), max_area_px))
    foreground = ~background | holes
    limits_px = np.minimum(foreground.sum((1, 2)) // 2, max_area_px)
    specks = small_components(foreground, limits_px)
    filled = mask_logits.masked_fill(torch.from_numpy(holes).to(mask_logits.device), FILLED)
    return filled.masked_fill(torch.from_numpy(specks).to(mask_logits.device), REMOVED)


def small_components(masks: Bool[np.ndarray, "n h w"], limits_px: Int[np.ndarray, "n"]) -> Bool[np.ndarray, "n h w"]:
    """The pixels of those components of each mask that have at most `limits_px` pixels."""
    count, height, width = masks.shape
    stride = width + 1
    flat = np.zeros((count, height + 1, stride), bool)  # a column and a row before each mask keep runs apart
    flat[:, 1:, 1:] = masks
    edges = np.flatnonzero(np.diff(flat.ravel(), append=False)) + 1
    starts, ends = edges[0::2], edges[1::2]
    labels = _joined(starts, ends, stride)
    areas_px = np.bincount(labels, weights=ends - starts)[labels]
    small = areas_px <= limits_px[starts // ((height + 1) * stride)]
    flat[:] = False
    flat.ravel()[_inside(starts[small], ends[small])] = True
    return flat[:, 1:, 1:]


def component_labels(mask: Bool[np.ndarray, "h w"]) -> Int[np.ndarray, "h w"]:
    """The components of a mask as a map of their numbers, from 1, in the order of their first pixels; 0 outside."""
    height, width = mask.shape
    flat = np.zeros((height + 1, width + 1), bool)
    flat[1:, 1:] = mask
    edges = np.flatnonzero(np.diff(flat.ravel(), append=False)) + 1
    starts, ends = edges[0::2], edges[1::2]
    _, numbers = np.unique(_joined(starts, ends, width + 1), return_inverse=True)
    labels = np.zeros(flat.size, np.int64)
    labels[_inside(starts, ends)] = np.repeat(numbers + 1, ends - starts)
    return labels.reshape(flat.shape)[1:, 1:]


def _joined(starts: Int[np.ndarray, "r"], ends: Int[np.ndarray, "r"], stride: int) -> Int[np.ndarray, "r"]:
    """A label for each run: the least index of the runs that it hangs together with, over rows `stride` apart."""
    first = np.searchsorted(ends, starts + stride, "left")  # the runs below that touch it, corners included
    stop = np.searchsorted(starts, ends + stride, "right")
    above = np.repeat(np.arange(len(starts)), stop - first)
    below = _inside(first, stop)
    labels = np.arange(len(starts))
    while len(above):
        a, b = labels[above], labels[below]
        np.minimum.at(labels, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(labels, shorter := labels[labels]):
            labels = shorter
        apart = labels[above] != labels[below]
        above, below = above[apart], below[apart]
    return labels


def _inside(starts: Int[np.ndarray, "r"], stops: Int[np.ndarray, "r"]) -> Int[np.ndarray, "k"]:
    """All integers of ranges, one range after the other."""
    lengths = stops - starts
    begins = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - begins, lengths)
