"""The bytes that a video session may hold, and what its parts take."""

import math
import re

from argus.model.memory_bank import MAPS, POINTERS, PROMPTED_READ
from argus.model.prompt_encoder import MASK_SCALE
from argus.model.sam3 import Sam3
from argus.model.tracking import MAP_DTYPE

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
MASK_BYTES = 2  # recent logits are kept in halves


def read_bytes(memory: str | int) -> int:
    """A number of bytes, from one or from text such as "2GB" or "512 MiB". Raises ValueError for anything else."""
    if isinstance(memory, int) and not isinstance(memory, bool) and memory > 0:
        return memory
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?I?B?)\s*", memory.upper()) if isinstance(memory, str) else None
    if match is None or match[2] not in UNITS or not float(match[1]):
        raise ValueError(f'Expected memory as bytes, or as text such as "2GB" or "512 MiB", got {memory!r}.')
    return int(float(match[1]) * UNITS[match[2]])


def object_bytes(model: Sam3, recent: int) -> int:
    """What one object takes at most: its full memory bank, and the masks of `recent` frames.

    What matching keeps of a frame is one for all objects that remember it; here each counts as if it were alone.
    """
    assert model.config.tracker is not None
    grid = model.image_size_hw[0] // model.config.vision.patch
    cells = math.ceil(grid / model.config.tracker.memory_stride) ** 2
    maps = (POINTERS + PROMPTED_READ) * cells * model.config.tracker.memory_width * MAP_DTYPE.itemsize
    looks = (MAPS + PROMPTED_READ) * grid**2 * (model.config.vision.width + 1) * MAP_DTYPE.itemsize
    looks *= model.config.tracker.matching
    return maps + looks + recent * (grid * MASK_SCALE) ** 2 * MASK_BYTES


def room(model: Sam3, memory: int, size_hw: tuple[int, int], frames_held: int, recent: int) -> int:
    """How many objects fit beside the frames that are held. Raises ValueError when not even one does."""
    frames = frames_held * size_hw[0] * size_hw[1] * 3
    one = object_bytes(model, recent)
    if memory < frames + one:
        raise ValueError(
            f"Expected memory for {frames_held} frames of {size_hw[1]} x {size_hw[0]} pixels and one object, "
            f"{(frames + one) / 1e6:.0f} MB, got {memory / 1e6:.0f} MB. Allow more, or make hot_start shorter."
        )
    return (memory - frames) // one
