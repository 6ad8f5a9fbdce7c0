"""Fine-tuning: a trained model learns a person's own images by text, exemplars and clicks, with its base concepts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import torch
from torch.nn.utils import parametrize

from argus.data.augment import AugmentConfig, augment, light
from argus.data.collate import Batch, PromptMix, collate
from argus.data.collate_clips import Picks, choose_picks
from argus.data.dataset import Dataset
from argus.data.ontology import Ontology
from argus.data.records import Sample
from argus.model.sam3 import Sam3
from argus.ops.windows import share_of
from argus.train.criterion import DetectorLosses, LossConfig, Totals, added, nothing_lost
from argus.train.lora import learnable
from argus.train.losses.keeping import boxes_kept, masks_kept, presence_kept, scores_kept, semantic_kept
from argus.train.optim import OptimConfig
from argus.train.picking import Picking
from argus.train.stages.detector import DetectorLearner, answers

TOKENS_AT_ONCE = 32_768  # image tokens x prompts of one batch: bounds the memory of a step
SMALL = 128  # width of a detector up to which losses and rates are those of nano
PICKING = Picking()
AGAIN = 2  # base concepts are shown in every second step
KEPT = 4.0  # how many times the answers of the base count there, whose losses begin at 0
IN_TILES = 0.85  # of the images, where they are looked at in tiles; the rest is for example boxes, which are not


@dataclass(frozen=True, kw_only=True)
class FinetuneBatches:
    """The n-th batch of a fine-tuning: a step has `of_data` of them for the data and, with `replay`, `of_base` for base
    concepts, which share out its prompts. Where base concepts are not shown, the data have all of them.

    A step has `images` of the data, each shown once an epoch, changed by `augmentation`, and every second one
    `replayed` of the base concepts. Images of more than `most_instances` are cut to windows that hold fewer. With more
    than one of `tiles` along a side most are cut to windows of the size of a tile, or of one of a tile less along a
    side, because that is how they are looked at later. The `ontology` gives synonyms and parents. With `picks` some
    objects are to be picked, too.
    """

    data: Dataset
    size_hw: tuple[int, int]
    most_instances: int
    replay: Callable[[int], Sample] | None = None
    images: int = 2
    replayed: int = 1
    of_data: int = 1
    of_base: int = 1
    mix: PromptMix = field(default_factory=lambda: PromptMix(per_image=2))
    tiles: int = 1
    augmentation: AugmentConfig = field(default_factory=light)
    ontology: Ontology | None = None
    picks: bool = False
    seed: int = 0

    def __call__(self, index: int) -> Batch:
        step, part = divmod(index, self.parts)
        if part >= self.of_data and step % AGAIN == 0:
            return _parts(self, step, of_base=True)[part - self.of_data]
        of_data = _parts(self, step, of_base=False)
        return of_data[part] if part < len(of_data) else _parts(self, step, of_base=True)[part - len(of_data)]

    @property
    def parts(self) -> int:
        """How many batches a step has."""
        return self.of_data + (0 if self.replay is None else self.of_base)

    def collated(self, samples: list[Sample], rng: np.random.Generator) -> Batch:
        asked = collate(samples, self.mix, rng)
        if not self.picks:
            return asked
        return replace(asked, picks=choose_picks([one.masks for one in samples], PICKING.objects, PICKING.mix, rng))

    def samples(self, step: int, rng: np.random.Generator) -> list[Sample]:
        """The pictures of the data in a step; what is pasted into one comes from the one before."""
        plain = [self._sample(step * self.images + place, rng) for place in range(self.images)]
        return [self._augmented(plain, place, rng) for place in range(self.images)]

    def _sample(self, shown: int, rng: np.random.Generator) -> Sample:
        epoch, place = divmod(shown, len(self.data))
        index = int(np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.data))[place])
        count = max(self.tiles - int(rng.integers(2)), 1)  # of both scales that are looked at
        share = share_of(count) if rng.random() < IN_TILES else 1.0
        window = self.data.window_xyxy_px(index, rng, self.most_instances, share)
        return self.data.sample(index, window_xyxy_px=window, size_hw=self.size_hw)

    def _augmented(self, samples: list[Sample], place: int, rng: np.random.Generator) -> Sample:
        """One that would lose all that is present in it goes in as it was."""
        sample, donor = samples[place], samples[place - 1] if len(samples) > 1 else None
        changed = augment(sample, self.augmentation, rng, ontology=self.ontology, donor=donor)
        return changed if has_present(changed) or not has_present(sample) else sample


@lru_cache(maxsize=2)
def _parts(batches: FinetuneBatches, step: int, of_base: bool) -> list[Batch]:
    """Batches of the data in a step, or of base concepts, kept while they are asked for one by one."""
    rng = np.random.default_rng([batches.seed, step, of_base])
    if not of_base:
        asked = batches.collated(batches.samples(step, rng), rng)
        alone = step % AGAIN > 0 and len(asked.prompts) >= batches.parts
        return share_out(asked, batches.parts if alone else batches.of_data)
    assert batches.replay is not None
    again = [batches.replay(step // AGAIN * batches.replayed + place) for place in range(batches.replayed)]
    return [replace(part, known=True) for part in share_out(batches.collated(again, rng), batches.of_base)]


def has_present(sample: Sample) -> bool:
    """Whether a phrase names something in it."""
    return any(query.instances for query in sample.queries)


def share_out(batch: Batch, parts: int) -> list[Batch]:
    """A batch as `parts` batches, each with some of its prompts (at least one) and the images that they ask about.

    What is picked in an image goes to the first part that asks about it.
    """
    if parts > len(batch.prompts):
        raise ValueError(f"expected at least {parts} prompts to share out, got {len(batch.prompts)}")
    shared: list[Batch] = []
    taken: set[int] = set()
    for rows in np.array_split(np.arange(len(batch.prompts)), parts):
        images = sorted({batch.prompts[row].image for row in rows})
        shared.append(_part(batch, rows.tolist(), images, set(images) - taken))
        taken.update(images)
    return shared


def _part(batch: Batch, rows: list[int], images: list[int], picked_in: set[int]) -> Batch:
    targets = batch.targets.of(rows)
    mask_rows, renamed = targets.mask_rows.unique(return_inverse=True)
    place = {image: index for index, image in enumerate(images)}
    return replace(
        batch,
        images=batch.images[images],
        prompts=tuple(replace(batch.prompts[row], image=place[batch.prompts[row].image]) for row in rows),
        targets=replace(targets, mask_rows=renamed, masks=targets.masks[mask_rows]),
        concepts=tuple(batch.concepts[image] for image in images),
        picks=None if batch.picks is None else _picks_in(batch.picks, place, picked_in),
    )


def _picks_in(picks: Picks, place: Mapping[int, int], picked_in: set[int]) -> Picks:
    """What is picked in some of the images, by their new places."""
    rows = [row for row, image in enumerate(picks.image.tolist()) if image in picked_in]
    image = torch.tensor([place[int(picks.image[row])] for row in rows], dtype=torch.int64)
    return Picks(image=image, masks=picks.masks[rows], first=picks.first.of(rows))


def parts_of_a_step(model: Sam3, samples: int, per_image: int) -> int:
    """How many batches the prompts of a step are shared out to, so that each keeps within `TOKENS_AT_ONCE`."""
    grid = model.config.vision.image // model.config.vision.patch
    return min(math.ceil(samples * per_image * grid * grid / TOKENS_AT_ONCE), samples)


class FinetuneLearner(DetectorLearner):
    """The losses of detector and, where objects are to be picked, of the tracker on what is not frozen; both teach the
    encoder that they share. About what is known it learns to answer as the `base` does. Each adapted weight is made
    once a batch."""

    def __init__(self, model: Sam3, config: LossConfig, base: Sam3) -> None:
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise ValueError("expected a model with something to learn, got one that is frozen as a whole")
        super().__init__(model, config, None, picking=PICKING)
        self._base = Shared(base)

    def forward(self, batch: Batch, totals: Totals) -> DetectorLosses:
        with parametrize.cached():
            return self._as_before(batch, totals) if batch.known else super().forward(batch, totals)

    def totals(self, batches: Sequence[Batch]) -> Totals:
        new = super().totals([batch for batch in batches if not batch.known])
        known = super().totals([batch for batch in batches if batch.known])
        return replace(new, picks=new.picks + known.picks, kept=known.prompts)

    def _as_before(self, batch: Batch, totals: Totals) -> DetectorLosses:
        """How far answers have moved from those of the base, and the losses of what is picked."""
        base, c = self._base.model, self.criterion.config
        with torch.no_grad():
            old = answers(base, base.encode(batch.images), batch.prompts, batch.targets)
        features = self.model.encode(batch.images)
        out = answers(self.model, features, batch.prompts, batch.targets)
        with torch.autocast(features.trunk.device.type, enabled=False):
            scores = scores_kept(out, old) / max(out.one_to_one.query_logits.shape[-1], c.class_queries)
            kept = (
                c.presence * presence_kept(out, old)
                + c.classification * c.positive_weight * scores
                + c.giou * boxes_kept(out, old)
                + 2 * c.mask_dice * masks_kept(out, old, batch.targets.present, c.mask_points)
                + c.semantic_focal * semantic_kept(out, old)
            )
        return self._with_picks(features, batch, totals, added(nothing_lost(kept), kept=KEPT * kept / totals.kept))


class Shared:
    """A frozen model that copies of its owner have in common, and no state of it has."""

    def __init__(self, model: Sam3) -> None:
        self.model = model.eval()

    def __deepcopy__(self, memo: object) -> Shared:
        return self


def learn_all(model: Sam3) -> None:
    """Let everything learn but the tracker's parts for video."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(learnable(name))


def loss_of(model: Sam3) -> LossConfig:
    """The losses as published with SAM 3; for a small model those that nano was trained with."""
    detector = model.config.detector
    if detector is None or detector.width > SMALL:
        return LossConfig()
    return LossConfig(
        class_queries=32,
        one_to_many=0.5,
        classification=40.0,
        positive_weight=4.0,
        probability_power=0.5,
        iou_power=0.15,
        mask_focal=400.0,
        mask_dice=20.0,
        mask_alpha=0.4,
    )


def rates_of(model: Sam3, *, full: bool, steps: int) -> OptimConfig:
    """Rates for all weights as published for fine-tuning, higher ones for a small model and for adapters."""
    small = model.config.detector is not None and model.config.detector.width <= SMALL
    vision, text, rest = (1e-4, 5e-5, 3e-4) if small else (2.5e-5, 5e-6, 8e-5)
    return OptimConfig(
        vision=vision,
        text=text,
        rest=rest,
        adapters=4.0 if small else 5.0,
        vision_layer_decay=0.9,
        weight_decay=0.1 if full else 0.0,
        clip=1.0 if small else 0.1,
        warmup=max(1, min(50, steps // 10)),
        timescale=10_000,
        cooldown=max(1, steps // 3),
    )
