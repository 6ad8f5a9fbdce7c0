"""Boxes: formats, overlap, and the check of boxes that people type.

Two formats occur, and names always say which: `boxes_xyxy_px` (left, top, right, bottom in pixels; right and bottom
are exclusive edges, so a box over pixel (0, 0) is 0 0 1 1) and `boxes_cxcywh_norm` (centre and size, fractions of the
image).
"""

import math
from numbers import Real

import torch
from jaxtyping import Float
from torch import Tensor


def cxcywh_to_xyxy(boxes: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4"]:
    """Centre and size to corners, in whatever unit the boxes have."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def xyxy_to_cxcywh(boxes: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4"]:
    """Corners to centre and size, in whatever unit the boxes have."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def norm_to_px(boxes_cxcywh_norm: Float[Tensor, "*b 4"], size_hw: tuple[int, int]) -> Float[Tensor, "*b 4"]:
    """Boxes cxcywh in 0..1 to boxes xyxy in pixels of an image of `size_hw`."""
    return cxcywh_to_xyxy(boxes_cxcywh_norm) * _scale(boxes_cxcywh_norm, size_hw)


def px_to_norm(boxes_xyxy_px: Float[Tensor, "*b 4"], size_hw: tuple[int, int]) -> Float[Tensor, "*b 4"]:
    """Boxes xyxy in pixels of an image of `size_hw` to boxes cxcywh in 0..1."""
    return xyxy_to_cxcywh(boxes_xyxy_px / _scale(boxes_xyxy_px, size_hw))


def clip_xyxy(boxes_xyxy_px: Float[Tensor, "*b 4"], size_hw: tuple[int, int]) -> Float[Tensor, "*b 4"]:
    """Move every edge into the image."""
    return torch.minimum(boxes_xyxy_px.clamp(min=0), _scale(boxes_xyxy_px, size_hw))


def area(boxes_xyxy: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b"]:
    """Area of each box; an inverted box has none."""
    return (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).clamp(min=0).prod(dim=-1)


def iou(a_xyxy: Float[Tensor, "*b n 4"], b_xyxy: Float[Tensor, "*b m 4"]) -> Float[Tensor, "*b n m"]:
    """Intersection over union of every pair, 0..1; two empty boxes give 0."""
    intersection, union = _intersection_and_union(a_xyxy, b_xyxy)
    return intersection / union.clamp(min=torch.finfo(union.dtype).tiny)


def giou(a_xyxy: Float[Tensor, "*b n 4"], b_xyxy: Float[Tensor, "*b m 4"]) -> Float[Tensor, "*b n m"]:
    """Generalised IoU of every pair, -1..1 (Rezatofighi et al., CVPR 2019): IoU less the empty share of the hull."""
    intersection, union = _intersection_and_union(a_xyxy, b_xyxy)
    return _generalise(intersection, union, _hull_area(a_xyxy[..., :, None, :], b_xyxy[..., None, :, :]))


def paired_giou(a_xyxy: Float[Tensor, "*b 4"], b_xyxy: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b"]:
    """Generalised IoU of the i-th box of `a` with the i-th of `b`, as losses need it."""
    intersection = _overlap(a_xyxy, b_xyxy)
    union = area(a_xyxy) + area(b_xyxy) - intersection
    return _generalise(intersection, union, _hull_area(a_xyxy, b_xyxy))


def paired_iou(a_xyxy: Float[Tensor, "*b 4"], b_xyxy: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b"]:
    """IoU of the i-th box of `a` with the i-th of `b`."""
    intersection = _overlap(a_xyxy, b_xyxy)
    union = area(a_xyxy) + area(b_xyxy) - intersection
    return intersection / union.clamp(min=torch.finfo(union.dtype).tiny)


def check_xyxy_px(boxes_xyxy_px: Float[Tensor, "n 4"], size_hw: tuple[int, int]) -> Float[Tensor, "n 4"]:
    """Check boxes given by a person and return them clipped to the image.

    A box may reach over the border. Raises ValueError, naming the box, when one is not finite, is inverted, has no
    area, or lies outside the image.
    """
    clipped = clip_xyxy(boxes_xyxy_px, size_hw)
    for index, (box, inside) in enumerate(zip(boxes_xyxy_px, clipped, strict=True)):
        shown = f"box {index} = {[round(v, 2) for v in box.tolist()]}"
        if not bool(torch.isfinite(box).all()):
            raise ValueError(f"Expected finite box coordinates, got {shown}. Give left, top, right, bottom in pixels.")
        if not bool((box[2:] > box[:2]).all()):
            raise ValueError(
                f"Expected left < right and top < bottom, got {shown}. Boxes are left, top, right, bottom in pixels "
                "(not width and height)."
            )
        if not bool((inside[2:] > inside[:2]).all()):
            raise ValueError(
                f"Expected a box inside the image of {size_hw[1]} x {size_hw[0]} pixels (width x height), got {shown}. "
                "Coordinates are pixels of the upright image."
            )
    return clipped


def _scale(like: Tensor, size_hw: tuple[int, int]) -> Tensor:
    height, width = size_hw
    return torch.tensor([width, height, width, height], dtype=like.dtype, device=like.device)


def _overlap(a: Tensor, b: Tensor) -> Tensor:
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    return (high - low).clamp(min=0).prod(dim=-1)


def _hull_area(a: Tensor, b: Tensor) -> Tensor:
    low, high = torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])
    return (high - low).clamp(min=0).prod(dim=-1)


def _intersection_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    intersection = _overlap(a[..., :, None, :], b[..., None, :, :])
    return intersection, area(a)[..., :, None] + area(b)[..., None, :] - intersection


def _generalise(intersection: Tensor, union: Tensor, hull: Tensor) -> Tensor:
    tiny = torch.finfo(union.dtype).tiny
    return intersection / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)


def is_xywh(bbox: object) -> bool:
    """Whether a value from a file is a box: finite left, top, width and height."""
    if not isinstance(bbox, (list, tuple)) or len(bbox) != 4:
        return False
    return all(isinstance(value, Real) and math.isfinite(value) for value in bbox)
