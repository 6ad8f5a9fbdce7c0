"""Shots turned into frames: warped sprites, motion blur, labels of the visible pixels, and the known motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Int16, UInt8

from argus.data.sources.scenes import compose, textures
from argus.data.sources.scenes.cast import Sprite
from argus.data.sources.scenes.motion import Matrix, affine
from argus.data.sources.scenes.shots import Shot

_OPEN_STEPS = 13
"""Moments, at most, that motion blur is the mean of: as few of them as lie within `_BLUR_STEP_PX` of each other."""
_BLUR_STEP_PX = 2.0
_NOTHING = np.zeros((0, 0, 4), np.uint8)


@dataclass(frozen=True, kw_only=True)
class Take:
    """One frame before drawing: what each pixel shows (index of an actor plus one; 0 is ground) and the matrices from
    the pixels of each actor's sprite, and from the world (key 0), to the frame."""

    labels: Int16[np.ndarray, "h w"]
    matrices: dict[int, Matrix]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the camera adds to all frames of a clip: exposure that drifts, uneven light, blur, noise, compression."""

    gains: Float32[np.ndarray, "t 3"]
    offset: float
    light: Float32[np.ndarray, "h w"] | None
    blur: float
    noise: float
    quality: int | None

    def __call__(
        self, image: UInt8[np.ndarray, "h w 3"], frame: int, rng: np.random.Generator
    ) -> UInt8[np.ndarray, "h w 3"]:
        table = np.clip(np.arange(256)[:, None] * self.gains[frame] + self.offset, 0, 255).astype(np.uint8)
        image = cv2.LUT(image, table[None])
        if self.light is not None:
            image = cv2.multiply(image, cv2.merge([self.light] * 3), dtype=cv2.CV_8U)
        if self.blur:
            image = cv2.GaussianBlur(image, (0, 0), self.blur)
        if self.noise:
            image = compose.add_noise(image, rng, self.noise)
        return image if self.quality is None else compose.compress(image, self.quality)


def look(size: int, frames: int, rng: np.random.Generator, strength: float) -> Look:
    """A look, of which each part comes with a probability that grows with `strength`."""
    drift = np.exp(rng.normal(0, 0.08) * strength * np.linspace(-1, 1, frames))
    gains = rng.uniform(0.9, 1.08) * (1 + rng.uniform(-0.05, 0.05, 3) * strength) if rng.random() < 0.7 else np.ones(3)
    light = None
    if rng.random() < 0.3 * strength:
        field = textures.noise_field((size, size), rng, cells=2, octaves=1)
        light = (1 + rng.uniform(0.1, 0.35) * (field - 0.6)).astype(np.float32)
    return Look(
        gains=(drift[:, None] * gains).astype(np.float32),
        offset=float(rng.uniform(-8, 8) * strength),
        light=light,
        blur=float(rng.uniform(0.4, 1.1)) if rng.random() < 0.25 * strength else 0.0,
        noise=float(rng.uniform(2, 10)) if rng.random() < 0.4 * strength else 0.0,
        quality=int(rng.integers(40, 92)) if rng.random() < 0.4 * strength else None,
    )


class Set:
    """A shot, ready to be taken frame by frame."""

    def __init__(self, shot: Shot, actors: Sequence[Sprite], size: int) -> None:
        self.shot, self.actors, self.size = shot, actors, size
        first, last = shot.span if shot.frames > 1 else (0.5, 0.5)
        self.times = np.linspace(first, last, shot.frames)
        self._step = (last - first) / max(shot.frames - 1, 1)
        offset = -(shot.ground.image.shape[0] - size) / 2
        self._ground = affine(np.eye(2), np.array([offset, offset]))

    def take(self, frame: int, shown: Sequence[int]) -> Take:
        """Where everything is on a frame, of the actors `shown`."""
        time = float(self.times[frame])
        matrices = {0: self.shot.camera.matrix(time)}
        labels = np.zeros((self.size, self.size), np.int16)
        for index in self._order(shown):
            matrices[index + 1] = self._matrix(index, time)
            _stamp(labels, warp(self.actors[index].rgba, [matrices[index + 1]], self.size), index + 1)
        for bar in self.shot.bars:
            _stamp(labels, warp(bar.rgba, [matrices[0] @ bar.matrix], self.size), 0)
        return Take(labels=labels, matrices=matrices)

    def draw(self, frame: int, shown: Sequence[int], shutter: float) -> UInt8[np.ndarray, "h w 3"]:
        """The picture of a frame; the shutter is open for a part of the time between frames."""
        moments = self.times[frame] + shutter * self._step * (np.arange(_OPEN_STEPS) / (_OPEN_STEPS - 1) - 0.5)
        times = moments.tolist() if shutter else [float(self.times[frame])]
        cameras = [self.shot.camera.matrix(time) for time in times]
        image = _mean(self.shot.ground.image, [camera @ self._ground for camera in cameras], self.size)
        layers = [
            warp(self.actors[index].rgba, [self._matrix(index, time) for time in times], self.size)
            for index in self._order(shown)
        ]
        bars = [warp(bar.rgba, [camera @ bar.matrix for camera in cameras], self.size) for bar in self.shot.bars]
        shadows = self.shot.shadow_seed is not None
        rng = np.random.default_rng(self.shot.shadow_seed or 0)  # the same shadows on all frames
        image = compose.draw(image, [layer for layer in layers if layer.rgba.size], rng, shadows=shadows)
        return compose.draw(image, [bar for bar in bars if bar.rgba.size], rng, shadows=False)

    def area(self, index: int, frame: int) -> float:
        """Pixels that an actor would cover if nothing hid any of it."""
        solid = int((self.actors[index].rgba[..., 3] > compose.SOLID).sum())
        return solid * abs(float(np.linalg.det(self._matrix(index, float(self.times[frame]))[:2, :2])))

    def _order(self, shown: Sequence[int]) -> list[int]:
        return [index for index in self.shot.courses if index in shown]

    def _matrix(self, index: int, time: float) -> Matrix:
        """From the pixels of a sprite to the frame."""
        actor = self.actors[index]
        height, width = actor.rgba.shape[:2]
        course = self.shot.courses[index]
        return self.shot.camera.matrix(time) @ course.matrix(time, (height, width), actor.size_wh)


def warp(rgba: UInt8[np.ndarray, "h w 4"], matrices: Sequence[Matrix], size: int) -> compose.Layer:
    """The mean of a sprite under the matrices, cut to the frame and a margin (for its shadow); nothing outside."""
    height, width = rgba.shape[:2]
    corners = np.array([[-1, width, -1, width], [-1, -1, height, height], [1, 1, 1, 1]])
    seen = np.stack([(matrix @ corners)[:2] for matrix in matrices])
    margin = size // 4
    low = np.maximum(np.floor(seen.min((0, 2))), -margin).astype(int)
    high = np.minimum(np.ceil(seen.max((0, 2))) + 1, size + margin).astype(int)
    if (high <= low).any():
        return compose.Layer(rgba=_NOTHING, left=0, top=0)
    matrices = _moments(matrices, float(np.abs(seen[-1] - seen[0]).max()))
    moved = [affine(matrix[:2, :2], matrix[:2, 2] - low) for matrix in matrices]
    parts = [cv2.warpAffine(rgba, matrix[:2], (high - low).tolist(), flags=cv2.INTER_LINEAR) for matrix in moved]
    return compose.Layer(rgba=_average(parts), left=int(low[0]), top=int(low[1]))


def flow(before: Take, after: Take) -> Float32[np.ndarray, "h w 2"]:
    """For each pixel of the later frame, the way (x, y) to where the earlier frame shows it; NaN where it does not."""
    size = len(after.labels)
    out = np.full((size, size, 2), np.nan, np.float32)
    for label in np.unique(after.labels).tolist():
        if label not in before.matrices:
            continue
        change = before.matrices[label] @ np.linalg.inv(after.matrices[label]) - np.eye(3)
        mask = after.labels == label
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        y, x = np.ogrid[window]
        for axis in range(2):
            way = change[axis, 0] * x + change[axis, 1] * y + change[axis, 2]
            np.copyto(out[..., axis][window], way, where=mask[window], casting="same_kind")
    return _where_shown(out, before.labels, after.labels)


def _where_shown(
    ways: Float32[np.ndarray, "h w 2"], before: Int16[np.ndarray, "h w"], after: Int16[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w 2"]:
    """NaN where a way leaves the frame or ends on something else."""
    size = len(before)
    grid = np.arange(size, dtype=np.float32)
    x = np.rint(np.nan_to_num(ways[..., 0] + grid, nan=-1)).astype(np.int32)
    y = np.rint(np.nan_to_num(ways[..., 1] + grid[:, None], nan=-1)).astype(np.int32)
    inside = (x >= 0) & (y >= 0) & (x < size) & (y < size)
    same = before[y.clip(0, size - 1), x.clip(0, size - 1)] == after
    ways[~(inside & same)] = np.nan
    return ways


def _stamp(labels: Int16[np.ndarray, "h w"], layer: compose.Layer, label: int) -> None:
    window, part = compose.windows(layer.left, layer.top, layer.rgba.shape[:2], labels.shape)
    if part is not None:
        labels[window][layer.rgba[..., 3][part] > compose.SOLID] = label


def _mean(image: UInt8[np.ndarray, "a a 3"], matrices: Sequence[Matrix], size: int) -> UInt8[np.ndarray, "h w 3"]:
    """The mean of a ground, mirrored past its edges, under the matrices."""
    corners = np.array([[0, image.shape[0]], [0, image.shape[0]], [1, 1]])
    matrices = _moments(matrices, float(np.abs(((matrices[-1] - matrices[0]) @ corners)[:2]).max()))
    moved = [
        cv2.warpAffine(image, matrix[:2], (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        for matrix in matrices
    ]
    return _average(moved)


def _moments(matrices: Sequence[Matrix], moved_px: float) -> Sequence[Matrix]:
    """As few of the matrices as a blur over `moved_px` needs; the middle one for none."""
    count = min(int(np.ceil(moved_px / _BLUR_STEP_PX)), len(matrices))
    if count < 2:
        return [matrices[len(matrices) // 2]]
    return [matrices[index] for index in np.linspace(0, len(matrices) - 1, count).round().astype(int)]


def _average(parts: Sequence[UInt8[np.ndarray, "h w c"]]) -> UInt8[np.ndarray, "h w c"]:
    if len(parts) == 1:
        return parts[0]
    total = np.zeros(parts[0].shape, np.uint16)
    for part in parts:
        total += part
    return (total // len(parts)).astype(np.uint8)
