"""Tracker stage: all else frozen, the tracker learns to pick objects in stills and to follow them through clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from argus.data.clips import Clip
from argus.data.collate_clips import ClipBatch, ClipBatches, FirstMix, Lesson
from argus.data.sources.scenes import HELD_OUT_SEED, ClipConfig, SceneConfig, clip, has_photos, photo_clip, scene
from argus.model import presets
from argus.model.prompt_encoder import MASK_SCALE
from argus.model.sam3 import Sam3, Sam3Config
from argus.model.tracker import TrackerFeatures
from argus.ops.pixels import normalised
from argus.train.following import Record, follow_clip, pick_stills
from argus.train.loop import Learner, TrainConfig
from argus.train.tracker_criterion import TrackerCriterion, TrackerLossConfig, TrackerLosses


class TrackerLearner(Learner[ClipBatch]):
    """The tracker under its loss; nothing else of the model learns."""

    def __init__(self, model: Sam3, config: TrackerLossConfig) -> None:
        super().__init__()
        if model.tracker is None:
            raise ValueError("expected a model with a tracker, got one without: give it one (with_tracker)")
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("tracker.") and not name.endswith("frequencies"))
        self.model = model
        self.tracker_criterion = TrackerCriterion(config)

    def totals(self, batches: Sequence[ClipBatch]) -> int:
        return len(batches)

    def forward(self, batch: ClipBatch, totals: int) -> TrackerLosses:
        tracker, record = self.model.tracker, Record()
        assert tracker is not None
        stills = batch.stills
        image_hw = (stills.images.shape[1], stills.images.shape[2])
        parts = self._trunks(batch)
        pick_stills(tracker, TrackerFeatures(tracker, parts[0]), stills, record)
        for frames, of in zip(parts[1:], batch.clips, strict=True):
            follow_clip(tracker, frames, of, image_hw, record)
        with torch.autocast(stills.images.device.type, enabled=False):
            losses = self.tracker_criterion(record.first, record.carried, record.others, record.courses)
        return TrackerLosses(**{name: value / totals for name, value in vars(losses).items()})

    @torch.no_grad()
    def _trunks(self, batch: ClipBatch) -> list[Tensor]:
        """Maps of the stills, together, and of each clip. Nothing of the encoder learns."""
        pictures = [batch.stills.images, *(clip.frames for clip in batch.clips)]
        trunk = self.model.vision(normalised(torch.cat(pictures).permute(0, 3, 1, 2)))
        return list(trunk.to(self.model.dtype).split([len(part) for part in pictures]))


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Stills and clips of one size, by a seed: of scenes, and, where photos were prepared, a share of photos."""

    clips: ClipConfig
    photos: float

    def __call__(self, seed: int) -> Clip:
        if has_photos(self.clips.cache_folder) and np.random.default_rng([seed, 3]).random() < self.photos:
            return photo_clip(self.clips, seed)
        return clip(self.clips, seed) if self.clips.frames > 1 else still(self.clips, seed)


def still(config: ClipConfig, seed: int) -> Clip:
    """A scene as a clip of one frame."""
    sample = scene(config, seed)
    return Clip(
        frames=sample.image[None],
        masks=sample.masks[None],
        concepts=sample.concepts,
        queries=(),
        flow=None,
        name=sample.name,
    )


@dataclass(frozen=True, kw_only=True)
class ClipPart:
    """A part of the curriculum in steps: until step `until`, `stills` stills and `clips` clips like `pictures` a
    batch, of which `still_photos` and `clip_photos` are the shares of photos."""

    until: int
    stills: int
    clips: int
    pictures: ClipConfig
    still_photos: float = 0.6
    clip_photos: float = 0.4
    picked: int = 6
    followed: int = 4


@dataclass(frozen=True, kw_only=True)
class TrackerRecipe:
    """A whole tracker run."""

    stage: ClassVar[str] = "tracker"

    train: TrainConfig
    curriculum: tuple[ClipPart, ...]
    loss: TrackerLossConfig = field(default_factory=TrackerLossConfig)
    pick_mix: FirstMix = field(default_factory=lambda: FirstMix(box=0.6, click=0.4))
    clip_mix: FirstMix = field(default_factory=lambda: FirstMix(box=0.25, click=0.25, corrections=1))
    sizes: Sam3Config = field(default_factory=presets.nano)

    @property
    def scenes(self) -> SceneConfig:
        """The clips of the last part: what the model is for."""
        return self.curriculum[-1].pictures

    def learner(self, model: Sam3) -> TrackerLearner:
        return TrackerLearner(model, self.loss)

    def batches(self) -> ClipBatches:
        lessons = tuple(
            Lesson(
                until=part.until * self.train.accumulate,
                stills=part.stills,
                clips=part.clips,
                still=Pictures(clips=replace(part.pictures, frames=1), photos=part.still_photos),
                clip=Pictures(clips=part.pictures, photos=part.clip_photos),
                picked=part.picked,
                followed=part.followed,
            )
            for part in self.curriculum
        )
        return ClipBatches(
            lessons=lessons,
            pick_mix=self.pick_mix,
            clip_mix=self.clip_mix,
            mask_cells=self.sizes.vision.patch / MASK_SCALE,
            seeds=HELD_OUT_SEED,
            seed=self.train.seed,
        )
