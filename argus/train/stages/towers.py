"""Tower warm-up: objects told apart by their names, so that the detector starts from eyes that name.

Each object of a scene is the mean of the image tokens under its mask, so one image teaches as many names as it has
objects, at the sizes and in the clutter that the detector will meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from argus.data.collate import normalised
from argus.data.objects import Objects, objects_of
from argus.data.records import Sample
from argus.data.sources.scenes import SceneConfig, drawable_concepts, ontology, scene
from argus.model.sam3 import Sam3
from argus.train.loop import Learner, TrainConfig
from argus.train.stages.naming import Naming, pool

MATCHING, SCALE = 4.0, 0.1  # weights of the phrases' truth and of the map's scale beside the names' contrast


@dataclass(frozen=True, kw_only=True)
class ObjectBatch:
    """Normalised images and the objects in them."""

    images: Float[Tensor, "b 3 h w"]
    objects: Objects

    def to(self, device: torch.device) -> ObjectBatch:
        return ObjectBatch(images=self.images.to(device), objects=self.objects.to(device))


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A part of the warm-up: until batch number `until`, `images` scenes a batch."""

    until: int
    images: int
    scenes: SceneConfig


@dataclass(frozen=True, kw_only=True)
class ObjectBatches:
    """The n-th batch of the lessons (past their end the last one goes on), each object with one of its names."""

    lessons: tuple[Lesson, ...]
    names: Mapping[str, tuple[str, ...]]
    make: Callable[[SceneConfig, int], Sample] = scene
    seed: int = 0

    def __call__(self, index: int) -> ObjectBatch:
        lesson = next((lesson for lesson in self.lessons if index < lesson.until), self.lessons[-1])
        first = self.seed + index * max(lesson.images for lesson in self.lessons)
        samples = [self.make(lesson.scenes, first + i) for i in range(lesson.images)]
        return ObjectBatch(
            images=normalised(np.stack([sample.image for sample in samples])),
            objects=objects_of(samples, self.names, np.random.default_rng([self.seed, index])),
        )


@dataclass(frozen=True, kw_only=True)
class TowerLosses:
    """The parts add up to `total`; the share of objects classified right, and of phrases whose presence is right."""

    total: Float[Tensor, ""]
    contrastive: Float[Tensor, ""]
    matching: Float[Tensor, ""]
    scale: Float[Tensor, ""]
    classification: Float[Tensor, ""]
    accuracy: Float[Tensor, ""]
    presence_accuracy: Float[Tensor, ""]


class TowerLearner(Learner[ObjectBatch]):
    """Vision encoder, the neck's level that the detector reads, and text encoder.

    The concepts' classification head beside them is thrown away. The contrast is within each batch, so here
    accumulating is not the same as one large batch.
    """

    def __init__(self, model: Sam3, concepts: int) -> None:
        super().__init__()
        self.model = model
        self.naming = Naming()
        self.norm = nn.LayerNorm(model.config.vision.width)
        self.class_head = nn.Linear(model.config.vision.width, concepts)

    def totals(self, batches: Sequence[ObjectBatch]) -> int:
        return sum(len(batch.objects.concepts) for batch in batches)

    def forward(self, batch: ObjectBatch, totals: int) -> TowerLosses:
        objects = batch.objects
        trunk = self.model.vision(batch.images)
        level = self.model.detector.neck.x1(trunk.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # (b, h, w, c)
        named = self.naming(self.model, level, objects)
        scores = self.class_head(self.norm(pool(trunk, objects.image, objects.masks))).float()
        classification = cross_entropy(scores, objects.concepts)
        share = len(objects.concepts) / totals
        return TowerLosses(
            total=(named.contrastive + MATCHING * named.matching + SCALE * named.scale + classification) * share,
            contrastive=named.contrastive * share,
            matching=MATCHING * named.matching * share,
            scale=SCALE * named.scale * share,
            classification=classification * share,
            accuracy=(scores.argmax(-1) == objects.concepts).float().mean() * share,
            presence_accuracy=named.presence_accuracy * share,
        )


@dataclass(frozen=True, kw_only=True)
class TowerRecipe:
    """A whole tower warm-up: lessons from few concepts on plain grounds to all of them."""

    stage: ClassVar[str] = "towers"

    train: TrainConfig
    lessons: tuple[Lesson, ...]

    @property
    def scenes(self) -> SceneConfig:
        """The last lesson's, which shows every concept."""
        return self.lessons[-1].scenes

    def learner(self, model: Sam3) -> TowerLearner:
        return TowerLearner(model, len(self._names()))

    def batches(self) -> ObjectBatches:
        return ObjectBatches(lessons=self.lessons, names=self._names(), seed=self.train.seed)

    def _names(self) -> dict[str, tuple[str, ...]]:
        return names_shown(lesson.scenes for lesson in self.lessons)


def names_shown(scenes: Iterable[SceneConfig]) -> dict[str, tuple[str, ...]]:
    """Every name, in both languages, of every concept that is shown in scenes of any of the configurations."""
    concepts = ontology().concepts
    shown = dict.fromkeys(c for config in scenes for c in drawable_concepts(config))
    return {id_: concepts[id_].names_en + concepts[id_].names_zh for id_ in shown}
