"""A second, closer look at picked objects: what surrounds each is encoded again, as large as the model reads images,
and its outline is settled by its box and by colour.

An object that is small in its image covers a few tokens only, so its outline comes out coarse, whatever the model.
(Interactive segmentation has long sharpened its masks by crops about the object, as in FocalClick, Chen et al. 2022.)
"""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from argus.inference.outlines import held_in, settled
from argus.inference.pick import Picked, Picks, pick
from argus.inference.preprocess import to_model_input
from argus.model.sam3 import Sam3
from argus.ops import rle
from argus.ops.masks import logits_to_rles
from argus.ops.rle import Rle
from argus.ops.windows import Window, placed

AROUND = 1.5  # sides of the window, by the longer side of the object
WHOLE = 0.8  # a window whose sides are so much of the image's shows nothing new
LEANING = 0.5  # logits added: a mask's expected overlap is greatest when cut below even odds (Lipton et al., 2014)
OUTSIDE = -20.0  # logit of what a window does not show


def window_around(box_xyxy_px: Float[np.ndarray, "4"], size_hw: tuple[int, int]) -> Window | None:
    """`AROUND` times the longer side of a box, about its middle, shifted into the image; None where that is most of the
    image, or the box is empty."""
    left, top, right, bottom = (float(edge) for edge in box_xyxy_px)
    side = AROUND * max(right - left, bottom - top)
    if side < 1 or (side >= WHOLE * size_hw[0] and side >= WHOLE * size_hw[1]):
        return None
    spans = []
    for middle, length in (((left + right) / 2, size_hw[1]), ((top + bottom) / 2, size_hw[0])):
        start = int(np.clip(round(middle - side / 2), 0, max(length - round(side), 0)))
        spans.append((start, min(start + max(round(side), 1), length)))
    return Window(left=spans[0][0], right=spans[0][1], top=spans[1][0], bottom=spans[1][1])


def pick_closer(model: Sam3, pixels: UInt8[np.ndarray, "h w 3"], picks: Picks, first: Picked, several: bool) -> Picked:
    """The objects of `first` picked again, each in a window around its box, or, where none was given, around its mask
    and its points. One more encoding an object; of those that fill the image, the first answer's outline is settled."""
    size_hw = first.size_hw
    rles, logits, scores = list(first.rles), first.mask_logits.copy(), first.iou_scores.copy()
    for index in range(len(first)):
        window = window_around(_extent(picks, first, index), size_hw)
        if window is None:
            logits[index] = settled(pixels, _leaning(picks, index, first.mask_logits[index], size_hw))
            rles[index] = _best(logits[index], scores[index], size_hw)
            continue
        features = model.encode(to_model_input(np.ascontiguousarray(window.of(pixels)), model.image_size_hw)[None])
        one = _seen_from(picks, index, window, size_hw, features.tracker.mask_hw)
        closer = pick(model, features, one, window.size_hw, several)
        seen = settled(window.of(pixels), _leaning(one, 0, closer.mask_logits[0], window.size_hw))
        scores[index] = closer.iou_scores[0]
        rles[index] = placed(_best(seen, scores[index], window.size_hw), window, size_hw)
        logits[index] = _logits_placed(seen, window, size_hw)
    return replace(
        first,
        rles=tuple(rles),
        boxes_xyxy_px=np.asarray(rle.boxes_xyxy_px(rles), np.float32),
        scores=scores.max(axis=1),
        iou_scores=scores,
        mask_logits=logits,
    )


def _leaning(
    picks: Picks, index: int, mask_logits: Float[np.ndarray, "m h w"], size_hw: tuple[int, int]
) -> Float[np.ndarray, "m h w"]:
    """Cut where it is best, and held in the box if nothing but a box points the object out: clicks may mean more."""
    leaning = mask_logits + LEANING
    if picks.boxes_xyxy_px is None or len(picks.points_xy_px[index]):
        return leaning
    return held_in(picks.boxes_xyxy_px[index].numpy(), leaning, size_hw)


def _best(mask_logits: Float[np.ndarray, "m h w"], scores: Float[np.ndarray, "m"], size_hw: tuple[int, int]) -> Rle:
    return logits_to_rles(torch.from_numpy(mask_logits[scores.argmax()][None]), size_hw)[0]


def _extent(picks: Picks, first: Picked, index: int) -> Float[np.ndarray, "4"]:
    if picks.boxes_xyxy_px is not None:
        return np.asarray(picks.boxes_xyxy_px[index].numpy())
    points = picks.points_xy_px[index][picks.labels[index] > 0].numpy()
    corners = first.boxes_xyxy_px[index].reshape(2, 2) if rle.area([first.rles[index]])[0] else np.zeros((0, 2))
    places = np.concatenate((corners, points))
    return np.concatenate((places.min(0), places.max(0))) if len(places) else np.zeros(4)


def _seen_from(picks: Picks, index: int, window: Window, size_hw: tuple[int, int], mask_hw: tuple[int, int]) -> Picks:
    """What was said of one object, in the pixels of the window; points outside it are left out."""
    points, (height, width) = picks.points_xy_px[index], window.size_hw
    corner, sides = torch.tensor([window.left, window.top]), torch.tensor([width, height])
    moved = points - corner
    shown = ((moved >= 0) & (moved <= sides)).all(1)
    boxes = picks.boxes_xyxy_px
    masks = picks.mask_logits
    return Picks(
        points_xy_px=(moved[shown],),
        labels=(picks.labels[index][shown],),
        boxes_xyxy_px=None if boxes is None else boxes[index : index + 1] - corner.repeat(2),
        mask_logits=None if masks is None else _logits_cut(masks[index : index + 1], window, size_hw, mask_hw),
    )


def _logits_cut(
    logits: Float[Tensor, "1 1 h w"], window: Window, size_hw: tuple[int, int], mask_hw: tuple[int, int]
) -> Float[Tensor, "1 1 h w"]:
    """The part of a whole image's logits that a window shows, on a grid of its own."""
    (height, width), (h, w) = size_hw, window.size_hw
    to_whole = [
        [w / width, 0.0, (2 * window.left + w) / width - 1],
        [0.0, h / height, (2 * window.top + h) / height - 1],
    ]
    return _resampled(logits, to_whole, mask_hw, padding="border")


def _logits_placed(
    logits: Float[np.ndarray, "m h w"], window: Window, size_hw: tuple[int, int]
) -> Float[np.ndarray, "m h w"]:
    """A window's logits on the grid of the whole image, so that they can be given back to `pick`."""
    (height, width), (h, w) = size_hw, window.size_hw
    to_window = [
        [width / w, 0.0, (width - 2 * window.left) / w - 1],
        [0.0, height / h, (height - 2 * window.top) / h - 1],
    ]
    above = torch.from_numpy(logits)[None] - OUTSIDE
    return np.asarray(_resampled(above, to_window, (logits.shape[1], logits.shape[2]), padding="zeros")[0] + OUTSIDE)


def _resampled(
    maps: Float[Tensor, "1 m h w"], affine: list[list[float]], size_hw: tuple[int, int], padding: str
) -> Float[Tensor, "1 m h2 w2"]:
    grid = F.affine_grid(torch.tensor([affine]), [1, maps.shape[1], *size_hw], align_corners=False)
    return F.grid_sample(maps.float(), grid, padding_mode=padding, align_corners=False)
