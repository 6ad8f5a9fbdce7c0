"""Placing sprites on a ground: scale, rotation, occlusion, shadow, light, blur, noise and compression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Int16, UInt8

from argus.data.sources.scenes import textures

MIN_VISIBLE_FRACTION = 0.3
"""Objects less visible than this leave the scene, before anything is drawn."""
MIN_VISIBLE_AREA = 36 / 280**2
"""Least visible area of an object, as a fraction of the image's."""
SOLID = 110
"""Alpha from which a pixel belongs to an object."""
_NOISE = np.random.default_rng(0).normal(0, 1, (600, 600, 3)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A sprite at its final size and turn, with premultiplied alpha, and the place of its top left corner."""

    rgba: UInt8[np.ndarray, "h w 4"]
    left: int
    top: int


def turn(
    rgba: UInt8[np.ndarray, "h w 4"], size_wh: tuple[float, float], degrees: float, mirror: bool
) -> UInt8[np.ndarray, "oh ow 4"]:
    """Scale a premultiplied sprite to `size_wh` pixels, mirror and turn it; the result just holds it."""
    height, width = rgba.shape[:2]
    radians = np.deg2rad(degrees)
    rotation = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    scale = np.array([size_wh[0] / width * (-1 if mirror else 1), size_wh[1] / height])
    linear = rotation * scale
    out_wh = np.ceil(np.abs(linear) @ (width, height)).astype(int) + 2
    shift = (out_wh - 1) / 2 - linear @ ((width - 1) / 2, (height - 1) / 2)
    return cv2.warpAffine(rgba, np.column_stack([linear, shift]), out_wh.tolist(), flags=cv2.INTER_LINEAR)


def visible_layers(
    layers: Sequence[Layer], size_hw: tuple[int, int]
) -> tuple[list[int], Int16[np.ndarray, "h w"], list[float]]:
    """Drop the layers that are hardly visible, until all that stay are seen.

    Returns the indices that stay, a label map (position in that list plus one; 0 is ground) and the visible fractions.
    """
    keep = list(range(len(layers)))
    areas = [int((layer.rgba[..., 3] > SOLID).sum()) for layer in layers]
    least = max(4.0, MIN_VISIBLE_AREA * size_hw[0] * size_hw[1])
    while True:
        labels = _label(layers, keep, size_hw)
        counts = np.bincount(labels.ravel(), minlength=len(keep) + 1)[1:]
        fractions = [count / max(areas[index], 1) for index, count in zip(keep, counts, strict=True)]
        hidden = [
            position
            for position, (fraction, count) in enumerate(zip(fractions, counts, strict=True))
            if fraction < MIN_VISIBLE_FRACTION or count < least
        ]
        if not hidden:
            return keep, labels, fractions
        del keep[min(hidden, key=lambda position: fractions[position])]


def draw(
    ground: UInt8[np.ndarray, "h w 3"], layers: Sequence[Layer], rng: np.random.Generator, *, shadows: bool
) -> UInt8[np.ndarray, "h w 3"]:
    """The ground with the layers over it, in order; all shadows fall in one direction."""
    image = ground.copy()
    direction = rng.uniform(-1, 1, 2)
    strength = rng.uniform(0.2, 0.55)
    for layer in layers:
        if shadows:
            _shadow(image, layer, direction, strength)
        window, part = windows(layer.left, layer.top, layer.rgba.shape[:2], image.shape[:2])
        if part is not None:
            target = image[window]
            source = layer.rgba[part]
            rest = cv2.merge([255 - source[..., 3]] * 3)
            image[window] = cv2.add(cv2.multiply(target, rest, scale=1 / 255), source[..., :3])
    return image


def light(rgba: UInt8[np.ndarray, "h w 4"], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 4"]:
    """The sprite brighter or darker, with a slow ramp of light over it."""
    gain = rng.uniform(0.85, 1.08)
    field = gain * (1 + rng.uniform(0, 0.25) * (textures.ramp_field(rgba.shape[:2], rng) - 0.5))
    lit = cv2.multiply(rgba[..., :3], cv2.merge([field] * 3), dtype=cv2.CV_8U)
    alpha = rgba[..., 3]
    return np.dstack([cv2.min(lit, cv2.merge([alpha] * 3)), alpha])


def restyle(rgba: UInt8[np.ndarray, "h w 4"], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 4"]:
    """The sprite as another hand might have drawn it: other tones, a texture, fewer tones, a softer look.

    Hues move by a few degrees only, so that a thing keeps the colour it is known by.
    """
    out = np.ascontiguousarray(rgba[..., :3])
    if rng.random() < 0.7:
        hsv = cv2.cvtColor(out, cv2.COLOR_RGB2HSV)
        turned = (hsv[..., 0].astype(np.int16) + int(rng.integers(-6, 7))) % 180
        saturation = cv2.convertScaleAbs(hsv[..., 1], alpha=rng.uniform(0.65, 1.35))
        out = cv2.cvtColor(cv2.merge([turned.astype(np.uint8), saturation, hsv[..., 2]]), cv2.COLOR_HSV2RGB)
    if rng.random() < 0.25:
        gamma = np.exp(rng.uniform(-0.35, 0.35))
        out = cv2.LUT(out, (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8))
    if rng.random() < 0.15:
        step = int(rng.integers(24, 64))
        out = cv2.LUT(out, np.clip(np.arange(256) // step * step + step // 2, 0, 255).astype(np.uint8))
    if rng.random() < 0.3:
        field = textures.SOFT_FIELDS[rng.integers(1, len(textures.SOFT_FIELDS))](rgba.shape[:2], rng)
        out = (out * (1 - rng.uniform(0.1, 0.35) * field)[..., None]).astype(np.uint8)
    if rng.random() < 0.15:
        out = cv2.blur(out, (3, 3))
    return np.dstack([np.minimum(out, rgba[..., 3:]), rgba[..., 3]])


def tint(rgba: UInt8[np.ndarray, "h w 4"], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 4"]:
    """The sprite in another colour: all hues turned alike, or everything in the tones of one hue."""
    hsv = cv2.cvtColor(np.ascontiguousarray(rgba[..., :3]), cv2.COLOR_RGB2HSV)
    hue = int(rng.integers(0, 180))
    if rng.random() < 0.5:
        hsv[..., 0] = (hsv[..., 0].astype(np.int16) + hue) % 180
    else:
        hsv[..., 0] = hue
        hsv[..., 1] = np.maximum(hsv[..., 1], int(rng.integers(120, 220)))
    return np.dstack([cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), rgba[..., 3]])


def photograph(
    image: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator, strength: float
) -> UInt8[np.ndarray, "h w 3"]:
    """What a camera adds, each with a probability that grows with `strength`: light, blur, noise, compression.

    Kept mild enough that colours keep their names.
    """
    if rng.random() < 0.7 * strength:
        gains = rng.uniform(0.88, 1.1) * (1 + rng.uniform(-0.05, 0.05, 3))
        table = np.clip(np.arange(256)[:, None] * gains + rng.uniform(-8, 8), 0, 255).astype(np.uint8)
        image = cv2.LUT(image, table[None])
    if rng.random() < 0.3 * strength:
        field = 1 + rng.uniform(0.1, 0.35) * (textures.noise_field(image.shape[:2], rng, cells=2, octaves=1) - 0.6)
        image = cv2.multiply(image, cv2.merge([field] * 3), dtype=cv2.CV_8U)
    if rng.random() < 0.25 * strength:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    if rng.random() < 0.35 * strength:
        image = add_noise(image, rng, rng.uniform(2, 12))
    if rng.random() < 0.4 * strength:
        image = compress(image, int(rng.integers(35, 92)))
    return image


def masks_from_labels(labels: Int16[np.ndarray, "h w"], count: int) -> Bool[np.ndarray, "n h w"]:
    """One mask per label 1..count."""
    return labels[None] == np.arange(1, count + 1, dtype=np.int16)[:, None, None]


def _label(layers: Sequence[Layer], keep: Sequence[int], size_hw: tuple[int, int]) -> Int16[np.ndarray, "h w"]:
    labels = np.zeros(size_hw, np.int16)
    for position, index in enumerate(keep, start=1):
        window, part = windows(layers[index].left, layers[index].top, layers[index].rgba.shape[:2], size_hw)
        if part is not None:
            labels[window][layers[index].rgba[..., 3][part] > SOLID] = position
    return labels


def windows(
    left: int, top: int, part_hw: tuple[int, ...], whole_hw: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice] | None]:
    """The window of the whole under a part put at (left, top), and the piece of the part over it (None: outside)."""
    low_y, low_x = max(top, 0), max(left, 0)
    high_y, high_x = min(top + part_hw[0], whole_hw[0]), min(left + part_hw[1], whole_hw[1])
    window = slice(low_y, high_y), slice(low_x, high_x)
    if high_y <= low_y or high_x <= low_x:
        return window, None
    return window, (slice(low_y - top, high_y - top), slice(low_x - left, high_x - left))


def _shadow(image: UInt8[np.ndarray, "h w 3"], layer: Layer, direction: np.ndarray, strength: float) -> None:
    """Darken the image behind a layer, softly and a little to one side."""
    side = max(layer.rgba.shape[:2])
    margin = side // 6 + 2
    alpha = cv2.copyMakeBorder(layer.rgba[..., 3], margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    soft = cv2.blur(alpha, (margin, margin))
    offset_x, offset_y = np.round(direction * side * 0.12).astype(int).tolist()
    left, top = layer.left - margin + offset_x, layer.top - margin + offset_y
    window, part = windows(left, top, soft.shape, image.shape[:2])
    if part is not None:
        shade = cv2.merge([255 - (soft[part] * strength).astype(np.uint8)] * 3)
        image[window] = cv2.multiply(image[window], shade, scale=1 / 255)


def add_noise(image: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator, sigma: float) -> UInt8[np.ndarray, "h w 3"]:
    """Gaussian noise from a fixed tile: drawing fresh noise would cost more than the rest of the scene."""
    height, width = image.shape[:2]
    tile = np.tile(_NOISE, (-(-height // 300), -(-width // 300), 1)) if max(height, width) > 300 else _NOISE
    top, left = rng.integers(0, 300, 2)
    return cv2.add(image, tile[top : top + height, left : left + width] * sigma, dtype=cv2.CV_8U)


def compress(image: UInt8[np.ndarray, "h w 3"], quality: int) -> UInt8[np.ndarray, "h w 3"]:
    """What is left of the image after JPEG."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded.astype(np.uint8, copy=False)
