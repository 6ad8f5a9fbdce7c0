"""Cutter stage: all else frozen, a small net learns to cut objects out of their boxes, from scenes and photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from argus.data.records import Sample
from argus.data.sources.scenes import SceneConfig, WholePhotos, has_photos, scene
from argus.model import presets
from argus.model.sam3 import Sam3, Sam3Config
from argus.ops import rle
from argus.train.boxed_views import Thing, shown, thing_of, views_of
from argus.train.loop import Learner, TrainConfig
from argus.train.losses.masks import dice_loss

ENTROPY = 2.0  # how many times cross-entropy counts beside Dice
LEAST_PX, LEAST_PHOTO_PX = 120, 60  # pixels of an object that has an outline to learn
OF_A_SCENE = 6  # objects at most
DRAWN_PASTED, PHOTOS_PASTED = 0.5, 0.25  # shares of objects that are shown on other grounds


@dataclass(frozen=True, kw_only=True)
class CutterBatch:
    """N views of boxes with their facts, and the object's share of each cell."""

    views: Float[Tensor, "n 5 s s"]
    facts: Float[Tensor, "n 2"]
    shares: Float[Tensor, "n 1 s s"]

    def to(self, device: torch.device) -> CutterBatch:
        return replace(self, **{name: value.to(device) for name, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class CutterBatches:
    """The n-th batch: `count` objects, of which, from batch `photos_from` on and where photos were prepared, the share
    `photos` is of photos."""

    scenes: SceneConfig
    count: int
    photos: float
    photos_from: int
    side: int
    seed: int = 0

    def __call__(self, index: int) -> CutterBatch:
        rng = np.random.default_rng([self.seed, index])
        has = has_photos(self.scenes.cache_folder)
        taught = _taught(Path(self.scenes.cache_folder)) if has else _Taught(things=(), grounds=())
        grounds, things = taught.grounds, taught.things
        of_photos = int((rng.random(self.count) < self.photos).sum()) if things and index >= self.photos_from else 0
        seen = [
            shown(things[rng.integers(len(things))], self.side, rng, grounds, PHOTOS_PASTED, surfaces=False)
            for _ in range(of_photos)
        ]
        while len(seen) < self.count:
            sample = scene(self.scenes, int(rng.integers(2**29)))
            for thing in _things(sample, rng)[: self.count - len(seen)]:
                seen.append(shown(thing, self.side, rng, grounds, DRAWN_PASTED, surfaces=True))
        views, facts, shares = views_of(seen, rng)
        return CutterBatch(views=views, facts=facts, shares=shares)


@dataclass(frozen=True, kw_only=True)
class _Taught:
    """What all photos of a folder show, and they themselves."""

    things: tuple[Thing, ...]
    grounds: tuple[UInt8[np.ndarray, "h w 3"], ...]


@cache
def _taught(folder: Path) -> _Taught:
    things: list[Thing] = []
    grounds = []
    photos = WholePhotos.read(folder)
    for photo in map(photos.photo, range(len(photos))):
        grounds.append(photo.image)
        large = [one for one, area in zip(photo.rles, rle.area(photo.rles), strict=True) if area >= LEAST_PHOTO_PX]
        things += [
            thing_of(photo.image, rle.decode(one), box)
            for one, box in zip(large, rle.boxes_xyxy_px(large), strict=True)
        ]
    return _Taught(things=tuple(things), grounds=tuple(grounds))


def _things(sample: Sample, rng: np.random.Generator) -> list[Thing]:
    """Some objects of a scene, whichever they are."""
    large = [number for number in rng.permutation(len(sample.masks)) if sample.masks[number].sum() >= LEAST_PX]
    boxes = sample.boxes_xyxy_px
    return [thing_of(sample.image, sample.masks[number], boxes[number]) for number in large[:OF_A_SCENE]]


@dataclass(frozen=True, kw_only=True)
class CutterLosses:
    """`total` is what is minimised; `iou`, of the masks with the objects, tells how far it has come."""

    total: Float[Tensor, ""]
    entropy: Float[Tensor, ""]
    dice: Float[Tensor, ""]
    iou: Float[Tensor, ""]


class CutterLearner(Learner[CutterBatch]):
    """The cutter under cross-entropy and Dice; nothing else of the model learns."""

    def __init__(self, model: Sam3) -> None:
        super().__init__()
        if model.cutter is None:
            raise ValueError("expected a model with a cutter, got one without: give it one (with_new)")
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("cutter."))
        self.model = model

    def totals(self, batches: Sequence[CutterBatch]) -> int:
        return sum(len(batch.views) for batch in batches)

    def forward(self, batch: CutterBatch, totals: int) -> CutterLosses:
        cutter = self.model.cutter
        assert cutter is not None
        logits, shares = cutter(batch.views, batch.facts).float().flatten(1), batch.shares.flatten(1)
        entropy = ENTROPY * binary_cross_entropy_with_logits(logits, shares, reduction="none").mean(1).sum() / totals
        dice = dice_loss(logits, shares).sum() / totals
        mask, truth = logits > 0, shares > 0.5
        ious = (mask & truth).sum(1) / (mask | truth).sum(1).clamp(min=1)
        return CutterLosses(total=entropy + dice, entropy=entropy, dice=dice, iou=ious.sum() / totals)


@dataclass(frozen=True, kw_only=True)
class CutterRecipe:
    """A whole run of the cutter: `count` objects a batch, drawn ones alone until batch `photos_from`, then `photos` of
    them of photos."""

    stage: ClassVar[str] = "cutter"

    train: TrainConfig
    count: int
    photos: float
    photos_from: int
    scenes: SceneConfig
    sizes: Sam3Config = field(default_factory=presets.nano)

    def learner(self, model: Sam3) -> CutterLearner:
        return CutterLearner(model)

    def batches(self) -> CutterBatches:
        assert self.sizes.cutter is not None
        return CutterBatches(
            scenes=self.scenes,
            count=self.count,
            photos=self.photos,
            photos_from=self.photos_from * self.train.accumulate,
            side=self.sizes.cutter.side,
            seed=self.train.seed,
        )
