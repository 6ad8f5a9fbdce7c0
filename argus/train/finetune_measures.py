"""What is measured of a model before, during and after fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from argus.data.pairs import Pair
from argus.data.sources.coco import BoxedObjects
from argus.eval import PickByBox, Predict, by_image, evaluate, evaluate_pick, summarise
from argus.model.sam3 import Sam3
from argus.train.finetune_plan import PICK_IOU, Material, Measured, Metrics

PICKED_EACH = 8


@dataclass(frozen=True, kw_only=True)
class Answers:
    """A model as what evaluators ask: about concepts, and for objects by their box."""

    predict: Predict
    pick: PickByBox


AnswersOf = Callable[[Sam3], Answers]


def measure(model: Sam3, material: Material, answers_of: AnswersOf) -> Measured:
    """Held-out new data, and the base concepts; picking, too, where the model can."""
    answers = answers_of(model)

    def metrics(pairs: list[Pair]) -> Metrics:
        picked = {} if model.tracker is None else {PICK_IOU: picking(pairs, answers.pick)}
        return {**score(pairs, answers.predict), **picked}

    base = list(material.base_pairs)
    return Measured(new=metrics(material.held_out.pairs()), base=metrics(base) if base else None)


def score(pairs: list[Pair], predict: Predict) -> Metrics:
    return summarise(evaluate(pairs, Path(), predict))


def picking(pairs: list[Pair], pick: PickByBox) -> float:
    """The mean IoU of objects picked by their box: in each image up to `PICKED_EACH` of the phrase with the most."""
    ious: list[float] = []
    for file_name, group in by_image(pairs).items():
        pair = max(group, key=lambda pair: len(pair.rles))
        if not pair.rles:
            continue
        rows = np.unique(np.linspace(0, len(pair.rles) - 1, PICKED_EACH).round().astype(int))
        objects = BoxedObjects(
            file_name=file_name,
            size_hw=pair.size_hw,
            rles=tuple(pair.rles[row] for row in rows),
            boxes_xyxy_px=pair.boxes_xyxy_px[rows],
        )
        ious += evaluate_pick(objects, Path(), pick).tolist()
    return sum(ious) / max(len(ious), 1)
