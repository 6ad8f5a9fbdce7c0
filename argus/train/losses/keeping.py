"""The loss that keeps what a model knew: its answers should stay those that it gave before.

After "Learning without Forgetting" (Li and Hoiem, ECCV 2016): what is new is learned from its truth, what is known from
the old model's own answers, which unlike the truth ask for no change as long as nothing was forgotten.
"""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, pad, smooth_l1_loss

from argus.model.detector import DetectorTraining, final_scores
from argus.ops.boxes import cxcywh_to_xyxy
from argus.train.losses.masks import uncertain_points, values_at

UNSURE = 0.1  # boxes and masks of what was found with less are not kept
NEAR, LEAST = 0.1, 0.01  # share of a side below which a move counts less and less; least side of a box
NEVER = -12.0  # logit of a query that the old model did not have


def divergence(logits: Float[Tensor, "*n"], old: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Kullback-Leibler divergence of each probability from the old one, both as logits; 0 where they are the same."""
    wanted = old.sigmoid()
    entropy = binary_cross_entropy_with_logits(old, wanted, reduction="none")
    return binary_cross_entropy_with_logits(logits, wanted, reduction="none") - entropy


def presence_kept(out: DetectorTraining, old: DetectorTraining) -> Float[Tensor, ""]:
    """Divergence of the presence logits, summed over layers and prompts."""
    return divergence(out.presence_logits.float(), old.presence_logits.float()).sum()


def scores_kept(out: DetectorTraining, old: DetectorTraining) -> Float[Tensor, ""]:
    """Divergence of the query logits, summed over layers, prompts and queries; further queries are to find nothing."""
    logits, known = out.one_to_one.query_logits.float(), old.one_to_one.query_logits.float()
    return divergence(logits, pad(known, (0, logits.shape[-1] - known.shape[-1]), value=NEVER)).sum()


def boxes_kept(out: DetectorTraining, old: DetectorTraining) -> Float[Tensor, ""]:
    """How far the edges of each box have moved, as shares of its old sides (rounded off below `NEAR`), times the score
    that it had, summed. Unlike the losses of the truth it asks for no change where nothing has moved."""
    score = final_scores(old.one_to_one.query_logits, old.presence_logits)
    sure = score > UNSURE
    boxes = cxcywh_to_xyxy(out.one_to_one.boxes_cxcywh_norm[..., : score.shape[-1], :][sure].float())
    known = old.one_to_one.boxes_cxcywh_norm[sure].float()
    sides = known[:, 2:].clamp(min=LEAST).repeat(1, 2)
    moved = smooth_l1_loss(boxes / sides, cxcywh_to_xyxy(known) / sides, reduction="none", beta=NEAR).sum(-1)
    return (moved * score[sure]).sum()


def masks_kept(
    out: DetectorTraining, old: DetectorTraining, present: Bool[Tensor, " p"], points: int
) -> Float[Tensor, ""]:
    """Divergence of each mask (its mean over sampled points), weighed as boxes are, summed. `present` says which
    prompts have masks."""
    score = final_scores(old.one_to_one.query_logits[-1, present], old.presence_logits[-1, present])
    sure = score > UNSURE
    masks, known = out.mask_logits[:, : score.shape[-1]][sure].float(), old.mask_logits[sure].float()
    where = uncertain_points(known, points)
    return (divergence(values_at(masks, where), values_at(known, where)).mean(-1) * score[sure]).sum()


def semantic_kept(out: DetectorTraining, old: DetectorTraining) -> Float[Tensor, ""]:
    """Divergence of the semantic maps: its mean over pixels, summed over prompts."""
    return divergence(out.semantic_logits.float(), old.semantic_logits.float()).mean((1, 2, 3)).sum()
