"""Cutting objects out of their boxes: a small net that sees a box and the picture around it, each object alone.

Beyond SAM 3, for models that read images coarsely. A U-Net (Ronneberger et al., MICCAI 2015) on the window of a box,
stretched to a square, as Deep GrabCut (Xu et al., BMVC 2017) has it; it is told, too, what GrabCut itself goes by: how
much likelier a colour is inside the box than around it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from argus.ops.closeups import cut_out
from argus.ops.pixels import to_model_input
from argus.ops.windows import Window

STEM = 2  # cells along a side that the net takes together
GROUPS = 8  # of channels that are normalised together
READ = 5  # channels of a view: three colours, the box, and the picture
FACTS = 2
SIDES, MORE = 1.2, 0.2  # of the window, by the box's own side and by its longer one
COLOUR_CELLS = 4  # cells along a side whose colours are one
COLOUR_WIDTHS = (0.3, 0.15)  # of what counts as alike, in colours of -1..1
USUAL = 1.5  # less the logarithm of an object's usual extent
DROPPED = 0.1  # of the coarsest channels, in training


@dataclass(frozen=True, kw_only=True)
class CutterConfig:
    """Cells along a side of the window, and the net's channels from fine to coarse."""

    side: int = 64
    widths: tuple[int, ...] = (48, 96, 160, 256)

    def __post_init__(self) -> None:
        finest = max(STEM * 2 ** max(len(self.widths) - 1, 0), COLOUR_CELLS)
        fits = self.side > 0 and self.side % finest == 0
        if not self.widths or not fits or any(width < 1 or width % GROUPS for width in self.widths):
            raise ValueError(
                f"expected a side that {finest} divides and widths that {GROUPS} divides, got {self.side} and "
                f"{self.widths}"
            )


class Cutter(nn.Module):
    """Logits of N objects, each in the window of its box."""

    def __init__(self, config: CutterConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        read = READ * STEM**2 + FACTS + len(COLOUR_WIDTHS)
        self.down = nn.ModuleList(_Block(before, after) for before, after in pairwise((read, *widths)))
        self.middle = _Block(widths[-1], widths[-1])
        self.up = nn.ModuleList(_Block(fine + coarse, fine) for fine, coarse in pairwise(widths))
        self.out = nn.Conv2d(widths[0], STEM**2, 1)

    def forward(self, views: Float[Tensor, "n 5 s s"], facts: Float[Tensor, "n 2"]) -> Float[Tensor, "n 1 s s"]:
        """The logits of what `views` show of boxes, of which `facts` are known (see `view`)."""
        x = F.pixel_unshuffle(views, STEM)
        colours = F.interpolate(of_box(views), x.shape[2:], mode="bilinear").to(x.dtype)
        x = torch.cat((x, facts.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:]), colours), 1)
        x = x.contiguous(memory_format=torch.channels_last)
        levels: list[Tensor] = []
        for block in self.down:
            x = block(F.avg_pool2d(x, 2) if levels else x)
            levels.append(x)
        x = F.dropout2d(self.middle(x), DROPPED, self.training)
        for block, finer in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            x = block(torch.cat((F.interpolate(x, scale_factor=2.0), finer), 1))
        return F.pixel_shuffle(self.out(x), STEM)

    def mirrored_too(self, views: Float[Tensor, "n 5 s s"], facts: Float[Tensor, "n 2"]) -> Float[Tensor, "n 1 s s"]:
        """The mean of the logits of views and of what they show in a mirror."""
        both = self(torch.cat((views, views.flip(3))), facts.repeat(2, 1))
        plain, mirrored = both.chunk(2)
        return (plain + mirrored.flip(3)) / 2

    def view(
        self, pixels: UInt8[np.ndarray, "r c 3"], box_xyxy_px: Float[np.ndarray, "4"]
    ) -> tuple[Window, Float[Tensor, "5 s s"], Float[Tensor, " 2"]]:
        """The window of a box, which may leave the picture; what it shows (colours of -1..1, 0 outside the picture, and
        how much of each cell lies in the box and in the picture); and the facts of the box."""
        window, side = window_of_box(box_xyxy_px), self.config.side
        size_hw, grid_hw = (pixels.shape[0], pixels.shape[1]), (side, side)
        shown = shares_in(np.array([0, 0, size_hw[1], size_hw[0]], np.float32), window, side)
        colours = to_model_input(cut_out(pixels, window), grid_hw) * shown
        layers = (colours, shares_in(box_xyxy_px, window, side)[None], shown[None])
        return window, torch.cat(layers), facts_of(box_xyxy_px, size_hw)


