"""Files in Meta's layout, made of a model of ours."""

import math

import torch
from torch import Tensor

from argus.checkpoint import meta
from argus.checkpoint.adapter import of_ours
from argus.model.sam3 import Sam3


def to_meta(model: Sam3) -> dict[str, Tensor]:
    """The model's tensors under Meta's names, and unused ones with them."""
    c = model.config
    ours = {
        **model.state_dict(),
        "unused.text_projection": torch.randn(7, c.text.width),
        "unused.neck.x0_5.project.weight": torch.randn(c.detector.width, c.vision.width, 1, 1),
        "unused.mask_head.norms.2.bias": torch.randn(c.detector.width),
        "unused.vision.blocks.0.rope": torch.randn(4, 4, 2),
        "unused.vision.cls_position": torch.randn(1, 1, c.vision.width),
        "unused.tracker.no_memory_position": torch.randn(1, 1, 4),
        "unused.tracker.neck.x0_5.smooth.bias": torch.randn(4),
    }
    theirs = {}
    for rule in of_ours(meta.RULES, ours):
        parts = rule.transform.to_theirs([ours[name] for name in rule.ours])
        theirs |= dict(zip(rule.theirs, (part.contiguous() for part in parts), strict=True))
    assert theirs["detector.backbone.vision_backbone.trunk.pos_embed"].shape[1] == 1 + math.prod(
        model.vision.position.shape[:2]
    )
    return theirs
