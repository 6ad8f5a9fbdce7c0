"""Which detection is which masklet, and what becomes of each: functions of counts and overlaps, without any network.

The published policy of SAM 3 (2025). All of it speaks of one frame; masklets and detections are rows of arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from argus.inference.policy import VideoPolicy

NOT_THERE = -10.0  # the most that the logit of a hidden or overlaid pixel may be


@dataclass(frozen=True, kw_only=True)
class Track:
    """What the policy knows of one masklet. A person asked for one that is `picked`, and put one that is `corrected`
    right: neither is withdrawn, nor is one that an earlier run `confirmed`.

    `shared` counts the frames on one detection with each older masklet, `hidden` is the last frame in which it was not
    to be seen, if any.
    """

    id: int
    concept: int
    first: int
    keep_alive: int
    picked: bool = False
    corrected: bool = False
    confirmed: bool = False
    unmatched: int = 0
    shared: Mapping[int, int] = field(default_factory=dict)
    hidden: int | None = None

    @property
    def kept(self) -> bool:
        """Whether a person vouches for it."""
        return self.picked or self.corrected


@dataclass(frozen=True, kw_only=True)
class Association:
    """Rows of detections and of masklets: which detections are new, which masklets each of the others lies on, which
    masklets (that are to be seen) no detection confirms, and the sure detection of some."""

    new: tuple[int, ...]
    on: Mapping[int, tuple[int, ...]]
    unmatched: tuple[int, ...]
    sure: Mapping[int, int]


def associate(
    iou: Float[np.ndarray, "d t"],
    scores: Float[np.ndarray, "d"],
    visible: Bool[np.ndarray, "t"],
    concept_of_detection: Int[np.ndarray, "d"],
    concept_of_masklet: Int[np.ndarray, "t"],
    policy: VideoPolicy,
) -> Association:
    """Match detections with the masklets of their concept; `iou` is that of masks, `visible` says whose is not empty.

    `sure` names, for a masklet, the last detection that agrees with it more than with any other, of a score and IoU
    that suffice for reconditioning.
    """
    iou = np.where(concept_of_detection[:, None] == concept_of_masklet[None, :], iou, 0.0)
    touches = (iou >= policy.birth_iou) & (iou > 0)
    lonely = ~np.isin(concept_of_detection, concept_of_masklet)
    new = ~touches.any(1) & ((scores >= policy.birth_score) | lonely)
    matched = _one_to_one(iou, policy.match_iou) if policy.one_to_one else (iou >= policy.match_iou).any(0)
    sure: dict[int, int] = {}
    for row in np.flatnonzero(~new & (scores >= policy.recondition_score)):
        if len(visible) and iou[row].max() >= policy.recondition_iou:
            sure[int(iou[row].argmax())] = int(row)
    return Association(
        new=tuple(np.flatnonzero(new).tolist()),
        on={row: tuple(np.flatnonzero(touches[row]).tolist()) for row in range(len(scores))},
        unmatched=tuple(np.flatnonzero(visible & ~matched).tolist()),
        sure=sure,
    )


def _one_to_one(iou: Float[np.ndarray, "d t"], least: float) -> Bool[np.ndarray, "t"]:
    """Masklets that get a detection of their own in the best assignment."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Expected the package scipy for one_to_one matching, which is not installed: pip install scipy.",
            name="scipy",
        ) from error
    matched = np.zeros(iou.shape[1], bool)
    rows, columns = linear_sum_assignment(-iou)
    matched[columns[iou[rows, columns] >= least]] = True
    return matched


def best_new(new: Sequence[int], scores: Float[np.ndarray, "d"], room: int) -> tuple[int, ...]:
    """The best of the new detections where there is not `room` for all, best first."""
    if len(new) <= room:
        return tuple(new)
    return tuple(sorted(new, key=lambda row: -float(scores[row]))[: max(room, 0)])


def counted(
    tracks: Sequence[Track], found: Association, policy: VideoPolicy, reverse: bool = False
) -> tuple[Track, ...]:
    """The masklets with this frame's matches counted: keep-alive, unmatched frames, and shared detections, which speak
    against the younger masklets on them."""
    matched = {row for rows in found.on.values() for row in rows}
    shared = [dict(track.shared) for track in tracks]
    for rows in found.on.values():
        if len(rows) < 2:
            continue
        oldest = (max if reverse else min)(rows, key=lambda row: tracks[row].first)
        for row in rows:
            if row != oldest:
                elder = tracks[oldest].id
                shared[row][elder] = shared[row].get(elder, 0) + 1
    counts = []
    for row, track in enumerate(tracks):
        credit = min(policy.keep_alive, track.keep_alive + 1) if row in matched else track.keep_alive
        missed = row in found.unmatched
        counts.append(
            replace(
                track,
                keep_alive=max(policy.keep_alive_least, credit - 1) if missed else credit,
                unmatched=track.unmatched + missed,
                shared=shared[row],
            )
        )
    return tuple(counts)


