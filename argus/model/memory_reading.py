"""What objects read of their memory banks, as tensors for the memory attention."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from argus.model.memory_attention import Memories
from argus.model.memory_bank import Reading
from argus.model.tracker import Tracker
from argus.nn.position import sine_grid, sine_line


def memories_of(
    tracker: Tracker, readings: Sequence[Reading], memory_hw: tuple[int, int], pointer_frames: int
) -> Memories:
    """What several objects read, padded to one batch."""
    some = readings[0].maps[0][1].map
    width = some.shape[1]
    space = sine_grid(*memory_hw, width, some.device).to(tracker.memory_time.dtype)
    pad = torch.nn.utils.rnn.pad_sequence
    maps = pad([torch.stack([e.map for _, e in r.maps]) for r in readings], batch_first=True)
    places = pad([tracker.memory_time[[time - 1 for time, _ in r.maps]] for r in readings], batch_first=True)
    pointers = pad([_pointers(r, width, tracker) for r in readings], batch_first=True)
    times = pad([_pointer_times(r, tracker, pointer_frames) for r in readings], batch_first=True)
    return Memories(
        maps=maps.to(space.dtype),
        map_positions=space + places[:, :, None],
        pointers=pointers,
        pointer_positions=times,
        maps_valid=_valid([len(r.maps) for r in readings], some.device),
        pointers_valid=_valid([len(r.pointers) * (tracker.config.width // width) for r in readings], some.device),
    )


def _pointers(reading: Reading, width: int, tracker: Tracker) -> Float[Tensor, "p m"]:
    """Each pointer as tokens as wide as the memory."""
    if not reading.pointers:
        return tracker.no_pointer.new_zeros(0, width)
    return torch.cat([entry.pointer.unflatten(0, (-1, width)) for _, entry in reading.pointers])


def _pointer_times(reading: Reading, tracker: Tracker, pointer_frames: int) -> Float[Tensor, "p m"]:
    """The position in time of each pointer's tokens."""
    like, width = tracker.no_pointer, tracker.config.width
    if not reading.pointers:
        return like.new_zeros(0, tracker.config.memory_width)
    ages = torch.tensor([float(age) for age, _ in reading.pointers], device=like.device) / max(pointer_frames - 1, 1)
    positions = tracker.pointer_time(sine_line(ages, width).to(like.dtype))
    return positions.repeat_interleave(width // tracker.config.memory_width, dim=0)


def _valid(lengths: Sequence[int], device: torch.device) -> Bool[Tensor, "n k"]:
    counts = torch.tensor(lengths, device=device)
    return torch.arange(int(counts.max()), device=device) < counts[:, None]
