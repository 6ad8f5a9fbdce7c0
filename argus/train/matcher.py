"""Which query answers for which object: Hungarian (one to one) and one-to-many matching, all prompts at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from argus.data.collate import Targets
from argus.ops.boxes import cxcywh_to_xyxy, giou, iou


@dataclass(frozen=True, kw_only=True)
class MatchCosts:
    """Weights of the matching cost. The mask terms hold where masks are known (the last layer), on a grid of
    `mask_grid` x `mask_grid` points."""

    classification: float = 2.0
    box_l1: float = 5.0
    giou: float = 2.0
    mask: float = 2.0
    dice: float = 2.0
    mask_grid: int = 20
    focal_alpha: float = 0.25


@dataclass(frozen=True, kw_only=True)
class OneToMany:
    """Candidates score `class_share` x p + (1 - class_share) x IoU; each object takes at most `most` above `least`."""

    class_share: float = 0.3
    least: float = 0.4
    most: int = 4


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Matched pairs: layer, prompt and query of the prediction, and the row of the target."""

    layer: Int[Tensor, " m"]
    prompt: Int[Tensor, " m"]
    query: Int[Tensor, " m"]
    target: Int[Tensor, " m"]

    def of_layer(self, layer: int) -> Matches:
        keep = self.layer == layer
        return Matches(
            layer=self.layer[keep], prompt=self.prompt[keep], query=self.query[keep], target=self.target[keep]
        )


@dataclass(frozen=True, kw_only=True)
class Padded:
    """Targets of the K present prompts, padded to the largest count N."""

    prompts: Int[Tensor, " k"]
    rows: Int[Tensor, "k n"]
    valid: Bool[Tensor, "k n"]
    boxes_cxcywh_norm: Float[Tensor, "k n 4"]

    @staticmethod
    def of(targets: Targets) -> Padded:
        prompts = targets.present.nonzero()[:, 0]
        counts = targets.counts[prompts]
        slots = torch.arange(int(counts.max()) if len(counts) else 0, device=counts.device)
        valid = slots < counts[:, None]
        rows = (targets.first[prompts, None] + slots) * valid
        return Padded(prompts=prompts, rows=rows, valid=valid, boxes_cxcywh_norm=targets.boxes_cxcywh_norm[rows])


@torch.no_grad()
def match_one_to_one(
    query_logits: Float[Tensor, "l p q"],
    boxes_cxcywh_norm: Float[Tensor, "l p q 4"],
    targets: Targets,
    costs: MatchCosts,
    mask_logits: Float[Tensor, "k q h w"] | None = None,
) -> Matches:
    """Hungarian matching of every layer and present prompt (DETR, Carion et al. 2020), one transfer to the CPU.

    `mask_logits` are those of the last layer for the K present prompts, in order. Pairs come sorted by layer, then
    prompt, then query.
    """
    from scipy.optimize import linear_sum_assignment

    padded = Padded.of(targets)
    logits, boxes = query_logits[:, padded.prompts].float(), boxes_cxcywh_norm[:, padded.prompts].float()
    cost = costs.classification * class_cost(logits, costs.focal_alpha)[..., None] + box_cost(boxes, padded, costs)
    if mask_logits is not None and padded.rows.numel():
        cost[-1] += mask_cost(mask_logits, targets.masks, targets.mask_rows[padded.rows], costs)
    table = np.nan_to_num(cost.cpu().numpy(), nan=1e6, posinf=1e6, neginf=-1e6)
    prompts, counts, rows = padded.prompts.tolist(), padded.valid.sum(1).tolist(), padded.rows.cpu().numpy()
    found: list[np.ndarray] = [np.zeros((4, 0), np.int64)]
    for layer in range(len(table)):
        for k, count in enumerate(counts):
            query, slot = linear_sum_assignment(table[layer, k, :, :count])
            found.append(np.stack([np.full_like(query, layer), np.full_like(query, prompts[k]), query, rows[k, slot]]))
    pairs = torch.from_numpy(np.concatenate(found, axis=1)).to(query_logits.device)
    return Matches(layer=pairs[0], prompt=pairs[1], query=pairs[2], target=pairs[3])


