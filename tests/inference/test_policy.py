"""Whose thresholds hold in a video: the published ones, the model's, or a person's."""

from dataclasses import replace

import pytest

import argus
from argus.inference.policy import VideoPolicy, policy_of
from argus.inference.video import VideoPredictor
from argus.model.tracker import TrackerConfig
from tests.train.toys import tiny_model, tiny_tracker_model


def test_a_model_without_scores_of_its_own_goes_by_the_published_policy() -> None:
    assert policy_of(tiny_tracker_model()) == policy_of(tiny_model()) == VideoPolicy()


def test_a_model_has_scores_of_its_own_and_a_person_goes_before_it() -> None:
    model = tiny_tracker_model()
    assert model.config.tracker is not None
    model.config = replace(model.config, tracker=replace(model.config.tracker, video_score=0.25))
    assert policy_of(model) == VideoPolicy(detection_score=0.25, birth_score=0.25)
    assert policy_of(model, birth_score=0.9, hot_start=None) == VideoPolicy(detection_score=0.25, birth_score=0.9)
    assert VideoPredictor(model).policy == policy_of(model)
    assert VideoPredictor(model, VideoPolicy()).policy == VideoPolicy()


def test_nano_has_lower_ones() -> None:
    assert policy_of(argus.load("nano", device="cpu")).birth_score < VideoPolicy().birth_score


@pytest.mark.parametrize("score", [-0.1, 1.5, True])
def test_scores_are_checked(score: float) -> None:
    with pytest.raises(ValueError, match="video_score"):
        TrackerConfig(video_score=score)
