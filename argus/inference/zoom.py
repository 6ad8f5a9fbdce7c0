"""A second, closer look at picked objects: what surrounds each is encoded again, as large as the model reads images,
and its outline is settled by its box and by colour. Where a box alone points it out, a model with a cutter cuts it out.

An object that is small in its image covers a few tokens only, so its outline comes out coarse, whatever the model.
(Interactive segmentation has long sharpened its masks by crops about the object, as in FocalClick, Chen et al. 2022.)
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, UInt8

from argus.inference.cutting import LEANING, Cut, cuts_of
from argus.inference.outlines import held_in
from argus.inference.pick import Picked, Picks, pick
from argus.model.sam3 import Sam3
from argus.ops import rle
from argus.ops.grabcut import settled
from argus.ops.masks import logits_to_rles
from argus.ops.pixels import to_model_input
from argus.ops.rle import Rle
from argus.ops.windows import Window, logits_cut, logits_placed, placed, window_around


def pick_closer(model: Sam3, pixels: UInt8[np.ndarray, "h w 3"], picks: Picks, first: Picked, several: bool) -> Picked:
    """The objects of `first` picked again, each in a window around its box, or, where none was given, around its mask
    and its points. One more encoding an object; of those that fill the image, the first answer's outline is settled.
    Objects that nothing but a box points out are cut out instead, by a model that can, whatever the first answer was;
    `several` masks are then alike.
    """
    size_hw, grid_hw = first.size_hw, (first.mask_logits.shape[2], first.mask_logits.shape[3])
    rles, logits, scores = list(first.rles), first.mask_logits.copy(), first.iou_scores.copy()
    cuts = _cuts(model, pixels, picks)
    for index in range(len(first)):
        cut = cuts.get(index)
        window = window_around(_extent(picks, first, index), size_hw) if cut is None else cut.window
        if window is None:
            logits[index] = settled(pixels, _leaning(picks, index, first.mask_logits[index], size_hw))
            rles[index] = _best(logits[index], scores[index], size_hw)
            continue
        if cut is not None:
            seen = np.repeat(cut.mask_logits[None], scores.shape[1], 0)
            scores[index] = cut.iou_score
        else:
            features = model.encode(to_model_input(np.ascontiguousarray(window.of(pixels)), model.image_size_hw)[None])
            one = _seen_from(picks, index, window, size_hw, features.tracker.mask_hw)
            closer = pick(model, features, one, window.size_hw, several)
            seen = settled(window.of(pixels), _leaning(one, 0, closer.mask_logits[0], window.size_hw))
            scores[index] = closer.iou_scores[0]
        rles[index] = placed(_best(seen, scores[index], window.size_hw), window, size_hw)
        logits[index] = logits_placed(torch.from_numpy(seen)[None], window, size_hw, grid_hw)[0].numpy()
    return replace(
        first,
        rles=tuple(rles),
        boxes_xyxy_px=np.asarray(rle.boxes_xyxy_px(rles), np.float32),
        scores=scores.max(axis=1),
        iou_scores=scores,
        mask_logits=logits,
    )


def _cuts(model: Sam3, pixels: UInt8[np.ndarray, "h w 3"], picks: Picks) -> dict[int, Cut]:
    """Of the objects that are cut out."""
    boxes = picks.boxes_xyxy_px
    if model.cutter is None or boxes is None or picks.mask_logits is not None:
        return {}
    boxed = [index for index, points in enumerate(picks.points_xy_px) if not len(points)]
    return dict(zip(boxed, cuts_of(model.cutter, pixels, boxes[boxed]), strict=True))


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
        mask_logits=None if masks is None else logits_cut(masks[index : index + 1], window, size_hw, mask_hw),
    )
