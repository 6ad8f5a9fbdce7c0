"""Masks carried over by likeness alone: each cell of the frame at hand takes its share of an object from the most
alike cells near it in remembered frames.

The label propagation of self-supervised features (space-time walks, Jabri et al., 2020; DINO, Caron et al., 2021), on
the vision encoder's map. How alike cells are does not depend on the object, so that all objects share it.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from argus.model.memory_bank import Reading, Remembered

RADIUS = 5  # cells that an object moves at most between a frame and those it is matched with
NEAREST = 7  # most alike cells that are read
TEMPERATURE = 0.05
SUREST = 0.999  # share of a cell
FAINTEST = 0.25  # shares fade from frame to frame, so that the largest is made 1, unless it is less than this


def appearance_of(trunk: Float[Tensor, "h w c"]) -> Float[Tensor, "s c"]:
    """What the cells of a frame look like, less what they have in common, of length 1 and in half precision."""
    cells = trunk.flatten(0, 1).float()
    return F.normalize(cells - cells.mean(0), dim=1).to(torch.bfloat16)


def share_of(mask: Bool[Tensor, "n 1 height width"], grid_hw: tuple[int, int]) -> Float[Tensor, "n s"]:
    """How much of each cell a mask covers, in half precision."""
    return F.interpolate(mask.float(), grid_hw, mode="area").flatten(1).to(torch.bfloat16)


class Matcher:
    """One frame, matched with what objects remember of others; a remembered frame is compared once for all objects."""

    def __init__(self, appearance: Float[Tensor, "s c"], grid_hw: tuple[int, int]):
        self.appearance, self.grid_hw = appearance, grid_hw
        self._compared: dict[int, tuple[Tensor, Tensor]] = {}  # by identity: the frame (kept alive) and its likeness

    def logits(self, readings: Sequence[Reading], mask_hw: tuple[int, int]) -> Float[Tensor, "n 1 height width"]:
        """Mask logits of objects by what each reads of its memory."""
        alike: dict[tuple[int, ...], list[int]] = {}
        for row, reading in enumerate(readings):
            alike.setdefault(tuple(id(entry.appearance) for _, entry in reading.maps), []).append(row)
        shares = self.appearance.new_zeros(len(readings), len(self.appearance), dtype=torch.float32)
        for rows in alike.values():
            shares[rows] = self._carried([[entry for _, entry in readings[row].maps] for row in rows])
        shares = shares / shares.amax(1, keepdim=True).clamp(min=FAINTEST)
        maps = F.interpolate(shares.unflatten(1, self.grid_hw)[:, None], mask_hw, mode="bilinear")
        return torch.logit(maps.clamp(1 - SUREST, SUREST))

    def _carried(self, objects: Sequence[Sequence[Remembered]]) -> Float[Tensor, "n s"]:
        """Shares of objects that remember the same frames."""
        frames = [entry for entry in objects[0] if entry.appearance is not None]
        likeness = torch.cat([self._likeness(entry) for entry in frames], dim=1)  # (s, t * near)
        near, _ = _neighbours(self.grid_hw, likeness.device)
        values, places = likeness.topk(min(NEAREST, likeness.shape[1]), dim=1)
        weights = (values / TEMPERATURE).softmax(1)  # (s, k)
        cells = near.gather(1, places % near.shape[1]) + places // near.shape[1] * len(near)
        shares = torch.stack([torch.cat([e.share for e in of if e.share is not None]) for of in objects])  # (n, t * s)
        return (shares.float()[:, cells] * weights).sum(2)

    def _likeness(self, entry: Remembered) -> Float[Tensor, "s near"]:
        """Cosines with the cells near each in a remembered frame; -inf outside the grid."""
        assert entry.appearance is not None
        if id(entry.appearance) not in self._compared:
            near, inside = _neighbours(self.grid_hw, self.appearance.device)
            whole = self.appearance.float() @ entry.appearance.float().T
            self._compared[id(entry.appearance)] = (entry.appearance, whole.gather(1, near).where(inside, -torch.inf))
        return self._compared[id(entry.appearance)][1]


@lru_cache(maxsize=8)
def _neighbours(grid_hw: tuple[int, int], device: torch.device) -> tuple[Int[Tensor, "s near"], Bool[Tensor, "s near"]]:
    """The cells within `RADIUS` of each, and which of them lie in the grid."""
    steps = torch.arange(-RADIUS, RADIUS + 1, device=device)
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    disk = down**2 + right**2 <= RADIUS**2
    height, width = grid_hw
    cells = torch.arange(height * width, device=device)[:, None]
    rows, columns = cells // width + down[disk], cells % width + right[disk]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return (rows * width + columns).where(inside, 0), inside
