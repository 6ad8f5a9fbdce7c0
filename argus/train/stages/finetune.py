"""Fine-tuning: a trained detector learns a person's own images, with its base concepts among them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch.nn.utils import parametrize

from argus.data.collate import Batch, PromptMix, Targets, collate
from argus.data.dataset import Dataset
from argus.data.records import Sample
from argus.model.sam3 import Sam3
from argus.train.criterion import DetectorLosses, LossConfig, Totals
from argus.train.lora import ADAPTED
from argus.train.optim import OptimConfig
from argus.train.stages.detector import DetectorLearner
from argus.types import Prompt

TOKENS_AT_ONCE = 32_768  # image tokens x prompts of one batch: bounds the memory of a step
SMALL = 128  # width of a detector up to which losses and rates are those of nano


@dataclass(frozen=True, kw_only=True)
class FinetuneBatches:
    """The n-th batch of a fine-tuning: `parts` of them are a step, whose prompts they share out.

    A step has `images` of the data, each shown once an epoch, and `replayed` of the base concepts. Images of more than
    `most_instances` are cut to windows that hold fewer.
    """

    data: Dataset
    size_hw: tuple[int, int]
    most_instances: int
    replay: Callable[[int], Sample] | None = None
    images: int = 4
    replayed: int = 2
    parts: int = 1
    mix: PromptMix = field(default_factory=lambda: PromptMix(per_image=3))
    seed: int = 0

    def __call__(self, index: int) -> Batch:
        step, part = divmod(index, self.parts)
        rng = np.random.default_rng([self.seed, step])
        samples = [self._sample(step * self.images + place, rng) for place in range(self.images)]
        if self.replay is not None:
            samples += [self.replay(step * self.replayed + place) for place in range(self.replayed)]
        whole = collate(samples, self.mix, rng)
        return share_out(whole, self.parts)[part] if self.parts > 1 else whole

    def _sample(self, shown: int, rng: np.random.Generator) -> Sample:
        epoch, place = divmod(shown, len(self.data))
        index = int(np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.data))[place])
        window = self.data.window_xyxy_px(index, rng, self.most_instances)
        sample = self.data.sample(index, window_xyxy_px=window, size_hw=self.size_hw)
        return mirrored(sample) if rng.random() < 0.5 else sample


def mirrored(sample: Sample) -> Sample:
    """Left and right exchanged."""
    image, masks = (np.ascontiguousarray(x) for x in (sample.image[:, ::-1], sample.masks[:, :, ::-1]))
    return replace(sample, image=image, masks=masks)


def share_out(batch: Batch, parts: int) -> list[Batch]:
    """A batch as `parts` batches, each with some of its prompts (at least one) and the images that they ask about."""
    if parts > len(batch.prompts):
        raise ValueError(f"expected at least {parts} prompts to share out, got {len(batch.prompts)}")
    rows = np.array_split(np.arange(len(batch.prompts)), parts)
    return [_part(batch, part.tolist()) for part in rows]


def _part(batch: Batch, rows: list[int]) -> Batch:
    targets = batch.targets
    chosen = torch.zeros(len(targets.counts), dtype=torch.bool)
    chosen[rows] = True
    of_boxes = chosen[targets.prompt_of]
    mask_rows, renamed = targets.mask_rows[of_boxes].unique(return_inverse=True)
    images = sorted({batch.prompts[row].image for row in rows})
    place = {image: index for index, image in enumerate(images)}
    return Batch(
        images=batch.images[images],
        prompts=tuple(_about(batch.prompts[row], place[batch.prompts[row].image]) for row in rows),
        targets=Targets(
            boxes_cxcywh_norm=targets.boxes_cxcywh_norm[of_boxes],
            mask_rows=renamed,
            counts=targets.counts[chosen],
            masks=targets.masks[mask_rows],
            hints_cxcywh_norm=targets.hints_cxcywh_norm[chosen[targets.present]],
        ),
    )


def _about(prompt: Prompt, image: int) -> Prompt:
    """The same question about another image of a batch."""
    return Prompt(
        prompt.text,
        prompt.boxes_cxcywh_norm,
        prompt.box_labels,
        prompt.points_xy_norm,
        prompt.point_labels,
        image=image,
    )


def parts_of_a_step(model: Sam3, samples: int, per_image: int) -> int:
    """How many batches the prompts of a step are shared out to, so that each keeps within `TOKENS_AT_ONCE`."""
    grid = model.config.vision.image // model.config.vision.patch
    return min(math.ceil(samples * per_image * grid * grid / TOKENS_AT_ONCE), samples)


class FinetuneLearner(DetectorLearner):
    """The detection loss on what is not frozen; each adapted weight is made once a batch."""

    def __init__(self, model: Sam3, config: LossConfig) -> None:
        learned = tuple(name for name, parameter in model.named_parameters() if parameter.requires_grad)
        if not learned:
            raise ValueError("expected a model with something to learn, got one that is frozen as a whole")
        super().__init__(model, config, learned)

    def forward(self, batch: Batch, totals: Totals) -> DetectorLosses:
        with parametrize.cached():
            return super().forward(batch, totals)


def learn_all(model: Sam3) -> None:
    """Let everything learn but the tracker."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(ADAPTED))


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
    more = 1.0 if full else (4.0 if small else 5.0)
    return OptimConfig(
        vision=vision * more,
        text=text * more,
        rest=rest * more,
        vision_layer_decay=0.9,
        weight_decay=0.1 if full else 0.0,
        clip=1.0 if small else 0.1,
        warmup=max(1, min(50, steps // 10)),
        timescale=10_000,
        cooldown=max(1, steps // 3),
    )
