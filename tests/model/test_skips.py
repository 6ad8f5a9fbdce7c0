"""Layers of the vision encoder that a tracker reads beside the last."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import argus
from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerConfig
from argus.train.new_tracker import with_skips, with_tracker
from tests.train.toys import tiny_model

SIZES = TrackerConfig(width=32, heads=2, mlp_width=32, memory_width=8, memory_layers=1)


@pytest.fixture(scope="module")
def model() -> Sam3:
    return with_tracker(tiny_model(), SIZES, 0)


@pytest.fixture(scope="module")
def images(model: Sam3) -> torch.Tensor:
    side = model.config.vision.image
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_earlier_layers_follow_the_last(model: Sam3, images: torch.Tensor) -> None:
    vision, layers = model.vision, len(model.vision.blocks)
    width = model.config.vision.width
    read = vision(images, (0, 1)).unflatten(3, (-1, width))
    torch.testing.assert_close(read[:, :, :, 0], vision(images))
    for index, kept in enumerate((0, 1), 1):
        blocks, vision.blocks = vision.blocks, vision.blocks[:kept]
        windows, vision.windows = vision.windows, vision.windows[:kept]
        torch.testing.assert_close(read[:, :, :, index], vision(images))
        vision.blocks, vision.windows = blocks, windows
    assert len(vision.blocks) == layers


@torch.no_grad()
def test_new_skips_change_nothing_until_they_learn(model: Sam3, images: torch.Tensor) -> None:
    skipping = with_skips(model, (0, 1))
    before, after = model.encode(images), skipping.encode(images)
    torch.testing.assert_close(after.tracker.image, before.tracker.image)
    for ours, theirs in zip(after.tracker.shares, before.tracker.shares, strict=True):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(after.detector.image, before.detector.image)
    assert skipping.tracker is not None
    for level, layer in skipping.tracker.skips.items():
        torch.nn.init.normal_(layer.weight)
        changed = skipping.encode(images).tracker
        assert not torch.allclose(changed.image, before.tracker.image), level
    assert not torch.allclose(changed.shares[0], before.tracker.shares[0])
    assert not torch.allclose(changed.shares[1], before.tracker.shares[1])


def test_they_are_saved_in_our_layout_only(model: Sam3, images: torch.Tensor, tmp_path: Path) -> None:
    skipping = with_skips(model, (1,))
    argus.save(skipping, tmp_path / "ours")
    again = argus.load(tmp_path / "ours", "cpu", "fp32")
    assert again.config == skipping.config
    with pytest.raises(ValueError, match="reads layers"):
        argus.save(skipping, tmp_path / "theirs", layout="huggingface")


@pytest.mark.parametrize("skips", [(1, 0), (1, 1), (-1,)])
def test_they_are_in_order(skips: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        replace(SIZES, skips=skips)


def test_they_are_before_the_last_layer(model: Sam3) -> None:
    with pytest.raises(ValueError, match="before the last"):
        replace(model.config, tracker=replace(SIZES, skips=(model.config.vision.layers,)))
