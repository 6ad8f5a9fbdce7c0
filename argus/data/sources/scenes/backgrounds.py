"""Grounds for scenes: procedural textures of many kinds, and patches of photos when there are any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from argus.data.sources.scenes import textures

ON_PHOTOS = (
    "plant",
    "building",
    "furniture",
    "sky thing",
    "mountain",
    "rock",
    "wood",
    "brick",
    "door",
    "window",
    "light source",
)
"""What a patch of photo may show without anybody having marked it; phrases about these are not asked over photos."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A ground; `shows` are the concepts that may be on it unmarked."""

    image: UInt8[np.ndarray, "h w 3"]
    shows: tuple[str, ...] = ()


def background(
    size_hw: tuple[int, int],
    rng: np.random.Generator,
    *,
    plainness: float,
    patches: UInt8[np.ndarray, "n s s 3"] | None,
) -> Ground:
    """A ground; with probability `plainness` a flat colour or a slow ramp, else any kind (half of them `patches`)."""
    if rng.random() < plainness:
        return Ground(image=_to_uint8(_plain(size_hw, rng)))
    if patches is not None and rng.random() < 0.5:
        return Ground(image=_patch(size_hw, rng, patches), shows=ON_PHOTOS)
    image = _KINDS[rng.integers(len(_KINDS))](size_hw, rng)
    if rng.random() < 0.3:
        image = image * (0.75 + 0.5 * textures.noise_field(size_hw, rng, cells=3))[..., None]
    return Ground(image=_to_uint8(image))


def _two_colours(rng: np.random.Generator) -> tuple[UInt8[np.ndarray, "3"], UInt8[np.ndarray, "3"]]:
    """Two colours, most often related: strong contrast is rare on real grounds."""
    first = rng.integers(0, 256, 3)
    reach = 40 if rng.random() < 0.6 else 160
    second = np.clip(first + rng.integers(-reach, reach + 1, 3), 0, 255)
    return first.astype(np.uint8), second.astype(np.uint8)


def _plain(size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    first, second = _two_colours(rng)
    return textures.blend(textures.ramp_field(size_hw, rng), first, first if rng.random() < 0.4 else second)


def _clouds(size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    return textures.blend(textures.noise_field(size_hw, rng, cells=rng.uniform(2, 12), octaves=4), *_two_colours(rng))


def _stripes(size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    return textures.blend(textures.stripe_field(size_hw, rng, count=rng.uniform(3, 25)), *_two_colours(rng))


def _dots(size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    return textures.blend(textures.dot_field(size_hw, rng, count=rng.uniform(12, 30)), *_two_colours(rng))


def _tiles(size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    return textures.blend(textures.checker_field(size_hw, rng, count=rng.uniform(4, 20)), *_two_colours(rng))


def _wood(size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    return textures.blend(textures.wood_field(size_hw, rng), *_two_colours(rng))


def _marble(size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    return textures.blend(textures.marble_field(size_hw, rng), *_two_colours(rng))


def _grain(size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    field = cv2.GaussianBlur(textures.grain_field(size_hw, rng), (0, 0), rng.uniform(0.5, 2))
    return textures.blend(field, *_two_colours(rng))


def _bokeh(size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    """Soft spots of many colours, as a photo far out of focus; drawn small and enlarged."""
    small = np.empty((32, 32, 3), np.uint8)
    small[:] = rng.integers(0, 256, 3)
    for _ in range(rng.integers(8, 30)):
        centre, radius = rng.integers(0, 32, 2).tolist(), int(rng.integers(2, 10))
        cv2.circle(small, centre, radius, rng.integers(0, 256, 3).tolist(), -1)
    soft = cv2.GaussianBlur(small, (0, 0), rng.uniform(1.5, 3.5))
    return cv2.resize(soft, size_hw[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _horizon(size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    """A sky over a ground, each with its own texture."""
    image = _clouds(size_hw, rng)
    below = int(size_hw[0] * rng.uniform(0.3, 0.8))
    kind = (_clouds, _grain, _wood)[rng.integers(3)]
    image[below:] = kind((size_hw[0] - below, size_hw[1]), rng)
    return image


def _patch(
    size_hw: tuple[int, int], rng: np.random.Generator, patches: UInt8[np.ndarray, "n s s 3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """A part of a photo patch, mirrored and enlarged."""
    patch = patches[rng.integers(len(patches))]
    side = int(patch.shape[0] * rng.uniform(0.4, 1.0))
    top, left = rng.integers(0, patch.shape[0] - side + 1, 2)
    crop = patch[top : top + side, left : left + side]
    crop = crop[:, ::-1] if rng.random() < 0.5 else crop
    return cv2.resize(np.ascontiguousarray(crop), size_hw[::-1], interpolation=cv2.INTER_LINEAR)


def _to_uint8(image: textures.Rgb) -> UInt8[np.ndarray, "h w 3"]:
    return np.clip(image, 0, 255).astype(np.uint8)


_KINDS: tuple[Callable[[tuple[int, int], np.random.Generator], textures.Rgb], ...] = (
    _plain,
    _clouds,
    _clouds,
    _stripes,
    _dots,
    _tiles,
    _wood,
    _marble,
    _grain,
    _bokeh,
    _bokeh,
    _horizon,
    _horizon,
)
