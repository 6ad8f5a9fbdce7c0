"""- boxes, for a model that does not read them well in a prompt: what is like a rejected object goes by comparison.

A - box is left out of its prompt and asked alone, as an example. What lies on it goes, and with it each detection that
the example knows, and the prompt does not know much better than it knew the rejected one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from argus.inference.naming import detect_and_name
from argus.model.detector import DetectorOutput
from argus.model.sam3 import Features, Sam3
from argus.ops import boxes
from argus.types import Prompt

SAME = 0.5  # IoU from which two boxes are of one object
LEEWAY = 0.25  # logits by which a prompt has to know what stays better (chosen on held-out scenes of nano's styles)
LEAST = 0.02  # score that an example has at least for anything


def detect(
    model: Sam3,
    features: Features,
    prompts: Sequence[Prompt],
    pixels: UInt8[np.ndarray, "r c 3"],
    *,
    score_threshold: float,
    max_masks: int | None = None,
) -> DetectorOutput:
    """`naming.detect_and_name`, with - boxes read as the model is made to: as published, as a part of their prompt, or
    by comparison. What they take away is not in `kept`, and has no mask."""
    config = model.config.detector
    rejected = [prompt.boxes_cxcywh_norm[prompt.box_labels == 0] for prompt in prompts]
    if config is None or not config.rejects_by_likeness or not any(map(len, rejected)):
        return detect_and_name(model, features, prompts, pixels, score_threshold=score_threshold, max_masks=max_masks)
    accepting = [_accepting(prompt) for prompt in prompts]
    output = detect_and_name(model, features, accepting, pixels, score_threshold=score_threshold)
    masks, kept = [], []
    for row, prompt in enumerate(prompts):
        stays = torch.ones_like(output.kept[row], dtype=torch.bool)
        if len(rejected[row]) and len(stays):
            examples = [Prompt(None, box[None], image=prompt.image) for box in rejected[row]]
            alike = model.detect(features, examples, score_threshold=1.0)  # so without masks
            stays = _stays(output, row, prompt, alike)
        masks.append(output.mask_logits[row][stays])
        kept.append(output.kept[row][stays])
    return replace(output, mask_logits=masks, kept=kept)


def _accepting(prompt: Prompt) -> Prompt:
    """A prompt without its - boxes."""
    positive = prompt.box_labels == 1
    return replace(prompt, boxes_cxcywh_norm=prompt.boxes_cxcywh_norm[positive], box_labels=prompt.box_labels[positive])


def _stays(output: DetectorOutput, row: int, prompt: Prompt, alike: DetectorOutput) -> Bool[Tensor, " k"]:
    """Which detections of a row its - boxes leave, of which `alike` answers each; what is on a + box stays."""
    kept = output.kept[row]
    found, scores = boxes.cxcywh_to_xyxy(output.boxes_cxcywh_norm[row].float()), output.scores[row]
    on = boxes.iou(found, boxes.cxcywh_to_xyxy(prompt.boxes_cxcywh_norm).to(found)) >= SAME  # (queries, boxes)
    positive = (prompt.box_labels == 1).to(on.device)
    gone = on[kept][:, ~positive].any(1)
    for struck, answer, example in zip(on[:, ~positive].unbind(1), alike.boxes_cxcywh_norm, alike.scores, strict=True):
        same = boxes.iou(found[kept], boxes.cxcywh_to_xyxy(answer.float())) >= SAME
        likeness = (same * example).amax(1).clamp(min=LEAST)
        known = (struck * scores).max().clamp(min=LEAST)  # how well the prompt knew the rejected one
        gone |= _logit(scores[kept]) < (_logit(likeness) + _logit(known)) / 2 + LEEWAY
    return ~gone | on[kept][:, positive].any(1)


def _logit(scores: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    return scores.logit(eps=1e-6)
