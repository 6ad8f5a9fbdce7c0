"""Predicted masklets as they stand in SA-Co/VEval and YouTube-VIS results files."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from argus.data.video_records import VideoPair
from argus.eval.hota import FoundMasklet, VideoScore, score_video
from argus.eval.predictions import check_id, check_score
from argus.ops import rle
from argus.ops.rle import Rle


def score_video_results(pairs: Sequence[VideoPair], records: Sequence[Mapping[str, Any]]) -> list[VideoScore]:
    """Score results, each a record of `video_id`, `category_id`, `score` and `segmentations` (an RLE or null a frame),
    against the exhaustive pairs.

    Raises ValueError for records of another form, about unknown pairs, and of other frames than the video's.
    """
    found = found_masklets(pairs, records)
    return [score_video(pair, found.get(pair.id, [])) for pair in pairs if pair.exhaustive]


def found_masklets(pairs: Sequence[VideoPair], records: Sequence[Mapping[str, Any]]) -> dict[int, list[FoundMasklet]]:
    """The masklets of a results file by the pair that they are about."""
    known = {(pair.video_id, pair.category_id): pair for pair in pairs}
    found: dict[int, list[FoundMasklet]] = defaultdict(list)
    for record in records:
        if missing := sorted({"video_id", "category_id", "score", "segmentations"} - record.keys()):
            raise ValueError(
                f"Expected video_id, category_id, score and segmentations, got a result without {missing}."
            )
        check_score(record["score"])
        for name in ("video_id", "category_id"):
            check_id(record[name], name)
        pair = known.get((record["video_id"], record["category_id"]))
        if pair is None:
            raise ValueError(
                f"Expected results about pairs of the ground truth, got one about video {record['video_id']!r} and "
                f"category {record['category_id']!r}."
            )
        masks = frame_masks(record["segmentations"], pair.size_hw, f"a result about {pair.video_name}")
        found[pair.id].append(FoundMasklet(rles=masks, scores=(float(record["score"]),) * len(masks)))
    return found


def frame_masks(segmentations: object, size_hw: tuple[int, int], what: str) -> tuple[Rle | None, ...]:
    """The masks of one masklet, frame by frame. Raises ValueError, naming `what`, for anything else."""
    if not isinstance(segmentations, list):
        raise ValueError(f"Expected a list of one mask or null a frame as segmentations of {what}.")
    try:
        return tuple(None if mask is None else rle.from_coco(mask, size_hw) for mask in segmentations)
    except ValueError as error:
        raise ValueError(f"In {what}: {error}") from error
