"""cgF1: how well every instance of a phrase is found, times how well its presence is told (SAM 3, Carion et al., 2025).

The unit is an (image, phrase) pair. Predictions of score 0.5 and above count, and only pairs that are exhaustive in
every ground truth. See `summarise` for the formulas.
"""

import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from argus.data.sources.saco import Pair, load_json, read_saco
from argus.data.video_records import VideoPair
from argus.eval.extras import needs
from argus.ops import boxes, rle
from argus.ops.rle import Rle

THRESHOLDS = np.linspace(0.5, 0.95, 10).round(2)
MIN_SCORE = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What was predicted for one pair, of score `MIN_SCORE` and above."""

    rles: tuple[Rle, ...]
    boxes_xyxy_px: Float[np.ndarray, "n 4"]

    def __len__(self) -> int:
        return len(self.boxes_xyxy_px)


@dataclass(frozen=True, kw_only=True, eq=False)
class PairScore:
    """One scored pair: true positives at each IoU threshold, and the numbers of objects."""

    pair: Pair | VideoPair
    true_positives: Int[np.ndarray, "t"]
    predicted: int
    wanted: int

    @property
    def f1(self) -> Float[np.ndarray, "t"]:
        """F1 of this pair at each threshold; 1 when there is nothing to find and nothing was predicted."""
        if not self.wanted and not self.predicted:
            return np.ones(len(THRESHOLDS))
        return _f1(self.true_positives, self.predicted - self.true_positives, self.wanted - self.true_positives)


def cgf1(
    ground_truth: str | Path | Sequence[str | Path],
    predictions: str | Path | Sequence[Mapping[str, Any]],
    iou: str = "mask",
) -> dict[str, float]:
    """Score a COCO results list against SA-Co ground truth; see `summarise` for the names in the result.

    With the files of several annotators, each pair is scored against the one that agrees best with the predictions.
    Raises ValueError for files of another form and predictions about unknown pairs.
    """
    paths = [ground_truth] if isinstance(ground_truth, (str, Path)) else ground_truth
    if not isinstance(paths, Sequence):
        raise ValueError(f"Expected ground truth as a path or a list of paths, got a {type(paths).__name__}.")
    annotators = [{pair.id: pair for pair in read_saco(_file(path, "ground truth"))} for path in paths]
    is_file = isinstance(predictions, (str, Path))
    records: Any = load_json(_file(predictions, "predictions")) if is_file else predictions
    return summarise(score_pairs(annotators, _found(records, iou), iou))


def _file(path: object, what: str) -> Path:
    if not isinstance(path, (str, Path)) or os.path.isdir(Path(path)):  # Path("") is a folder, the one we are in
        raise ValueError(f"Expected a JSON file of {what}, got {path!r}, which is no path of a file.")
    return Path(path)


def score_pairs(
    annotators: Sequence[Mapping[int, Pair]], found: Mapping[int, Found], iou: str = "mask"
) -> list[PairScore]:
    """Score what was found, by pair id, against one or more annotators, each with its pairs by id."""
    if iou not in ("mask", "box"):
        raise ValueError(f"Expected iou of 'mask' or 'box', got {iou!r}.")
    if not annotators:
        raise ValueError("Expected at least one ground truth, got none.")
    unknown = sorted(set(found) - set().union(*annotators))
    if unknown:
        raise ValueError(
            f"Expected predictions whose image_id is a pair of the ground truth, got {len(unknown)} others, "
            f"such as {unknown[0]}. In SA-Co files an image with several phrases has an id for each."
        )
    nothing = Found(rles=(), boxes_xyxy_px=np.zeros((0, 4), np.float32))
    scores = []
    for pair_id in annotators[0]:
        versions = [annotator[pair_id] for annotator in annotators if pair_id in annotator]
        if len(versions) == len(annotators) and all(version.exhaustive for version in versions):
            candidates = [_score(version, found.get(pair_id, nothing), iou) for version in versions]
            scores.append(max(candidates, key=lambda score: float(score.f1.mean())))
    return scores


def matches(overlap: Float[np.ndarray, "n m"]) -> Int[np.ndarray, "t"]:
    """Match predictions and instances one to one for the greatest total IoU, and count matches above each threshold."""
    with needs("scipy", "score predictions"):
        from scipy.optimize import linear_sum_assignment

    matched = overlap[linear_sum_assignment(overlap, maximize=True)]
    return (matched[None] >= THRESHOLDS[:, None]).sum(axis=1)


def summarise(scores: Sequence[PairScore]) -> dict[str, float]:
    """The metrics over pairs, as fractions.

    - `cgF1` = `pmF1` x `IL_MCC`; `cgF1@0.5`, `cgF1@0.75` and so `pmF1@...` at one IoU threshold
    - `pmF1`: F1 with objects summed over pairs, false positives only over pairs that have instances; the mean over
      IoU 0.50, 0.55 ... 0.95. `micro_F1` is the same with the false positives of all pairs
    - `macro_F1`: the mean of each pair's F1 over pairs with instances for which something was predicted
    - `IL_...`: "anything predicted" against "anything there", pair by pair: precision, recall, F1, false positive rate
      and Matthews correlation, which is 0 when no pair, or every pair, has instances
    - `pairs`, `positive_pairs`, `instances`, `predictions`: how many there were
    """
    hits = np.sum([score.true_positives for score in scores], axis=0) if scores else np.zeros(len(THRESHOLDS))
    wanted = sum(score.wanted for score in scores)
    predicted = sum(score.predicted for score in scores)
    predicted_in_positives = sum(score.predicted for score in scores if score.wanted)
    pm_f1 = _f1(hits, predicted_in_positives - hits, wanted - hits)
    answered = [score.f1.mean() for score in scores if score.wanted and score.predicted]
    image_level = _image_level(scores)
    mcc = image_level["IL_MCC"]
    at = {t: float(pm_f1[int(np.flatnonzero(t == THRESHOLDS)[0])]) for t in (0.5, 0.75)}
    return {
        "cgF1": float(pm_f1.mean()) * mcc,
        "pmF1": float(pm_f1.mean()),
        **image_level,
        "cgF1@0.5": at[0.5] * mcc,
        "cgF1@0.75": at[0.75] * mcc,
        "pmF1@0.5": at[0.5],
        "pmF1@0.75": at[0.75],
        "micro_F1": float(_f1(hits, predicted - hits, wanted - hits).mean()),
        "macro_F1": float(np.mean(answered)) if answered else 0.0,
        "pairs": float(len(scores)),
        "positive_pairs": float(sum(score.wanted > 0 for score in scores)),
        "instances": float(wanted),
        "predictions": float(predicted),
    }


def _image_level(scores: Sequence[PairScore]) -> dict[str, float]:
    table = np.zeros((2, 2))
    for score in scores:
        table[int(score.wanted > 0), int(score.predicted > 0)] += 1
    (tn, fp), (fn, tp) = table.tolist()
    precision, recall = tp / (tp + fp + 1e-6), tp / (tp + fn + 1e-6)
    spread = ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5
    return {
        "IL_MCC": (tp * tn - fp * fn) / (spread + 1e-6),
        "IL_precision": precision,
        "IL_recall": recall,
        "IL_F1": 2 * precision * recall / (precision + recall + 1e-6),
        "IL_FPR": fp / (fp + tn + 1e-6),
    }


def _f1(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    precision, recall = tp / (tp + fp + 1e-4), tp / (tp + fn + 1e-4)
    return 2 * precision * recall / (precision + recall + 1e-4)


def _score(pair: Pair, found: Found, iou: str) -> PairScore:
    overlap = _overlap(pair, found, iou)
    return PairScore(pair=pair, true_positives=matches(overlap), predicted=len(found), wanted=len(pair.rles))


def _overlap(pair: Pair, found: Found, iou: str) -> Float[np.ndarray, "n m"]:
    if iou == "mask":
        return rle.iou(found.rles, pair.rles)
    ours, theirs = torch.from_numpy(found.boxes_xyxy_px), torch.from_numpy(pair.boxes_xyxy_px)
    return boxes.iou(ours.double(), theirs.double()).numpy()


def _found(records: Sequence[Mapping[str, Any]], iou: str) -> dict[int, Found]:
    """COCO results by pair, those that count."""
    if not isinstance(records, Sequence):
        raise ValueError(f"Expected predictions as a COCO results list, got a {type(records).__name__}.")
    by_pair: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        if not isinstance(record, Mapping) or not {"image_id", "score"} <= record.keys():
            raise ValueError(f"Expected predictions with image_id and score, got {str(record)[:80]}.")
        if not isinstance(record["score"], Real) or math.isnan(record["score"]):
            raise ValueError(f"Expected scores as numbers, got {record['score']!r}.")
        if float(record["score"]) >= MIN_SCORE:
            by_pair[record["image_id"]].append(record)
    return {pair_id: _found_in_pair(chosen, iou) for pair_id, chosen in by_pair.items()}


def _found_in_pair(records: list[Mapping[str, Any]], iou: str) -> Found:
    field = "segmentation" if iou == "mask" else "bbox"
    if not all(record.get(field) for record in records):
        raise ValueError(f"Expected a {field} in every prediction for {iou} IoU, got one without.")
    if iou == "mask":
        rles = tuple(rle.from_coco(record["segmentation"], None) for record in records)
        return Found(rles=rles, boxes_xyxy_px=rle.boxes_xyxy_px(rles))
    wrong = [record["bbox"] for record in records if not _is_box(record["bbox"])]
    if wrong:
        raise ValueError(f"Expected every bbox as finite left, top, width, height, got {wrong[0]!r:.80}.")
    xywh = np.array([record["bbox"] for record in records], np.float32)
    return Found(rles=(), boxes_xyxy_px=np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1))


def _is_box(bbox: object) -> bool:
    if not isinstance(bbox, Sequence) or len(bbox) != 4:
        return False
    return all(isinstance(value, Real) and math.isfinite(value) for value in bbox)
