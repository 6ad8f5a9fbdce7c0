"""Counts, calibration, and groups of scored pairs."""

import numpy as np
import pytest

from argus.eval.breakdown import by_kind, by_number, by_size, by_subject, calibration, counting, undefined
from tests.eval.scored import scored


def test_counting() -> None:
    scores = [scored([0.9, 0.9]), scored([0.9, 0.0], wrong=1), scored([0.0, 0.0]), scored([], wrong=3), scored([])]
    assert counting(scores) == {"count_MAE": pytest.approx((2 + 3) / 5), "count_exact": pytest.approx(2 / 3)}
    assert counting([]) == counting([scored([])]) == {"count_MAE": 0.0, "count_exact": 0.0}


def test_honest_scores_have_no_error() -> None:
    honest = [scored([0.9] * 3, wrong=1, score=0.75), scored([0.6], wrong=0, score=1.0)]
    found = calibration(honest)
    assert found.ece == pytest.approx(0)
    assert [(one.predictions, one.right) for one in found.bins] == [(4, 0.75), (1, 1.0)]


def test_sure_and_wrong_is_the_worst() -> None:
    assert calibration([scored([], wrong=5, score=1.0)]).ece == pytest.approx(1)
    assert calibration([scored([0.49], score=0.95)]).ece == pytest.approx(0.95)  # its mask is not good enough
    assert calibration([]).ece == 0 and calibration([]).bins == ()
    edge = calibration([scored([0.9], score=0.5)])  # counts, and lies in the first bin
    assert edge.bins[0].low == 0.5 and edge.bins[0].predictions == 1


def test_groups_by_number_and_kind() -> None:
    scores = [scored([0.9] * n, kind="name" if n else "absent") for n in (0, 1, 2, 5, 6, 25)]
    groups = by_number(scores)
    assert list(groups) == ["0", "1", "2-5", "6-20", "21+"]
    assert [row["pairs"] for row in groups.values()] == [1, 1, 2, 1, 1]
    assert by_kind(scores)["name"]["count_exact"] == 1 and by_kind(scores)["absent"]["positive_pairs"] == 0


def test_subjects_have_absent_phrases_of_their_own() -> None:
    found, missed, none = scored([0.9], kind="parent"), scored([], kind="absent-parent"), scored([], kind="absent")
    groups = by_subject([found, missed, none, scored([0.9], kind="something else")])
    assert {name: row["pairs"] for name, row in groups.items()} == {"names": 1, "parents": 2}
    assert groups["parents"]["IL_MCC"] == pytest.approx(1) and not undefined(groups["parents"])
    assert "cgF1" in undefined(groups["names"]) and "IL_FPR" not in undefined(groups["names"])
    assert by_subject([scored([0.9], kind="")]) == {}


def test_sizes_are_those_of_the_masks() -> None:
    rows = by_size([scored([0.9, 0.0, 0.6], wrong=1)])  # instances of 80 px, predictions of 100
    small = rows["small"]
    assert (small["instances"], small["predictions"]) == (3, 3)
    assert small["recall@0.5"] == small["precision@0.5"] == pytest.approx(2 / 3)
    assert small["recall"] == pytest.approx((9 + 3) / 30)  # 0.9 reaches 9 thresholds, 0.6 three
    assert rows["large"]["instances"] == rows["large"]["recall"] == 0
    assert by_size([scored([0.9])], (2, 8))["large"]["instances"] == 1
    assert np.isfinite([value for row in by_size([]).values() for value in row.values()]).all()
