"""Tower warm-up: objects told apart by their names, so that the detector starts from eyes that name.

Each object of a scene is the mean of the image tokens under its mask, so one image teaches as many names as it has
objects, at the sizes and in the clutter that the detector will meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, log_softmax, normalize

from argus.data.collate import normalised
from argus.data.records import Sample
from argus.data.sources.scenes import SceneConfig, drawable_concepts, ontology, scene
from argus.model.sam3 import Sam3
from argus.train.loop import Learner, TrainConfig

TEMPERATURE = 0.07  # at the start; it is learned


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Normalised images and the N objects in them: each one's image, mask, concept (as a row) and a phrase for it."""

    images: Float[Tensor, "b 3 h w"]
    image: Int[Tensor, " n"]
    masks: Bool[Tensor, "n h w"]
    concepts: Int[Tensor, " n"]
    phrases: tuple[str, ...]

    def to(self, device: torch.device) -> Objects:
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "phrases"}
        return Objects(**moved, phrases=self.phrases)


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

    def __call__(self, index: int) -> Objects:
        lesson = next((lesson for lesson in self.lessons if index < lesson.until), self.lessons[-1])
        first = self.seed + index * max(lesson.images for lesson in self.lessons)
        samples = [self.make(lesson.scenes, first + i) for i in range(lesson.images)]
        rng = np.random.default_rng([self.seed, index])
        rows = {concept: row for row, concept in enumerate(self.names)}
        concepts = [concept for sample in samples for concept in sample.concepts]
        image = np.repeat(np.arange(len(samples)), [len(sample.masks) for sample in samples])
        return Objects(
            images=normalised(np.stack([sample.image for sample in samples])),
            image=torch.from_numpy(image),
            masks=torch.from_numpy(np.concatenate([sample.masks for sample in samples])),
            concepts=torch.tensor([rows[concept] for concept in concepts], dtype=torch.int64),
            phrases=tuple(str(rng.choice(self.names[concept])) for concept in concepts),
        )


@dataclass(frozen=True, kw_only=True)
class TowerLosses:
    """Contrastive and classification loss, which add up to `total`, and the share of objects classified right."""

    total: Float[Tensor, ""]
    contrastive: Float[Tensor, ""]
    classification: Float[Tensor, ""]
    accuracy: Float[Tensor, ""]


class TowerLearner(Learner[Objects]):
    """Vision encoder, the neck's level that the detector reads, and text encoder.

    The contrast is between what the detector will see: the neck's map and the text tokens. The concepts' classification
    head beside it is thrown away. The contrast is within each batch, so here accumulating is not the same as one large
    batch.
    """

    def __init__(self, model: Sam3, concepts: int) -> None:
        super().__init__()
        self.model = model
        self.norm = nn.LayerNorm(model.config.vision.width)
        self.class_head = nn.Linear(model.config.vision.width, concepts)
        self.scale = nn.Parameter(torch.tensor(1 / TEMPERATURE).log())

    def totals(self, batches: Sequence[Objects]) -> int:
        return max(sum(len(batch.concepts) for batch in batches), 1)

    def forward(self, batch: Objects, totals: int) -> TowerLosses:
        trunk = self.model.vision(batch.images)
        level = self.model.detector.neck.x1(trunk.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # (b, h, w, c)
        tokens, valid = self.model.encode_text(batch.phrases)
        images = pool(level, batch.image, batch.masks)
        texts = (tokens * valid[..., None]).sum(1) / valid.sum(1, keepdim=True)
        scores = self.class_head(self.norm(pool(trunk, batch.image, batch.masks)))
        with torch.autocast(batch.images.device.type, enabled=False):
            likeness = normalize(images.float(), dim=-1) @ normalize(texts.float(), dim=-1).T
            contrastive = contrastive_loss(likeness * self.scale.exp().clamp(max=100), batch.concepts)
            classification = cross_entropy(scores.float(), batch.concepts)
        accuracy = (scores.argmax(-1) == batch.concepts).float().mean()
        share = len(batch.concepts) / totals
        return TowerLosses(
            total=(contrastive + classification) * share,
            contrastive=contrastive * share,
            classification=classification * share,
            accuracy=accuracy * share,
        )


def pool(
    tokens: Float[Tensor, "b h w c"], image: Int[Tensor, " n"], masks: Bool[Tensor, "n height width"]
) -> Float[Tensor, "n c"]:
    """Each object's mean token, weighted by how much of a token's patch its mask covers."""
    cover = interpolate(masks[:, None].float(), tokens.shape[1:3], mode="area").flatten(1)  # (n, h w)
    cover = cover / cover.sum(1, keepdim=True).clamp(min=1e-6)
    return (cover[:, None].to(tokens.dtype) @ tokens.flatten(1, 2)[image])[:, 0]


def contrastive_loss(logits: Float[Tensor, "b b"], concepts: Int[Tensor, " b"]) -> Float[Tensor, ""]:
    """Softmax over the batch both ways (CLIP); all pairs of one concept are right, in equal shares."""
    same = (concepts[:, None] == concepts).to(logits.dtype)
    wanted = same / same.sum(1, keepdim=True)
    both = (log_softmax(logits, 1) + log_softmax(logits, 0)) / 2  # `same` is symmetric: one target serves both ways
    return -(wanted * both).sum(1).mean()


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
        concepts = ontology().concepts
        shown = dict.fromkeys(c for lesson in self.lessons for c in drawable_concepts(lesson.scenes))
        return {id_: concepts[id_].names_en + concepts[id_].names_zh for id_ in shown}
