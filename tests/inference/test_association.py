"""The policy of video, without any network: births, matches, hot start, overlaps and shrinking."""

import numpy as np
import pytest
import torch

from argus.inference.association import (
    Association,
    Track,
    associate,
    best_new,
    counted,
    given_up,
    hidden_again,
    in_hot_start,
    mask_iou,
    shrunken,
    withdrawn,
)
from argus.inference.policy import VideoPolicy

POLICY = VideoPolicy()


def track(id: int, first: int = 0, **values: object) -> Track:
    return Track(**{"id": id, "concept": 1, "first": first, "keep_alive": 30, **values})


def match(iou: list[list[float]], scores: list[float], policy: VideoPolicy = POLICY, **given: list) -> Association:
    table = np.array(iou, float).reshape(len(scores), -1) if scores else np.zeros((0, len(given["visible"])))
    visible = np.array(given.get("visible", [True] * table.shape[1]), bool)
    of_detections = np.array(given.get("detections", [1] * len(scores)), np.int64)
    of_masklets = np.array(given.get("masklets", [1] * len(visible)), np.int64)
    return associate(table, np.array(scores, float), visible, of_detections, of_masklets, policy)


def test_a_sure_detection_on_no_masklet_is_new() -> None:
    assert match([[0.05]], [0.7]).new == (0,)
    assert match([[0.05]], [0.69]).new == ()
    assert match([[0.1]], [0.9]).new == ()


def test_any_detection_is_new_while_its_concept_has_no_masklet() -> None:
    assert match([], [0.51, 0.6], visible=[]).new == (0, 1)
    assert match([[0.0]], [0.51], detections=[2]).new == (0,)


def test_masklets_of_other_concepts_do_not_match() -> None:
    found = match([[0.9, 0.0]], [0.9], detections=[2], masklets=[1, 2])
    assert found.new == (0,) and found.unmatched == (0, 1) and not found.sure


def test_a_masklet_is_unmatched_below_half_and_only_if_it_is_to_be_seen() -> None:
    assert match([[0.49, 0.5, 0.0]], [0.9], visible=[True, True, False]).unmatched == (0,)
    assert match([], [], visible=[True, False]).unmatched == (0,)


def test_one_to_one_leaves_the_second_masklet_on_a_detection_unmatched() -> None:
    assert match([[0.9, 0.8]], [0.9]).unmatched == ()
    assert match([[0.9, 0.8]], [0.9], VideoPolicy(one_to_one=True)).unmatched == (1,)


def test_a_sure_detection_confirms_the_masklet_that_it_agrees_with_most() -> None:
    assert match([[0.81, 0.9]], [0.85]).sure == {1: 0}
    assert match([[0.79, 0.1]], [0.85]).sure == {}
    assert match([[0.9, 0.1]], [0.79]).sure == {}


def test_the_best_new_ones_are_taken_where_room_is_short() -> None:
    assert best_new([0, 2, 3], np.array([0.5, 0.0, 0.9, 0.7]), 2) == (2, 3)
    assert best_new([0, 2], np.array([0.5, 0.0, 0.9]), 2) == (0, 2)
    assert best_new([0], np.array([0.5]), -1) == ()


def test_eight_unmatched_frames_withdraw_a_young_masklet_even_with_gaps() -> None:
    one, empty, hit = (track(1),), match([[0.0]], [0.0]), match([[0.9]], [0.9])
    for frame in range(14):
        one = counted(one, empty if frame % 2 else hit, POLICY)
    assert one[0].unmatched == 7 and not withdrawn(one[0], 14, POLICY)
    one = counted(one, empty, POLICY)
    assert withdrawn(one[0], 14, POLICY) and not withdrawn(one[0], 15, POLICY)


def test_the_younger_of_two_masklets_on_one_detection_is_withdrawn() -> None:
    two = (track(1), track(2, first=3))
    for _ in range(8):
        two = counted(two, match([[0.9, 0.6]], [0.9]), POLICY)
    assert [withdrawn(one, 10, POLICY) for one in two] == [False, True]
    backward = (track(1), track(2, first=3))
    for _ in range(8):
        backward = counted(backward, match([[0.9, 0.6]], [0.9]), POLICY, reverse=True)
    assert [withdrawn(one, 0, POLICY, reverse=True) for one in backward] == [True, False]


def test_what_a_person_picked_is_never_withdrawn() -> None:
    assert withdrawn(track(1, unmatched=99), 3, POLICY)
    assert not withdrawn(track(1, unmatched=99, picked=True), 3, POLICY)
    assert not withdrawn(track(1, unmatched=99, corrected=True), 3, POLICY)


@pytest.mark.parametrize(("delay", "count"), [(0, 0), (1, 1), (5, 3), (8, 5), (15, 8)])
def test_counts_shrink_with_the_delay(delay: int, count: int) -> None:
    policy = VideoPolicy(hot_start=delay)
    assert policy.unmatched_limit == policy.duplicate_limit == count
    assert [in_hot_start(track(1), frame, policy) for frame in range(delay + 1)] == [True] * delay + [False]


def test_keep_alive_counts_down_to_its_least_and_up_to_its_most() -> None:
    (one,) = (track(1, keep_alive=1),)
    for _ in range(4):
        (one,) = counted((one,), match([[0.0]], [0.0]), POLICY)
    assert one.keep_alive == -1 and not given_up(one, POLICY) and given_up(one, VideoPolicy(hide_unmatched=True))
    for _ in range(40):
        (one,) = counted((one,), match([[0.9]], [0.9]), POLICY)
    assert one.keep_alive == 30


def overlap(*hidden: int | None, iou: float = 0.8, concepts: tuple[int, int] = (1, 1), **given: bool) -> list[bool]:
    tracks = [track(i, hidden=h, concept=c) for i, (h, c) in enumerate(zip(hidden, concepts, strict=True))]
    table = np.array([[1.0, iou], [iou, 1.0]])
    return hidden_again(table, tracks, [False, False], POLICY, **given).tolist()


def test_of_two_on_one_place_the_last_hidden_is_hidden_again() -> None:
    assert overlap(3, 9) == [False, True] and overlap(9, 3) == [True, False]
    assert overlap(9, 3, reverse=True) == [False, True]
    assert overlap(None, 9) == overlap(9, None) == overlap(4, 4) == [False, False]
    assert overlap(3, 9, iou=0.69) == overlap(3, 9, concepts=(1, 2)) == [False, False]


def test_a_masklet_that_loses_most_of_its_pixels_is_not_there() -> None:
    low, high = torch.full((1, 1, 8, 8), -5.0), torch.full((1, 1, 8, 8), -5.0)
    low[..., :5] = 1.0
    high[..., :4] = 2.0
    masks = torch.cat([low, high])
    assert shrunken(masks, np.array([1, 1]), (8, 8), 0.3).tolist() == [True, False]
    assert shrunken(masks, np.array([1, 1]), (8, 8), 0.1).tolist() == [False, False]
    assert shrunken(masks, np.array([1, 2]), (8, 8), 0.3).tolist() == [False, False]


def test_mask_iou_of_nothing_is_zero() -> None:
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[1, :2] = True
    assert mask_iou(masks, masks).tolist() == [[0.0, 0.0], [0.0, 1.0]]
    assert mask_iou(masks[:0], masks).shape == (0, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"detection_score": 1.5},
        {"hot_start": 16},
        {"max_objects": 0},
        {"speck_area": -1},
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"Expected {next(iter(wrong))}"):
        VideoPolicy(**wrong)
