"""Masks: from low-resolution logits to full-size runs."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from argus.ops import rle
from argus.ops.rle import Rle

COLUMNS_AT_ONCE = 64  # upsampled together: small enough for the cache


def logits_to_rles(
    mask_logits: Float[Tensor, "n h w"], size_hw: tuple[int, int], threshold: float = 0.0
) -> tuple[Rle, ...]:
    """Upsample each mask bilinearly to `size_hw`, keep the pixels whose logit is above `threshold`, and encode it.

    Masks are taken one by one, and only the window that can be above the threshold is upsampled, so that memory does
    not grow with the number of masks.
    """
    return tuple(_logits_to_rle(logits.float().cpu(), size_hw, threshold) for logits in mask_logits)


def filled_box(box_xyxy: Float[np.ndarray, "4"], size_hw: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """Every pixel that a box touches, in pixels; what lies outside the image is left out."""
    left, top, right, bottom = box_xyxy
    mask = np.zeros(size_hw, bool)
    mask[max(int(top), 0) : max(int(np.ceil(bottom)), 0), max(int(left), 0) : max(int(np.ceil(right)), 0)] = True
    return mask


def reach(above: Bool[Tensor, "h w"], size_hw: tuple[int, int]) -> tuple[range, range]:
    """The rows and the columns that read any of the cells `above` when a grid is upsampled to `size_hw`."""
    rows, columns = (_reach(above.any(dim=1 - axis), size_hw[axis]) for axis in (0, 1))
    return rows, columns


def stability(mask_logits: Float[Tensor, "*n h w"], offset: float) -> Float[Tensor, "*n"]:
    """IoU of each mask thresholded at +offset and at -offset, which lies around it: 1 where the border is sharp, and
    where there is nothing at either (SAM, Kirillov et al., 2023)."""
    inner = (mask_logits > offset).flatten(-2).sum(-1).float()
    outer = (mask_logits > -offset).flatten(-2).sum(-1).float()
    return torch.where(outer > 0, inner / outer, 1.0)


def _logits_to_rle(mask_logits: Float[Tensor, "h w"], size_hw: tuple[int, int], threshold: float) -> Rle:
    above = mask_logits > threshold
    if not bool(above.any()):
        return rle.empty(size_hw)
    rows, columns = reach(above, size_hw)
    down = _lerp_rows(mask_logits, rows, size_hw[0]).T.contiguous()  # (w, h'): RLE runs go down the columns
    window = np.zeros((len(columns), size_hw[0]), bool)
    for start in range(0, len(columns), COLUMNS_AT_ONCE):
        part = columns[start : start + COLUMNS_AT_ONCE]
        above_part = _lerp_rows(down, part, size_hw[1]) > threshold
        window[start : start + len(part), rows.start : rows.stop] = above_part.numpy()
    return _encode_columns(window, columns.start, size_hw)


def _reach(present: Bool[Tensor, "k"], size: int) -> range:
    """The output positions along one axis that read any of the `present` input positions."""
    if not bool(present.any()):
        return range(0)
    hit = torch.nonzero(present)[:, 0]
    scale = size / present.shape[0]
    first, last = int((int(hit[0]) - 0.5) * scale - 1), int((int(hit[-1]) + 1.5) * scale + 1)
    return range(max(first, 0), min(last + 1, size))


def _lerp_rows(values: Float[Tensor, "k m"], rows: range, size: int) -> Float[Tensor, "r m"]:
    """Rows `rows` of `values` resized to `size` rows, bilinear, pixel centres at half."""
    source = (torch.arange(rows.start, rows.stop, dtype=torch.float64) + 0.5) * (values.shape[0] / size) - 0.5
    source = source.clamp(0, values.shape[0] - 1)
    low = source.long()
    high = (low + 1).clamp(max=values.shape[0] - 1)
    return torch.lerp(values[low], values[high], (source - low).to(values.dtype)[:, None])


def _encode_columns(columns: Bool[np.ndarray, "c h"], left: int, size_hw: tuple[int, int]) -> Rle:
    """Encode a mask whose columns from `left` on are `columns` and empty elsewhere, without building the whole mask."""
    flat = columns.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = changes if not (len(flat) and flat[0]) else np.concatenate([[0], changes])
    total = size_hw[0] * size_hw[1]
    runs = np.diff(np.concatenate([[0], edges + left * size_hw[0], [total]]))
    if len(edges) % 2 and left + len(columns) < size_hw[1]:  # the last run is foreground and ends with the window
        end = (left + len(columns)) * size_hw[0]
        runs = np.concatenate([runs[:-1], [end - (total - runs[-1]), total - end]])
    return rle.from_runs(runs.tolist(), size_hw)
