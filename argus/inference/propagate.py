"""Objects that are given by their first mask, carried through a video by the tracker alone, as benchmarks have it.

It stands beside `VideoPredictor` because it measures another thing: here a pixel that several objects claim goes to the
highest logit there, as the published protocol has it, and masks are not cleaned. A session lets each object that was
picked keep its whole mask (or, with `exclusive_concepts`, settles overlaps by one score a mask), and keeps runs.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from argus.inference.outlines import outlined
from argus.model.sam3 import Sam3
from argus.model.tracking import Memory, ObjectPrompt
from argus.ops import rle
from argus.ops.pixels import to_model_input


def propagate(
    model: Sam3, frames: Iterable[UInt8[np.ndarray, "h w 3"]], first_masks: Bool[np.ndarray, "n h w"]
) -> Iterator[Bool[np.ndarray, "n h w"]]:
    """The masks of every frame, one frame at a time; those of the first are the given ones.

    A pixel belongs to one object at most: that with the highest logit. Raises ValueError for a model without a tracker.
    """
    memory = Memory().add(len(first_masks))
    given = [ObjectPrompt(mask=torch.from_numpy(mask).float()) for mask in first_masks]
    for index, frame in enumerate(frames):
        with torch.inference_mode():
            features = model.encode(to_model_input(frame, model.image_size_hw)[None])
            tracked = model.track(features, memory, given if index == 0 else None)
            memory = tracked.memory
            found = None if index == 0 else _apart(tracked.mask_logits[:, 0].float(), frame, model)
        yield first_masks if found is None else found


def _apart(
    mask_logits: Float[Tensor, "n h w"], frame: UInt8[np.ndarray, "r c 3"], model: Sam3
) -> Bool[np.ndarray, "n r c"]:
    rles = outlined(model, frame, mask_logits, [None] * len(mask_logits))
    masks = np.stack([rle.decode(one) for one in rles])
    logits = F.interpolate(mask_logits[None], frame.shape[:2], mode="bilinear")[0].cpu().numpy()
    owner = np.where(masks, logits, -np.inf).argmax(0)
    return np.asarray(masks & (np.arange(len(masks))[:, None, None] == owner))
