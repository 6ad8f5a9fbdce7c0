"""TETA: how well masklets are placed, followed and named, each measured by itself (Track Every Thing Accuracy; Li et
al., "Tracking Every Thing in the Wild", 2022).

Where HOTA lets a phrase see its own masklets alone, here all masklets of a video stand against all its objects, and one
of the wrong name still counts for where it is. Ground truth is complete for each category, as SA-Co/VEval has it.

For each category, on the objects of that category and the masklets near them (in some frame at an IoU of `NEAR` or more
with one of them, and not matched to an object of another category there):

- **LocA** = TP / (TP + FN + FP) of masks, at IoU 0.00, 0.05 ... 0.95; FP are masks near an object and not matched.
- **AssocA**: the mean over matches of how far their two masklets agree, as in HOTA, at the same thresholds.
- **ClsA** = TP / (TP + FN + FP) of the categories of matches, at IoU 0.50, 0.55 ... 0.95; FP are masks of this category
  matched to objects of another, and, as published, once more all masks of this category that are not near an object of
  it (also in videos without one). What lies on no object costs nothing else.

Objects and masks are matched one to one in each frame, for the greatest IoU weighed by how far whole masklets agree.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from argus.eval.extras import needs
from argus.ops import rle
from argus.ops.rle import Rle

THRESHOLDS = np.linspace(0, 0.95, 20).round(2)
NEAR = 0.5  # also the least threshold for ClsA
_TINY = 1e-9  # of two that fit as well the one of the category is matched
_OF_CLASS = THRESHOLDS >= NEAR

Counts: TypeAlias = Float[np.ndarray, "7 20"]  # TP, FN, FP, sum of AssocA over TP, then TP, FN, FP of categories


@dataclass(frozen=True, kw_only=True)
class Named:
    """An object or a masklet of a video: its category, and its mask in each frame, None where it is not seen."""

    category: Hashable
    rles: tuple[Rle | None, ...]


def teta(videos: Iterable[Mapping[Hashable, Counts]]) -> dict[str, float]:
    """TETA, the mean of its three parts, and those: each of the sums over videos of a category, then the mean over the
    categories that have objects. Nothing where none has."""
    sums: dict[Hashable, Counts] = defaultdict(lambda: np.zeros((7, len(THRESHOLDS))))
    for video in videos:
        for category, counts in video.items():
            sums[category] = sums[category] + counts
    there = np.array([counts for counts in sums.values() if counts[:3].any()])
    if not len(there):
        return {}
    tp, fn, fp, associated, right, missed, wrong = there.transpose(1, 0, 2)
    parts = {
        "LocA": (tp / np.maximum(1, tp + fn + fp)).mean(),
        "AssocA": (associated / np.maximum(1, tp)).mean(),
        "ClsA": (right / np.maximum(1, right + missed + wrong))[:, _OF_CLASS].mean(),
    }
    of_parts = {f"TETA_{name}": float(value) for name, value in parts.items()}
    return {"TETA": float(np.mean(list(parts.values()))), **of_parts}


def count_video(truth: Sequence[Named], found: Sequence[Named]) -> dict[Hashable, Counts]:
    """What one video adds to each category, for `teta`. Raises ValueError for another number of frames."""
    lengths = {len(one.rles) for one in (*truth, *found)}
    if len(lengths) > 1:
        raise ValueError(f"Expected masks (or None) for the same frames of all masklets, got {sorted(lengths)} frames.")
    scene = _Scene.of(truth, found)
    near = scene.iou >= NEAR
    anywhere = np.flatnonzero(near.any((0, 1)))
    taken = np.zeros(scene.iou.shape, bool)
    taken[:, :, anywhere] = scene.part(slice(None), anywhere).matched()
    taken &= near
    counts: dict[Hashable, Counts] = defaultdict(lambda: np.zeros((7, len(THRESHOLDS))))
    for category in dict.fromkeys(one.category for one in truth):
        own = np.array([one.category == category for one in truth])
        close = np.logical_and(near[:, own].any(1), ~taken[:, ~own].any(1))  # (t, p)
        columns = np.flatnonzero(close.any(0))
        _add(
            counts, category, scene.part(own, columns), close[:, columns], [found[i].category for i in columns.tolist()]
        )
        so_named = np.array([one.category == category for one in found], bool)
        counts[category][6, _OF_CLASS] += (scene.said & ~close)[:, so_named].sum()
    for one in found:
        if not any(one.category == other.category for other in truth):
            counts[one.category][6, _OF_CLASS] += sum(mask is not None for mask in one.rles)
    return dict(counts)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scene:
    """Objects and masklets in each frame: their IoU, where they are seen, and which are of the same category."""

    iou: Float[np.ndarray, "t g p"]
    there: Bool[np.ndarray, "t g"]
    said: Bool[np.ndarray, "t p"]
    same: Bool[np.ndarray, "g p"]

    @classmethod
    def of(cls, truth: Sequence[Named], found: Sequence[Named]) -> "_Scene":
        frames = len((*truth, *found)[0].rles) if truth or found else 0
        there, said = (
            np.array([[mask is not None for mask in one.rles] for one in side], bool).reshape(len(side), frames).T
            for side in (truth, found)
        )
        iou = np.zeros((frames, len(truth), len(found)))
        for t in np.flatnonzero(there.any(1) & said.any(1)):
            rows, columns = np.flatnonzero(there[t]), np.flatnonzero(said[t])
            iou[t][np.ix_(rows, columns)] = rle.iou(
                [mask for one in truth if (mask := one.rles[t]) is not None],
                [mask for one in found if (mask := one.rles[t]) is not None],
            )
        same = np.array([[a.category == b.category for b in found] for a in truth], bool)
        return cls(iou=iou, there=there, said=said, same=same.reshape(len(truth), len(found)))

    def part(self, rows: "slice | np.ndarray", columns: np.ndarray) -> "_Scene":
        """Some objects and some masklets."""
        return _Scene(
            iou=self.iou[:, rows][:, :, columns],
            there=self.there[:, rows],
            said=self.said[:, columns],
            same=self.same[rows][:, columns],
        )

    def matched(self) -> Bool[np.ndarray, "t g p"]:
        """Which are matched in each frame."""
        with needs("scipy", "measure TETA"):
            from scipy.optimize import linear_sum_assignment

        matched = np.zeros(self.iou.shape, bool)
        weights = self._agreement() * self.iou + _TINY * self.same
        for t in np.flatnonzero(self.there.any(1) & self.said.any(1)):
            rows, columns = np.flatnonzero(self.there[t]), np.flatnonzero(self.said[t])
            i, j = linear_sum_assignment(weights[t][np.ix_(rows, columns)], maximize=True)
            matched[t, rows[i], columns[j]] = True
        return matched

    def _agreement(self) -> Float[np.ndarray, "g p"]:
        """How far whole masklets agree: frames that they share, each by its IoU, over the frames of both."""
        rivals = self.iou.sum(1, keepdims=True) + self.iou.sum(2, keepdims=True) - self.iou
        shared = (self.iou / np.where(rivals > 0, rivals, 1)).sum(0)
        return shared / np.maximum(self.there.sum(0)[:, None] + self.said.sum(0)[None] - shared, 1)


def _add(
    counts: dict[Hashable, Counts],
    category: Hashable,
    scene: _Scene,
    close: Bool[np.ndarray, "t p"],
    categories: Sequence[Hashable],
) -> None:
    """The counts of one category, and what its objects say against others (`categories` are those of the masklets)."""
    t, g, p = np.nonzero(scene.matched())
    ious, right = scene.iou[t, g, p], scene.same[g, p]
    both = scene.there.sum(0)[:, None] + scene.said.sum(0)[None]
    own = counts[category]
    for level, threshold in enumerate(THRESHOLDS):
        reached = ious >= threshold - _TINY
        times = np.zeros(scene.same.shape)
        np.add.at(times, (g[reached], p[reached]), 1)
        tp = reached.sum()
        fp = close.sum() - close[t[reached], p[reached]].sum()
        own[:4, level] += tp, scene.there.sum() - tp, fp, (times**2 / np.maximum(1, both - times)).sum()
        if threshold >= NEAR:
            own[4:6, level] += (reached & right).sum(), (reached & ~right).sum()
            for column in p[reached & ~right]:
                counts[categories[column]][6, level] += 1
