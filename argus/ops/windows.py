"""Parts of an image in whole pixels: windows, and overlapping tiles that cover it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from argus.ops import rle
from argus.ops.rle import Rle

MOST = 8  # tiles along a side
OVERLAP = 0.3  # of a tile's side, with the next one: objects up to this size are whole in one of them


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of an image in whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size_hw(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def of(self, pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "r c 3"]:
        return pixels[self.top : self.bottom, self.left : self.right]


def placed(mask: Rle, window: Window, size_hw: tuple[int, int]) -> Rle:
    """A window's mask as one of the whole image."""
    whole = np.zeros(size_hw, bool)
    whole[window.top : window.bottom, window.left : window.right] = rle.decode(mask)
    return rle.encode(whole)


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
