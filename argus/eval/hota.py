"""HOTA: how well masklets are found and told apart (Luiten et al., 2020), through trackeval.

Over (video, phrase) pairs, each a sequence of its own of one class, it is pHOTA (SAM 3, Carion et al., 2025).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

from argus.data.video_records import VideoPair
from argus.eval.cgf1 import PairScore, matched, summarise
from argus.eval.extras import needs
from argus.eval.predictions import MIN_SCORE
from argus.eval.teta import Named, count_video, teta
from argus.ops import rle
from argus.ops.rle import Rle
from argus.types import TrackedFrame


@dataclass(frozen=True, kw_only=True)
class FoundMasklet:
    """One predicted masklet: its mask in every frame of the video, None where it is not seen, and its scores there."""

    rles: tuple[Rle | None, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.rles) != len(self.scores):
            raise ValueError(f"Expected a score for each of {len(self.rles)} frames, got {len(self.scores)}.")

    @property
    def score(self) -> float:
        """The mean score over the frames where it is seen; 0 when it never is."""
        seen = [score for mask, score in zip(self.rles, self.scores, strict=True) if mask is not None]
        return float(np.mean(seen)) if seen else 0.0


# A predictor under test: the files of a video's frames in order, and phrases; one answer, of any number of masklets, a
# phrase.
PredictVideo: TypeAlias = Callable[[Sequence[Path], Sequence[str]], Sequence[Sequence[FoundMasklet]]]


@dataclass(frozen=True, kw_only=True)
class Hota:
    """HOTA and its parts, in 0..1, each the mean over IoU thresholds 0.05, 0.10 ... 0.95."""

    hota: float
    det_a: float
    ass_a: float
    det_recall: float
    det_precision: float
    ass_recall: float
    ass_precision: float
    loc_a: float


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoScore:
    """One scored (video, phrase) pair: `counts` are trackeval's, to be combined; `objects` matches whole masklets by
    the IoU of their volumes, for `argus.eval.summarise`. `found` and `truth` are the masks of those masklets, frame by
    frame, in the order of its `match`."""

    pair: VideoPair
    counts: dict[str, Any]
    objects: PairScore
    found: tuple[tuple[Rle | None, ...], ...]
    truth: tuple[tuple[Rle | None, ...], ...]


def evaluate_videos(pairs: Sequence[VideoPair], images: Path, predict: PredictVideo) -> list[VideoScore]:
    """Ask `predict` about every exhaustive pair, video by video, and score the answers; `summarise_videos` sums up."""
    scores: list[VideoScore] = []
    for group in by_video(pairs):
        frames = [images / name for name in group[0].file_names]
        answers = predict(frames, [pair.phrase for pair in group])
        if len(answers) != len(group):
            raise ValueError(f"Expected {len(group)} answers, one for each phrase, got {len(answers)}.")
        scores += [score_video(pair, answer) for pair, answer in zip(group, answers, strict=True)]
    return scores


def by_video(pairs: Sequence[VideoPair]) -> list[list[VideoPair]]:
    """The pairs that are scored, the exhaustive ones, video by video."""
    groups: dict[int, list[VideoPair]] = {}
    for pair in pairs:
        if pair.exhaustive:
            groups.setdefault(pair.video_id, []).append(pair)
    return list(groups.values())


def score_video(pair: VideoPair, found: Sequence[FoundMasklet]) -> VideoScore:
    """Score the masklets found for a pair whose score is above `MIN_SCORE`. Raises ValueError for masks or numbers of
    frames that are not the video's."""
    for masklet in found:
        _check(pair, masklet)
    sure = [(masklet.score, _seen(masklet.rles)) for masklet in found if masklet.score > MIN_SCORE]
    sure = [(score, masks) for score, masks in sure if any(masks)]
    ours = [masks for _, masks in sure]
    theirs = [masks for masks in (_seen(masklet.rles) for masklet in pair.masklets) if any(masks)]
    with needs("trackeval", "measure HOTA", "--no-deps trackeval"):
        from trackeval.metrics import HOTA

    counts = HOTA().eval_sequence(_sequence(ours, theirs, len(pair.file_names)))
    objects = PairScore(
        pair=pair,
        match=matched(volume_iou(ours, theirs)),
        scores=np.array([score for score, _ in sure], np.float64),
        found_areas_px=_mean_areas_px(ours),
        truth_areas_px=_mean_areas_px(theirs),
    )
    return VideoScore(
        pair=pair, counts=counts, objects=objects, found=tuple(map(tuple, ours)), truth=tuple(map(tuple, theirs))
    )


def protocol() -> dict[str, str]:
    """How pairs are scored, in words."""
    return {
        "protocol": "SA-Co/VEval: pHOTA and cgF1 over (video, phrase) pairs",
        "pHOTA": "trackeval's HOTA on mask IoU, thresholds 0.05, 0.10 ... 0.95; each pair a sequence, all combined",
        "cgF1": "whole masklets, IoU of volumes, thresholds 0.50, 0.55 ... 0.95, matched one to one (Hungarian)",
        "predictions": f"score > {MIN_SCORE}; of a model the mean over the frames where a masklet is seen",
        "TETA": "all phrases of a video together, a phrase a category; masks near an object: IoU >= 0.5",
        "left out": "pairs with crowd masklets; masks without a pixel",
    }


