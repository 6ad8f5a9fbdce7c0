"""Brightness, contrast, saturation, hue, blur and noise (kornia, when first used)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8

from argus.data.augment.config import AugmentConfig
from argus.data.augment.phrases import is_about_colour
from argus.data.records import Sample


def photometric(sample: Sample, config: AugmentConfig, rng: np.random.Generator) -> Sample:
    """The sample in another light, by chance; masks and phrases stay.

    While a phrase says a colour, hue and saturation stay, and brightness and contrast change half as much.
    """
    if rng.random() >= config.light_share:
        return sample
    if any(map(is_about_colour, sample.queries)):
        brightness, contrast = config.brightness / 2, config.contrast / 2
        config = replace(config, hue_deg=0.0, saturation=0.0, brightness=brightness, contrast=contrast)
    return replace(sample, image=_relit(sample.image, config, rng))


def _relit(
    image: UInt8[np.ndarray, "h w 3"], config: AugmentConfig, rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """Each change by a random amount; amounts are drawn whether or not they do anything, so that one setting does not
    move the others."""
    from kornia import enhance
    from kornia.filters import gaussian_blur2d

    brightness, contrast, saturation, hue = rng.uniform(-1, 1, 4)
    blur, noise = rng.uniform(0, 1, 2)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    pixels = enhance.adjust_brightness(pixels, brightness * config.brightness)
    pixels = enhance.adjust_contrast_with_mean_subtraction(pixels, 1 + contrast * config.contrast)
    if config.saturation:
        pixels = enhance.adjust_saturation_with_gray_subtraction(pixels, 1 + saturation * config.saturation)
    if config.hue_deg:
        pixels = enhance.adjust_hue(pixels, math.radians(hue * config.hue_deg))
    sigma = blur * config.blur_px
    if sigma > 0.2:  # less has no effect on 8 bits
        radius = min(math.ceil(2 * sigma), (min(image.shape[:2]) - 1) // 2)
        pixels = gaussian_blur2d(pixels, (2 * radius + 1, 2 * radius + 1), (sigma, sigma))
    relit = pixels[0].permute(1, 2, 0).numpy() * 255
    if config.noise:
        relit = relit + rng.normal(0, noise * config.noise * 255, relit.shape)
    return np.clip(relit.round(), 0, 255).astype(np.uint8)
