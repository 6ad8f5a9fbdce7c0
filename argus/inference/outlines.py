"""Outlines of masks on the picture: as the model makes them; settled where a mask is unsure, by the colours of what is
surely object and surely not; or refined by a net that a fine-tuning taught. And what lies outside the object's box is
not of it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from argus.model.outline_refiner import OutlineRefiner
from argus.model.sam3 import Sam3
from argus.ops.grabcut import settled
from argus.ops.masks import filled_box, logits_to_rles
from argus.ops.rle import Rle
from argus.ops.windows import Window, logits_cut, placed, window_of

CELLS = 128  # along the longer side of the window that an outline is settled in; no more than it has pixels
BEYOND = 4.0  # logits that cells outside the object's box lose: a box may be a little tight, so sure ones stay
OBJECTS_AT_ONCE = 16  # that are refined


def outlined(
    model: Sam3,
    pixels: UInt8[np.ndarray, "r c 3"],
    mask_logits: Float[Tensor, "n h w"],
    phrases: Sequence[str | None],
    threshold: float = 0.0,
) -> tuple[Rle, ...]:
    """Masks as runs of the picture's size, where their logits are above `threshold`; `phrases` are what they were found
    by (None: not by a phrase). Where the model settles or refines outlines, it is in a window around the object, on a
    finer grid than its own."""
    logits = mask_logits.float().cpu()
    known = {phrase: None if phrase is None else model.refiner_for(phrase) for phrase in set(phrases)}
    refiners = [known[phrase] for phrase in phrases]
    rles: dict[int, Rle] = {}
    for refiner in dict.fromkeys(refiners):
        rows = [row for row, chosen in enumerate(refiners) if chosen is refiner]
        some = logits[rows]
        if refiner is not None:
            made = _refined(refiner, pixels, some, threshold)
        elif model.config.vision.settle_outlines:
            with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # GrabCut takes 12 ms, and frees Python's lock
                made = tuple(pool.map(partial(_by_colours, pixels, threshold), some))
        else:
            made = logits_to_rles(some, (pixels.shape[0], pixels.shape[1]), threshold)
        rles.update(zip(rows, made, strict=True))
    return tuple(rles[row] for row in range(len(refiners)))


def held_in(
    box_xyxy_px: Float[np.ndarray, "4"], mask_logits: Float[np.ndarray, "m h w"], size_hw: tuple[int, int]
) -> Float[np.ndarray, "m h w"]:
    """Logits over a picture of `size_hw`, less `BEYOND` in cells that the box does not touch (the tight-box prior of
    Lempitsky et al., ICCV 2009, in its simplest form)."""
    down, along = (cells / length for cells, length in zip(mask_logits.shape[1:], size_hw, strict=True))
    inside = filled_box(box_xyxy_px * (along, down, along, down), mask_logits.shape[1:])
    return np.where(inside, mask_logits, mask_logits - np.float32(BEYOND))


def _refined(
    refiner: OutlineRefiner, pixels: UInt8[np.ndarray, "r c 3"], mask_logits: Float[Tensor, "n h w"], threshold: float
) -> tuple[Rle, ...]:
    size_hw = (pixels.shape[0], pixels.shape[1])
    rles: list[Rle] = []
    for coarse in mask_logits.split(OBJECTS_AT_ONCE):
        windows = [window_of(logits > threshold, size_hw) for logits in coarse]
        finer = refiner(refiner.views(pixels, coarse, windows))[:, 0].float().cpu()
        rles += [_placed(*made, size_hw, threshold) for made in zip(finer, coarse, windows, strict=True)]
    return tuple(rles)


def _by_colours(pixels: UInt8[np.ndarray, "r c 3"], threshold: float, logits: Float[Tensor, "h w"]) -> Rle:
    size_hw = (pixels.shape[0], pixels.shape[1])
    window = window_of(logits > threshold, size_hw)
    finer = min(CELLS / max(window.size_hw), 1.0)
    grid_hw = (max(round(window.size_hw[0] * finer), 1), max(round(window.size_hw[1] * finer), 1))
    own = logits_cut(logits[None, None], window, size_hw, grid_hw)[0].numpy()
    return _placed(torch.from_numpy(settled(window.of(pixels), own))[0], logits, window, size_hw, threshold)


def _placed(
    finer: Float[Tensor, "s t"],
    coarse: Float[Tensor, "h w"],
    window: Window,
    size_hw: tuple[int, int],
    threshold: float,
) -> Rle:
    """A mask on the grid of its window as one of the whole picture."""
    if not bool((finer > threshold).any()):  # nothing, or less than a cell
        return logits_to_rles(coarse[None], size_hw, threshold)[0]
    return placed(logits_to_rles(finer[None], window.size_hw, threshold)[0], window, size_hw)