def window_of_box(box_xyxy_px: Float[np.ndarray, "4"]) -> Window:
    """The window that a box is cut in, in whole pixels; it may leave the picture."""
    left, top, right, bottom = (float(edge) for edge in box_xyxy_px)
    half_wh = half_sides(right - left, bottom - top)
    middle = (left + right) / 2, (top + bottom) / 2
    starts = [math.floor(at - half) for at, half in zip(middle, half_wh, strict=True)]
    stops = [math.ceil(at + half) for at, half in zip(middle, half_wh, strict=True)]
    spans = [(start, max(stop, start + 1)) for start, stop in zip(starts, stops, strict=True)]
    (x0, x1), (y0, y1) = spans
    return Window(left=x0, top=y0, right=x1, bottom=y1)


def half_sides(width: float, height: float) -> tuple[float, float]:
    """Half the sides of the window of a box."""
    longer = max(width, height)
    return (SIDES * width + MORE * longer) / 2, (SIDES * height + MORE * longer) / 2


def facts_of(box_xyxy_px: Float[np.ndarray, "4"], size_hw: tuple[int, int]) -> Float[Tensor, " 2"]:
    """The logarithms of a box's shape (width by height) and, less what is usual, of its extent in the picture."""
    width, height = np.maximum(box_xyxy_px[2:] - box_xyxy_px[:2], 1e-3).tolist()
    extent = math.sqrt(width * height / (size_hw[0] * size_hw[1]))
    return torch.tensor([math.log(width / height), math.log(extent) + USUAL])


def shares_in(rectangle_xyxy: Float[np.ndarray, "4"], window: Window, side: int) -> Float[Tensor, "s s"]:
    """How much of each of `side` x `side` cells of a window lies in a rectangle."""
    height, width = window.size_hw
    corner, scale = np.array([window.left, window.top] * 2), np.array([side / width, side / height] * 2)
    left, top, right, bottom = ((rectangle_xyxy - corner) * scale).tolist()
    cells = torch.arange(side)
    across = ((cells + 1).clamp(max=right) - cells.clamp(min=left)).clamp(min=0)
    down = ((cells + 1).clamp(max=bottom) - cells.clamp(min=top)).clamp(min=0)
    return down[:, None] * across


@torch.no_grad()
def of_box(views: Float[Tensor, "n 5 s s"]) -> Float[Tensor, "n 2 t t"]:
    """How much likelier the colour of a cell is inside the box than around it: a third of the logarithm, for each of
    `COLOUR_WIDTHS`, on a grid `COLOUR_CELLS` times as coarse."""
    cells = F.avg_pool2d(views.float(), COLOUR_CELLS)
    side = cells.shape[-1]
    colours, box, shown = cells.flatten(2).split((3, 1, 1), 1)
    both = torch.cat((box * shown, (1 - box) * shown), 1)
    weights = (both / both.sum(2, keepdim=True).clamp(min=1e-3)).transpose(1, 2)
    squares = colours.square().sum(1)
    maps = []
    with torch.autocast(views.device.type, enabled=False):  # differences of colours are too small for bf16
        apart = squares[:, :, None] + squares[:, None] - 2 * colours.transpose(1, 2) @ colours
        for width in COLOUR_WIDTHS:
            inside, around = (torch.exp(-apart.clamp(min=0) / (2 * width**2)) @ weights + 1e-4).unbind(-1)
            maps.append((inside / around).log() / 3)
    return torch.stack(maps, 1).unflatten(2, (side, side))


class _Block(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.second = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.first_norm, self.second_norm = nn.GroupNorm(GROUPS, after), nn.GroupNorm(GROUPS, after)
        self.skip = nn.Conv2d(before, after, 1, bias=False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        y = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(y)) + self.skip(x))
