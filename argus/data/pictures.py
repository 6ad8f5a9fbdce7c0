"""Pictures on disk as training reads them: their size from the header alone, and their pixels as inference has them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from argus.ops.pixels import to_rgb

_EXIF_ORIENTATION, _TURNED = 0x0112, {5, 6, 7, 8}

Window = tuple[int, int, int, int]
"""A part of a picture as left, top, right, bottom in pixels; right and bottom exclusive."""


def picture_size_hw(path: Path, told_hw: tuple[int, int] | None = None) -> tuple[int, int]:
    """The size of a picture, upright, or `told_hw` where that is its size upright or as stored.

    Reads the header alone. Raises ValueError when there is none, when it is no picture, and for another size than told.
    """
    with failures_told(path), Image.open(path) as image:
        stored = (image.height, image.width)
        # Asking a PNG without EXIF before its pixels for it would decode them.
        exif = image.getexif() if image.format != "PNG" or "exif" in image.info else {}
        upright = stored[::-1] if exif.get(_EXIF_ORIENTATION) in _TURNED else stored
    if 0 in stored:
        raise ValueError(f"{printable(path)} is a picture without pixels")
    if told_hw is None:
        return upright
    if told_hw not in (upright, stored):
        raise ValueError(
            f"{printable(path)} is {upright[1]} x {upright[0]} (width x height), but is labelled as "
            f"{told_hw[1]} x {told_hw[0]}"
        )
    return told_hw


def picture(
    path: Path, size_hw: tuple[int, int], window: Window | None = None, to_hw: tuple[int, int] | None = None
) -> UInt8[np.ndarray, "h w 3"]:
    """The RGB pixels of a picture of `size_hw`, or of a window of it, resized to `to_hw` if given.

    It is turned upright unless only its stored form has that size. Raises ValueError when it cannot be decoded.
    """
    with failures_told(path), Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        chosen = upright if (upright.height, upright.width) == size_hw else image
        if (chosen.height, chosen.width) != size_hw:
            raise ValueError(f"it was {size_hw} (height, width) when the data were opened")
        rgb = to_rgb(chosen)
    if window is not None:
        rgb = rgb.crop(window)
    if to_hw is not None and (rgb.height, rgb.width) != to_hw:
        rgb = rgb.resize((to_hw[1], to_hw[0]), Image.Resampling.BILINEAR)
    return np.array(rgb)


@contextmanager
def failures_told(path: Path) -> Iterator[None]:
    """Whatever Pillow raises on opening or decoding `path` becomes a ValueError that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    except FileNotFoundError as error:
        raise ValueError(f"{printable(path)} is missing") from error
    except (OSError, SyntaxError, TypeError, ValueError, RuntimeError, Image.DecompressionBombError) as error:
        raise ValueError(f"{printable(path)} cannot be read as a picture: {error}") from error


def printable(name: str | Path) -> str:
    """A name that can be shown and written: bytes of it that are no UTF-8 as \\xNN."""
    return os.fsencode(str(name)).decode("utf-8", "backslashreplace") if _is_odd(str(name)) else str(name)


def _is_odd(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
