"""Naming the colour of a sprite, only when people would agree, and drawing a colour that has a name."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float32, UInt8

_Range = tuple[float, float, float, float, float, float]
"""Hue from, to (degrees, may wrap), saturation from, to, value from, to."""


@dataclass(frozen=True, kw_only=True)
class Colour:
    """A colour name with the part of HSV everybody calls so (`core`) and the part somebody may call so (`wide`)."""

    name: str
    name_zh: str
    core: tuple[_Range, ...]
    wide: tuple[_Range, ...]


@dataclass(frozen=True, kw_only=True)
class ColourReading:
    """What a sprite's colour may be called: `name` when it is clear, `possible` all names that could be defended."""

    name: str | None
    possible: frozenset[str]


def _colour(name: str, name_zh: str, core: list[_Range], wide: list[_Range]) -> Colour:
    return Colour(name=name, name_zh=name_zh, core=tuple(core), wide=tuple(wide))


COLOURS: tuple[Colour, ...] = (
    _colour("red", "红色", [(348, 10, 0.6, 1, 0.5, 1)], [(335, 20, 0.4, 1, 0.25, 1)]),
    _colour("orange", "橙色", [(20, 37, 0.65, 1, 0.78, 1)], [(8, 46, 0.4, 1, 0.5, 1)]),
    _colour("yellow", "黄色", [(46, 62, 0.5, 1, 0.75, 1)], [(36, 75, 0.25, 1, 0.5, 1)]),
    _colour("green", "绿色", [(80, 158, 0.35, 1, 0.3, 1)], [(62, 180, 0.15, 1, 0.15, 1)]),
    _colour("blue", "蓝色", [(198, 242, 0.45, 1, 0.4, 1)], [(172, 262, 0.12, 1, 0.15, 1)]),
    _colour("purple", "紫色", [(264, 292, 0.35, 1, 0.3, 1)], [(245, 325, 0.15, 1, 0.15, 1)]),
    _colour(
        "pink", "粉色", [(312, 344, 0.25, 0.75, 0.75, 1), (344, 8, 0.2, 0.42, 0.88, 1)], [(290, 25, 0.12, 1, 0.5, 1)]
    ),
    _colour("brown", "棕色", [(12, 36, 0.4, 1, 0.22, 0.6)], [(0, 50, 0.15, 1, 0.1, 0.88)]),
    _colour("black", "黑色", [(0, 360, 0, 0.5, 0, 0.24), (0, 360, 0, 1, 0, 0.13)], [(0, 360, 0, 1, 0, 0.4)]),
    _colour("white", "白色", [(0, 360, 0, 0.12, 0.86, 1)], [(0, 360, 0, 0.22, 0.75, 1)]),
    _colour("grey", "灰色", [(0, 360, 0, 0.1, 0.38, 0.78)], [(0, 360, 0, 0.4, 0.2, 0.93)]),
)
BY_NAME = {colour.name: colour for colour in COLOURS}
_CLEAR_SHARE = 0.6
_POSSIBLE_SHARE = 0.12


def read_colour(rgba: UInt8[np.ndarray, "h w 4"]) -> ColourReading:
    """Name the colour of the opaque part of a straight-alpha sprite; a thumbnail of about 32 pixels is enough."""
    rgb = rgba[..., :3][rgba[..., 3] > 128].astype(np.int32) >> 3
    if not len(rgb):
        return ColourReading(name=None, possible=frozenset(BY_NAME))
    shares = _called_so()[rgb @ (1024, 32, 1)].mean(axis=0)
    possible = {colour.name for colour, share in zip(COLOURS, shares[:, 1], strict=True) if share >= _POSSIBLE_SHARE}
    clear = [colour.name for colour, share in zip(COLOURS, shares[:, 0], strict=True) if share >= _CLEAR_SHARE]
    return ColourReading(name=clear[0] if clear else None, possible=frozenset(possible).union(clear))


@cache
def _called_so() -> Bool[np.ndarray, "32768 colours 2"]:
    """For every RGB value in steps of eight (red slowest), whether it lies in the core and in the wide part of each."""
    import cv2

    levels = (np.arange(32, dtype=np.float32) * 8 + 3.5) / 255
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV).reshape(-1, 3)
    parts = [[_inside(hsv, colour.core), _inside(hsv, colour.wide)] for colour in COLOURS]
    return np.array(parts).transpose(2, 0, 1).copy()


def sample_rgb(name: str, rng: np.random.Generator) -> UInt8[np.ndarray, "3"]:
    """A colour that everybody calls `name`, well inside its range."""
    low_hue, high_hue, low_s, high_s, low_v, high_v = BY_NAME[name].core[0]
    if high_hue < low_hue:
        high_hue += 360
    hue, saturation, value = rng.uniform(0.15, 0.85, 3) * (high_hue - low_hue, high_s - low_s, high_v - low_v)
    rgb = colorsys.hsv_to_rgb((low_hue + hue) % 360 / 360, low_s + saturation, low_v + value)
    return np.round(np.array(rgb) * 255).astype(np.uint8)


def _inside(hsv: Float32[np.ndarray, "n 3"], ranges: tuple[_Range, ...]) -> Bool[np.ndarray, "n"]:
    """Which colours (hue in degrees, saturation and value in 0..1) lie in one of the ranges."""
    hue, saturation, value = hsv.T
    inside = np.zeros(len(hsv), bool)
    for low_hue, high_hue, low_s, high_s, low_v, high_v in ranges:
        wraps = high_hue < low_hue
        in_hue = (hue >= low_hue) | (hue <= high_hue) if wraps else (hue >= low_hue) & (hue <= high_hue)
        inside |= in_hue & (saturation >= low_s) & (saturation <= high_s) & (value >= low_v) & (value <= high_v)
    return inside