def summarise_videos(scores: Sequence[VideoScore]) -> dict[str, float]:
    """pHOTA with its parts, and what `argus.eval.summarise` says of whole masklets (cgF1, pmF1, IL_MCC and the rest).

    Raises ValueError for no scores.
    """
    found = phota(scores)
    return {
        "pHOTA": found.hota,
        "DetA": found.det_a,
        "AssA": found.ass_a,
        "DetRe": found.det_recall,
        "DetPr": found.det_precision,
        "AssRe": found.ass_recall,
        "AssPr": found.ass_precision,
        "LocA": found.loc_a,
        **summarise([score.objects for score in scores]),
    }


def phota(scores: Sequence[VideoScore]) -> Hota:
    """HOTA of all pairs together: detections are summed, associations weigh as much as their detections."""
    with needs("trackeval", "measure HOTA", "--no-deps trackeval"):
        from trackeval.metrics import HOTA

    if not scores:
        raise ValueError("Expected scored pairs to combine, got none.")
    combined = HOTA().combine_sequences({i: score.counts for i, score in enumerate(scores)})
    mean = {name: float(np.mean(combined[name])) for name in combined}
    return Hota(
        hota=mean["HOTA"],
        det_a=mean["DetA"],
        ass_a=mean["AssA"],
        det_recall=mean["DetRe"],
        det_precision=mean["DetPr"],
        ass_recall=mean["AssRe"],
        ass_precision=mean["AssPr"],
        loc_a=mean["LocA"],
    )


def all_teta(scores: Sequence[VideoScore]) -> dict[str, float]:
    """TETA with its parts (see `argus.eval.teta`), each phrase a category; nothing where nothing is there to find."""
    videos: dict[int, list[VideoScore]] = {}
    for score in scores:
        videos.setdefault(score.pair.video_id, []).append(score)
    return teta(
        count_video(
            [Named(category=one.pair.phrase, rles=masks) for one in group for masks in one.truth],
            [Named(category=one.pair.phrase, rles=masks) for one in group for masks in one.found],
        )
        for group in videos.values()
    )


def volume_iou(
    ours: Sequence[Sequence[Rle | None]], theirs: Sequence[Sequence[Rle | None]]
) -> Float[np.ndarray, "n m"]:
    """The IoU of whole masklets: pixels that two share in any frame, over those of both."""
    shared = np.zeros((len(ours), len(theirs)))
    for masks in zip(*ours, *theirs, strict=True):
        rows = [i for i in range(len(ours)) if masks[i] is not None]
        columns = [j for j in range(len(theirs)) if masks[len(ours) + j] is not None]
        a, b = [masks[i] for i in rows], [masks[len(ours) + j] for j in columns]
        overlap = rle.iou(a, b)
        total = rle.area(a)[:, None] + rle.area(b)[None, :]
        shared[np.ix_(rows, columns)] += np.rint(overlap * total / (1 + overlap))  # whole pixels
    sizes = [
        np.array([rle.area([m for m in masks if m is not None]).sum() for masks in side]) for side in (ours, theirs)
    ]
    return shared / np.maximum(sizes[0][:, None] + sizes[1][None, :] - shared, 1)


def masklets(frames: Iterable[TrackedFrame], count: int, concept: str | None = None) -> list[FoundMasklet]:
    """What a run through a video of `count` frames found, of one concept or of all, by id."""
    rows: dict[int, list[tuple[Rle | None, float]]] = {}
    for frame in frames:
        for masklet in frame.masklets:
            if concept is None or masklet.concept == concept:
                row = rows.setdefault(masklet.id, [(None, 0.0)] * count)
                row[frame.index] = (masklet.rle, masklet.score)
    return [FoundMasklet(rles=tuple(m for m, _ in row), scores=tuple(s for _, s in row)) for row in rows.values()]


def _check(pair: VideoPair, masklet: FoundMasklet) -> None:
    wrong = {mask.size_hw for mask in masklet.rles if mask is not None} - {pair.size_hw}
    if len(masklet.rles) != len(pair.file_names) or wrong:
        raise ValueError(
            f"Expected a mask of {pair.size_hw} (height, width), or None, in each of {len(pair.file_names)} frames of "
            f"{pair.video_name}, got {len(masklet.rles)} of {sorted(wrong or {pair.size_hw})}."
        )


def _seen(masks: Sequence[Rle | None]) -> list[Rle | None]:
    """With None for masks without a pixel."""
    return [mask if mask is not None and rle.area([mask])[0] else None for mask in masks]


def _mean_areas_px(side: Sequence[Sequence[Rle | None]]) -> Float[np.ndarray, "n"]:
    return np.array([rle.area([mask for mask in masks if mask]).mean() for masks in side], np.float64)


def _sequence(ours: list[list[Rle | None]], theirs: list[list[Rle | None]], frames: int) -> dict[str, Any]:
    """Detections frame by frame as trackeval takes them: ids count from 0, similarities are (true, found)."""
    our_ids, their_ids = ([_ids(side, frame) for frame in range(frames)] for side in (ours, theirs))
    similarities = [
        rle.iou([theirs[i][t] for i in their_ids[t]], [ours[i][t] for i in our_ids[t]]) for t in range(frames)
    ]
    return {
        "num_timesteps": frames,
        "num_gt_ids": len(theirs),
        "num_tracker_ids": len(ours),
        "num_gt_dets": sum(map(len, their_ids)),
        "num_tracker_dets": sum(map(len, our_ids)),
        "gt_ids": their_ids,
        "tracker_ids": our_ids,
        "similarity_scores": similarities,
    }


def _ids(masklets: list[list[Rle | None]], frame: int) -> np.ndarray:
    return np.array([i for i, masks in enumerate(masklets) if masks[frame] is not None], np.int64)
