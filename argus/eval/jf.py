"""J and F: how well objects that are given by their first mask are followed, by the DAVIS protocol (Perazzi et al.,
2016; Pont-Tuset et al., 2017)."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, UInt8

from argus.data.sources.davis import VosSequence
from argus.eval.extras import needs

TOLERANCE = 0.008  # of the image's diagonal: how far apart two boundaries may be and still agree

# A propagator under test: RGB frames in order, and masks (n, h, w) of the objects in the first; it yields their masks
# in every frame, the first too.
Propagate: TypeAlias = Callable[[Iterable[np.ndarray], np.ndarray], Iterator[np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class JF:
    """Region similarity J and boundary measure F, in 0..1, and the number of objects that they are the mean of."""

    j: float
    f: float
    objects: int

    @property
    def jf(self) -> float:
        return (self.j + self.f) / 2


@dataclass(frozen=True, kw_only=True)
class ObjectScore:
    """J and F of one object, the mean over the frames that are scored."""

    sequence: str
    object: int
    j: float
    f: float
    frames: int


def mean_jf(scores: Sequence[ObjectScore]) -> JF:
    """The mean over objects, each of the same weight however many its sequence has. Raises ValueError for none."""
    if not scores:
        raise ValueError("Expected objects to take the mean of, got none.")
    return JF(
        j=float(np.mean([score.j for score in scores])),
        f=float(np.mean([score.f for score in scores])),
        objects=len(scores),
    )


def by_sequence(scores: Sequence[ObjectScore]) -> dict[str, JF]:
    """The means over the objects of each sequence."""
    names = dict.fromkeys(score.sequence for score in scores)
    return {name: mean_jf([score for score in scores if score.sequence == name]) for name in names}


def evaluate_vos(sequence: VosSequence, propagate: Propagate) -> list[ObjectScore]:
    """Give `propagate` the first masks of a sequence and score each object in the frames that follow.

    The first frame is given and not scored, the last is left out too, as DAVIS does; so are frames without a mask in
    the folder. Raises ValueError for a sequence without a frame to score, and for answers of another shape.
    """
    first = sequence.truth(0)
    assert first is not None
    sums = np.zeros((2, len(first)))
    scored = count = 0
    for frame, found in enumerate(propagate(sequence.pixels(), first)):
        count += 1
        if found.shape != first.shape:
            raise ValueError(f"Expected masks {first.shape} of the objects in frame {frame}, got {found.shape}.")
        truth = sequence.truth(frame) if 0 < frame < len(sequence.frames) - 1 else None
        if truth is not None:
            sums += [[measure(*pair) for pair in zip(found, truth, strict=True)] for measure in (region, boundary)]
            scored += 1
    if count != len(sequence.frames):
        raise ValueError(f"Expected masks for each of {len(sequence.frames)} frames, got them for {count}.")
    if not scored:
        raise ValueError(
            f"Expected a mask to score between the first and the last frame of {sequence.name}, found none among "
            f"{len(sequence.frames)} frames."
        )
    return [
        ObjectScore(sequence=sequence.name, object=name, j=float(j), f=float(f), frames=scored)
        for name, (j, f) in zip(sequence.object_ids, (sums / scored).T, strict=True)
    ]


def stay(frames: Iterable[UInt8[np.ndarray, "h w 3"]], first: Bool[np.ndarray, "n h w"]) -> Iterator[np.ndarray]:
    """The baseline of propagators: the first masks are left where they are."""
    for _ in frames:
        yield first


def region(found: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> float:
    """J: intersection over union; 1 when both are empty."""
    union = np.count_nonzero(found | truth)
    return np.count_nonzero(found & truth) / union if union else 1.0


def boundary(found: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> float:
    """F: the harmonic mean of how much of each boundary lies within `TOLERANCE` of the other; 1 when both are empty."""
    radius_px = math.ceil(TOLERANCE * math.hypot(*found.shape))
    ours, theirs = edge(found), edge(truth)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision, recall = _near(ours, theirs, radius_px), _near(theirs, ours, radius_px)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def edge(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels that differ from their neighbour to the right, below, or right below; what is outside counts as equal."""
    padded = np.pad(mask, (0, 1), mode="edge")
    return (mask != padded[:-1, 1:]) | (mask != padded[1:, :-1]) | (mask != padded[1:, 1:])


def _near(ours: Bool[np.ndarray, "h w"], theirs: Bool[np.ndarray, "h w"], radius_px: int) -> float:
    """The share of our pixels that have one of theirs at most `radius_px` away: in a disk around it."""
    with needs("scipy", "measure boundaries"):
        from scipy.ndimage import distance_transform_edt

    rows, columns = (np.flatnonzero((ours | theirs).any(axis=axis)) for axis in (1, 0))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    away_px = distance_transform_edt(~theirs[window])
    return float((away_px[ours[window]] <= radius_px).mean())
