"""The query score's loss: it learns how good the query's box is, not only that it matches."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus


def classification_loss(
    query_logits: Float[Tensor, "r q"],
    rows: Int[Tensor, " m"],
    queries: Int[Tensor, " m"],
    iou: Float[Tensor, " m"],
    present: Bool[Tensor, " r"],
    *,
    positive_weight: float,
    probability_power: float,
    iou_power: float,
) -> Float[Tensor, "r q"]:
    """IoU-aware cross-entropy of each query (Align-DETR, Cai et al. 2023, as SAM 3 uses it); zero in absent rows.

    A matched query aims at p^`probability_power` IoU^`iou_power`, no lower than 0.01, and counts `positive_weight`
    times; any other query is a negative weighted p^2. Targets carry no gradient; the negatives' weight does.
    """
    probability = query_logits.sigmoid()
    aim = probability[rows, queries].detach() ** probability_power * iou.detach() ** iou_power
    matched = torch.zeros_like(query_logits, dtype=torch.bool)
    matched[rows, queries] = True
    aims = torch.zeros_like(query_logits)
    aims[rows, queries] = aim.clamp(min=0.01)
    positive = positive_weight * binary_cross_entropy_with_logits(query_logits, aims, reduction="none")
    negative = probability**2 * softplus(query_logits)
    return torch.where(matched, positive, negative) * present[:, None]
