"""Intervals: what is drawn, and what they say."""

from pathlib import Path

import numpy as np
import pytest

from argus.eval import summarise
from argus.eval.bootstrap import intervals, settings, video_intervals
from argus.eval.hota import evaluate_videos, summarise_videos
from argus.eval.report import table
from tests.eval.scored import scored
from tests.eval.test_hota import LATE, A, B, found, pair

SCORES = [
    scored([0.9, 0.0], image="a"),
    scored([0.8], wrong=1, image="b"),
    scored([], image="b"),
    scored([], wrong=1, image="c"),
    scored([0.6, 0.7, 0.55], image="d"),
    scored([], image="e"),
]


def test_they_are_those_of_metrics_of_drawn_images() -> None:
    generator = np.random.default_rng(3)
    names = ["a", "b", "c", "d", "e"]
    by_name = {name: [score for score in SCORES if score.pair.file_name == name] for name in names}
    drawn = []
    for counts in generator.multinomial(5, np.full(5, 0.2), size=40):
        drawn.append(summarise([score for name, n in zip(names, counts) for score in by_name[name] * int(n)]))
    sure = intervals(SCORES, resamples=40, seed=3)
    for metric in ("cgF1", "pmF1", "IL_MCC"):
        low, high = np.percentile([one[metric] for one in drawn], [2.5, 97.5])
        assert (sure[metric].low, sure[metric].high) == pytest.approx((low, high))


def test_they_hold_the_estimate_and_shrink_with_more_images() -> None:
    sure, metrics = intervals(SCORES), summarise(SCORES)
    assert all(sure[name].low <= metrics[name] <= sure[name].high for name in sure)
    many = [scored([0.9], image=str(i)) if i % 2 else scored([0.0], image=str(i)) for i in range(400)]
    few = intervals(many[:20])["pmF1"]
    assert few.high - few.low > 3 * (intervals(many)["pmF1"].high - intervals(many)["pmF1"].low) > 0


def test_they_are_the_same_again_and_none_of_one_image() -> None:
    assert intervals(SCORES) == intervals(SCORES) != intervals(SCORES, seed=1)
    assert intervals(SCORES[:1] * 9) == intervals([]) == video_intervals([]) == {}
    assert (
        "none" in settings("images", {})["intervals"] and "1000" in settings("images", intervals(SCORES))["intervals"]
    )


def test_videos_that_are_alike_leave_no_doubt() -> None:
    pairs = [pair(A, B, id=i, video=i) for i in range(4)]
    scores = evaluate_videos(pairs, Path(), lambda frames, phrases: [found(A, LATE)])
    metrics, sure = summarise_videos(scores), video_intervals(scores, resamples=20)
    for name in ("pHOTA", "DetA", "AssA", "pmF1"):
        assert (sure[name].low, sure[name].high) == pytest.approx((metrics[name],) * 2, abs=1e-3)
    assert 0.5 < metrics["pHOTA"] < 1


def test_the_table_has_a_row_for_them() -> None:
    rows = {"all": summarise(SCORES)}
    assert table(rows, "pairs", intervals(SCORES)).row_count == table(rows, "pairs").row_count + 1
