"""Detection stage: scenes with phrases and exemplar boxes, the whole model, the whole loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np
import torch

from argus.data.collate import Batch, PromptMix, collate
from argus.data.records import Sample
from argus.data.sources.scenes import HELD_OUT_SEED, SceneConfig, scene
from argus.model.sam3 import Sam3
from argus.train.criterion import Criterion, DetectorLosses, LossConfig, Totals
from argus.train.loop import Learner, TrainConfig


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of the curriculum: until batch number `until`, batches of `images` scenes made by `scene(seed)`."""

    until: int
    images: int
    scene: Callable[[int], Sample]


@dataclass(frozen=True, kw_only=True)
class SceneBatches:
    """The n-th batch of a curriculum; past its end the last phase goes on. No scene is shown twice."""

    phases: tuple[Phase, ...]
    mix: PromptMix
    seed: int = 0

    def __call__(self, index: int) -> Batch:
        phase = next((phase for phase in self.phases if index < phase.until), self.phases[-1])
        first = self.seed + index * max(phase.images for phase in self.phases)
        samples = [phase.scene((first + i) % HELD_OUT_SEED) for i in range(phase.images)]
        return collate(samples, self.mix, np.random.default_rng([self.seed, index]))


class DetectorLearner(Learner[Batch]):
    """The whole model under the detection loss."""

    def __init__(self, model: Sam3, config: LossConfig) -> None:
        super().__init__()
        self.model = model
        self.criterion = Criterion(config)

    def totals(self, batches: Sequence[Batch]) -> Totals:
        return Totals.of([batch.targets for batch in batches])

    def forward(self, batch: Batch, totals: Totals) -> DetectorLosses:
        features = self.model.encode(batch.images)
        out = self.model.train_forward(features, batch.prompts, batch.targets.present.nonzero()[:, 0])
        with torch.autocast(batch.images.device.type, enabled=False):
            return self.criterion(out, batch.targets, totals)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the curriculum in steps: until step `until`, `images` scenes of `scenes` a batch."""

    until: int
    images: int
    scenes: SceneConfig


@dataclass(frozen=True, kw_only=True)
class DetectorRecipe:
    """A whole detection run."""

    stage: ClassVar[str] = "detector"

    train: TrainConfig
    curriculum: tuple[Part, ...]
    mix: PromptMix = field(default_factory=PromptMix)
    loss: LossConfig = field(default_factory=LossConfig)

    @property
    def scenes(self) -> SceneConfig:
        """The scenes of the last part: what the model is for."""
        return self.curriculum[-1].scenes

    def learner(self, model: Sam3) -> DetectorLearner:
        return DetectorLearner(model, self.loss)

    def batches(self) -> SceneBatches:
        phases = tuple(
            Phase(until=part.until * self.train.accumulate, images=part.images, scene=partial(scene, part.scenes))
            for part in self.curriculum
        )
        return SceneBatches(phases=phases, mix=self.mix, seed=self.train.seed)
