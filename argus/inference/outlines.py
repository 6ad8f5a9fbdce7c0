"""Outlines settled where a mask is unsure: what lies outside the object's box is not of it, and the colours of what is
surely object and surely not decide about the rest."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from argus.ops.masks import filled_box, logits_to_rles, reach
from argus.ops.rle import Rle
from argus.ops.windows import Window, logits_cut, placed, window_around

CELLS = 128  # along the longer side of the window that an outline is settled in; no more than it has pixels
UNSURE = 2.0  # logits within so much of 0 are settled; those beyond stay as they are
ROUNDS = 1  # of fitting the colours and cutting anew
ALIKE = 0.5  # IoU of a mask before and after; where colours say something else altogether, they are not listened to
BEYOND = 4.0  # logits that cells outside the object's box lose: a box may be a little tight, so sure ones stay


def outlined(
    pixels: UInt8[np.ndarray, "r c 3"], mask_logits: Float[Tensor, "n h w"], settle: bool, threshold: float = 0.0
) -> tuple[Rle, ...]:
    """Masks as runs of the picture's size, where their logits are above `threshold`; with `settle` each outline is
    settled first, in a window around its object, on a finer grid than the model's."""
    if not settle:
        return logits_to_rles(mask_logits, pixels.shape[:2], threshold)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # GrabCut takes 12 ms an object, and frees Python's lock
        return tuple(pool.map(partial(_outlined, pixels, threshold), mask_logits.float().cpu()))


def settled(pixels: UInt8[np.ndarray, "r c 3"], mask_logits: Float[np.ndarray, "m h w"]) -> Float[np.ndarray, "m h w"]:
    """Each mask's logits with the signs that GrabCut (Rother et al., SIGGRAPH 2004) gives its unsure cells.

    The picture, of any size, is what the masks are of. A mask that covers all of it or nothing stays as it is.
    """
    import cv2

    height, width = mask_logits.shape[1:]
    picture = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    answers = mask_logits.copy()
    for logits in answers:
        inside, sure = logits > 0, np.abs(logits) > UNSURE
        if inside.all() or not inside.any():
            continue
        known = np.where(sure, np.where(inside, cv2.GC_FGD, cv2.GC_BGD), np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD))
        labels, around, of_object = known.astype(np.uint8), np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)  # the colours are first fitted by random clusters
        cv2.grabCut(picture, labels, (0, 0, 0, 0), around, of_object, ROUNDS, cv2.GC_INIT_WITH_MASK)
        cut = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        if (cut & inside).sum() >= ALIKE * (cut | inside).sum():
            logits[:] = np.where(cut, np.abs(logits), -np.abs(logits))
    return answers


def held_in(
    box_xyxy_px: Float[np.ndarray, "4"], mask_logits: Float[np.ndarray, "m h w"], size_hw: tuple[int, int]
) -> Float[np.ndarray, "m h w"]:
    """Logits over a picture of `size_hw`, less `BEYOND` in cells that the box does not touch (the tight-box prior of
    Lempitsky et al., ICCV 2009, in its simplest form)."""
    down, along = (cells / length for cells, length in zip(mask_logits.shape[1:], size_hw, strict=True))
    inside = filled_box(box_xyxy_px * (along, down, along, down), mask_logits.shape[1:])
    return np.where(inside, mask_logits, mask_logits - np.float32(BEYOND))


def _outlined(pixels: UInt8[np.ndarray, "r c 3"], threshold: float, logits: Float[Tensor, "h w"]) -> Rle:
    height, width = size_hw = pixels.shape[:2]
    rows, columns = reach(logits > threshold, size_hw)
    extent = np.array([columns.start, rows.start, columns.stop, rows.stop], np.float32)
    window = window_around(extent, size_hw) or Window(left=0, top=0, right=width, bottom=height)
    finer = min(CELLS / max(window.size_hw), 1.0)
    grid_hw = (max(round(window.size_hw[0] * finer), 1), max(round(window.size_hw[1] * finer), 1))
    own = logits_cut(logits[None, None], window, size_hw, grid_hw)[0].numpy()
    seen = torch.from_numpy(settled(window.of(pixels), own))
    if not bool((seen > threshold).any()):  # nothing, or less than a cell
        return logits_to_rles(logits[None], size_hw, threshold)[0]
    return placed(logits_to_rles(seen, window.size_hw, threshold)[0], window, size_hw)
