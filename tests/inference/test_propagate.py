"""Carrying first masks through a video by the tracker alone."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from argus.inference.propagate import propagate
from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerConfig
from tests.train import toys
from tests.train.toys import TINY

SIZE = (30, 40)


@pytest.fixture(scope="module")
def model() -> Sam3:
    torch.manual_seed(0)
    tracker = TrackerConfig(width=32, heads=2, mlp_width=32, memory_width=8, memory_layers=1)
    return Sam3(replace(TINY, tracker=tracker), toys.tiny_model().tokenizer).eval()


def frames(count: int = 4) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, *SIZE, 3), np.uint8))


def first(*lefts: int) -> np.ndarray:
    masks = np.zeros((len(lefts), *SIZE), bool)
    for mask, left in zip(masks, lefts, strict=True):
        mask[5:15, left : left + 10] = True
    return masks


def test_every_frame_has_masks_and_the_first_those_given(model: Sam3) -> None:
    given = first(2, 20)
    found = list(propagate(model, frames(), given))
    assert [masks.shape for masks in found] == [(2, *SIZE)] * 4 and found[1].dtype == bool
    assert np.array_equal(found[0], given)
    assert all((masks.sum(axis=0) <= 1).all() for masks in found)


def test_what_follows_depends_on_what_was_given_and_not_on_later_frames(model: Sam3) -> None:
    images = frames()
    found = list(propagate(model, images, first(2)))
    again = list(propagate(model, [*images[:3], images[0]], first(2)))
    assert np.array_equal(found[2], again[2])
    other = list(propagate(model, images, ~first(2)))
    assert any(not np.array_equal(a, b) for a, b in zip(found[1:], other[1:], strict=True))


def test_frames_are_taken_one_by_one(model: Sam3) -> None:
    taken = []

    def stream() -> Iterator[np.ndarray]:
        for index, frame in enumerate(frames()):
            taken.append(index)
            yield frame

    run = propagate(model, stream(), first(2))
    next(run)
    assert taken == [0]


def test_a_model_without_a_tracker_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="tracker"):
        next(propagate(toys.tiny_model(), frames(), first(2)))
