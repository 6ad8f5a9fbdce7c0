"""cgF1: how well every instance of a phrase is found, times how well its presence is told (SAM 3, Carion et al., 2025).

The unit is an (image, phrase) pair. Predictions of score 0.5 and above count, and only pairs that are exhaustive in
every ground truth. See `summarise` for the formulas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from argus.data.sources.saco import Pair, read_saco
from argus.data.video_records import VideoPair
from argus.eval.extras import needs
from argus.eval.predictions import MIN_SCORE, Found, file_of, found_by_pair, read_results
from argus.ops import boxes, rle
from argus.ops.rle import Rle

THRESHOLDS = np.linspace(0.5, 0.95, 10).round(2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Match:
    """Predictions and instances matched one to one: for each of both the IoU with its partner, 0 without one."""

    found_ious: Float[np.ndarray, "n"]
    truth_ious: Float[np.ndarray, "m"]

    @property
    def true_positives(self) -> Int[np.ndarray, "t"]:
        """Matches whose IoU reaches each of `THRESHOLDS`."""
        return (self.found_ious[None] >= THRESHOLDS[:, None]).sum(axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class PairScore:
    """One scored pair: its matches, and of what.

    `scores` and `found_areas_px` are in the order of `match.found_ious`, `truth_areas_px` in that of
    `match.truth_ious`; `found_rles` are the masks to draw, none for videos and where boxes were compared. Areas of
    videos are means over the frames in which an object is seen.
    """

    pair: Pair | VideoPair
    match: Match
    scores: Float[np.ndarray, "n"]
    found_areas_px: Float[np.ndarray, "n"]
    truth_areas_px: Float[np.ndarray, "m"]
    found_rles: tuple[Rle, ...] = ()

    @property
    def true_positives(self) -> Int[np.ndarray, "t"]:
        return self.match.true_positives

    @property
    def predicted(self) -> int:
        return len(self.match.found_ious)

    @property
    def wanted(self) -> int:
        return len(self.match.truth_ious)

    @property
    def f1(self) -> Float[np.ndarray, "t"]:
        """F1 of this pair at each threshold; 1 when there is nothing to find and nothing was predicted."""
        if not self.wanted and not self.predicted:
            return np.ones(len(THRESHOLDS))
        hits = self.true_positives
        return f1(hits, self.predicted - hits, self.wanted - hits)


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
    annotators = [{pair.id: pair for pair in read_saco(file_of(path, "ground truth"))} for path in paths]
    records = read_results(predictions) if isinstance(predictions, (str, Path)) else predictions
    return summarise(score_pairs(annotators, found_by_pair(records, iou), iou))


def score_pairs(
    annotators: Sequence[Mapping[int, Pair]], found: Mapping[int, Found], iou: str = "mask"
) -> list[PairScore]:
    """Score what was found, by pair id, against one or more annotators, each with its pairs by id."""
    if iou not in ("mask", "box"):
        raise ValueError(f"Expected iou of 'mask' or 'box', got {iou!r}.")
    if not annotators:
        raise ValueError("Expected at least one ground truth, got none.")
    unknown = sorted(set(found) - set().union(*annotators), key=str)
    if unknown:
        raise ValueError(
            f"Expected predictions whose image_id is a pair of the ground truth, got {len(unknown)} others, "
            f"such as {unknown[0]}. In SA-Co files an image with several phrases has an id for each."
        )
    nothing = Found.nothing()
    scores = []
    for pair_id in annotators[0]:
        versions = [annotator[pair_id] for annotator in annotators if pair_id in annotator]
        if len(versions) == len(annotators) and all(version.exhaustive for version in versions):
            candidates = [_score(version, found.get(pair_id, nothing), iou) for version in versions]
            scores.append(max(candidates, key=lambda score: float(score.f1.mean())))
    return scores


def matched(overlap: Float[np.ndarray, "n m"]) -> Match:
    """Match predictions and instances one to one for the greatest total IoU."""
    with needs("scipy", "score predictions"):
        from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(overlap, maximize=True)
    found, truth = np.zeros(overlap.shape[0]), np.zeros(overlap.shape[1])
    found[rows] = truth[columns] = overlap[rows, columns]
    return Match(found_ious=found, truth_ious=truth)


def protocol(iou: str, annotators: int) -> dict[str, str]:
    """How pairs are scored, in words."""
    return {
        "protocol": "SA-Co cgF1 over (image, phrase) pairs that are exhaustive for every annotator",
        "iou": f"{iou}; thresholds 0.50, 0.55 ... 0.95",
        "predictions": f"score >= {MIN_SCORE}",
        "matching": "one to one (Hungarian), greatest total IoU",
        "left out": "crowd and ignored instances",
        "annotators": f"{annotators}" + (", of each pair the one that agrees best" if annotators > 1 else ""),
    }


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
    pm_f1 = f1(hits, predicted_in_positives - hits, wanted - hits)
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
        "micro_F1": float(f1(hits, predicted - hits, wanted - hits).mean()),
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
    return {
        "IL_MCC": float(matthews(*np.array([[tp], [fp], [fn], [tn]]))[0]),
        "IL_precision": precision,
        "IL_recall": recall,
        "IL_F1": 2 * precision * recall / (precision + recall + 1e-6),
        "IL_FPR": fp / (fp + tn + 1e-6),
    }


def f1(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """F1 of counts, elementwise, as published: 0 where there is nothing."""
    precision, recall = tp / (tp + fp + 1e-4), tp / (tp + fn + 1e-4)
    return 2 * precision * recall / (precision + recall + 1e-4)


def matthews(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
    """The Matthews correlation of counts, elementwise, as published: 0 where a row or a column is empty."""
    spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / (spread + 1e-6)


def _score(pair: Pair, found: Found, iou: str) -> PairScore:
    return PairScore(
        pair=pair,
        match=matched(_overlap(pair, found, iou)),
        scores=found.scores.astype(np.float64),
        found_areas_px=found.areas_px.astype(np.float64),
        truth_areas_px=rle.area(pair.rles).astype(np.float64),
        found_rles=found.rles,
    )


def _overlap(pair: Pair, found: Found, iou: str) -> Float[np.ndarray, "n m"]:
    wrong = {mask.size_hw for mask in found.rles} - {pair.size_hw}
    if wrong:
        raise ValueError(
            f"Expected masks of {pair.size_hw} (height, width), the size of pair {pair.id}, got one of {wrong.pop()}."
        )
    if iou == "mask":
        return rle.iou(found.rles, pair.rles)
    ours, theirs = torch.from_numpy(found.boxes_xyxy_px), torch.from_numpy(pair.boxes_xyxy_px)
    return boxes.iou(ours.double(), theirs.double()).numpy()
