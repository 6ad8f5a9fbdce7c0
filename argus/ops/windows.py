"""Parts of an image in whole pixels: windows, and overlapping tiles that cover it."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from argus.ops import rle
from argus.ops.masks import reach
from argus.ops.rle import Rle

MOST = 8  # tiles along a side
OVERLAP = 0.3  # of a tile's side, with the next one: objects up to this size are whole in one of them
AROUND = 1.5  # sides of the window around an object, by its longer side
WHOLE = 0.8  # a window whose sides are so much of the image's shows nothing new
OUTSIDE = -20.0  # logit of what a window does not show


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of an image in whole pixels; it may leave the image where that is said."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size_hw(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def of(self, pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "r c 3"]:
        return pixels[self.top : self.bottom, self.left : self.right]

    def within(self, size_hw: tuple[int, int]) -> "Window":
        """What of it lies in an image of that size, which is nothing where it ends before it starts."""
        height, width = size_hw
        return Window(
            left=max(self.left, 0), top=max(self.top, 0), right=min(self.right, width), bottom=min(self.bottom, height)
        )

    def seen_from(self, other: "Window") -> "Window":
        """The same part in the pixels of another window."""
        return Window(
            left=self.left - other.left,
            top=self.top - other.top,
            right=self.right - other.left,
            bottom=self.bottom - other.top,
        )


def placed(mask: Rle, window: Window, size_hw: tuple[int, int]) -> Rle:
    """A window's mask as one of the whole image."""
    whole = np.zeros(size_hw, bool)
    whole[window.top : window.bottom, window.left : window.right] = rle.decode(mask)
    return rle.encode(whole)


def window_around(box_xyxy_px: Float[np.ndarray, "4"], size_hw: tuple[int, int]) -> Window | None:
    """`AROUND` times the longer side of a box, about its middle, shifted into the image; None where that is most of the
    image, or the box is empty."""
    left, top, right, bottom = (float(edge) for edge in box_xyxy_px)
    side = AROUND * max(right - left, bottom - top)
    if side < 1 or (side >= WHOLE * size_hw[0] and side >= WHOLE * size_hw[1]):
        return None
    spans = []
    for middle, length in (((left + right) / 2, size_hw[1]), ((top + bottom) / 2, size_hw[0])):
        start = int(np.clip(round(middle - side / 2), 0, max(length - round(side), 0)))
        spans.append((start, min(start + max(round(side), 1), length)))
    return Window(left=spans[0][0], right=spans[0][1], top=spans[1][0], bottom=spans[1][1])


def window_of(above: Bool[Tensor, "h w"], size_hw: tuple[int, int]) -> Window:
    """The window around the object that covers the cells `above` of a grid over an image; the whole image where there
    is nothing to look closer at."""
    rows, columns = reach(above.cpu(), size_hw)
    extent = np.array([columns.start, rows.start, columns.stop, rows.stop], np.float32)
    return window_around(extent, size_hw) or Window(left=0, top=0, right=size_hw[1], bottom=size_hw[0])


def logits_cut(
    logits: Float[Tensor, "1 n h w"], window: Window, size_hw: tuple[int, int], grid_hw: tuple[int, int]
) -> Float[Tensor, "1 n h2 w2"]:
    """The part of a whole image's logits that a window shows, on a grid of its own."""
    (height, width), (h, w) = size_hw, window.size_hw
    to_whole = [
        [w / width, 0.0, (2 * window.left + w) / width - 1],
        [0.0, h / height, (2 * window.top + h) / height - 1],
    ]
    return _resampled(logits, to_whole, grid_hw, padding="border")


def logits_placed(
    logits: Float[Tensor, "1 n h w"], window: Window, size_hw: tuple[int, int], grid_hw: tuple[int, int]
) -> Float[Tensor, "1 n h2 w2"]:
    """A window's logits on a grid over the whole image; `OUTSIDE` around the window."""
    (height, width), (h, w) = size_hw, window.size_hw
    to_window = [
        [width / w, 0.0, (width - 2 * window.left) / w - 1],
        [0.0, height / h, (height - 2 * window.top) / h - 1],
    ]
    return _resampled(logits - OUTSIDE, to_window, grid_hw, padding="zeros") + OUTSIDE


def share_of(count: int) -> float:
    """The side of one of `count` tiles, as a part of the image's."""
    return 1 / (count - (count - 1) * OVERLAP)


def tiles_of(size_hw: tuple[int, int], count: int) -> list[Window]:
    """`count` x `count` tiles that cover an image of `size_hw`, row by row."""
    spans = []
    for length in size_hw:
        side = min(max(round(length * share_of(count)), 1), length)
        starts = np.linspace(0, length - side, count).round().astype(int).tolist()
        spans.append([(start, start + side) for start in starts])
    down, along = spans
    return [Window(left=left, top=top, right=right, bottom=bottom) for top, bottom in down for left, right in along]


def _resampled(
    maps: Float[Tensor, "1 n h w"], affine: list[list[float]], grid_hw: tuple[int, int], padding: str
) -> Float[Tensor, "1 n h2 w2"]:
    places = F.affine_grid(torch.tensor([affine]), [1, maps.shape[1], *grid_hw], align_corners=False)
    return F.grid_sample(maps.float(), places, padding_mode=padding, align_corners=False)
