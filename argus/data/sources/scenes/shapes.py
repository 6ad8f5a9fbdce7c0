"""Procedural shapes in many materials: outlines, holes and textures without any drawing by others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from argus.data.sources.scenes import textures
from argus.data.sources.scenes.colours import BY_NAME, sample_rgb

Outline = Float64[np.ndarray, "_ 2"]
PATTERNS = {"striped": "条纹", "dotted": "波点", "checkered": "格子"}
"""Patterns that phrases may name, English to Chinese."""


@dataclass(frozen=True, kw_only=True)
class DrawnShape:
    """A shape with premultiplied alpha and its pattern ("" when plain)."""

    rgba: UInt8[np.ndarray, "h w 4"]
    pattern: str


def draw_shape(name: str, side: int, rng: np.random.Generator) -> DrawnShape:
    """Draw one of `SHAPES` about `side` pixels large in a random material."""
    alpha = _coverage(SHAPES[name](rng), side)
    pattern = str(rng.choice(list(PATTERNS))) if rng.random() < 0.3 else ""
    colour = str(rng.choice(list(BY_NAME)))
    rgb = _patterned(pattern, colour, alpha.shape, rng) if pattern else _material(colour, alpha.shape, rng)
    if rng.random() < 0.25:
        rgb = _bevel(rgb, alpha)
    rgb = np.clip(rgb, 0, 255)
    opaque = cv2.merge([rgb.astype(np.uint8), (alpha * 255).astype(np.uint8)])
    opaque[..., :3] = rgb * alpha[..., None]
    return DrawnShape(rgba=opaque, pattern=pattern)


def _coverage(outlines: list[Outline], side: int) -> Float32[np.ndarray, "h w"]:
    """Smooth coverage of outlines (even-odd: the second cuts a hole) scaled to `side`, one pixel of border."""
    points = np.concatenate(outlines)
    low, extent = points.min(0), points.max(0) - points.min(0)
    scale = (side - 3) / extent.max()
    size_wh = np.ceil(extent * scale).astype(int) + 3
    canvas = np.zeros((2 * size_wh[1], 2 * size_wh[0]), np.uint8)
    polygons = [np.round(((outline - low) * scale + 1.5) * 2 * 16).astype(np.int32) for outline in outlines]
    cv2.fillPoly(canvas, polygons, 255, lineType=cv2.LINE_AA, shift=4)
    return cv2.resize(canvas, size_wh.tolist(), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _material(colour: str, size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    """One colour, plain or with a soft texture in its tones."""
    base = sample_rgb(colour, rng)
    if rng.random() < 0.3:
        return np.broadcast_to(base.astype(np.float32), (*size_hw, 3))
    field = textures.SOFT_FIELDS[rng.integers(len(textures.SOFT_FIELDS))](size_hw, rng)
    strength = rng.uniform(0.08, 0.3)
    return textures.blend(field, textures.vary(base, rng, 0.08), (base * (1 - strength)).astype(np.uint8))


def _patterned(pattern: str, colour: str, size_hw: tuple[int, int], rng: np.random.Generator) -> textures.Rgb:
    """Two clearly different colours in stripes, dots or squares."""
    field = {"striped": textures.stripe_field, "dotted": textures.dot_field, "checkered": textures.checker_field}
    first = sample_rgb(colour, rng)
    second = sample_rgb(str(rng.choice([name for name in BY_NAME if name != colour])), rng)
    while np.abs(first.astype(int) - second).sum() < 160:
        second = rng.integers(0, 256, 3).astype(np.uint8)
    return textures.blend(field[pattern](size_hw, rng, count=rng.uniform(4, 8)), first, second)


def _bevel(rgb: textures.Rgb, alpha: Float32[np.ndarray, "h w"]) -> textures.Rgb:
    """Light from the upper left on rounded edges."""
    height = cv2.GaussianBlur(alpha, (0, 0), max(1.0, alpha.shape[0] / 25))
    light = cv2.Sobel(height, cv2.CV_32F, 1, 1, ksize=3) + cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3)
    return rgb * (1 + np.clip(light * 1.5, -0.3, 0.3))[..., None]


def _polygon(sides: int, turn: float = -np.pi / 2) -> Outline:
    angles = turn + np.arange(sides) * 2 * np.pi / sides
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def _polar(radius: Callable[[Float64[np.ndarray, "n"]], Float64[np.ndarray, "n"]], count: int = 96) -> Outline:
    angles = np.arange(count) * 2 * np.pi / count
    return np.stack([np.cos(angles), np.sin(angles)], 1) * radius(angles)[:, None]


def _circle(rng: np.random.Generator) -> list[Outline]:
    return [_polar(np.ones_like)]


def _oval(rng: np.random.Generator) -> list[Outline]:
    return [_polar(np.ones_like) * (1, rng.uniform(0.5, 0.7))]


def _square(rng: np.random.Generator) -> list[Outline]:
    return [_polygon(4, np.pi / 4)]


def _rectangle(rng: np.random.Generator) -> list[Outline]:
    return [_polygon(4, np.pi / 4) * rng.permutation([1, rng.uniform(0.35, 0.65)])]


def _triangle(rng: np.random.Generator) -> list[Outline]:
    return [_polygon(3) * (rng.uniform(0.7, 1.2), 1)]


def _diamond(rng: np.random.Generator) -> list[Outline]:
    return [_polygon(4) * (rng.uniform(0.55, 0.8), 1)]


def _star(rng: np.random.Generator) -> list[Outline]:
    radius = np.where(np.arange(10) % 2, rng.uniform(0.38, 0.55), 1.0)
    return [_polygon(10) * radius[:, None]]


def _heart(rng: np.random.Generator) -> list[Outline]:
    t = np.arange(96) * 2 * np.pi / 96
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [np.stack([16 * np.sin(t) ** 3, -y], 1)]


def _ring(rng: np.random.Generator) -> list[Outline]:
    return [_polar(np.ones_like), _polar(np.ones_like) * rng.uniform(0.5, 0.75)]


def _plus(rng: np.random.Generator) -> list[Outline]:
    w = rng.uniform(0.22, 0.4)
    arm = np.array([(-w, -w), (-w, -1), (w, -1)], np.float64)
    quarter = np.array([[0, 1], [-1, 0]])
    return [np.concatenate([arm @ np.linalg.matrix_power(quarter, turns) for turns in range(4)])]


def _x(rng: np.random.Generator) -> list[Outline]:
    turn = np.sqrt(0.5) * np.array([[1, 1], [-1, 1]])
    return [_plus(rng)[0] @ turn]


def _arrow(rng: np.random.Generator) -> list[Outline]:
    w, neck = rng.uniform(0.15, 0.3), rng.uniform(-0.1, 0.3)
    corners = [(-1, -w), (neck, -w), (neck, -0.65), (1, 0), (neck, 0.65), (neck, w), (-1, w)]
    return [np.array(corners) @ (np.eye(2) if rng.random() < 0.5 else np.array([[0, 1], [-1, 0]]))]


def _pentagon(rng: np.random.Generator) -> list[Outline]:
    return [_polygon(5)]


def _hexagon(rng: np.random.Generator) -> list[Outline]:
    return [_polygon(6, rng.choice([0, np.pi / 6]))]


def _crescent(rng: np.random.Generator) -> list[Outline]:
    outer, inner = np.linspace(0.35 * np.pi, 1.65 * np.pi, 48), np.linspace(1.6 * np.pi, 0.4 * np.pi, 48)
    edge = np.stack([np.cos(outer), np.sin(outer)], 1)
    reach = np.stack([np.cos(inner) * 0.8, np.sin(inner)], 1) + (rng.uniform(0.3, 0.42), 0)
    return [np.concatenate([edge, reach])]


def _semicircle(rng: np.random.Generator) -> list[Outline]:
    angles = np.linspace(np.pi, 2 * np.pi, 48)
    return [np.stack([np.cos(angles), np.sin(angles)], 1)]


def _teardrop(rng: np.random.Generator) -> list[Outline]:
    t = np.arange(96) * 2 * np.pi / 96
    return [np.stack([np.sin(t) * np.sin(t / 2) ** 1.5 * 0.9, -np.cos(t)], 1)]


def _gear(rng: np.random.Generator) -> list[Outline]:
    teeth = int(rng.integers(8, 13))
    outer = _polar(lambda a: np.where((a * teeth / (2 * np.pi)) % 1 < 0.5, 1.0, 0.8), 8 * teeth)
    return [outer, _polar(np.ones_like) * rng.uniform(0.25, 0.4)]


def _flower(rng: np.random.Generator) -> list[Outline]:
    petals = int(rng.integers(5, 8))
    return [_polar(lambda a: 0.75 + 0.25 * np.cos(petals * a))]


def _zigzag(rng: np.random.Generator) -> list[Outline]:
    corners = [(0.2, -1), (-0.6, 0.1), (-0.05, 0.1), (-0.3, 1), (0.6, -0.25), (0.05, -0.25), (0.5, -1)]
    return [np.array(corners, np.float64)]


def _blob(rng: np.random.Generator) -> list[Outline]:
    counts = np.arange(1, 5)
    sizes, phases = rng.uniform(0, 0.3, 4) / counts, rng.uniform(0, 2 * np.pi, 4)
    return [_polar(lambda a: 1 + (sizes * np.cos(np.outer(a, counts) + phases)).sum(1)) * (1, 0.8)]


SHAPES: dict[str, Callable[[np.random.Generator], list[Outline]]] = {
    "circle": _circle,
    "oval": _oval,
    "square": _square,
    "rectangle": _rectangle,
    "triangle": _triangle,
    "diamond": _diamond,
    "star": _star,
    "heart": _heart,
    "ring": _ring,
    "cross": _plus,
    "x": _x,
    "arrow": _arrow,
    "pentagon": _pentagon,
    "hexagon": _hexagon,
    "crescent": _crescent,
    "semicircle": _semicircle,
    "teardrop": _teardrop,
    "gear": _gear,
    "flower": _flower,
    "zigzag": _zigzag,
    "blob": _blob,
}
"""Outlines by the name in `shape:NAME`; each is drawn anew with random proportions."""