def withdrawn(track: Track, frame: int, policy: VideoPolicy, reverse: bool = False) -> bool:
    """Whether a masklet that is still in its hot start turned out wrong."""
    if track.kept or not in_hot_start(track, frame, policy, reverse):
        return False
    duplicate = any(count >= policy.duplicate_limit for count in track.shared.values())
    return duplicate or track.unmatched >= policy.unmatched_limit


def in_hot_start(track: Track, frame: int, policy: VideoPolicy, reverse: bool = False) -> bool:
    """Whether a masklet is younger than the delay, and was not confirmed before."""
    age = track.first - frame if reverse else frame - track.first
    return not track.confirmed and age < policy.hot_start


def given_up(track: Track, policy: VideoPolicy) -> bool:
    """Whether a masklet is hidden because no detection confirmed it for too long."""
    return policy.hide_unmatched and not track.kept and track.keep_alive <= 0


def hidden_again(
    iou: Float[np.ndarray, "t t"],
    tracks: Sequence[Track],
    leaving: Sequence[bool],
    policy: VideoPolicy,
    reverse: bool = False,
) -> Bool[np.ndarray, "t"]:
    """Of two masklets of a concept on the same place, the one that was hidden last, where both were hidden before.

    A masklet that is `leaving` (withdrawn in this frame) and was never hidden counts as hidden after all others.
    """
    hidden = np.zeros(len(tracks), bool)
    if policy.overlap_iou is None:
        return hidden
    never = -np.inf
    times = [
        float(track.hidden) if track.hidden is not None else np.inf if leaves else never
        for track, leaves in zip(tracks, leaving, strict=True)
    ]
    for i, one in enumerate(tracks):
        for j in range(i + 1, len(tracks)):
            if one.concept != tracks[j].concept or iou[i, j] < policy.overlap_iou:
                continue
            later, earlier = (i, j) if (times[i] < times[j] if reverse else times[i] > times[j]) else (j, i)
            hidden[later] |= times[later] != times[earlier] and times[earlier] > never
    return hidden


def shrunken(
    mask_logits: Float[Tensor, "t 1 h w"], concept: Int[np.ndarray, "t"], size_hw: tuple[int, int], least: float
) -> Bool[np.ndarray, "t"]:
    """Masklets that keep less than `least` of their pixels at `size_hw` when each pixel goes to the highest logit of
    its concept. Masks are brought to that size one by one, so that memory does not grow with their number."""
    lost = np.zeros(len(mask_logits), bool)
    for name in np.unique(concept):
        rows = np.flatnonzero(concept == name).tolist()
        if len(rows) < 2:
            continue
        highest = torch.full(size_hw, -torch.inf)
        owner = torch.zeros(size_hw, dtype=torch.int32)
        areas = []
        for row in rows:
            logits = enlarged(mask_logits[row], size_hw).float().cpu()
            above = logits > highest
            highest = torch.where(above, logits, highest)
            owner[above] = row
            areas.append(max(int((logits > 0).sum()), 1))
        kept = owner[highest > 0].bincount(minlength=len(mask_logits))
        for row, area in zip(rows, areas, strict=True):
            lost[row] = int(kept[row]) / area < least
    return lost


def enlarged(mask_logits: Float[Tensor, "1 h w"], size_hw: tuple[int, int]) -> Float[Tensor, "height width"]:
    """Bilinear."""
    return F.interpolate(mask_logits[None], size_hw, mode="bilinear")[0, 0]


def mask_iou(a: Bool[Tensor, "n h w"], b: Bool[Tensor, "m h w"]) -> Float[np.ndarray, "n m"]:
    """Of masks of one small size; two empty ones have none."""
    flat_a, flat_b = a.flatten(1).float(), b.flatten(1).float()
    both = flat_a @ flat_b.T
    either = flat_a.sum(1)[:, None] + flat_b.sum(1)[None] - both
    return (both / either.clamp(min=1)).cpu().numpy()
