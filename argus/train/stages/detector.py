"""Detection stages: scenes with phrases and exemplar boxes, the whole model, the whole loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from argus.data.augment import AugmentConfig, augment
from argus.data.collate import Batch, PromptMix, Targets, collate
from argus.data.collate_clips import Picks, choose_picks
from argus.data.negatives import NegativeConfig, add_negatives, without_easy
from argus.data.objects import objects_of
from argus.data.ontology import built_in
from argus.data.records import Sample
from argus.data.sources.scenes import HELD_OUT_SEED, SceneConfig, scene
from argus.model import presets
from argus.model.detector import DetectorTraining
from argus.model.sam3 import Features, Sam3, Sam3Config
from argus.train.criterion import Criterion, DetectorLosses, LossConfig, Totals, added
from argus.train.loop import Learner, TrainConfig
from argus.train.notes import Notes, note_for
from argus.train.picking import Picking, picking_losses
from argus.train.rounds import Rounds, corrected
from argus.train.stages.naming import Naming
from argus.train.stages.towers import names_shown
from argus.types import Prompt

CONTRASTIVE, MATCHING, SCALE = 6.0, 30.0, 1.0  # weights of what names and phrases teach beside the detector


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of the curriculum: until batch number `until`, batches of `images` scenes made by `scene(seed)`."""

    until: int
    images: int
    scene: Callable[[int], Sample]


@dataclass(frozen=True, kw_only=True)
class SceneBatches:
    """The n-th batch of a curriculum; past its end the last phase goes on. No scene is shown twice. A step has
    `per_step` batches.

    With `names` (of each concept) the batches carry their objects, named, too; with `picking` some to be picked. With
    `negatives` absent phrases get harder with the steps: siblings of what is there, and what by the notes in the folder
    `notes` is confused with it. With `augment` scenes are changed before that.
    """

    phases: tuple[Phase, ...]
    mix: PromptMix
    names: Mapping[str, tuple[str, ...]] | None = None
    picking: Picking | None = None
    negatives: NegativeConfig | None = None
    augment: AugmentConfig | None = None
    notes: Path | None = None
    per_step: int = 1
    seed: int = 0

    def __call__(self, index: int) -> Batch:
        phase = next((phase for phase in self.phases if index < phase.until), self.phases[-1])
        first, step = self.seed + index * max(phase.images for phase in self.phases), index // self.per_step
        changes = np.random.default_rng([self.seed, index, 1])
        scenes = [phase.scene((first + i) % HELD_OUT_SEED) for i in range(phase.images)]
        samples = [self._changed(sample, step, changes) for sample in scenes]
        rng = np.random.default_rng([self.seed, index])
        batch = replace(collate(samples, self.mix, rng), step=step, picks=self._picks(samples, changes))
        return batch if self.names is None else replace(batch, objects=objects_of(samples, self.names, rng))

    def _picks(self, samples: Sequence[Sample], rng: np.random.Generator) -> Picks | None:
        if self.picking is None:
            return None
        return choose_picks([sample.masks for sample in samples], self.picking.objects, self.picking.mix, rng)

    def _changed(self, sample: Sample, step: int, rng: np.random.Generator) -> Sample:
        if self.augment is not None:
            sample = augment(sample, self.augment, rng, ontology=built_in())
        if self.negatives is None:
            return sample
        table = None if self.notes is None else note_for(self.notes, step)
        bare = without_easy(sample)
        return add_negatives(bare, self.negatives, step, rng, ontology=built_in(), confusions=table)


def answers(model: Sam3, features: Features, prompts: Sequence[Prompt], targets: Targets) -> DetectorTraining:
    """What a model says to prompts about encoded images, as losses read it."""
    return model.train_forward(features, prompts, targets.present.nonzero()[:, 0], targets.hints_cxcywh_norm)


