"""Smooth motion as matrices: where things are in the world, and where the camera sees them, at any time of a shot.

World and frame are measured in pixels of the frame, x right and y down; a shot lasts from time 0 to time 1. Matrices
are 3 x 3 and act on (x, y, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

Point = tuple[float, float]
Matrix = Float64[np.ndarray, "3 3"]


@dataclass(frozen=True, kw_only=True)
class Course:
    """The way of a thing through a shot: from `start` by `via` (half way) to `end`, the centres in the world.

    `pace` other than 1 slows down (below) or speeds up (above). `scales` and `degrees` go from their first to their
    second value; `wobble` is the strength of a squeeze and a shear that swing `swings` times.
    """

    start: Point
    via: Point
    end: Point
    pace: float = 1.0
    scales: tuple[float, float] = (1.0, 1.0)
    degrees: tuple[float, float] = (0.0, 0.0)
    wobble: float = 0.0
    swings: float = 1.0

    def centre(self, time: float) -> Float64[np.ndarray, "2"]:
        """On the parabola through start, via and end."""
        done = min(max(time, 0.0), 1.0) ** self.pace
        start, via, end = (np.array(point, np.float64) for point in (self.start, self.via, self.end))
        return start + (end - start) * done + (via - (start + end) / 2) * 4 * done * (1 - done)

    def matrix(self, time: float, sprite_hw: tuple[int, int], size_wh: Point) -> Matrix:
        """From pixels of a sprite, `size_wh` large at scale 1, to the world."""
        scale = self.scales[0] * (self.scales[1] / self.scales[0]) ** time
        swing = np.sin(2 * np.pi * self.swings * time)
        squeeze, shear = 1 + self.wobble * swing, self.wobble * swing
        stretch = np.diag([size_wh[0] / sprite_hw[1] * scale * squeeze, size_wh[1] / sprite_hw[0] * scale / squeeze])
        turned = rotation(self.degrees[0] + (self.degrees[1] - self.degrees[0]) * time)
        linear = turned @ np.array([[1, shear], [0, 1]]) @ stretch
        middle = np.array([sprite_hw[1] - 1, sprite_hw[0] - 1]) / 2
        return affine(linear, self.centre(time) - linear @ middle)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """How the world is seen: panned by `pan_px` over the shot, zoomed and turned about the middle, and shaken.

    `shakes_px` are offsets at equal distances in time.
    """

    size: int
    pan_px: Point = (0.0, 0.0)
    pace: float = 1.0
    zooms: tuple[float, float] = (1.0, 1.0)
    degrees: tuple[float, float] = (0.0, 0.0)
    shakes_px: Float64[np.ndarray, "n 2"]

    def matrix(self, time: float) -> Matrix:
        """From the world to the frame."""
        time = min(max(time, 0.0), 1.0)
        zoom = self.zooms[0] * (self.zooms[1] / self.zooms[0]) ** time
        linear = zoom * rotation(self.degrees[0] + (self.degrees[1] - self.degrees[0]) * time)
        middle = np.full(2, (self.size - 1) / 2)
        looked_at = middle + np.array(self.pan_px) * (time**self.pace - 0.5)
        moments = np.linspace(0, 1, len(self.shakes_px))
        shake = np.array([np.interp(time, moments, self.shakes_px[:, axis]) for axis in range(2)])
        return affine(linear, middle - linear @ looked_at + shake)

    def world(self, point: Point, time: float) -> Point:
        """The point of the world that is seen at a point of the frame."""
        x, y, _ = np.linalg.inv(self.matrix(time)) @ (*point, 1.0)
        return float(x), float(y)


def rotation(degrees: float) -> Float64[np.ndarray, "2 2"]:
    """A turn, clockwise as seen in the image."""
    radians = np.deg2rad(degrees)
    return np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])


def affine(linear: Float64[np.ndarray, "2 2"], shift: Float64[np.ndarray, "2"]) -> Matrix:
    """linear @ (x, y) + shift."""
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, shift
    return matrix
