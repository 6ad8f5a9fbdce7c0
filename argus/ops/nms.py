"""Greedy non-maximum suppression on an overlap matrix, whether of boxes or of masks."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def greedy_nms(iou: Float[Tensor, "n n"], scores: Float[Tensor, "n"], threshold: float) -> Int[Tensor, "k"]:
    """Indices that stay, best score first: each drops all later ones whose IoU with it is above `threshold`.

    Equal scores keep their order. To suppress only within groups, set the overlap between groups to zero.
    """
    order = torch.sort(scores, descending=True, stable=True).indices
    overlaps = (iou > threshold)[order][:, order].cpu()
    alive = torch.ones(len(order), dtype=torch.bool)
    for rank in range(len(order)):
        if alive[rank]:
            alive[rank + 1 :] &= ~overlaps[rank, rank + 1 :]
    return order[alive.to(order.device)]
