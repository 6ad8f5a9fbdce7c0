"""Objects that a model's cutter cuts out of their boxes, each in the window of its box, without another encoding."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from argus.inference.outlines import held_in
from argus.inference.pick import OBJECTS_AT_ONCE
from argus.model.cutter import Cutter
from argus.ops.grabcut import settled
from argus.ops.windows import Window, logits_cut

CELLS = 128  # along a side of the window that an outline is settled in
LEANING = 0.5  # logits added: a mask's expected overlap is greatest when cut below even odds (Lipton et al., 2014)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """An object's logits in a window, above 0 where it is, and how well it is expected to fit, before its outline is
    settled: an IoU of 0..1."""

    window: Window
    mask_logits: Float[np.ndarray, "s s"]
    iou_score: float


def cuts_of(cutter: Cutter, pixels: UInt8[np.ndarray, "h w 3"], boxes_xyxy_px: Float[Tensor, "n 4"]) -> Iterator[Cut]:
    """What is in each box, its outline settled by the box and by colour."""
    like = next(cutter.parameters())
    for start in range(0, len(boxes_xyxy_px), OBJECTS_AT_ONCE):
        boxes = boxes_xyxy_px[start : start + OBJECTS_AT_ONCE]
        seen = [cutter.view(pixels, box.numpy()) for box in boxes]
        views, facts = (torch.stack(parts).to(like) for parts in list(zip(*seen, strict=True))[1:])
        made = cutter.mirrored_too(views, facts).float().cpu()
        for box, (window, _, _), logits in zip(boxes, seen, made, strict=True):
            yield _ended(pixels, box.numpy(), window, logits)


def _ended(
    pixels: UInt8[np.ndarray, "h w 3"],
    box_xyxy_px: Float[np.ndarray, "4"],
    seen: Window,
    logits: Float[Tensor, "1 s s"],
) -> Cut:
    window = seen.within((pixels.shape[0], pixels.shape[1]))
    finer = logits_cut(logits[None], window.seen_from(seen), seen.size_hw, (CELLS, CELLS))[0].numpy()
    box = box_xyxy_px - np.array([window.left, window.top] * 2, np.float32)
    held = held_in(box, finer + LEANING, window.size_hw)
    return Cut(
        window=window,
        mask_logits=settled(window.of(pixels), held)[0],
        iou_score=_expected_iou(torch.from_numpy(held[0])),
    )


def _expected_iou(leaning: Float[Tensor, "s s"]) -> float:
    """Of a mask with an object that lies where its probability says: the expected overlap by the expected union."""
    likely, mask = (leaning - LEANING).sigmoid(), leaning > 0
    overlap = float(likely[mask].sum())
    return overlap / max(float(mask.sum() + likely.sum()) - overlap, 1e-6)
