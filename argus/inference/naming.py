"""A second opinion on what a phrase finds: its namer looks at each detection from close up.

Detections that the detector alone would pass over are judged, too. The namer moves a detection's logit, and the best of
them the presence of the phrase. Parts of an object often fit its name as it does itself, so of two that share most of
the smaller one the better one stays.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from argus.model.detector import DetectorOutput, Selection
from argus.model.namer import Namer, pooled
from argus.model.sam3 import Features, Sam3
from argus.ops.boxes import norm_to_px
from argus.ops.closeups import close_ups, square_around
from argus.ops.nms import greedy_nms
from argus.types import VISUAL, Prompt

CANDIDATES = 0.02  # score from which a detection is looked at
# chosen on held-out scenes of nano's styles, as logits:
SHARE = 0.75  # of the namer's that is added to a detection's, and of the best of them to the presence of the phrase
PRESENCE_BIAS = 1.0
SHARED = 0.5  # of the smaller of two masks: above it one goes


def detect_and_name(
    model: Sam3,
    features: Features,
    prompts: Sequence[Prompt],
    pixels: UInt8[np.ndarray, "r c 3"],
    *,
    score_threshold: float,
    max_masks: int | None = None,
) -> DetectorOutput:
    """`Sam3.detect` in one image, whose `pixels` the namer sees; prompts with boxes show what is meant, and are left as
    they are."""
    named = [row for row, prompt in enumerate(prompts) if _is_named(model, prompt)]
    if not named:
        return model.detect(features, prompts, score_threshold=score_threshold, max_masks=max_masks)
    output = model.detect(features, prompts, score_threshold=min(CANDIDATES, score_threshold))
    query, presence = output.query_logits.clone(), output.presence_logits.clone()
    for row in named:
        kept = output.kept[row]
        if len(kept):
            assert model.namer is not None
            fits = _fits(model, model.namer, prompts[row], output, row, pixels)
            query[row, kept] += SHARE * fits
            presence[row] += SHARE * fits.max() + PRESENCE_BIAS
    moved = replace(output, query_logits=query, presence_logits=presence)
    masks, kept_rows = [], []
    for row, kept in enumerate(output.kept):
        chosen = Selection(threshold=score_threshold).indices(moved.scores[row, kept])
        if row in named:
            chosen = chosen[_once_each(output.mask_logits[row][chosen], moved.scores[row, kept[chosen]])]
        chosen = chosen[:max_masks]
        masks.append(output.mask_logits[row][chosen])
        kept_rows.append(kept[chosen])
    return replace(moved, mask_logits=masks, kept=kept_rows)


def _is_named(model: Sam3, prompt: Prompt) -> bool:
    alone = prompt.text not in (None, VISUAL) and not len(prompt.boxes_cxcywh_norm) and not len(prompt.points_xy_norm)
    return alone and model.namer_for(prompt.phrase) is not None


def _once_each(mask_logits: Float[Tensor, "k h w"], scores: Float[Tensor, " k"]) -> Int[Tensor, "_"]:
    """Of masks, best first, those that do not share too much with a better one."""
    masks = (mask_logits > 0).flatten(1).float()
    areas = masks.sum(1)
    shared = masks @ masks.T / torch.minimum(areas[:, None], areas).clamp(min=1)
    return greedy_nms(shared, scores, SHARED)


def _fits(
    model: Sam3, namer: Namer, prompt: Prompt, output: DetectorOutput, row: int, pixels: UInt8[np.ndarray, "r c 3"]
) -> Float[Tensor, " k"]:
    """Logits of the prompt being true of each detection of a row."""
    boxes = output.boxes_cxcywh_norm[row, output.kept[row]].float().cpu()
    squares = [square_around(box) for box in norm_to_px(boxes, (pixels.shape[0], pixels.shape[1])).numpy()]
    views = close_ups(pixels, output.mask_logits[row], squares, namer.config.side)
    extents = boxes[:, 2:].prod(1).sqrt()
    things = namer.things(views.to(model.device, model.dtype), extents.to(model.device, model.dtype))
    phrase = namer.phrases(pooled(*model.encode_text([prompt.phrase])))
    return namer.logits((things @ phrase.T)[:, 0].float()).to(output.query_logits.dtype)
