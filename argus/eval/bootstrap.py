"""How sure a measurement is: percentile intervals by resampling images (Efron, 1979).

The pairs of one image stand or fall together, so whole images are drawn, with replacement, and not pairs.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from argus.data.sources.saco import Pair
from argus.data.video_records import VideoPair
from argus.eval.cgf1 import THRESHOLDS, PairScore, f1, matthews
from argus.eval.hota import VideoScore

RESAMPLES, SEED, LEVEL = 1000, 0, 0.95
_WIDTH = len(THRESHOLDS) + 6  # of `_counts`
_CHUNK = 4_000_000  # of drawn images at a time: 32 MB

_Measure = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where a metric lies in `LEVEL` of the resamples."""

    low: float
    high: float


def intervals(scores: Sequence[PairScore], *, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Interval]:
    """The intervals of cgF1, pmF1 and IL_MCC over pairs; none when they are about fewer than two images."""
    return _between(resampled(scores, resamples=resamples, seed=seed))


def resampled(
    scores: Sequence[PairScore], *, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Float[np.ndarray, "r"]]:
    """cgF1, pmF1 and IL_MCC of each resample; none when they are about fewer than two images.

    Which images are drawn depends on their number alone: two models on the same images are drawn alike, so that the
    differences of their resamples are paired.
    """
    rows = [_counts(score) for score in scores]
    return _resampled(rows, [_image(score.pair) for score in scores], _measure, resamples, seed)


def video_intervals(
    scores: Sequence[VideoScore], *, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Interval]:
    """The intervals of pHOTA, DetA and AssA, and of the above for whole masklets, by resampling videos."""
    rows = [np.concatenate([_counts(score.objects), _tracking_counts(score)]) for score in scores]

    def measure(sums: np.ndarray) -> dict[str, np.ndarray]:
        return {**_measure_tracking(sums[:, _WIDTH:]), **_measure(sums[:, :_WIDTH])}

    return _between(_resampled(rows, [_image(score.pair) for score in scores], measure, resamples, seed))


def interval(values: Float[np.ndarray, "r"]) -> Interval:
    """Where `LEVEL` of the values of resamples lie."""
    low, high = np.percentile(values, [50 * (1 - LEVEL), 50 * (1 + LEVEL)]).tolist()
    return Interval(low=low, high=high)


def _between(drawn: Mapping[str, np.ndarray]) -> dict[str, Interval]:
    return {name: interval(values) for name, values in drawn.items()}


def _image(pair: Pair | VideoPair) -> Hashable:
    return pair.video_id if isinstance(pair, VideoPair) else pair.file_name


def _resampled(
    rows: Sequence[Float[np.ndarray, "k"]], images: Sequence[Hashable], measure: _Measure, resamples: int, seed: int
) -> dict[str, np.ndarray]:
    names = {image: index for index, image in enumerate(dict.fromkeys(images))}
    if len(names) < 2:
        return {}
    by_image = np.zeros((len(names), len(rows[0])))
    np.add.at(by_image, [names[image] for image in images], np.array(rows))
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(names))
    sums = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=size)
        sums.append(drawn.astype(np.float64) @ by_image)  # (size, k)
    return measure(np.concatenate(sums))


def _counts(score: PairScore) -> Float[np.ndarray, "k"]:
    """What a pair adds to the sums: hits at each threshold, instances, predictions about what is there, and which of
    the four cases it is."""
    there, said = score.wanted > 0, score.predicted > 0
    case = [there and said, said and not there, there and not said, not there and not said]
    return np.array([*score.true_positives, score.wanted, score.predicted * there, *case], np.float64)


def _measure(sums: Float[np.ndarray, "r k"]) -> dict[str, np.ndarray]:
    count = len(THRESHOLDS)
    hits, wanted, predicted = sums[:, :count], sums[:, count, None], sums[:, count + 1, None]
    pm_f1 = f1(hits, predicted - hits, wanted - hits).mean(axis=1)
    mcc = matthews(*sums[:, count + 2 :].T)
    return {"cgF1": pm_f1 * mcc, "pmF1": pm_f1, "IL_MCC": mcc}


def _tracking_counts(score: VideoScore) -> Float[np.ndarray, "k"]:
    tp = score.counts["HOTA_TP"]
    return np.concatenate([tp, score.counts["HOTA_FN"], score.counts["HOTA_FP"], score.counts["AssA"] * tp])


def _measure_tracking(sums: Float[np.ndarray, "r k"]) -> dict[str, np.ndarray]:
    tp, fn, fp, associated = np.split(sums, 4, axis=1)
    det_a = tp / np.maximum(tp + fn + fp, 1)
    ass_a = associated / np.maximum(tp, 1)
    return {
        "pHOTA": np.sqrt(det_a * ass_a).mean(axis=1),
        "DetA": det_a.mean(axis=1),
        "AssA": ass_a.mean(axis=1),
    }


def settings(drawn: str, found: Mapping[str, Interval]) -> dict[str, str]:
    """How intervals were made, in words; `drawn` names what is resampled."""
    if not found:
        return {"intervals": f"none: they take two {drawn} or more"}
    return {"intervals": f"{100 * LEVEL:.0f} % percentile bootstrap over {drawn}, {RESAMPLES} resamples, seed {SEED}"}
