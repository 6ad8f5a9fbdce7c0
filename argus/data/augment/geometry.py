"""Flip, crop, rotation and large-scale jitter: one affine map for the image and all masks (kornia, when first used)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float64, UInt8
from torch import Tensor

from argus.data.augment.config import AugmentConfig
from argus.data.augment.keep import settle
from argus.data.augment.phrases import is_about_arrangement, says_side
from argus.data.records import Sample

_CHUNK = 32
_STRETCH = 0.15

Matrix = Float64[np.ndarray, "3 3"]


def geometric(sample: Sample, config: AugmentConfig, rng: np.random.Generator) -> Sample:
    """The sample flipped and moved by chance; the picture keeps its size.

    It is not flipped while a phrase says left or right; phrases about places, sizes and numbers are left out when it is
    moved, for they may be true no more.
    """
    flip = bool(rng.random() < config.flip_share) and not any(map(says_side, sample.queries))
    move = bool(rng.random() < config.move_share)
    size_hw = (sample.image.shape[0], sample.image.shape[1])
    matrix = _flip(size_hw) if flip else np.eye(3)
    if move:
        matrix = _move(size_hw, config, rng) @ matrix
        sample = replace(sample, queries=tuple(q for q in sample.queries if not is_about_arrangement(q)))
    return warp(sample, matrix, config) if flip or move else sample


def warp(sample: Sample, matrix: Matrix, config: AugmentConfig) -> Sample:
    """The sample under an affine map of its pixels; (0, 0) is the upper left corner of the picture, not of a pixel."""
    factor = abs(float(np.linalg.det(matrix[:2, :2])))
    whole_px = sample.masks.sum(axis=(1, 2)) * factor
    return settle(sample, _warp_image(sample.image, matrix), _warp_masks(sample.masks, matrix), whole_px, config)


def _move(size_hw: tuple[int, int], config: AugmentConfig, rng: np.random.Generator) -> Matrix:
    """A window of the picture on all of it, turned about the middle, then scaled to a random place."""
    size_wh = np.array(size_hw[::-1], np.float64)
    side = rng.uniform(config.crop_least, 1)
    sides = np.clip(side * np.exp(rng.uniform(-_STRETCH, _STRETCH, 2)), config.crop_least, 1) * size_wh
    corner = rng.uniform(0, 1, 2) * (size_wh - sides)
    crop = _scale(size_wh / sides) @ _shift(-corner)
    turn = _shift(size_wh / 2) @ _turn(rng.uniform(-config.rotate_deg, config.rotate_deg)) @ _shift(-size_wh / 2)
    least, most = config.scale
    scale = math.exp(rng.uniform(math.log(least), math.log(most)))
    place = _shift(rng.uniform(0, 1, 2) * size_wh * (1 - scale))
    return place @ _scale(np.full(2, scale)) @ turn @ crop


def _flip(size_hw: tuple[int, int]) -> Matrix:
    return _shift(np.array([size_hw[1], 0.0])) @ _scale(np.array([-1.0, 1.0]))


def _shift(by_xy: Float64[np.ndarray, "2"]) -> Matrix:
    matrix = np.eye(3)
    matrix[:2, 2] = by_xy
    return matrix


def _scale(by_xy: Float64[np.ndarray, "2"]) -> Matrix:
    return np.diag([*by_xy, 1.0])


def _turn(degrees: float) -> Matrix:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _warp_image(image: UInt8[np.ndarray, "h w 3"], matrix: Matrix) -> UInt8[np.ndarray, "h w 3"]:
    """Bilinear, on a ground of the mean colour; smoothed first where it shrinks."""
    from kornia.filters import gaussian_blur2d
    from kornia.geometry.transform import warp_affine

    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    shrunk = math.sqrt(abs(float(np.linalg.det(matrix[:2, :2]))))
    if shrunk < 0.8:
        sigma = 0.5 * math.sqrt(shrunk**-2 - 1)
        most = (min(image.shape[:2]) - 1) // 2  # the picture is mirrored at its edges, once
        radius = min(math.ceil(2 * sigma), most)
        pixels = gaussian_blur2d(pixels, (2 * radius + 1, 2 * radius + 1), (sigma, sigma))
    mean = pixels.mean(dim=(0, 2, 3))
    size_hw = (image.shape[0], image.shape[1])
    warped = warp_affine(
        pixels, _centred(matrix), size_hw, mode="bilinear", padding_mode="fill", align_corners=True, fill_value=mean
    )
    return warped[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()


def _warp_masks(masks: Bool[np.ndarray, "n h w"], matrix: Matrix) -> Bool[np.ndarray, "n h w"]:
    """By the nearest pixel, some masks at a time: as numbers they take four times the memory."""
    from kornia.geometry.transform import warp_affine

    warped = np.zeros_like(masks)
    size_hw = (masks.shape[1], masks.shape[2])
    for first in range(0, len(masks), _CHUNK):
        part = torch.from_numpy(masks[first : first + _CHUNK])[None].float()
        moved = warp_affine(part, _centred(matrix), size_hw, mode="nearest", align_corners=True)
        warped[first : first + _CHUNK] = (moved[0] > 0.5).numpy()
    return warped


def _centred(matrix: Matrix) -> Tensor:
    """The map in kornia's terms, where (0, 0) is the middle of the first pixel."""
    half = np.full(2, 0.5)
    return torch.from_numpy((_shift(-half) @ matrix @ _shift(half))[None, :2]).float()
