"""Box losses over matched pairs."""

from jaxtyping import Float
from torch import Tensor

from argus.ops.boxes import cxcywh_to_xyxy, paired_giou


def box_l1_loss(boxes_cxcywh: Float[Tensor, "m 4"], targets_cxcywh: Float[Tensor, "m 4"]) -> Float[Tensor, " m"]:
    """Sum of the absolute differences of centre and size of each pair."""
    return (boxes_cxcywh - targets_cxcywh).abs().sum(-1)


def box_giou_loss(boxes_cxcywh: Float[Tensor, "m 4"], targets_cxcywh: Float[Tensor, "m 4"]) -> Float[Tensor, " m"]:
    """1 - generalised IoU of each pair (Rezatofighi et al., CVPR 2019)."""
    return 1 - paired_giou(cxcywh_to_xyxy(boxes_cxcywh), cxcywh_to_xyxy(targets_cxcywh))
