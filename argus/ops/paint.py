"""Masks painted on pictures."""

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from argus.ops import rle
from argus.ops.rle import Rle

OPACITY = 0.45


def upright(image: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    """The pixels of a picture, turned by its EXIF orientation: a copy to paint on."""
    return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def tint(canvas: UInt8[np.ndarray, "h w 3"], mask: Rle, colour: tuple[int, int, int]) -> None:
    """Mix a colour into the pixels of a mask; only the window that holds it is touched."""
    top, left, inside = rle.decode_window(mask)
    window = canvas[top : top + inside.shape[0], left : left + inside.shape[1]]
    for channel, value in enumerate(colour):
        table = (np.arange(256) * (1 - OPACITY) + value * OPACITY).round().astype(np.uint8)
        window[..., channel] = np.where(inside, table[window[..., channel]], window[..., channel])
