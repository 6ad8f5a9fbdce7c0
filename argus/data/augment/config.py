"""How much samples are changed in training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Shares are of the samples (of the phrases for the last two); with the defaults nothing is changed.

    Geometry: `flip_share` is flipped left to right; `move_share` is cropped to a window whose sides are at least
    `crop_least` of the picture's, then turned by up to `rotate_deg` and scaled by `scale` (the large-scale jitter:
    below 1 the picture shrinks on a plain ground, above 1 a part of it fills the whole). `paste_share` gets 1 to
    `most_pasted` instances of a donor. Light: `light_share` is changed by up to `brightness` (of full white),
    `contrast` and `saturation` (as factors 1 +- this), `hue_deg`, a blur of up to `blur_px` and noise of up to `noise`.
    Words: `synonym_share` of the phrases become a synonym, `parent_share` of those present a parent.

    An instance of which less than `least_visible` is left, or fewer pixels than `least_area_px`, is dropped.
    """

    flip_share: float = 0.0
    move_share: float = 0.0
    crop_least: float = 1.0
    rotate_deg: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    paste_share: float = 0.0
    most_pasted: int = 3
    light_share: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue_deg: float = 0.0
    blur_px: float = 0.0
    noise: float = 0.0
    synonym_share: float = 0.0
    parent_share: float = 0.0
    least_visible: float = 0.1
    least_area_px: int = 4

    def __post_init__(self) -> None:
        for name in ("flip", "move", "paste", "light", "synonym", "parent"):
            if not 0 <= (share := getattr(self, f"{name}_share")) <= 1:
                raise ValueError(f"expected {name}_share in 0..1, got {share}")
        for name in ("brightness", "contrast", "saturation", "noise"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise ValueError(f"expected {name} in 0..1 (1 left out), got {value}")
        if self.synonym_share + self.parent_share > 1:
            raise ValueError(
                f"expected synonym_share + parent_share of at most 1, got {self.synonym_share} + {self.parent_share}"
            )
        if not 0 < self.scale[0] <= self.scale[1] or not 0 < self.crop_least <= 1:
            raise ValueError(
                "expected scale (least, most) above 0 and crop_least above 0 and at most 1, "
                f"got {self.scale} and {self.crop_least}"
            )
        if self.most_pasted < 1 or min(self.rotate_deg, self.hue_deg, self.blur_px) < 0:
            raise ValueError(
                "expected most_pasted of 1 or more and rotate_deg, hue_deg and blur_px of 0 or more, got "
                f"{self.most_pasted}, {self.rotate_deg}, {self.hue_deg} and {self.blur_px}"
            )


def light() -> AugmentConfig:
    """For much data, or data that is close to what it is for: flips, small crops, a little light."""
    return AugmentConfig(
        flip_share=0.5,
        move_share=0.5,
        crop_least=0.8,
        scale=(0.8, 1.25),
        light_share=0.5,
        brightness=0.1,
        contrast=0.15,
        saturation=0.15,
        synonym_share=0.1,
    )


def strong() -> AugmentConfig:
    """For little data: large-scale jitter, turns, copy-paste, light and words."""
    return AugmentConfig(
        flip_share=0.5,
        move_share=0.8,
        crop_least=0.6,
        rotate_deg=15.0,
        scale=(0.3, 2.0),
        paste_share=0.3,
        light_share=0.8,
        brightness=0.2,
        contrast=0.3,
        saturation=0.4,
        hue_deg=8.0,
        blur_px=1.0,
        noise=0.03,
        synonym_share=0.2,
        parent_share=0.1,
    )
