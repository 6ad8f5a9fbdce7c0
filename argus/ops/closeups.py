"""Close-ups of objects: a square of the picture around each, with its mask."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from argus.ops.pixels import to_model_input
from argus.ops.windows import Window, logits_cut

REACH = 1.25  # sides of the square, by the longer side of the object's box
GREY = 128  # of what lies outside the picture
LEAST = 4  # pixels along a side of the square


def close_ups(
    pixels: UInt8[np.ndarray, "r c 3"],
    mask_logits: Float[Tensor, "n h w"],
    squares: list[Window],
    side: int,
) -> Float[Tensor, "n 4 s s"]:
    """Colours of -1..1 and the mask as 0..1, in `side` x `side` cells of each square; masks come as logits of the whole
    picture."""
    size_hw, grid_hw = (pixels.shape[0], pixels.shape[1]), (side, side)
    views = [torch.zeros(0, 4, *grid_hw)]
    for logits, square in zip(mask_logits.float().cpu(), squares, strict=True):
        picture = to_model_input(cut_out(pixels, square), grid_hw)[None]
        mask = logits_cut(logits[None, None], square, size_hw, grid_hw).sigmoid()
        views.append(torch.cat((picture, mask), 1))
    return torch.cat(views)


def square_around(box_xyxy_px: Float[np.ndarray, "4"], reach: float = REACH) -> Window:
    """The square about the middle of a box with `reach` times its longer side; it may leave the picture."""
    left, top, right, bottom = (float(edge) for edge in box_xyxy_px)
    side = max(round(reach * max(right - left, bottom - top)), LEAST)
    x, y = round((left + right - side) / 2), round((top + bottom - side) / 2)
    return Window(left=x, top=y, right=x + side, bottom=y + side)


def cut_out(pixels: UInt8[np.ndarray, "r c 3"], square: Window, around: int = GREY) -> UInt8[np.ndarray, "s t 3"]:
    """A square of a picture, with `around` where it leaves the picture."""
    cut = np.full((*square.size_hw, 3), around, np.uint8)
    inside = square.within((pixels.shape[0], pixels.shape[1]))
    if min(inside.size_hw) > 0:
        inside.seen_from(square).of(cut)[:] = inside.of(pixels)
    return cut
