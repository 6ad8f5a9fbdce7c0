"""Interactive rounds: what the model missed and what it found wrongly become exemplars, and the prompt is asked again.

As a person does who looks at an answer (SAM 3, Carion et al., 2025): a + box on an instance that is missing, a - box
on a detection that is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from argus.data.collate import Targets, jittered
from argus.model.detector import DetectorTraining, final_scores
from argus.ops.boxes import cxcywh_to_xyxy, iou
from argus.types import Prompt

LEAST_SIDE = 1e-3  # of the image, of a box that is worth drawing


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """`count` rounds after the first answer; in each, a prompt with mistakes gets one + box, one - box, or both.

    Detections count from a score of `score`. An instance is missed when none of them reaches a box IoU of `found` with
    it, and not told by a + box yet. A detection is wrong when it reaches `wrong` with no instance: one that is merely
    inexact, or there twice, is not. Edges of + boxes have a normal error of `jitter` times the side; - boxes are the
    model's own.
    """

    count: int = 2
    score: float = 0.5
    found: float = 0.5
    wrong: float = 0.2
    jitter: float = 0.05

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"expected 1 round or more after the first answer, got {self.count}")
        if not 0 <= self.wrong <= self.found <= 1 or not 0 <= self.score <= 1:
            raise ValueError(
                f"expected shares in 0..1 with wrong at most found, got score {self.score}, found {self.found} and "
                f"wrong {self.wrong}"
            )


@torch.no_grad()
def corrected(
    out: DetectorTraining, prompts: Sequence[Prompt], targets: Targets, rounds: Rounds, rng: np.random.Generator
) -> tuple[list[int], list[Prompt]]:
    """The prompts whose answers have mistakes, with one more + box, - box or both: their rows (rising), and they.

    The + box is on any of the missed instances, the - box on the wrong detection of the highest score.
    """
    scores = final_scores(out.one_to_one.query_logits[-1], out.presence_logits[-1]).cpu()
    found, true = out.one_to_one.boxes_cxcywh_norm[-1].float().cpu(), targets.boxes_cxcywh_norm.cpu()
    first, counts = targets.first.tolist(), targets.counts.tolist()
    rows, again = [], []
    for row, prompt in enumerate(prompts):
        kept = scores[row] > rounds.score
        best_first = scores[row][kept].argsort(descending=True, stable=True)
        answer, mine = found[row][kept][best_first], true[first[row] : first[row] + counts[row]]
        missed = mine[~_reached(mine, answer, rounds.found) & ~_told(mine, prompt, 1, rounds.found)]
        wrong = answer[~_reached(answer, mine, rounds.wrong) & ~_told(answer, prompt, 0, rounds.found)]
        wrong = wrong[(wrong[:, 2:] >= LEAST_SIDE).all(1)]
        if len(missed) or len(wrong):
            plus = jittered(missed[rng.permutation(len(missed))[:1]].numpy(), rounds.jitter, rng)
            rows.append(row)
            again.append(_with_boxes(prompt, torch.from_numpy(plus), wrong[:1]))
    return rows, again


def _reached(boxes: Float[Tensor, "n 4"], others: Float[Tensor, "m 4"], least: float) -> Bool[Tensor, " n"]:
    """Which of the boxes have an IoU of at least `least` with any of the others."""
    return (iou(cxcywh_to_xyxy(boxes), cxcywh_to_xyxy(others)) >= least).any(1)


def _told(boxes: Float[Tensor, "n 4"], prompt: Prompt, label: int, least: float) -> Bool[Tensor, " n"]:
    return _reached(boxes, prompt.boxes_cxcywh_norm[prompt.box_labels == label], least)


def _with_boxes(prompt: Prompt, plus: Float[Tensor, "a 4"], minus: Float[Tensor, "b 4"]) -> Prompt:
    labels = torch.tensor([1] * len(plus) + [0] * len(minus))
    return replace(
        prompt,
        boxes_cxcywh_norm=torch.cat((prompt.boxes_cxcywh_norm, plus, minus)),
        box_labels=torch.cat((prompt.box_labels, labels)),
    )
