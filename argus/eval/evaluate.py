"""Run a predictor over (image, phrase) pairs and score it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from argus.data.sources.saco import Pair
from argus.eval.cgf1 import PairScore, score_pairs
from argus.eval.predictions import MIN_SCORE, Found
from argus.types import Detections

Exemplars = Float[np.ndarray, "_ 4"]  # + boxes, xyxy in pixels


# A predictor under test: an image, its phrases, and for each phrase its + boxes (often none); one answer a phrase.
Predict: TypeAlias = Callable[[Path, Sequence[str], Sequence[Exemplars]], Sequence[Detections]]


def evaluate(
    pairs: Sequence[Pair],
    images: Path,
    predict: Predict,
    *,
    exemplars: int = 0,
    iou: str = "mask",
    others: Sequence[Mapping[int, Pair]] = (),
) -> list[PairScore]:
    """Ask `predict` about every exhaustive pair, image by image, and score the answers; `summarise` gives the metrics.

    `predict` is called once an image, with all its phrases. `exemplars` adds the boxes of that many of a pair's largest
    instances as + boxes; a pair without instances gets none. `others` are the pairs of more annotators, by id: each
    answer is then scored against the annotator that agrees best with it.
    """
    scores: list[PairScore] = []
    for file_name, group in by_image(pairs).items():
        boxes = [_largest(pair, exemplars) for pair in group]
        answers = predict(images / file_name, [pair.phrase for pair in group], boxes)
        if len(answers) != len(group):
            raise ValueError(f"Expected {len(group)} answers, one for each phrase, got {len(answers)}.")
        found = {pair.id: _found(answer) for pair, answer in zip(group, answers, strict=True)}
        scores += score_pairs([{pair.id: pair for pair in group}, *others], found, iou)
    return scores


def by_image(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """The pairs that are scored, the exhaustive ones, by the name of their image file."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.exhaustive:
            groups[pair.file_name].append(pair)
    return groups


def _largest(pair: Pair, count: int) -> Exemplars:
    sizes = pair.boxes_xyxy_px[:, 2:] - pair.boxes_xyxy_px[:, :2]
    return pair.boxes_xyxy_px[np.argsort(-sizes.prod(axis=1), kind="stable")[:count]]


def _found(answer: Detections) -> Found:
    kept = answer.filter(score=MIN_SCORE)
    return Found(rles=kept.rles, boxes_xyxy_px=kept.boxes_xyxy_px, scores=kept.scores)
