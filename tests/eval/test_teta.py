"""TETA on cases small enough to reckon by hand."""

import numpy as np
import pytest

from argus.eval.teta import Named, count_video, teta
from argus.ops import rle
from argus.ops.rle import Rle

SIZE, FRAMES = (20, 40), 6


def box(left: int, width: int = 8) -> Rle:
    mask = np.zeros(SIZE, bool)
    mask[4:12, left : left + width] = True
    return rle.encode(mask)


def named(category: str, left: int, width: int = 8, seen: range = range(FRAMES)) -> Named:
    """A box that moves a pixel a frame."""
    return Named(category=category, rles=tuple(box(left + t, width) if t in seen else None for t in range(FRAMES)))


def measured(truth: list[Named], *found: Named) -> dict[str, float]:
    return teta([count_video(truth, found)])


CAT, DOG = named("cat", 0), named("dog", 20)


def parts(values: dict[str, float]) -> list[float]:
    return [values[name] for name in ("TETA_LocA", "TETA_AssocA", "TETA_ClsA", "TETA")]


def test_a_perfect_answer_is_1() -> None:
    assert parts(measured([CAT, DOG], DOG, CAT)) == pytest.approx([1, 1, 1, 1])


def test_a_wrong_name_costs_classification_alone() -> None:
    assert parts(measured([CAT], named("dog", 0))) == pytest.approx([1, 1, 0, 2 / 3])


def test_a_wrong_name_counts_for_both_categories() -> None:
    """Of two dogs one is called a cat: half of the dogs' names are missed, and the cat's is false twice, on a dog and
    on no cat."""
    other = named("dog", 10)
    found = measured([CAT, DOG, other], CAT, DOG, named("cat", 10))
    of_names = (1 / 2 + 1 / 3) / 2
    assert parts(found) == pytest.approx([1, 1, of_names, (2 + of_names) / 3])


def test_a_broken_track_costs_association_alone() -> None:
    halves = named("cat", 0, seen=range(3)), named("cat", 0, seen=range(3, 6))
    assert parts(measured([CAT], *halves)) == pytest.approx([1, 0.5, 1, 2.5 / 3])  # 3 frames shared, of 6


def test_what_lies_on_no_object_is_a_false_name_and_a_double_a_false_place() -> None:
    assert parts(measured([CAT], CAT, named("cat", 20))) == pytest.approx([1, 1, 0.5, 2.5 / 3])
    assert parts(measured([CAT], CAT, DOG)) == pytest.approx([1, 1, 1, 1])  # no video has a dog to name
    assert parts(measured([CAT], CAT, CAT)) == pytest.approx([0.5, 1, 1, 2.5 / 3])


def test_a_name_is_false_in_a_video_without_it() -> None:
    found = teta([count_video([CAT], [CAT]), count_video([DOG], [DOG, named("cat", 0, seen=range(3))])])
    assert found["TETA_ClsA"] == pytest.approx((6 / 9 + 1) / 2)


def test_worse_masks_reach_fewer_thresholds() -> None:
    """At IoU 0.5: 11 of 20 for places and tracks, 1 of 10 for names."""
    assert parts(measured([CAT], named("cat", 0, width=4))) == pytest.approx([0.55, 0.55, 0.1, 0.4])


def test_masks_that_are_far_from_their_object_are_none() -> None:
    assert parts(measured([CAT], named("cat", 0, width=3))) == [0, 0, 0, 0]


def test_missed_frames_cost_place_and_association() -> None:
    assert parts(measured([CAT], named("cat", 0, seen=range(3)))) == pytest.approx([0.5, 0.5, 1, 2 / 3])


def test_a_masklet_on_an_object_of_another_category_is_not_false_here() -> None:
    near = named("dog", 1)  # IoU 7/9 with the cat
    assert parts(measured([CAT, near], CAT, near)) == pytest.approx([1, 1, 1, 1])


def test_categories_weigh_the_same_and_videos_add_up() -> None:
    three = [named("cat", 0), named("cat", 10), named("dog", 20)]
    assert measured(three, *three[:2])["TETA"] == pytest.approx(0.5)
    halves = teta([count_video([CAT], [CAT]), count_video([CAT], [])])
    assert parts(halves) == pytest.approx([0.5, 1, 1, 2.5 / 3])


def test_one_object_of_two_names_is_right_by_both() -> None:
    animal = named("animal", 0)
    for found in ((CAT, animal), (animal, CAT)):
        assert measured([CAT, animal], *found)["TETA"] == pytest.approx(1)


def test_nothing_there_is_nothing_measured() -> None:
    assert measured([], CAT) == measured([]) == {}
    assert measured([CAT])["TETA"] == 0
    with pytest.raises(ValueError, match=r"got \[2, 6\] frames"):
        count_video([CAT], [Named(category="cat", rles=CAT.rles[:2])])
