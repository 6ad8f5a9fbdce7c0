"""A measurement of concepts in video as one HTML file: as `argus.eval.page`, with a frame of each worst pair."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from argus.eval import plots
from argus.eval.bootstrap import video_intervals
from argus.eval.breakdown import VIDEO_SIDES_PX, by_number, by_size, counting
from argus.eval.cgf1 import THRESHOLDS, PairScore
from argus.eval.hota import VideoScore, all_teta, summarise_videos
from argus.eval.page import METRICS, Case, Table, case, metric_table, painted, render, size_table, worst
from argus.eval.report import videos_by_group

_TRACKING = ("pHOTA", "DetA", "AssA", "LocA")
_TETA = ("TETA", "TETA_LocA", "TETA_AssocA", "TETA_ClsA")


def write_video_page(
    path: Path,
    title: str,
    scores: Sequence[VideoScore],
    images: Path | None,
    *,
    settings: Mapping[str, str],
    failed: Mapping[str, str],
) -> None:
    """Write the page about scored (video, phrase) pairs; the arguments are those of `argus.eval.page.write_page`."""
    objects = [score.objects for score in scores]
    of = {id(score.objects): score for score in scores}
    render(
        path,
        title,
        tables=_tables(scores, objects),
        plots=[plots.thresholds(objects), plots.reliability(objects), plots.counts(objects)],
        cases=[_case(of[id(bad)], images) for bad in worst(objects)],
        settings=settings,
        failed=failed,
    )


def _tables(scores: Sequence[VideoScore], objects: Sequence[PairScore]) -> list[Table]:
    whole = {**summarise_videos(scores), **counting(objects)}
    named = all_teta(scores)
    return [
        metric_table("All pairs", {"all": whole}, (*_TRACKING, *METRICS), video_intervals(scores)),
        *([metric_table("TETA", {"all": {**whole, **named}}, _TETA)] if named else []),
        metric_table("By kind of phrase", videos_by_group(scores, "kind"), (*_TRACKING, *METRICS[:6])),
        metric_table("By number of masklets", by_number(objects), METRICS),
        size_table(by_size(objects, VIDEO_SIDES_PX)),
    ]


def _case(score: VideoScore, images: Path | None) -> Case:
    frame = _worst_frame(score)
    name = score.pair.file_names[frame]
    truth, found = ([masks[frame] for masks in side] for side in (score.truth, score.found))

    def draw(pixels: UInt8[np.ndarray, "h w 3"], objects: PairScore) -> UInt8[np.ndarray, "h w 3"]:
        return painted(pixels, objects, truth, found)

    return case(score.objects, name, None if images is None else images / name, draw)


def _worst_frame(score: VideoScore) -> int:
    """The first frame with the most masks that are missed or wrong."""
    match = score.objects.match
    bad = [masks for masks, iou in zip(score.truth, match.truth_ious, strict=True) if iou < THRESHOLDS[0]]
    bad += [masks for masks, iou in zip(score.found, match.found_ious, strict=True) if iou < THRESHOLDS[0]]
    sides = bad or [*score.truth, *score.found]
    return int(np.argmax([sum(masks[t] is not None for masks in sides) for t in range(len(score.pair.file_names))]))
