"""The published model's four stages: its sizes, resolutions, loss weights and rates, on concept scenes.

The published data are not to be had, so scenes stand in for them, and numbers of steps and images are ours. Rates are
those published for fine-tuning; the towers and the tracker, which begin with nothing, have rates of our own.
"""

from __future__ import annotations

from pathlib import Path

from argus.data.augment import light
from argus.data.collate import PromptMix
from argus.data.negatives import NegativeConfig
from argus.model import presets
from argus.recipes.nano import clips_of, scenes_of
from argus.train.criterion import LossConfig
from argus.train.loop import TrainConfig
from argus.train.optim import OptimConfig
from argus.train.picking import Picking
from argus.train.rounds import Rounds
from argus.train.stages.detector import DetectorRecipe, FinishRecipe, Part
from argus.train.stages.towers import Lesson, TowerRecipe
from argus.train.stages.tracker import ClipPart, TrackerRecipe
from argus.train.tracker_criterion import TrackerLossConfig

TOWERS_SIZE, SIZE = 336, 1008  # in pixels: the 24 x 24 tokens that the encoder is pre-trained on, and 72 x 72


def towers(scenes_folder: Path) -> TowerRecipe:
    """Vision and text encoder, contrasted over 2,048 images a step by gradient caching."""
    return TowerRecipe(
        sizes=presets.sam3(),
        train=TrainConfig(
            purpose="sam3: vision and text encoder learn names",
            steps=100_000,
            optim=OptimConfig(vision=4e-4, text=4e-4, rest=4e-4, warmup=2_000, cooldown=10_000),
            accumulate=64,
            look_every=10_000_000,
        ),
        lessons=(Lesson(until=64 * 100_000, images=32, scenes=scenes_of(scenes_folder, size=TOWERS_SIZE)),),
        large_batch=True,
    )


def detector(scenes_folder: Path) -> DetectorRecipe:
    """Detection, segmentation and picking on plentiful data."""
    return DetectorRecipe(
        sizes=presets.sam3(),
        train=TrainConfig(
            purpose="sam3: detection, segmentation and picking", steps=95_000, optim=_rates(5_000), accumulate=8
        ),
        mix=PromptMix(per_image=8),
        loss=LossConfig(),
        picking=Picking(),
        augment=light(),
        curriculum=(Part(until=95_000, images=4, scenes=scenes_of(scenes_folder, size=SIZE)),),
    )


def finish(scenes_folder: Path) -> FinishRecipe:
    """The best data, up to 30 hard negatives an image, and exemplars for what was missed and what was wrong."""
    return FinishRecipe(
        sizes=presets.sam3(),
        train=TrainConfig(
            purpose="sam3: hard negatives and interactive rounds", steps=10_000, optim=_rates(1_000), accumulate=16
        ),
        mix=PromptMix(per_image=16),
        loss=LossConfig(),
        picking=Picking(),
        rounds=Rounds(count=3),
        negatives=NegativeConfig(per_image=30, ramp_steps=5_000),
        augment=light(),
        curriculum=(Part(until=10_000, images=2, scenes=scenes_of(scenes_folder, size=SIZE)),),
    )


def tracker(scenes_folder: Path) -> TrackerRecipe:
    """The tracker alone: clips of 8 frames, then longer ones."""
    short, long = (clips_of(scenes_folder, size=SIZE, frames=frames) for frames in (8, 16))
    return TrackerRecipe(
        sizes=presets.sam3(),
        train=TrainConfig(
            purpose="sam3: the tracker on stills and clips",
            steps=60_000,
            optim=OptimConfig(vision=0.0, text=0.0, rest=1e-4, clip=0.1, warmup=1_000, cooldown=5_000),
            accumulate=8,
            look_every=10_000_000,
        ),
        loss=TrackerLossConfig(),
        curriculum=(
            ClipPart(until=50_000, stills=2, clips=1, pictures=short),
            ClipPart(until=60_000, stills=2, clips=1, pictures=long),
        ),
    )


def _rates(cooldown: int) -> OptimConfig:
    """As published: AdamW, 8e-5 for all but the encoders, a layer-wise decay of 0.9 in the vision encoder."""
    return OptimConfig(
        vision=2.5e-5,
        text=5e-6,
        rest=8e-5,
        vision_layer_decay=0.9,
        weight_decay=0.1,
        clip=0.1,
        warmup=500,
        cooldown=cooldown,
    )
