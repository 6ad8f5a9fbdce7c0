"""- boxes, for a model that does not read them well: what is like a rejected object goes by comparison.

A - box is left out of the prompt and asked alone, as an example. A detection of the prompt goes when it lies on the
rejected box, or when that example finds the same object with a higher score than the prompt does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from argus.inference.association import mask_iou
from argus.model.detector import DetectorOutput
from argus.model.sam3 import Features, Sam3
from argus.ops import boxes
from argus.types import Prompt

SAME = 0.5  # IoU, from which two masks, or two boxes, are of one object


def detect(
    model: Sam3, features: Features, prompts: Sequence[Prompt], *, score_threshold: float, max_masks: int | None = None
) -> DetectorOutput:
    """`Sam3.detect`, with - boxes read as the model is made to: as published, as a part of their prompt, or by
    comparison. What they take away is no longer in `kept`, and has no mask."""
    config = model.config.detector
    owners = [row for row, prompt in enumerate(prompts) for _ in range(int((prompt.box_labels == 0).sum()))]
    if config is None or not config.rejects_by_likeness or not owners:
        return model.detect(features, prompts, score_threshold=score_threshold, max_masks=max_masks)
    asked = [_accepting(prompt) for prompt in prompts]
    examples = [
        Prompt(None, box[None], image=prompt.image)
        for prompt in prompts
        for box in prompt.boxes_cxcywh_norm[prompt.box_labels == 0]
    ]
    output = model.detect(features, [*asked, *examples], score_threshold=score_threshold)
    masks, kept = [], []
    for row, prompt in enumerate(prompts):
        others = [len(prompts) + place for place, owner in enumerate(owners) if owner == row]
        stays = _stays(output, row, prompt, others)
        masks.append(output.mask_logits[row][stays])
        kept.append(output.kept[row][stays])
    count = len(prompts)
    return replace(
        output,
        query_logits=output.query_logits[:count],
        presence_logits=output.presence_logits[:count],
        boxes_cxcywh_norm=output.boxes_cxcywh_norm[:count],
        mask_logits=masks,
        kept=kept,
    )


def _accepting(prompt: Prompt) -> Prompt:
    """A prompt without its - boxes."""
    positive = prompt.box_labels == 1
    return Prompt(
        prompt.text,
        prompt.boxes_cxcywh_norm[positive],
        prompt.box_labels[positive],
        prompt.points_xy_norm,
        prompt.point_labels,
        image=prompt.image,
    )


def _stays(output: DetectorOutput, row: int, prompt: Prompt, examples: Sequence[int]) -> Bool[Tensor, " k"]:
    """Which detections of a row its - boxes leave; those on a + box stay in any case."""
    found, masks, scores = _boxes(output, row), output.mask_logits[row] > 0, output.scores[row, output.kept[row]]
    if not len(found):
        return torch.zeros(0, dtype=torch.bool, device=found.device)
    shown = boxes.cxcywh_to_xyxy(prompt.boxes_cxcywh_norm).to(found)
    on = boxes.iou(found, shown)  # (k, boxes)
    positive = (prompt.box_labels == 1).to(found.device)
    struck = torch.zeros(len(found), dtype=torch.bool, device=found.device)
    for overlap in on[:, ~positive].unbind(1):
        struck[overlap.argmax()] |= overlap.max() >= SAME
    gone = (_iou(masks, masks[struck]) >= SAME).any(1)  # all of the queries on it
    for other in examples:
        same = _iou(masks, output.mask_logits[other] > 0) >= SAME
        better = output.scores[other, output.kept[other]] > scores[:, None]
        gone |= (same & better).any(1)
    return ~gone | (on[:, positive] >= SAME).any(1)


def _boxes(output: DetectorOutput, row: int) -> Float[Tensor, "k 4"]:
    return boxes.cxcywh_to_xyxy(output.boxes_cxcywh_norm[row, output.kept[row]].float())


def _iou(masks: Bool[Tensor, "n h w"], others: Bool[Tensor, "m h w"]) -> Float[Tensor, "n m"]:
    return torch.from_numpy(mask_iou(masks, others)).to(masks.device)
