"""What a person gets to see of a frame: masks of the frame's size, a pixel to one masklet of its concept."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from argus.inference.follow import Followed, Seen
from argus.inference.outlines import outlined
from argus.inference.overlaps import settled
from argus.inference.policy import VideoPolicy
from argus.inference.session_state import Shown, Waiting
from argus.inference.sources import Frame
from argus.model.sam3 import Sam3
from argus.ops import rle
from argus.types import Masklet, MaskletState, TrackedFrame


def as_shown(
    model: Sam3, seen: Sequence[Seen], objects: Sequence[Followed], frame: Frame, policy: VideoPolicy
) -> tuple[Shown, ...]:
    """What is visible, as runs of the frame's size; each pixel with the best of its concept."""
    by_id = {one.id: one for one in objects}
    visible = sorted((one for one in seen if bool((one.mask_logits > 0).any())), key=lambda one: one.id)
    visible = [one for one in visible if one.id in by_id]
    if not visible:
        return ()
    concept = np.array([by_id[one.id].track.concept for one in visible])
    group = np.zeros_like(concept) if policy.exclusive_concepts else concept
    names = [by_id[one.id].name for one in visible]
    phrases = [None if by_id[one.id].track.picked else name for one, name in zip(visible, names, strict=True)]
    whole = outlined(model, frame.pixels, torch.stack([one.mask_logits for one in visible]), phrases)
    rles = list(settled(whole, np.array([one.score for one in visible]), group))
    areas = rle.area(rles)
    return tuple(
        Shown(id=one.id, concept=name, rle=mask, score=one.score)
        for one, name, mask, area in zip(visible, names, rles, areas, strict=True)
        if area
    )


def tracked(waiting: Waiting, standing: Mapping[int, MaskletState]) -> TrackedFrame:
    """A frame whose turn it is to be shown; a masklet that is gone by now was confirmed."""
    boxes = rle.boxes_xyxy_px([one.rle for one in waiting.shown])
    return TrackedFrame(
        index=waiting.frame.index,
        time_s=waiting.frame.time_s,
        pixels=waiting.frame.pixels,
        masklets=tuple(
            Masklet(
                id=one.id,
                concept=one.concept,
                rle=one.rle,
                box_xyxy_px=np.asarray(box, np.float32),
                score=one.score,
                state=standing.get(one.id, MaskletState.confirmed),
            )
            for one, box in zip(waiting.shown, boxes, strict=True)
        ),
    )
