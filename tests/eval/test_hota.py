"""HOTA over (video, phrase) pairs: what each part of it reacts to, and the matching of whole masklets."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from argus.data.video_records import VideoPair, VideoTruth
from argus.eval.hota import (
    FoundMasklet,
    all_teta,
    evaluate_videos,
    masklets,
    phota,
    score_video,
    summarise_videos,
    volume_iou,
)
from argus.eval.report import video_table, videos_by_group
from argus.ops import rle
from argus.ops.rle import Rle
from argus.types import Masklet, MaskletState, TrackedFrame

SIZE = (20, 40)
FRAMES = 6


def box(left: int, width: int = 8) -> Rle:
    mask = np.zeros(SIZE, bool)
    mask[4:12, left : left + width] = True
    return rle.encode(mask)


A: tuple[Rle | None, ...] = tuple(box(frame) for frame in range(FRAMES))
B: tuple[Rle | None, ...] = tuple(box(20 + frame) for frame in range(FRAMES))
LATE: tuple[Rle | None, ...] = (None, None, *B[2:])


def pair(*truth: tuple[Rle | None, ...], id: int = 1, video: int = 1, exhaustive: bool = True) -> VideoPair:
    return VideoPair(
        id=id,
        video_id=video,
        video_name=f"v{video}",
        file_names=tuple(f"v{video}/{frame}.jpg" for frame in range(FRAMES)),
        size_hw=SIZE,
        phrase=f"thing {id}",
        masklets=tuple(VideoTruth(id=i, rles=masks) for i, masks in enumerate(truth)),
        exhaustive=exhaustive,
        kind="name" if truth else "absent",
    )


def found(*masks: tuple[Rle | None, ...], score: float = 0.9) -> list[FoundMasklet]:
    return [FoundMasklet(rles=each, scores=(score,) * len(each)) for each in masks]


def metrics(truth: VideoPair, *masks: tuple[Rle | None, ...], score: float = 0.9) -> dict[str, float]:
    return summarise_videos([score_video(truth, found(*masks, score=score))])


def test_a_perfect_answer_is_1_in_any_order() -> None:
    perfect = metrics(pair(A, LATE), LATE, A)
    assert [perfect[name] for name in ("pHOTA", "DetA", "AssA", "LocA")] == pytest.approx([1, 1, 1, 1])
    assert perfect["pmF1"] == pytest.approx(1, abs=1e-3)


def test_nothing_found_and_nothing_sure_are_0() -> None:
    for empty in (metrics(pair(A)), metrics(pair(A), A, score=0.5)):
        assert empty["pHOTA"] == empty["DetA"] == empty["pmF1"] == 0


def test_swapped_ids_cost_association_and_not_detection() -> None:
    swapped = metrics(pair(A, B), (*A[:3], *B[3:]), (*B[:3], *A[3:]))
    assert swapped["DetA"] == pytest.approx(1)
    assert swapped["AssA"] == pytest.approx(1 / 3)  # 3 frames shared, of 6 + 6 - 3
    assert swapped["pmF1"] < 0.1


def test_a_masklet_that_is_not_there_costs_detection_and_not_association() -> None:
    more = metrics(pair(A), A, B)
    assert more["AssA"] == pytest.approx(1)
    assert more["DetA"] == more["DetPr"] == pytest.approx(0.5)
    assert more["DetRe"] == pytest.approx(1)


def test_worse_masks_lower_all() -> None:
    narrow = tuple(box(frame, 4) for frame in range(FRAMES))  # IoU 0.5: true at 10 of 19 thresholds
    half = metrics(pair(A), narrow)
    assert half["DetA"] == half["AssA"] == pytest.approx(10 / 19)
    assert half["LocA"] > 0.5 and half["pmF1@0.5"] > 0.99 and half["pmF1@0.75"] == 0


def test_teta_takes_all_phrases_of_a_video_together() -> None:
    """Each phrase answers with the other's object: HOTA finds nothing, TETA the places, and the names wrong."""
    truth = [pair(A, id=1), pair(B, id=2), pair(A, id=3, video=2)]
    swapped = [score_video(truth[0], found(B)), score_video(truth[1], found(A)), score_video(truth[2], [])]
    assert phota(swapped).hota == 0
    named = all_teta(swapped)
    assert named["TETA_LocA"] == pytest.approx(2 / 3) and named["TETA_ClsA"] == 0  # of three phrases
    assert all_teta([score_video(pair(), found(A))]) == {}


