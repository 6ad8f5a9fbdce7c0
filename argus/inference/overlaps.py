"""Which masklet has a pixel that several claim: full-size masks as runs, decoded two at a time at most."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from argus.ops import rle
from argus.ops.rle import Rle


def settled(rles: Sequence[Rle], scores: Float[np.ndarray, "n"], group: Int[np.ndarray, "n"]) -> tuple[Rle, ...]:
    """The masks without the pixels that a better one of the same group has; of equal scores the first is better."""
    left = list(rles)
    order = np.argsort(-scores, kind="stable")
    for rank, index in enumerate(order):
        better = [rles[other] for other in order[:rank] if group[index] == group[other]]
        better = [other for other, iou in zip(better, rle.iou(better, [rles[index]]), strict=True) if iou[0] > 0]
        if better:
            mask = rle.decode(rles[index])
            for other in better:
                mask &= ~rle.decode(other)
            left[index] = rle.encode(mask)
    return tuple(left)
