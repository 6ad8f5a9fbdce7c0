"""Overlays: masks, outlines and labels drawn on a picture, with Pillow alone.

Labels need a font with the characters they use. Pillow's own font has Latin letters only; for others (Chinese, say) the
first of the usual system fonts that is installed is taken (Debian, Ubuntu: `apt install fonts-wqy-microhei` or
`fonts-noto-cjk`). Without one, such a concept is labelled by its number, with a warning, said once: "#2" is the second
concept of the objects.
"""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from argus.export.coco import Objects, concepts_in_order
from argus.export.outline import parts
from argus.ops.paint import tint, upright
from argus.ops.rle import Rle

Colour: TypeAlias = tuple[int, int, int]
Rect: TypeAlias = tuple[float, float, float, float]  # xyxy in pixels
Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont
Picture: TypeAlias = str | os.PathLike[str] | Image.Image | UInt8[np.ndarray, "h w 3"]

# Twelve strong colours, each far from the ones before it; further objects start again.
PALETTE: tuple[Colour, ...] = (
    (255, 86, 48), (0, 150, 255), (54, 199, 89), (255, 196, 0), (175, 82, 222), (0, 199, 190),
    (255, 45, 145), (140, 200, 0), (88, 86, 214), (255, 140, 0), (90, 200, 250), (200, 120, 80),
)  # fmt: skip
_LATIN_END = 0x250  # characters below are in Pillow's own font
_CJK_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "uming.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "simhei.ttf",
)


def draw(
    image: Picture, objects: Objects, ids: Sequence[int] | None = None, concepts: Sequence[str] | None = None
) -> Image.Image:
    """The picture with every object's mask tinted and outlined, and a label "concept 0.87" at its top left.

    With `ids`, those of masklets, one for each object, a colour belongs to an id, and a label reads "concept 3  0.87".
    `concepts` is the order that numbers concepts which no font can write (default: that of the objects).

    The picture is a path, a PIL image (both turned upright by their EXIF orientation) or an array. Better scores are
    drawn on top. Line width and letters grow with the picture. Raises ValueError when sizes differ, and for a file that
    is missing or no picture.
    """
    canvas = _canvas(image)
    if canvas.shape != (*objects.size_hw, 3):
        raise ValueError(
            f"Expected an image of {objects.size_hw} (height, width) with 3 channels, got shape {canvas.shape}. "
            "Draw on the picture that was asked about, turned upright."
        )
    colours = [PALETTE[one % len(PALETTE)] for one in (range(len(objects.rles)) if ids is None else ids)]
    # two spaces before the score: those of the font are narrow
    numbers = [""] * len(colours) if ids is None else [f" {one} " for one in ids]
    names = concepts_in_order(objects) if concepts is None else concepts
    order = np.argsort(objects.scores, kind="stable").tolist()
    for index in order:
        tint(canvas, objects.rles[index], colours[index])
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    unit = (canvas.shape[0] * canvas.shape[1]) ** 0.5
    for index in order:
        _outline(pen, objects.rles[index], colours[index], max(1, round(unit / 350)))
    labels = [
        _Label(str(concept), f"{number} {score:.2f}", colour, box)
        for concept, number, score, colour, box in zip(
            objects.concept, numbers, objects.scores, colours, objects.boxes_xyxy_px, strict=True
        )
    ]
    _write(pen, picture.size, [labels[index] for index in order], max(11, round(unit / 38)), names)
    return picture


def _canvas(image: Picture) -> np.ndarray:
    """The picture's pixels, upright, to draw on: a copy."""
    if isinstance(image, np.ndarray):
        return image.copy()
    if isinstance(image, Image.Image):
        return upright(image)
    if not isinstance(image, (str, os.PathLike)):
        raise ValueError(f"Expected a path, a PIL image or an array to draw on, got {type(image).__name__}.")
    try:
        with Image.open(image) as opened:
            return _canvas(opened)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"Expected a picture to draw on, got {os.fspath(image)}: {error}.") from error


def _outline(pen: ImageDraw.ImageDraw, mask: Rle, colour: Colour, width: int) -> None:
    for part in parts(mask):
        for ring in (part.outer, *part.holes):
            # Pillow's coordinates name pixel centres, ours pixel corners
            points = [(x - 0.5, y - 0.5) for x, y in [*ring.tolist(), *ring[:2].tolist()]]
            pen.line(points, fill=colour, width=width, joint="curve")


@dataclass(frozen=True)
class _Label:
    """What is written beside an object: its concept, and what follows that."""

    concept: str
    tail: str
    colour: Colour
    box_xyxy_px: np.ndarray


def _write(
    pen: ImageDraw.ImageDraw, size_wh: tuple[int, int], labels: list[_Label], letter_px: int, names: Sequence[str]
) -> None:
    """Labels, best last; each moves down out of the way of those of better objects while there is room."""
    taken: list[Rect] = []
    placed = []
    for label in reversed(labels):
        name, font = _lettering(label.concept, letter_px, names)
        text = name + label.tail
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        pad = letter_px // 4
        width, height = float(right - left + 2 * pad), float(bottom - top + 2 * pad)
        box = _place(label.box_xyxy_px, width, height, size_wh, taken)
        taken.append(box)
        placed.append((label.colour, text, font, box, (box[0] + pad - left, box[1] + pad - top)))
    for colour, text, font, box, at in reversed(placed):
        pen.rounded_rectangle(box, radius=max(2, letter_px // 5), fill=colour)
        pen.text(at, text, font=font, fill=(0, 0, 0) if _is_light(colour) else (255, 255, 255))


def _place(
    object_xyxy: np.ndarray,
    width: float,
    height: float,
    size_wh: tuple[int, int],
    taken: list[Rect],
) -> Rect:
    """A place for a label: above the box, else inside its top, else further down; always within the picture."""
    x = min(max(float(object_xyxy[0]), 0.0), max(size_wh[0] - width - 1, 0.0))
    lowest = max(size_wh[1] - height - 1, 0.0)
    above = min(max(float(object_xyxy[1]) - height, 0.0), lowest)
    for step in range(5):
        y = min(above + step * (height + 1), lowest)
        box = (x, y, x + width, y + height)
        if not any(_overlap(box, other) for other in taken):
            return box
    return (x, above, x + width, above + height)


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _is_light(colour: Colour) -> bool:
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue > 140


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 32 else text[:31] + "…"


def _lettering(concept: str, letter_px: int, names: Sequence[str]) -> tuple[str, Font]:
    """What to write for a concept, and the font that can."""
    plain = ImageFont.load_default(letter_px)
    if all(ord(letter) < _LATIN_END for letter in concept):
        return _short(concept), plain
    wide = _cjk_font(letter_px)
    if wide is not None:
        return _short(concept), wide
    _warn_of_numbers()
    return f"#{names.index(concept) + 1}", plain


@lru_cache(maxsize=1)
def _warn_of_numbers() -> None:
    """Said once, however many labels and pictures it is about."""
    warnings.warn(
        "no font for some characters of the labels: such concepts are labelled #1, #2 ... in their order. Install one, "
        "such as fonts-noto-cjk or fonts-wqy-microhei.",
        stacklevel=2,
    )


@lru_cache(maxsize=8)
def _cjk_font(letter_px: int) -> Font | None:
    for name in _CJK_FONTS:
        try:
            return ImageFont.truetype(name, letter_px)
        except OSError:
            continue
    return None