@torch.no_grad()
def match_one_to_many(
    query_logits: Float[Tensor, "p q"],
    boxes_cxcywh_norm: Float[Tensor, "p q 4"],
    targets: Targets,
    rule: OneToMany,
    layer: int,
) -> Matches:
    """Several queries for each object; a query wanted by two objects goes to the one it scores higher on."""
    padded = Padded.of(targets)
    boxes = boxes_cxcywh_norm[padded.prompts].float()
    overlap = iou(cxcywh_to_xyxy(boxes), cxcywh_to_xyxy(padded.boxes_cxcywh_norm))
    probability = query_logits[padded.prompts].float().sigmoid()[..., None]
    score = rule.class_share * probability + (1 - rule.class_share) * overlap
    score = score.masked_fill(~padded.valid[:, None], -1)
    if not score.numel():
        empty = padded.prompts.new_zeros(0)
        return Matches(layer=empty, prompt=empty, query=empty, target=empty)
    best = score.topk(min(rule.most, score.shape[1]), dim=1)
    chosen = torch.zeros_like(score, dtype=torch.bool).scatter_(1, best.indices, best.values > rule.least)
    rival = score.masked_fill(~chosen, -1).max(dim=2, keepdim=True)
    chosen &= torch.zeros_like(chosen).scatter_(2, rival.indices, True)
    k, query, slot = chosen.nonzero(as_tuple=True)
    return Matches(layer=torch.full_like(k, layer), prompt=padded.prompts[k], query=query, target=padded.rows[k, slot])


def class_cost(logits: Float[Tensor, "*s"], alpha: float) -> Float[Tensor, "*s"]:
    """Focal cost (gamma 2) of calling a query positive, less that of calling it negative."""
    probability = logits.sigmoid()
    positive = alpha * (1 - probability) ** 2 * -logsigmoid(logits)
    return positive - (1 - alpha) * probability**2 * softplus(logits)


def box_cost(boxes: Float[Tensor, "l k q 4"], padded: Padded, costs: MatchCosts) -> Float[Tensor, "l k q n"]:
    """Weighted L1 and GIoU cost of each query's box for each object."""
    wanted = padded.boxes_cxcywh_norm.expand(len(boxes), -1, -1, -1)  # l k n 4
    distance = (boxes[:, :, :, None] - wanted[:, :, None]).abs().sum(-1)
    return costs.box_l1 * distance - costs.giou * giou(cxcywh_to_xyxy(boxes), cxcywh_to_xyxy(wanted))


def mask_cost(
    mask_logits: Float[Tensor, "k q h w"],
    masks: Bool[Tensor, "m h2 w2"],
    rows: Int[Tensor, "k n"],
    costs: MatchCosts,
) -> Float[Tensor, "k q n"]:
    """Weighted cross-entropy and Dice cost of each query's mask for each object, whose masks are the `rows`, on a
    regular grid of points."""
    logits = _on_grid(mask_logits, costs.mask_grid).float()  # k q g
    wanted = _on_grid(masks, costs.mask_grid).float()[rows].transpose(1, 2)  # k g n
    probability = logits.sigmoid()
    entropy = (softplus(logits).sum(-1, keepdim=True) - logits @ wanted) / logits.shape[-1]
    overlap = probability @ wanted
    dice = 1 - (2 * overlap + 1) / (probability.sum(-1, keepdim=True) + wanted.sum(1, keepdim=True) + 1)
    return costs.mask * entropy + costs.dice * dice


def _on_grid(maps: Tensor, grid: int) -> Tensor:
    """Values of maps (..., h, w) at the centres of a grid x grid raster -> (..., grid * grid)."""
    centres = (torch.arange(grid, device=maps.device) + 0.5) / grid
    rows, columns = (centres * maps.shape[-2]).long(), (centres * maps.shape[-1]).long()
    return maps[..., rows[:, None], columns].flatten(-2)
