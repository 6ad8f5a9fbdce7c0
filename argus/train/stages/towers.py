"""Tower warm-up: objects told apart by their names, so that the detector starts from eyes that name.

Each object of a scene is the mean of the image tokens under its mask, so one image teaches as many names as it has
objects, at the sizes and in the clutter that the detector will meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from argus.model import presets
from argus.model.sam3 import Sam3, Sam3Config
from argus.train.gradient_cache import Cached, cache_gradients, with_cached_gradient
from argus.train.loop import Learner, TrainConfig
from argus.train.stages.naming import Naming, pool

MATCHING, SCALE = 4.0, 0.1  # weights of the phrases' truth and of the map's scale beside the names' contrast


@dataclass(frozen=True, kw_only=True)
class ObjectBatch:
    """Normalised images and the objects in them; the `index`-th batch of a run."""

    images: Float[Tensor, "b 3 h w"]
    objects: Objects
    index: int

    def to(self, device: torch.device) -> ObjectBatch:
        return replace(self, images=self.images.to(device), objects=self.objects.to(device))


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
            index=index,
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

    The concepts' classification head beside them is thrown away. The contrast is within each batch; with `large_batch`
    it is over all batches of a step (of this process) by gradient caching, for which each is encoded twice.
    """

    def __init__(self, model: Sam3, concepts: int, *, large_batch: bool = False) -> None:
        super().__init__()
        self.model = model
        self.naming = Naming()
        self.norm = nn.LayerNorm(model.config.vision.width)
        self.class_head = nn.Linear(model.config.vision.width, concepts)
        self.large_batch = large_batch
        self._cached: dict[int, Cached] = {}  # of the batches of a step, by their index
        self._objects = 0  # in them

    def totals(self, batches: Sequence[ObjectBatch]) -> int:
        objects = sum(len(batch.objects.concepts) for batch in batches)
        if self.large_batch:
            self._cached, self._objects = self._cache(batches), objects
        return objects

    def _cache(self, batches: Sequence[ObjectBatch]) -> dict[int, Cached]:
        """Each batch's share of the gradient of the contrast of them all.

        Not under no_grad, where the model would keep what it makes of a phrase, though its weights go on.
        """
        device, parts = self.naming.scale.device, []
        for batch in batches:
            objects = batch.objects.to(device)
            seen = self.naming.represent(self.model, self._level(self.model.vision(batch.images.to(device))), objects)
            parts.append((seen.things.detach(), seen.names.detach()))
        concepts = torch.cat([batch.objects.concepts for batch in batches]).to(device)
        shares = cache_gradients(
            parts, lambda things, names: self.naming.contrast(things, names, concepts), [self.naming.scale]
        )
        return {batch.index: share for batch, share in zip(batches, shares, strict=True)}

    def _level(self, trunk: Float[Tensor, "b h w v"]) -> Float[Tensor, "b h w c"]:
        return self.model.detector.neck.x1(trunk.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def forward(self, batch: ObjectBatch, totals: int) -> TowerLosses:
        objects = batch.objects
        trunk = self.model.vision(batch.images)
        level = self._level(trunk)
        seen = self.naming.represent(self.model, level, objects)
        named = self.naming.judge(seen, level, objects)
        scores = self.class_head(self.norm(pool(trunk, objects.image, objects.masks))).float()
        classification = cross_entropy(scores, objects.concepts)
        share = len(objects.concepts) / totals
        contrastive = named.contrastive * share
        if self.large_batch:
            whole = with_cached_gradient(self._cached.pop(batch.index), (seen.things, seen.names), [self.naming.scale])
            contrastive = whole * (self._objects / totals)
        return TowerLosses(
            total=contrastive + (MATCHING * named.matching + SCALE * named.scale + classification) * share,
            contrastive=contrastive,
            matching=MATCHING * named.matching * share,
            scale=SCALE * named.scale * share,
            classification=classification * share,
            accuracy=(scores.argmax(-1) == objects.concepts).float().mean() * share,
            presence_accuracy=named.presence_accuracy * share,
        )


@dataclass(frozen=True, kw_only=True)
class TowerRecipe:
    """A whole tower warm-up: lessons from few concepts on plain grounds to all of them.

    With `large_batch` names are contrasted over all batches of a step, however many of them are accumulated.
    """

    stage: ClassVar[str] = "towers"

    train: TrainConfig
    lessons: tuple[Lesson, ...]
    large_batch: bool = False
    sizes: Sam3Config = field(default_factory=presets.nano)

    def __post_init__(self) -> None:
        if self.large_batch and self.train.shard:
            raise ValueError(
                "expected a sharded model or one contrast over all batches of a step, got both: leave --shard out; "
                "towers alone need little memory"
            )

    @property
    def scenes(self) -> SceneConfig:
        """The last lesson's, which shows every concept."""
        return self.lessons[-1].scenes

    def learner(self, model: Sam3) -> TowerLearner:
        return TowerLearner(model, len(self._names()), large_batch=self.large_batch)

    def batches(self) -> ObjectBatches:
        return ObjectBatches(lessons=self.lessons, names=self._names(), seed=self.train.seed)

    def _names(self) -> dict[str, tuple[str, ...]]:
        return names_shown(lesson.scenes for lesson in self.lessons)


def names_shown(scenes: Iterable[SceneConfig]) -> dict[str, tuple[str, ...]]:
    """Every name, in both languages, of every concept that is shown in scenes of any of the configurations."""
    concepts = ontology().concepts
    shown = dict.fromkeys(c for config in scenes for c in drawable_concepts(config))
    return {id_: concepts[id_].names_en + concepts[id_].names_zh for id_ in shown}
