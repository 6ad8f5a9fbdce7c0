"""Where a model is right and wrong: counts, scores, and answers by size, by number and by kind of phrase."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from argus.eval.cgf1 import THRESHOLDS, PairScore, summarise

BINS = 10
SIDES_PX = (32, 96)  # as COCO: small up to the first, large from the second
VIDEO_SIDES_PX = (128, 256)  # as YouTube-VIS
ABOUT = {
    "names": ("name", "synonym", "shape", "absent", "absent-sibling"),
    "parents": ("parent", "absent-parent"),
    "attributes": ("colour", "size", "colour-size", "pattern", "wrong-colour", "wrong-size", "wrong-pattern"),
}
"""What phrases are about, by their kinds in concept scenes: present ones, and absent ones of the same sort."""
_NUMBERS = ((0, 0), (1, 1), (2, 5), (6, 20), (21, None))


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Predictions whose score is in [`low`, `high`): their mean score, and the share that is right."""

    low: float
    high: float
    predictions: int
    score: float
    right: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """`ece`, the expected calibration error: how far scores are from shares that are right, mean over predictions."""

    ece: float
    bins: tuple[Bin, ...]


def grouped(scores: Sequence[PairScore], key: Callable[[PairScore], str]) -> dict[str, dict[str, float]]:
    """`summarise` and `counting` of the pairs of each group, in alphabetical order."""
    names = sorted({key(score) for score in scores})
    groups = {name: [score for score in scores if key(score) == name] for name in names}
    return {name: {**summarise(group), **counting(group)} for name, group in groups.items()}


def by_kind(scores: Sequence[PairScore]) -> dict[str, dict[str, float]]:
    """By kind of phrase."""
    return grouped(scores, lambda score: score.pair.kind)


def by_subject(scores: Sequence[PairScore]) -> dict[str, dict[str, float]]:
    """By what phrases are about (`ABOUT`), present and absent ones together; phrases of no known kind are left out."""
    subjects = {kind: name for name, kinds in ABOUT.items() for kind in kinds}
    found = grouped([score for score in scores if score.pair.kind in subjects], lambda s: subjects[s.pair.kind])
    return {name: found[name] for name in ABOUT if name in found}


def undefined(metrics: Mapping[str, float]) -> set[str]:
    """Metrics that say nothing about these pairs, because all or none of them have instances."""
    if metrics["positive_pairs"] == 0:
        return {*metrics} - {"pairs", "IL_FPR", "count_MAE"}
    if metrics["positive_pairs"] == metrics["pairs"]:
        return {name for name in metrics if name.startswith("cgF1")} | {"IL_MCC", "IL_FPR", "IL_precision"}
    return set()


def by_number(scores: Sequence[PairScore]) -> dict[str, dict[str, float]]:
    """By the number of instances: 0, 1, 2-5, 6-20, 21 and more."""
    found = grouped(scores, lambda score: _number(score.wanted))
    return {name: found[name] for name in (_range(*ends) for ends in _NUMBERS) if name in found}


def counting(scores: Sequence[PairScore]) -> dict[str, float]:
    """How well instances are counted: `count_MAE`, the mean of how far off, over all pairs, and `count_exact`, the
    share of pairs with instances whose number is right (0 when there are none)."""
    off = np.array([score.predicted - score.wanted for score in scores])
    positive = np.array([score.wanted > 0 for score in scores], bool)
    return {
        "count_MAE": float(np.abs(off).mean()) if len(off) else 0.0,
        "count_exact": float((off[positive] == 0).mean()) if positive.any() else 0.0,
    }


def calibration(scores: Sequence[PairScore]) -> Calibration:
    """Scores of predictions against whether they are right, of an IoU of 0.5 or more with their instance.

    Ten bins of the same width from 0.5 to 1, since only scores of 0.5 and above count; empty ones are left out.
    """
    said = np.concatenate([np.zeros(0), *(score.scores for score in scores)])
    right = np.concatenate([np.zeros(0), *(score.match.found_ious for score in scores)]) >= THRESHOLDS[0]
    edges = np.linspace(0.5, 1, BINS + 1)
    places = np.clip(np.digitize(said, edges) - 1, 0, BINS - 1)
    bins = []
    for place in np.unique(places).tolist():
        here = places == place
        bins.append(
            Bin(
                low=float(edges[place]),
                high=float(edges[place + 1]),
                predictions=int(here.sum()),
                score=float(said[here].mean()),
                right=float(right[here].mean()),
            )
        )
    gaps = sum(one.predictions * abs(one.score - one.right) for one in bins)
    return Calibration(ece=gaps / max(len(said), 1), bins=tuple(bins))


def by_size(scores: Sequence[PairScore], sides_px: tuple[int, int] = SIDES_PX) -> dict[str, dict[str, float]]:
    """By the area of objects, as COCO (or at other sides): small below 32 x 32 px, large from 96 x 96 px.

    `recall` and `precision` are means over IoU thresholds, `recall@0.5` and `precision@0.5` at the first; an instance
    is of the size of its own mask, a prediction of that of its own. 0 where there are none.
    """
    truth_areas = np.concatenate([np.zeros(0), *(score.truth_areas_px for score in scores)])
    truth_ious = np.concatenate([np.zeros(0), *(score.match.truth_ious for score in scores)])
    found_areas = np.concatenate([np.zeros(0), *(score.found_areas_px for score in scores)])
    found_ious = np.concatenate([np.zeros(0), *(score.match.found_ious for score in scores)])
    ends = [0, *(side**2 for side in sides_px), np.inf]
    rows = {}
    for name, low, high in zip(("small", "medium", "large"), ends[:-1], ends[1:]):
        wanted = truth_ious[(truth_areas >= low) & (truth_areas < high)]
        found = found_ious[(found_areas >= low) & (found_areas < high)]
        rows[name] = {
            "instances": float(len(wanted)),
            "predictions": float(len(found)),
            "recall": _reached(wanted, THRESHOLDS),
            "precision": _reached(found, THRESHOLDS),
            "recall@0.5": _reached(wanted, THRESHOLDS[:1]),
            "precision@0.5": _reached(found, THRESHOLDS[:1]),
        }
    return rows


def _reached(ious: np.ndarray, thresholds: np.ndarray) -> float:
    return float((ious[None] >= thresholds[:, None]).mean()) if len(ious) else 0.0


def _number(count: int) -> str:
    return next(_range(low, high) for low, high in _NUMBERS if low <= count and (high is None or count <= high))


def _range(low: int, high: int | None) -> str:
    return f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"
