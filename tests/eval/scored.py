"""Scored pairs with given IoUs, for tests of what is made of them."""

import numpy as np

from argus.data.sources.saco import Pair
from argus.eval.cgf1 import Match, PairScore
from argus.ops import rle

SIZE = (40, 60)


def scored(
    truth_ious: list[float], wrong: int = 0, *, image: str = "a.png", score: float = 0.9, kind: str = "name"
) -> PairScore:
    """A pair with an instance for each IoU, 0 for one that is missed, and so many wrong predictions beside those."""
    hits = [iou for iou in truth_ious if iou]
    found = np.array([*hits, *[0.0] * wrong])
    masks = []
    for row in range(len(truth_ious)):
        mask = np.zeros(SIZE, bool)
        mask[:, 2 * row : 2 * row + 2] = True
        masks.append(rle.encode(mask))
    pair = Pair(
        id=1,
        file_name=image,
        phrase="thing",
        size_hw=SIZE,
        rles=tuple(masks),
        boxes_xyxy_px=rle.boxes_xyxy_px(masks),
        kind=kind,
    )
    return PairScore(
        pair=pair,
        match=Match(found_ious=found, truth_ious=np.array(truth_ious, np.float64)),
        scores=np.full(len(found), score),
        found_areas_px=np.full(len(found), 100.0),
        truth_areas_px=rle.area(masks).astype(np.float64),
        found_rles=tuple(masks[:1] * len(found)),
    )
