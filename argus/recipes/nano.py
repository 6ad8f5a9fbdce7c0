"""nano from scratch on concept scenes: towers first, then the detector, the tracker, and nets of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from argus.data.collate import PromptMix
from argus.data.collate_clips import FirstMix
from argus.data.negatives import NegativeConfig
from argus.data.sources.scenes import PHOTOS_STYLE, TRAIN_STYLES, ClipConfig, SceneConfig
from argus.train.criterion import LossConfig
from argus.train.loop import TrainConfig
from argus.train.optim import OptimConfig
from argus.train.picking import Picking
from argus.train.rounds import Rounds
from argus.train.stages.cutter import CutterRecipe
from argus.train.stages.detector import DetectorRecipe, FinishRecipe, Part
from argus.train.stages.namer import NamerRecipe
from argus.train.stages.towers import Lesson, TowerRecipe
from argus.train.stages.tracker import ClipPart, TrackerRecipe
from argus.train.tracker_criterion import TrackerLossConfig


def towers(scenes_folder: Path) -> TowerRecipe:
    """Objects of scenes at 140 px, one window of the vision encoder: from few concepts to all."""
    return TowerRecipe(
        train=TrainConfig(
            purpose="nano: vision and text encoder learn names from the objects of scenes",
            steps=12_000,
            optim=OptimConfig(vision=1e-3, text=1e-3, rest=1e-3, warmup=100, timescale=3_000, cooldown=1_000),
            look_every=1_000_000,
        ),
        lessons=(
            Lesson(until=300, images=32, scenes=scenes_of(scenes_folder, size=140, difficulty=0.0, concepts=50)),
            Lesson(until=900, images=32, scenes=scenes_of(scenes_folder, size=140, difficulty=0.3, concepts=170)),
            Lesson(until=12_000, images=32, scenes=scenes_of(scenes_folder, size=140, difficulty=0.4)),
        ),
    )


def detector(scenes_folder: Path) -> DetectorRecipe:
    """From few large objects at 140 px to everything at 420 px; encoding is cheap, so many images with few prompts."""
    return DetectorRecipe(
        train=TrainConfig(
            purpose="nano: detection on concept scenes",
            steps=13_000,
            optim=OptimConfig(
                vision=3e-4,
                text=3e-4,
                rest=1e-3,
                vision_layer_decay=0.9,
                clip=1.0,
                warmup=200,
                timescale=1_500,
                cooldown=1_500,
            ),
        ),
        mix=PromptMix(per_image=3),
        loss=LossConfig(
            class_queries=32,  # as many as nano has: the class loss weighs more, and is learned sooner
            one_to_many=0.5,
            classification=40.0,
            positive_weight=4.0,  # with the powers: one of two queries on an object wins, and sooner
            probability_power=0.5,
            iou_power=0.15,
            mask_focal=400.0,  # found objects lost more by their masks than by anything else
            mask_dice=20.0,
            mask_alpha=0.4,  # 0.25 left the masks a little too small
        ),
        picking=Picking(),
        curriculum=(
            Part(until=1_800, images=32, scenes=scenes_of(scenes_folder, size=140, difficulty=0.4)),
            Part(until=2_200, images=32, scenes=scenes_of(scenes_folder, size=196, difficulty=0.7)),
            Part(until=8_060, images=16, scenes=scenes_of(scenes_folder, size=280, difficulty=1.0)),
            Part(until=13_000, images=8, scenes=scenes_of(scenes_folder, size=420, difficulty=1.0)),
        ),
    )


def decoder(scenes_folder: Path) -> DetectorRecipe:
    """The detector alone, after the whole, on frozen encoders (so that the tracker need not learn again): exemplars of
    both kinds, hard negatives, each object to one query, and scores that fit 0.5."""
    whole = detector(scenes_folder)
    return replace(
        whole,
        train=TrainConfig(
            purpose="nano: the detector alone on frozen encoders",
            steps=14_100,
            optim=OptimConfig(vision=0.0, text=0.0, rest=3e-4, warmup=50, timescale=10**9, cooldown=400),
            save_every=100,
        ),
        mix=PromptMix(per_image=6, text_and_boxes=0.4, negative_box=0.5),
        loss=replace(whole.loss, positive_weight=2.0, presence_positive_weight=1.5),
        learned=("detector.",),
        picking=None,
        negatives=NegativeConfig(per_image=5, hard_first=0.5, hard_last=0.5),
        curriculum=(
            Part(until=13_700, images=6, scenes=scenes_of(scenes_folder, size=280, difficulty=1.0)),
            Part(until=14_100, images=4, scenes=scenes_of(scenes_folder, size=420, difficulty=1.0)),
        ),
    )


def finish(scenes_folder: Path) -> FinishRecipe:
    """After the detector, on its hardest scenes: its mistakes are corrected by exemplars, and it is asked again.

    Rounds ask for more than twice the prompts, so that there are fewer images a step.
    """
    whole = detector(scenes_folder)
    return FinishRecipe(
        train=TrainConfig(
            purpose="nano: interactive rounds and hard negatives on concept scenes",
            steps=3_000,
            optim=OptimConfig(
                vision=1e-4, text=1e-4, rest=3e-4, vision_layer_decay=0.9, warmup=100, timescale=1_000, cooldown=750
            ),
            save_every=250,
        ),
        mix=replace(whole.mix, per_image=4),
        loss=replace(whole.loss, presence_positive_weight=1.5),
        picking=whole.picking,
        rounds=Rounds(count=2),
        negatives=NegativeConfig(per_image=5, hard_first=0.3, hard_last=0.8, ramp_steps=1_500),
        curriculum=(Part(until=3_000, images=6, scenes=scenes_of(scenes_folder, size=420, difficulty=1.0)),),
    )


def tracker(scenes_folder: Path) -> TrackerRecipe:
    """The tracker alone, after the whole: from easy stills to stills and clips of everything.

    It begins with many small pictures: begun on large and hard ones, it takes no notice of prompts for long. The
    bundled weights are the mean of those of steps 5,670 and 7,600, both cooled down.
    """
    small, middling, hard = (
        clips_of(scenes_folder, size=size, frames=frames, difficulty=difficulty)
        for size, frames, difficulty in ((140, 2, 0.4), (280, 2, 0.7), (420, 8, 1.0))
    )
    return TrackerRecipe(
        train=TrainConfig(
            purpose="nano: the tracker on stills and clips of scenes and photos",
            steps=7_600,
            optim=OptimConfig(vision=0.0, text=0.0, rest=1e-3, warmup=100, timescale=1_000, cooldown=350),
            save_every=100,
            look_every=1_000_000,
        ),
        # cross-entropy: under the focal loss close-ups were best cut at -0.5, so that carried masks shrank
        loss=TrackerLossConfig(focal=4.0, dice=2.0, focal_alpha=0.5, focal_gamma=0.0),
        pick_mix=FirstMix(box=0.8, click=0.2, jitter=0.03),
        curriculum=(
            ClipPart(until=1_200, stills=32, clips=0, pictures=small, still_photos=0.3),
            ClipPart(until=1_800, stills=12, clips=1, pictures=middling),
            ClipPart(until=4_200, stills=4, clips=1, pictures=hard),
            ClipPart(until=5_550, stills=8, clips=1, pictures=hard, still_photos=0.7),
            ClipPart(until=5_670, stills=8, clips=1, pictures=replace(hard, frames=16), still_photos=0.7),
            ClipPart(until=6_100, stills=16, clips=1, pictures=hard, still_photos=0.85),
            ClipPart(until=7_600, stills=16, clips=1, pictures=replace(hard, frames=16), still_photos=0.85),
        ),
    )


def namer(scenes_folder: Path) -> NamerRecipe:
    """A net for close-ups beside the whole: it tells the names of objects that the encoders see too coarsely."""
    return NamerRecipe(
        train=TrainConfig(
            purpose="nano: names of objects from close up",
            steps=33_000,
            optim=OptimConfig(vision=0.0, text=0.0, rest=2e-3, warmup=100, timescale=2_000, cooldown=3_000),
            save_every=250,
            look_every=1_000_000,
        ),
        count=96,
        bank_scenes=24_000,
        scenes=replace(scenes_of(scenes_folder, size=280), min_prompts=20, max_prompts=24),
    )


def cutter(scenes_folder: Path) -> CutterRecipe:
    """A net beside the whole that cuts objects out of their boxes: drawn ones first, then those of photos as well."""
    return CutterRecipe(
        train=TrainConfig(
            purpose="nano: objects cut out of their boxes",
            steps=5_800,
            optim=OptimConfig(vision=0.0, text=0.0, rest=2e-3, warmup=100, timescale=2_000, cooldown=2_000),
            save_every=250,
            look_every=1_000_000,
        ),
        count=64,
        photos=0.6,
        photos_from=2_600,
        scenes=SceneConfig(cache_folder=scenes_folder, size=322),
    )


def clips_of(folder: Path, size: int, frames: int, difficulty: float = 1.0) -> ClipConfig:
    """Clips (and stills) in the styles of `scenes_of`."""
    styles = scenes_of(folder, size=size, difficulty=difficulty).styles
    return ClipConfig(cache_folder=folder, size=size, styles=styles, difficulty=difficulty, frames=frames)


def scenes_of(folder: Path, size: int, difficulty: float = 1.0, concepts: int = 450) -> SceneConfig:
    """Training styles, with photo cut-outs where they were prepared."""
    config = SceneConfig(cache_folder=folder, size=size, difficulty=difficulty, concepts=concepts)
    has_photos = (folder / f"{PHOTOS_STYLE}.npz").exists()
    return replace(config, styles=(*TRAIN_STYLES, PHOTOS_STYLE)) if has_photos else config
