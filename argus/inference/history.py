"""What a video session keeps of the frames that are done: masks as runs of as many as fit, logits of the last few."""

from collections import OrderedDict, deque
from collections.abc import Collection, Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

from argus.inference.asking import logits_of
from argus.inference.follow import Seen
from argus.ops.rle import Rle

RECENT = 16  # frames whose logits are kept: those that wait for their hot start, and the one before
ENTRY_BYTES = 400  # of a mask's runs beside their counts


class History:
    """The newest frames, in at most `limit_bytes`; older ones are let go."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.last_seen: dict[int, int] = {}
        self.masks: OrderedDict[int, Mapping[int, Rle]] = OrderedDict()
        self._recent: deque[tuple[int, dict[int, Tensor]]] = deque(maxlen=RECENT)
        self._bytes = 0

    def append(self, frame: int, masks: Mapping[int, Rle], seen: Sequence[Seen]) -> None:
        """A frame that was done: visible masks by id, and logits of all objects."""
        self._bytes += _bytes(masks) - _bytes(self.masks.pop(frame, {}))
        self.masks[frame] = masks
        while self._bytes > self.limit_bytes and len(self.masks) > 1:
            self._bytes -= _bytes(self.masks.popitem(last=False)[1])
        self._recent.append((frame, {one.id: one.mask_logits.half() for one in seen}))
        self.last_seen.update(dict.fromkeys(masks, frame))

    def logits(self, frame: int, id: int, mask_hw: tuple[int, int]) -> Float[Tensor, "h w"] | None:
        """The logits of an object in a frame, or what stands for them where only its mask is left; None: nothing."""
        for index, masks in reversed(self._recent):
            if index == frame and id in masks:
                return masks[id].float()
        mask = self.masks.get(frame, {}).get(id)
        return None if mask is None else logits_of(mask, mask_hw)

    def forget(self, ids: Collection[int]) -> None:
        """No longer when some objects were seen: they are gone."""
        for id in ids:
            self.last_seen.pop(id, None)


def _bytes(masks: Mapping[int, Rle]) -> int:
    return sum(len(mask.counts) + ENTRY_BYTES for mask in masks.values())
