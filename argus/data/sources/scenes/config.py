"""The configuration of concept scenes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from argus.data.sources.scenes.icons import TRAIN_STYLES

HELD_OUT_SEED = 1_000_000_000
"""Training scenes have seeds below it, `scenes-val` and `scenes-style` from it on."""


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """What scenes look like. The same configuration and seed give the same bytes.

    `cache_folder` holds what `prepare` wrote; `size` is the side of the square image in pixels. `difficulty` runs from
    0 (few large objects on plain grounds) to 1 (everything). `concepts` of the ontology are shown, a smaller number
    being part of a larger one, and the same ones in every style (but for those that a style lacks). `chinese_share` of
    the phrases are Chinese; each scene carries between `min_prompts` and `max_prompts` phrases, about half of them
    without instance.
    """

    cache_folder: Path
    size: int = 280
    styles: tuple[str, ...] = TRAIN_STYLES
    difficulty: float = 1.0
    concepts: int = 450
    max_objects: int = 20
    min_prompts: int = 8
    max_prompts: int = 16
    chinese_share: float = 0.2

    def __post_init__(self) -> None:
        if self.size < 32:
            raise ValueError(f"size must be at least 32 pixels, got {self.size}")
        if not self.styles:
            raise ValueError("styles must name at least one prepared style, got none")
        if not 0 <= self.difficulty <= 1 or not 0 <= self.chinese_share <= 1:
            raise ValueError(
                f"difficulty and chinese_share must lie in 0..1, got {self.difficulty} and {self.chinese_share}"
            )
        if self.concepts < 1:
            raise ValueError(f"concepts must be at least 1, got {self.concepts}")
        if self.max_objects < 1 or not 1 <= self.min_prompts <= self.max_prompts:
            raise ValueError(
                f"expected max_objects >= 1 and 1 <= min_prompts <= max_prompts, got {self.max_objects}, "
                f"{self.min_prompts} and {self.max_prompts}"
            )


@dataclass(frozen=True, kw_only=True)
class ClipConfig(SceneConfig):
    """What clips of `frames` frames look like; the rest is as in scenes.

    `difficulty` also says how fast things and camera move and how often things cross, hide, enter, leave and are cut.
    """

    max_objects: int = 14
    frames: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames < 1:
            raise ValueError(f"frames must be at least 1, got {self.frames}")
