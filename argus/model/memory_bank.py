"""What the tracker remembers of each object: which frames it keeps, which of them it reads, and what it lets go.

The published rules (SAM 2, Ravi et al., 2024, with SAM 3's choice of frames): the prompted frames nearest in time, and
of the tracked ones the last that were good.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from jaxtyping import Float
from torch import Tensor

PROMPTED_READ = 4  # prompted frames that are read at most
MAPS = 6  # tracked frames whose maps are read at most
POINTERS = 16  # tracked frames whose pointers are considered, and the last frame itself
GOOD = 0.01  # tracked frames are read when their quality is above this


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """One object in one frame: its map on the token grid (bf16, as published), its pointer, and how good the mask was:
    the certainty that it is there times the estimated IoU, averaged over the objects that were born together.

    For matching also what the frame looks like (one tensor for all objects), and the mask's share of its cells.
    """

    map: Float[Tensor, "r m"]
    pointer: Float[Tensor, "c"]
    quality: float
    appearance: Float[Tensor, "s v"] | None = None
    share: Float[Tensor, "s"] | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is read for a frame: maps with their place in time (0 for prompted frames, else 1 for the last good frame, 2
    for the one before ...), and pointers with their distance in frames, or in good frames for tracked ones."""

    maps: tuple[tuple[int, Remembered], ...]
    pointers: tuple[tuple[int, Remembered], ...]


@dataclass(frozen=True, kw_only=True)
class MemoryBank:
    """The memory of one object; a value: its verbs return a new one."""

    prompted: Mapping[int, Remembered] = field(default_factory=dict)
    tracked: Mapping[int, Remembered] = field(default_factory=dict)

    def append(self, frame: int, entry: Remembered, *, prompted: bool) -> "MemoryBank":
        """Remember a frame; a prompted one takes the place of a tracked one."""
        others = {index: old for index, old in self.tracked.items() if index != frame}
        if prompted:
            return replace(self, prompted={**self.prompted, frame: entry}, tracked=others)
        return replace(self, tracked={**others, frame: entry})

    def forget(self, frame: int) -> "MemoryBank":
        """Without a frame, where it was remembered."""
        return MemoryBank(
            prompted={index: entry for index, entry in self.prompted.items() if index != frame},
            tracked={index: entry for index, entry in self.tracked.items() if index != frame},
        )

    def read(self, frame: int, frames: int | None = None, reverse: bool = False) -> Reading:
        """What is read at `frame` of a clip of `frames` (None: a stream). Raises ValueError without prompted frames."""
        if not self.prompted:
            raise ValueError("expected an object that was prompted in some frame, got one without")
        sign = -1 if reverse else 1
        near = nearest(self.prompted, frame)
        good = self._good(frame, frames, reverse)
        maps = [(0, self.prompted[index]) for index in near]
        ranks = range(min(MAPS, len(good)), 0, -1)
        maps += [(rank, self.tracked[good[-rank]]) for rank in ranks if good[-rank] in self.tracked]
        pointers = [(sign * (frame - index), self.prompted[index]) for index in near if sign * (frame - index) >= 0]
        ranks = range(1, min(pointer_frames(frames), len(good)))  # the oldest good frame gives none, as published
        pointers += [(rank, self.tracked[good[-rank]]) for rank in ranks if good[-rank] in self.tracked]
        return Reading(maps=tuple(maps), pointers=tuple(pointers))

    def evict(self, frame: int, frames: int | None = None, reverse: bool = False) -> "MemoryBank":
        """Without the tracked frames that no later frame in this direction can read."""
        good = self._good(frame, frames, reverse)
        tracked = {index: entry for index, entry in self.tracked.items() if index in good}
        for index in set(good[:-MAPS]) & set(tracked):  # only their pointers can still be read
            tracked[index] = replace(tracked[index], appearance=None, share=None)
        return replace(self, tracked=tracked)

    def thin(self, frame: int, keep: Collection[int]) -> "MemoryBank":
        """Without the prompted frames that no frame after `frame` in this direction can read, other than `keep`."""
        near = sorted(self.prompted, key=lambda index: abs(index - frame))[:PROMPTED_READ]
        return replace(
            self, prompted={index: entry for index, entry in self.prompted.items() if index in near or index in keep}
        )

    def _good(self, frame: int, frames: int | None, reverse: bool) -> list[int]:
        """Tracked frames before `frame`, oldest first: the newest good ones, and the very last frame whatever it is.

        Frame 0 is none of them on the way forward: it is where tracking starts.
        """
        last = frame + 1 if reverse else frame - 1
        if last < 0 or (frames is not None and last >= frames):
            return []
        before = [
            i for i in self.tracked if (i >= last if reverse else 0 < i <= last) and self.tracked[i].quality > GOOD
        ]
        newest = sorted(before, key=lambda index: abs(frame - index))[: pointer_frames(frames) - 1]
        good = newest[::-1]
        return good if last in good else [*good, last]


def nearest(prompted: Mapping[int, Remembered], frame: int) -> list[int]:
    """At most `PROMPTED_READ` prompted frames: the nearest before, the nearest from `frame` on, the next nearest."""
    if len(prompted) <= PROMPTED_READ:
        return list(prompted)
    before = max((index for index in prompted if index < frame), default=None)
    after = min((index for index in prompted if index >= frame), default=None)
    first = [index for index in (before, after) if index is not None]
    others = sorted((index for index in prompted if index not in first), key=lambda index: abs(index - frame))
    return [*first, *others[: PROMPTED_READ - len(first)]]


def pointer_frames(frames: int | None) -> int:
    """Frames whose pointers can be read, the one at hand among them; their distances are scaled by one less."""
    return POINTERS if frames is None else min(frames, POINTERS)