def test_pairs_are_sequences_of_their_own() -> None:
    """What is found for an absent phrase is false, though it is there under another; and detections are summed."""
    truth = [pair(A, B, id=1), pair(id=2)]
    scores = [score_video(truth[0], found(A, B)), score_video(truth[1], found(A))]
    both = phota(scores)
    assert both.det_a == pytest.approx(12 / 18) and both.ass_a == pytest.approx(1)
    assert both.hota == pytest.approx(np.sqrt(12 / 18))
    silent = summarise_videos([scores[0], score_video(truth[1], [])])
    assert silent["pHOTA"] == pytest.approx(1) and silent["IL_MCC"] == pytest.approx(1, abs=1e-3)


def test_masks_without_a_pixel_are_not_seen() -> None:
    empty = (rle.empty(SIZE),) * FRAMES
    assert metrics(pair(A), A, empty)["pHOTA"] == pytest.approx(1)
    assert metrics(pair(), empty)["predictions"] == 0


def test_volumes_are_counted_over_all_frames() -> None:
    narrow = tuple(box(frame, 4) for frame in range(FRAMES))
    half_time = (*A[:3], None, None, None)
    assert volume_iou([narrow, half_time, B], [A]) == pytest.approx(np.array([[0.5], [0.5], [0.0]]))
    assert volume_iou([], [A]).shape == (0, 1)


def test_the_evaluator_asks_once_a_video(tmp_path: Path) -> None:
    pairs = [pair(A, id=1), pair(B, id=2, video=2), pair(id=3), pair(A, id=4, exhaustive=False)]
    truth = {p.phrase: p.masklets for p in pairs}
    asked = []

    def predict(frames: Sequence[Path], phrases: Sequence[str]) -> list[list[FoundMasklet]]:
        asked.append((frames[0], len(frames), tuple(phrases)))
        return [found(*(t.rles for t in truth[phrase])) for phrase in phrases]

    scores = evaluate_videos(pairs, tmp_path, predict)
    first = tmp_path / "v1" / "0.jpg", tmp_path / "v2" / "0.jpg"
    assert asked == [(first[0], FRAMES, ("thing 1", "thing 3")), (first[1], FRAMES, ("thing 2",))]
    assert phota(scores).hota == pytest.approx(1)
    assert set(videos_by_group(scores, "kind")) == {"name", "absent"}
    assert video_table({"all": summarise_videos(scores)}, "clips").row_count == 1
    with pytest.raises(ValueError, match="2 answers"):
        evaluate_videos(pairs, tmp_path, lambda frames, phrases: [])


def test_tracked_frames_become_masklets() -> None:
    def frame(index: int, *ids: int) -> TrackedFrame:
        visible = tuple(
            Masklet(
                id=i,
                concept="cow" if i < 9 else "dog",
                rle=box(i),
                box_xyxy_px=np.zeros(4),
                score=0.6 + index / 10,
                state=MaskletState.confirmed,
            )
            for i in ids
        )
        return TrackedFrame(index=index, time_s=0.0, pixels=np.zeros((*SIZE, 3), np.uint8), masklets=visible)

    frames = [frame(0, 3), frame(2, 3, 9)]
    (cow,) = masklets(frames, 3, "cow")
    assert cow.rles == (box(3), None, box(3)) and cow.score == pytest.approx(0.7)
    assert [masklet.rles[0] for masklet in masklets(frames, 3)] == [box(3), None]


def test_bad_input_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="each of 6 frames, got 2"):
        FoundMasklet(rles=A, scores=(0.9, 0.9))
    with pytest.raises(ValueError, match="in each of 6 frames of v1, got 2"):
        score_video(pair(A), found(A[:2]))
    with pytest.raises(ValueError, match="Expected a mask of"):
        score_video(pair(A), found((rle.empty((3, 3)),) * FRAMES))
    with pytest.raises(ValueError, match="got none"):
        phota([])
    monkeypatch.setitem(sys.modules, "trackeval.metrics", None)
    with pytest.raises(ModuleNotFoundError, match="trackeval to measure HOTA"):
        score_video(pair(A), found(A))
