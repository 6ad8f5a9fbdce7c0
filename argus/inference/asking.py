"""What a person asks of a video, checked, as the model takes it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor

from argus.inference.follow import Asked, Concept
from argus.inference.pick import read_picks
from argus.model.tokenizer import clean
from argus.ops import rle
from argus.ops.boxes import check_xyxy_px, px_to_norm
from argus.types import Prompt

SURE = 10.0  # the logit that stands for a pixel of an earlier mask of which no logits are left


def concept_with(
    concept: Concept,
    boxes: ArrayLike | Tensor | None,
    labels: ArrayLike | Tensor | None,
    frame: int,
    size_hw: tuple[int, int],
) -> Concept:
    """A concept with example boxes (n, 4) in xyxy pixels, + (1) or - (0), in a frame; those of the frame are replaced.

    Raises ValueError for boxes and labels that `ImagePredictor.predict` would refuse.
    """
    if boxes is None:
        if labels is not None:
            raise ValueError(f"Expected boxes for the labels {labels!r}, got none.")
        return concept
    try:
        values = boxes.cpu().float() if isinstance(boxes, Tensor) else torch.as_tensor(np.asarray(boxes, np.float32))
    except (TypeError, ValueError) as error:
        raise ValueError(f"Expected boxes of shape (n, 4), got {boxes!r:.80}: {error}.") from error
    if values.ndim != 2 or values.shape[1] != 4 or not len(values):
        raise ValueError(
            f"Expected boxes of shape (n, 4), got {tuple(values.shape)}. One box is [[left, top, right, bottom]]; "
            "for one object that is to be followed use box=[left, top, right, bottom]."
        )
    prompt = Prompt(concept.name, px_to_norm(check_xyxy_px(values, size_hw), size_hw), labels)
    if concept.text is None and not bool(prompt.box_labels.any()):
        raise ValueError("Expected a + box (label 1) or a phrase, got only - boxes: nothing says what to look for.")
    return replace(concept, exemplars={**concept.exemplars, frame: (prompt.boxes_cxcywh_norm, prompt.box_labels)})


def checked_phrase(phrase: str | None) -> str | None:
    """A phrase with letters in it, without spaces around. Raises ValueError for others."""
    if phrase is not None and (not isinstance(phrase, str) or not clean(phrase)):
        raise ValueError(f"Expected a phrase with letters, got {phrase!r}. Add phrases one by one.")
    return None if phrase is None else phrase.strip()


def asked_points(
    points: ArrayLike | Sequence[ArrayLike] | Tensor | None,
    labels: ArrayLike | Sequence[ArrayLike] | Tensor | None,
    box: ArrayLike | Tensor | None,
    earlier: Float[Tensor, "h w"] | None,
    size_hw: tuple[int, int],
    model_hw: tuple[int, int],
) -> Asked:
    """Clicks (k, 2) and a box (4) of one object, in pixels. Raises ValueError for what `pick` would refuse."""
    picks = read_picks(points, labels, box, None, size_hw, (0, 0))
    if len(picks) != 1:
        raise ValueError(
            f"Expected the points or the box of one object, got those of {len(picks)}. Add them one by one."
        )
    norm, marks = picks.points(size_hw, model_hw)[0]
    return Asked(points_xy_norm=norm, labels=marks, earlier=earlier)


def asked_mask(mask: ArrayLike | Tensor, size_hw: tuple[int, int]) -> Asked:
    """The mask of one object: (height, width) of the frame, bool or 0 and 1. Raises ValueError for others."""
    values = np.asarray(mask.cpu() if isinstance(mask, Tensor) else mask)
    if values.shape != size_hw:
        raise ValueError(f"Expected a mask of the frame's size {size_hw} (height, width), got shape {values.shape}.")
    if values.dtype != bool and not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"Expected a mask of True and False, or 1 and 0, got {values.dtype} {values.min()}..{values.max()}."
        )
    if not values.any():
        raise ValueError("Expected a mask with at least one pixel, got an empty one.")
    return Asked(mask=rle.encode(values.astype(bool)))


def logits_of(mask: rle.Rle, mask_hw: tuple[int, int]) -> Float[Tensor, "h w"]:
    """Logits that stand for a mask of which nothing else is left."""
    dense = torch.from_numpy(rle.decode(mask)).float()[None, None]
    small = torch.nn.functional.interpolate(dense, mask_hw, mode="bilinear", antialias=True)[0, 0]
    return small * 2 * SURE - SURE
