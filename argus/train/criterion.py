"""The whole detection loss of a batch: both branches, every decoder layer, presence, masks and semantic head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from argus.data.collate import Targets
from argus.model.detector import Branch, DetectorTraining
from argus.ops.boxes import cxcywh_to_xyxy, paired_iou
from argus.train.losses.boxes import box_giou_loss, box_l1_loss
from argus.train.losses.classification import classification_loss
from argus.train.losses.masks import dice_loss, focal_loss, labels_at, uncertain_points, values_at
from argus.train.losses.presence import presence_loss
from argus.train.matcher import MatchCosts, Matches, OneToMany, match_one_to_many, match_one_to_one


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Weights of the losses as published with SAM 3, and the rules around them.

    `class_queries`: the classification loss is averaged over at least this many queries a prompt, so that a model of
    fewer queries keeps the published balance (200 there). A matched query learns p = IoU^(`iou_power` / (1 -
    `probability_power`)): the IoU itself with the published powers, more with a smaller one, for a small model whose
    boxes are less exact but whose scores face the same threshold. `absent_queries`: queries learn that an absent
    concept has no instance, which as published the presence token alone says.
    """

    costs: MatchCosts = field(default_factory=MatchCosts)
    one_to_many_rule: OneToMany = field(default_factory=OneToMany)
    one_to_many: float = 2.0
    box_l1: float = 5.0
    giou: float = 2.0
    classification: float = 20.0
    positive_weight: float = 10.0
    probability_power: float = 0.25
    iou_power: float = 0.75
    class_queries: int = 200
    absent_queries: bool = False
    presence: float = 20.0
    presence_positive_weight: float = 1.0
    mask_focal: float = 200.0
    mask_dice: float = 10.0
    mask_alpha: float = 0.25
    mask_points: int = 512
    semantic_focal: float = 20.0
    semantic_dice: float = 30.0
    semantic_alpha: float = 0.6


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What the losses of a step are divided by: counts over all the batches that are accumulated in it. `picks` are
    objects to be picked one by one, `kept` prompts whose old answers are to be kept."""

    prompts: int
    present: int
    boxes: int
    picks: int = 0
    kept: int = 0

    @staticmethod
    def of(targets: Sequence[Targets]) -> Totals:
        return Totals(
            prompts=sum(len(t.counts) for t in targets),
            present=sum(int(t.present.sum()) for t in targets),
            boxes=sum(len(t.mask_rows) for t in targets),
        )


@dataclass(frozen=True, kw_only=True)
class DetectorLosses:
    """Weighted parts of the loss, which add up to `total`, and measures: two of the last layer, and the mean IoU of
    first picks (0 where nothing is picked).

    `naming` is of objects and their names, `picking` of objects picked one by one, `rounds` the whole loss of
    interactive rounds, `kept` of old answers that should stay; learners put these four and `pick_iou` in. The rest is
    of first answers.
    Parts and measures of the batches of a step simply add, because each is divided by the step's totals.
    """

    total: Float[Tensor, ""]
    box_l1: Float[Tensor, ""]
    giou: Float[Tensor, ""]
    classification: Float[Tensor, ""]
    presence: Float[Tensor, ""]
    mask_focal: Float[Tensor, ""]
    mask_dice: Float[Tensor, ""]
    semantic_focal: Float[Tensor, ""]
    semantic_dice: Float[Tensor, ""]
    one_to_many: Float[Tensor, ""]
    naming: Float[Tensor, ""]
    picking: Float[Tensor, ""]
    rounds: Float[Tensor, ""]
    kept: Float[Tensor, ""]
    presence_accuracy: Float[Tensor, ""]
    matched_iou: Float[Tensor, ""]
    pick_iou: Float[Tensor, ""]


def nothing_lost(like: Tensor) -> DetectorLosses:
    """Losses of 0, on the device of a tensor."""
    zero = like.new_zeros((), dtype=torch.float32)
    return DetectorLosses(**{field.name: zero for field in fields(DetectorLosses)})


def added(losses: DetectorLosses, **more: Tensor) -> DetectorLosses:
    """The losses with more parts, which count in the total."""
    return replace(losses, total=torch.stack([losses.total, *more.values()]).sum(), **more)


@dataclass(frozen=True, kw_only=True)
class BranchLosses:
    """Weighted box and class losses of one branch over all layers."""

    box_l1: Float[Tensor, ""]
    giou: Float[Tensor, ""]
    classification: Float[Tensor, ""]


class Criterion:
    """Losses of `DetectorTraining` against `Targets`.

    Queries learn only where the concept is present; the presence token learns always. What the output holds of the
    present prompts alone must be in their order.
    """

    def __init__(self, config: LossConfig) -> None:
        self.config = config

    def __call__(self, out: DetectorTraining, targets: Targets, totals: Totals) -> DetectorLosses:
        c = self.config
        ones, many = _float(out.one_to_one), _float(out.one_to_many)
        matches = match_one_to_one(ones.query_logits, ones.boxes_cxcywh_norm, targets, c.costs, out.mask_logits)
        one_losses = self.branch_losses(ones, matches, targets, totals)
        of_present = replace(targets, counts=targets.counts[targets.present])
        many_losses = self.branch_losses(many, self.match_many(many, of_present), of_present, totals)
        presence = self.presence_losses(out, targets).sum() * c.presence / totals.prompts
        last = matches.of_layer(len(ones.query_logits) - 1)
        mask_focal, mask_dice = self.mask_losses(out, last, targets, totals)
        semantic_focal, semantic_dice = self.semantic_losses(out, targets, totals)
        one_to_many = c.one_to_many * (many_losses.box_l1 + many_losses.giou + many_losses.classification)
        parts = (one_losses.box_l1, one_losses.giou, one_losses.classification, presence, mask_focal, mask_dice)
        return replace(
            nothing_lost(presence),
            total=torch.stack([*parts, semantic_focal, semantic_dice, one_to_many]).sum(),
            box_l1=one_losses.box_l1,
            giou=one_losses.giou,
            classification=one_losses.classification,
            presence=presence,
            mask_focal=mask_focal,
            mask_dice=mask_dice,
            semantic_focal=semantic_focal,
            semantic_dice=semantic_dice,
            one_to_many=one_to_many,
            presence_accuracy=((out.presence_logits[-1] > 0) == targets.present).sum() / totals.prompts,
            matched_iou=_pair_iou(ones, last, targets).detach().sum() / totals.boxes,
        )

    def presence_losses(self, out: DetectorTraining, targets: Targets) -> Float[Tensor, "l p"]:
        return presence_loss(out.presence_logits.float(), targets.present, self.config.presence_positive_weight)

    def match_many(self, branch: Branch, targets: Targets) -> Matches:
        """Hungarian in all layers but the last, one to many in the last, as published."""
        last = len(branch.query_logits) - 1
        early = match_one_to_one(branch.query_logits[:-1], branch.boxes_cxcywh_norm[:-1], targets, self.config.costs)
        late = match_one_to_many(
            branch.query_logits[-1], branch.boxes_cxcywh_norm[-1], targets, self.config.one_to_many_rule, last
        )
        return Matches(
            layer=torch.cat([early.layer, late.layer]),
            prompt=torch.cat([early.prompt, late.prompt]),
            query=torch.cat([early.query, late.query]),
            target=torch.cat([early.target, late.target]),
        )

    def branch_losses(self, branch: Branch, matches: Matches, targets: Targets, totals: Totals) -> BranchLosses:
        """Box losses of the matched pairs and class losses of the present prompts, summed over layers."""
        c, (layers, prompts, queries) = self.config, branch.query_logits.shape
        learn = torch.ones_like(targets.present) if c.absent_queries else targets.present
        boxes = branch.boxes_cxcywh_norm[matches.layer, matches.prompt, matches.query]
        wanted = targets.boxes_cxcywh_norm[matches.target]
        classes = classification_loss(
            branch.query_logits.flatten(0, 1),
            matches.layer * prompts + matches.prompt,
            matches.query,
            _pair_iou(branch, matches, targets),
            learn.repeat(layers),
            positive_weight=c.positive_weight,
            probability_power=c.probability_power,
            iou_power=c.iou_power,
        )
        return BranchLosses(
            box_l1=box_l1_loss(boxes, wanted).sum() * c.box_l1 / totals.boxes,
            giou=box_giou_loss(boxes, wanted).sum() * c.giou / totals.boxes,
            classification=classes.sum() * c.classification / (totals.prompts * max(queries, c.class_queries)),
        )

    def mask_losses(
        self, out: DetectorTraining, last: Matches, targets: Targets, totals: Totals
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Focal and Dice loss of the last layer's matched masks at sampled points."""
        c = self.config
        place = (targets.present.cumsum(0) - 1)[last.prompt]
        logits = out.mask_logits[place, last.query].float()
        points = uncertain_points(logits, c.mask_points)
        values, labels = values_at(logits, points), labels_at(targets.masks, targets.mask_rows[last.target], points)
        focal = focal_loss(values, labels, alpha=c.mask_alpha).sum() * c.mask_focal / totals.boxes
        return focal, dice_loss(values, labels).sum() * c.mask_dice / totals.boxes

    def semantic_losses(
        self, out: DetectorTraining, targets: Targets, totals: Totals
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Focal and Dice loss of the semantic map of each present prompt against the union of its instances."""
        c = self.config
        logits = out.semantic_logits[:, 0].float()
        wanted = _shrunk_unions(targets, (logits.shape[1], logits.shape[2])).flatten(1)
        focal = focal_loss(logits.flatten(1), wanted, alpha=c.semantic_alpha).sum() * c.semantic_focal
        dice = dice_loss(logits.flatten(1), wanted).sum() * c.semantic_dice
        return focal / totals.present, dice / totals.present


def _float(branch: Branch) -> Branch:
    return Branch(query_logits=branch.query_logits.float(), boxes_cxcywh_norm=branch.boxes_cxcywh_norm.float())


def _pair_iou(branch: Branch, matches: Matches, targets: Targets) -> Float[Tensor, " m"]:
    boxes = branch.boxes_cxcywh_norm[matches.layer, matches.prompt, matches.query].detach()
    return paired_iou(cxcywh_to_xyxy(boxes), cxcywh_to_xyxy(targets.boxes_cxcywh_norm[matches.target]))


def _shrunk_unions(targets: Targets, size_hw: tuple[int, int]) -> Float[Tensor, "k h w"]:
    """The union of each present prompt's masks, area-averaged to the semantic map's size (as their sum, up to 1)."""
    small = interpolate(targets.masks[:, None].float(), size_hw, mode="area")[:, 0]
    unions = small.new_zeros(len(targets.counts), *size_hw)
    unions.index_add_(0, targets.prompt_of, small[targets.mask_rows])
    return unions[targets.present].clamp(max=1)
