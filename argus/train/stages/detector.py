"""Detection stage: scenes with phrases and exemplar boxes, the whole model, the whole loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import numpy as np
import torch

from argus.data.collate import Batch, PromptMix, collate
from argus.data.objects import objects_of
from argus.data.records import Sample
from argus.data.sources.scenes import HELD_OUT_SEED, SceneConfig, scene
from argus.model.sam3 import Sam3
from argus.train.criterion import Criterion, DetectorLosses, LossConfig, Totals
from argus.train.loop import Learner, TrainConfig
from argus.train.stages.naming import Naming
from argus.train.stages.towers import names_shown

CONTRASTIVE, MATCHING, SCALE = 6.0, 30.0, 1.0  # weights of what names and phrases teach beside the detector


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of the curriculum: until batch number `until`, batches of `images` scenes made by `scene(seed)`."""

    until: int
    images: int
    scene: Callable[[int], Sample]


@dataclass(frozen=True, kw_only=True)
class SceneBatches:
    """The n-th batch of a curriculum; past its end the last phase goes on. No scene is shown twice.

    With `names` (of each concept) the batches carry their objects, named, too.
    """

    phases: tuple[Phase, ...]
    mix: PromptMix
    names: Mapping[str, tuple[str, ...]] | None = None
    seed: int = 0

    def __call__(self, index: int) -> Batch:
        phase = next((phase for phase in self.phases if index < phase.until), self.phases[-1])
        first = self.seed + index * max(phase.images for phase in self.phases)
        samples = [phase.scene((first + i) % HELD_OUT_SEED) for i in range(phase.images)]
        rng = np.random.default_rng([self.seed, index])
        batch = collate(samples, self.mix, rng)
        return batch if self.names is None else replace(batch, objects=objects_of(samples, self.names, rng))


class DetectorLearner(Learner[Batch]):
    """The whole model under the detection loss; where a batch names its objects, its towers go on learning them.

    With `learned` only the parameters whose names begin with one of its prefixes change.
    """

    def __init__(self, model: Sam3, config: LossConfig, learned: tuple[str, ...] = ("",)) -> None:
        super().__init__()
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith(learned))
        self.model = model
        self.naming = Naming()
        self.criterion = Criterion(config)

    def totals(self, batches: Sequence[Batch]) -> Totals:
        return Totals.of([batch.targets for batch in batches])

    def forward(self, batch: Batch, totals: Totals) -> DetectorLosses:
        features = self.model.encode(batch.images)
        present = batch.targets.present.nonzero()[:, 0]
        out = self.model.train_forward(features, batch.prompts, present, batch.targets.hints_cxcywh_norm)
        with torch.autocast(batch.images.device.type, enabled=False):
            losses = self.criterion(out, batch.targets, totals)
        if batch.objects is None:
            return losses
        named = self.naming(self.model, features.detector.image, batch.objects)
        naming = CONTRASTIVE * named.contrastive + MATCHING * named.matching + SCALE * named.scale
        naming = naming * (len(batch.prompts) / totals.prompts)
        return replace(losses, total=losses.total + naming, naming=naming)


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
    learned: tuple[str, ...] = ("",)

    @property
    def scenes(self) -> SceneConfig:
        """The scenes of the last part: what the model is for."""
        return self.curriculum[-1].scenes

    def learner(self, model: Sam3) -> DetectorLearner:
        return DetectorLearner(model, self.loss, self.learned)

    def batches(self) -> SceneBatches:
        phases = tuple(
            Phase(until=part.until * self.train.accumulate, images=part.images, scene=partial(scene, part.scenes))
            for part in self.curriculum
        )
        towers_learn = "" in self.learned
        names = names_shown(part.scenes for part in self.curriculum) if towers_learn else None
        return SceneBatches(phases=phases, mix=self.mix, names=names, seed=self.train.seed)