class DetectorLearner(Learner[Batch]):
    """The whole model under the detection loss; where a batch names its objects, its towers go on learning them.

    With `learned` only the parameters whose names begin with one of its prefixes change (None: those that the model
    has not frozen). With `rounds` prompts whose answers have mistakes are asked again with exemplars that correct
    them, and every round has the whole loss. What it finds for absent phrases is noted in the folder `notes`. With
    `picking` a tracker, where the model has one, learns to pick single objects of the same images, and the encoder with
    it.
    """

    def __init__(
        self,
        model: Sam3,
        config: LossConfig,
        learned: tuple[str, ...] | None = ("",),
        *,
        picking: Picking | None = None,
        rounds: Rounds | None = None,
        notes: Path | None = None,
    ) -> None:
        super().__init__()
        if learned is not None:
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(name.startswith(learned) and not name.endswith("frequencies"))
        self.model = model
        self.naming = Naming()
        self.criterion = Criterion(config)
        self.picking = picking
        self.rounds = rounds
        self.notes = None if notes is None else Notes(notes)

    def totals(self, batches: Sequence[Batch]) -> Totals:
        picks = sum(0 if batch.picks is None else len(batch.picks.first) for batch in batches)
        return replace(Totals.of([batch.targets for batch in batches]), picks=picks)

    def forward(self, batch: Batch, totals: Totals) -> DetectorLosses:
        features = self.model.encode(batch.images)
        out, losses = self._asked(features, batch.prompts, batch.targets, totals)
        if self.notes is not None:
            self.notes.record(batch, out)
        more: dict[str, Tensor] = {}
        if self.rounds is not None:
            more["rounds"] = self._again(features, out, batch, totals, self.rounds)
        if batch.objects is not None:
            named = self.naming(self.model, features.detector.image, batch.objects)
            naming = CONTRASTIVE * named.contrastive + MATCHING * named.matching + SCALE * named.scale
            more["naming"] = naming * (len(batch.prompts) / totals.prompts)
        return self._with_picks(features, batch, totals, added(losses, **more))

    def _with_picks(self, features: Features, batch: Batch, totals: Totals, losses: DetectorLosses) -> DetectorLosses:
        if self.picking is None or self.model.tracker is None or batch.picks is None:
            return losses
        picked, iou = picking_losses(self.model.tracker, features.tracker, batch.picks, self.picking)
        share = len(batch.picks.first) / totals.picks
        return replace(added(losses, picking=picked * share), pick_iou=iou * share)

    def _asked(
        self, features: Features, prompts: Sequence[Prompt], targets: Targets, totals: Totals
    ) -> tuple[DetectorTraining, DetectorLosses]:
        out = answers(self.model, features, prompts, targets)
        with torch.autocast(features.trunk.device.type, enabled=False):
            return out, self.criterion(out, targets, totals)

    def _again(
        self, features: Features, out: DetectorTraining, batch: Batch, totals: Totals, rounds: Rounds
    ) -> Float[Tensor, ""]:
        """The loss of all rounds; a prompt drops out of them with its first answer without mistakes."""
        prompts, targets, losses = batch.prompts, batch.targets, [out.presence_logits.new_zeros(()).float()]
        rng = np.random.default_rng(int(torch.randint(2**31, ())))
        for _ in range(rounds.count):
            rows, again = corrected(out, prompts, targets, rounds, rng)
            if not rows:
                break
            prompts, targets = tuple(again), targets.of(rows)
            out, judged = self._asked(features, prompts, targets, totals)
            losses.append(judged.total)
        return torch.stack(losses).sum()


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the curriculum in steps: until step `until`, `images` scenes of `scenes` a batch."""

    until: int
    images: int
    scenes: SceneConfig


@dataclass(frozen=True, kw_only=True)
class DetectorRecipe:
    """A whole detection run. Hard `negatives` go by what is confused where there is a folder for `notes` of it."""

    stage: ClassVar[str] = "detector"

    train: TrainConfig
    curriculum: tuple[Part, ...]
    mix: PromptMix = field(default_factory=PromptMix)
    loss: LossConfig = field(default_factory=LossConfig)
    learned: tuple[str, ...] = ("",)
    picking: Picking | None = None
    rounds: Rounds | None = None
    negatives: NegativeConfig | None = None
    augment: AugmentConfig | None = None
    notes: Path | None = None
    sizes: Sam3Config = field(default_factory=presets.nano)

    @property
    def scenes(self) -> SceneConfig:
        """The scenes of the last part: what the model is for."""
        return self.curriculum[-1].scenes

    def learner(self, model: Sam3) -> DetectorLearner:
        notes = None if self.negatives is None else self.notes
        return DetectorLearner(model, self.loss, self.learned, picking=self.picking, rounds=self.rounds, notes=notes)

    def batches(self) -> SceneBatches:
        phases = tuple(
            Phase(until=part.until * self.train.accumulate, images=part.images, scene=partial(scene, part.scenes))
            for part in self.curriculum
        )
        towers_learn = "" in self.learned
        names = names_shown(part.scenes for part in self.curriculum) if towers_learn else None
        return SceneBatches(
            phases=phases,
            mix=self.mix,
            names=names,
            picking=self.picking,
            negatives=self.negatives,
            augment=self.augment,
            notes=self.notes,
            per_step=self.train.accumulate,
            seed=self.train.seed,
        )


@dataclass(frozen=True, kw_only=True)
class FinishRecipe(DetectorRecipe):
    """A whole run of the third stage: the best data, interactive rounds, hard negatives."""

    stage: ClassVar[str] = "finish"

    rounds: Rounds | None = field(default_factory=Rounds)
    negatives: NegativeConfig | None = field(default_factory=NegativeConfig)
