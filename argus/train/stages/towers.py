"""Tower warm-up: crops of single objects, told apart by name, so that the detector starts from eyes that name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax, normalize

from argus.data.collate import normalised
from argus.data.sources.scenes import SceneConfig, drawable_concepts, ontology, sprite
from argus.model.sam3 import Sam3
from argus.train.loop import Learner, TrainConfig

TEMPERATURE = 0.07  # at the start; it is learned


@dataclass(frozen=True, kw_only=True)
class Crops:
    """Images of one object each, normalised, the row of its concept, and a phrase for it."""

    images: Float[Tensor, "b 3 h w"]
    concepts: Int[Tensor, " b"]
    phrases: tuple[str, ...]

    def to(self, device: torch.device) -> Crops:
        return Crops(images=self.images.to(device), concepts=self.concepts.to(device), phrases=self.phrases)


@dataclass(frozen=True, kw_only=True)
class CropBatches:
    """The n-th batch: `images` crops made by `crop(seed)` -> (uint8 image, concept), each with one of its names.

    `names` also fixes the rows of the concepts.
    """

    images: int
    crop: Callable[[int], tuple[np.ndarray, str]]
    names: Mapping[str, tuple[str, ...]]
    seed: int = 0

    def __call__(self, index: int) -> Crops:
        rng = np.random.default_rng([self.seed, index])
        made = [self.crop(self.seed + index * self.images + i) for i in range(self.images)]
        rows = {concept: row for row, concept in enumerate(self.names)}
        phrases = [self.names[concept] for _, concept in made]
        return Crops(
            images=normalised(np.stack([image for image, _ in made])),
            concepts=torch.tensor([rows[concept] for _, concept in made]),
            phrases=tuple(names[int(rng.integers(len(names)))] for names in phrases),
        )


@dataclass(frozen=True, kw_only=True)
class TowerLosses:
    """Contrastive and classification loss, which add up to `total`, and the share of crops classified right."""

    total: Float[Tensor, ""]
    contrastive: Float[Tensor, ""]
    classification: Float[Tensor, ""]
    accuracy: Float[Tensor, ""]


class TowerLearner(Learner[Crops]):
    """Vision and text encoder under a norm and three heads that are thrown away.

    The contrast is within each batch, so here accumulating is not the same as one large batch."""

    def __init__(self, model: Sam3, concepts: int) -> None:
        super().__init__()
        self.model = model
        width = model.config.detector.width
        self.norm = nn.LayerNorm(model.config.vision.width)
        self.norm = nn.LayerNorm(model.config.vision.width)
        self.image_head = nn.Linear(model.config.vision.width, width)
        self.text_head = nn.Linear(width, width)
        self.class_head = nn.Linear(model.config.vision.width, concepts)
        self.scale = nn.Parameter(torch.tensor(1 / TEMPERATURE).log())

    def totals(self, batches: Sequence[Crops]) -> int:
        return sum(len(batch.concepts) for batch in batches)

    def forward(self, batch: Crops, totals: int) -> TowerLosses:
        pooled = self.norm(self.model.vision(batch.images).mean((1, 2)))  # (b, c)
        tokens, valid = self.model.encode_text(batch.phrases)
        meaning = (tokens * valid[..., None]).sum(1) / valid.sum(1, keepdim=True)
        images, texts, scores = self.image_head(pooled), self.text_head(meaning), self.class_head(pooled)
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


def contrastive_loss(logits: Float[Tensor, "b b"], concepts: Int[Tensor, " b"]) -> Float[Tensor, ""]:
    """Softmax over the batch both ways (CLIP); all pairs of one concept are right, in equal shares."""
    same = (concepts[:, None] == concepts).to(logits.dtype)
    wanted = same / same.sum(1, keepdim=True)
    both = (log_softmax(logits, 1) + log_softmax(logits, 0)) / 2  # `same` is symmetric: one target serves both ways
    return -(wanted * both).sum(1).mean()


@dataclass(frozen=True, kw_only=True)
class TowerRecipe:
    """A whole tower warm-up: `images` crops a batch, each asked by a name in either language."""

    train: TrainConfig
    images: int
    scenes: SceneConfig

    def learner(self, model: Sam3) -> TowerLearner:
        return TowerLearner(model, len(drawable_concepts(self.scenes)))

    def batches(self) -> CropBatches:
        return CropBatches(images=self.images, crop=self._crop, names=self._names(), seed=self.train.seed)

    def _crop(self, seed: int) -> tuple[np.ndarray, str]:
        made = sprite(self.scenes, seed)
        return made.image, made.concept

    def _names(self) -> dict[str, tuple[str, ...]]:
        concepts = ontology().concepts
        return {id_: concepts[id_].names_en + concepts[id_].names_zh for id_ in drawable_concepts(self.scenes)}
