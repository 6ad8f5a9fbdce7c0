"""Procedural fields and textures, shared by backgrounds and shapes."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

Field = Float32[np.ndarray, "h w"]
Rgb = Float32[np.ndarray, "h w 3"]


def noise_field(size_hw: tuple[int, int], rng: np.random.Generator, *, cells: float, octaves: int = 3) -> Field:
    """Smooth noise in 0..1: sums of random grids, each twice as fine and half as strong as the one before."""
    height, width = size_hw
    field = np.zeros(size_hw, np.float32)
    for octave in range(octaves):
        count = max(2, round(cells * 2**octave))
        grid = rng.random((count, count), dtype=np.float32) * 0.5**octave
        field += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return _to_unit(field)


def ramp_field(size_hw: tuple[int, int], rng: np.random.Generator) -> Field:
    """A linear ramp in 0..1 in a random direction."""
    x, y = _grid(size_hw)
    angle = rng.uniform(0, 2 * pi)
    return _to_unit(x * cos(angle) + y * sin(angle))


def stripe_field(size_hw: tuple[int, int], rng: np.random.Generator, *, count: float) -> Field:
    """About `count` hard-edged stripes across, in a random direction; values 0 and 1."""
    x, y = _grid(size_hw)
    angle, duty = rng.uniform(0, pi), rng.uniform(0.35, 0.65)
    phase = (x * cos(angle) + y * sin(angle)) * count + rng.random()
    return ((phase % 1) < duty).astype(np.float32)


def dot_field(size_hw: tuple[int, int], rng: np.random.Generator, *, count: float) -> Field:
    """About `count` dots across in a turned lattice; values 0 and 1."""
    x, y = _grid(size_hw)
    angle, radius = rng.uniform(0, pi), rng.uniform(0.24, 0.38)
    u = (x * cos(angle) + y * sin(angle)) * count
    v = (y * cos(angle) - x * sin(angle)) * count
    return (((u % 1 - 0.5) ** 2 + (v % 1 - 0.5) ** 2) < radius**2).astype(np.float32)


def checker_field(size_hw: tuple[int, int], rng: np.random.Generator, *, count: float) -> Field:
    """A checkerboard of about `count` squares across, a little turned; values 0 and 1."""
    x, y = _grid(size_hw)
    angle = rng.normal(0, 0.15)
    u = np.floor((x * cos(angle) + y * sin(angle)) * count)
    v = np.floor((y * cos(angle) - x * sin(angle)) * count)
    return ((u + v) % 2).astype(np.float32)


def wood_field(size_hw: tuple[int, int], rng: np.random.Generator) -> Field:
    """Bent fine lines, like the grain of wood; values in 0..1."""
    x, y = _grid(size_hw)
    bend = noise_field(size_hw, rng, cells=2, octaves=2)
    along, across = (x, y) if rng.random() < 0.5 else (y, x)
    rings = (across * rng.uniform(4, 10) + bend * rng.uniform(1, 3) + along * 0.3) % 1
    return rings.astype(np.float32)


def marble_field(size_hw: tuple[int, int], rng: np.random.Generator) -> Field:
    """Veins in a smooth ground; values in 0..1."""
    x, y = _grid(size_hw)
    bend = noise_field(size_hw, rng, cells=3, octaves=4)
    angle = rng.uniform(0, pi)
    return np.abs(np.sin((x * cos(angle) + y * sin(angle)) * 6 + bend * 9)).astype(np.float32)


def grain_field(size_hw: tuple[int, int], rng: np.random.Generator) -> Field:
    """Fine grain, like sand or cloth; values in 0..1."""
    return rng.random(size_hw, dtype=np.float32)


def blend(field: Field, first: UInt8[np.ndarray, "3"], second: UInt8[np.ndarray, "3"]) -> Rgb:
    """From the first colour (field 0) to the second (field 1)."""
    start, step = first.astype(np.float32), second.astype(np.float32) - first.astype(np.float32)
    return cv2.merge([field * step[channel] + start[channel] for channel in range(3)])


def vary(rgb: UInt8[np.ndarray, "3"], rng: np.random.Generator, strength: float) -> UInt8[np.ndarray, "3"]:
    """The same colour lighter or darker by up to `strength` (0..1): the tone changes, the hue stays."""
    return np.clip(rgb.astype(np.float32) * (1 + rng.uniform(-strength, strength)), 0, 255).astype(np.uint8)


SOFT_FIELDS: tuple[Callable[[tuple[int, int], np.random.Generator], Field], ...] = (
    ramp_field,
    lambda size_hw, rng: noise_field(size_hw, rng, cells=4),
    wood_field,
    marble_field,
    grain_field,
)
"""Fields for materials of one colour."""


def _to_unit(field: Field) -> Field:
    """The field stretched to 0..1."""
    low, high = float(field.min()), float(field.max())
    return ((field - low) * (1 / max(high - low, 1e-6))).astype(np.float32, copy=False)


def _grid(size_hw: tuple[int, int]) -> tuple[Field, Field]:
    """Coordinates in units of the longer side, x then y, broadcast to the full size."""
    height, width = size_hw
    scale = 1 / max(size_hw)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x * np.float32(scale), y * np.float32(scale)
