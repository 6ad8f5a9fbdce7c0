"""Small components are found as a plain labelling finds them, and masks lose their holes and specks."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from argus.ops.components import FILLED, MASKS_AT_ONCE, REMOVED, component_labels, fill_and_clean, small_components

TOUCHING = np.ones((3, 3), int)


def labelled(mask: np.ndarray, limit_px: int) -> np.ndarray:
    """The pixels in components of at most `limit_px`, by scipy."""
    labels, _ = ndimage.label(mask, TOUCHING)
    return mask & (np.bincount(labels.ravel()) <= limit_px)[labels]


def drawn(share: float, count: int = 5, height: int = 37, width: int = 29) -> np.ndarray:
    rng = np.random.default_rng(int(share * 100))
    return rng.random((count, height, width)) < share


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.35, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("limit_px", [0, 1, 4, 16, 300])
def test_small_components_are_those_of_a_plain_labelling(share: float, limit_px: int) -> None:
    masks = drawn(share)
    expected = np.stack([labelled(mask, limit_px) for mask in masks])
    assert np.array_equal(small_components(masks, np.full(len(masks), limit_px)), expected)


def test_every_mask_has_a_limit_of_its_own() -> None:
    masks = drawn(0.3)
    limits_px = np.array([0, 2, 5, 9, 40])
    expected = np.stack([labelled(mask, limit) for mask, limit in zip(masks, limits_px, strict=True)])
    assert np.array_equal(small_components(masks, limits_px), expected)


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 9), (9, 1)])
def test_masks_of_a_single_row_or_column(size_hw: tuple[int, int]) -> None:
    masks = drawn(0.5, 4, *size_hw)
    expected = np.stack([labelled(mask, 2) for mask in masks])
    assert np.array_equal(small_components(masks, np.full(4, 2)), expected)


def test_a_spiral_is_one_component() -> None:
    spiral = np.zeros((41, 41), bool)
    y = x = 20
    for turn, length in enumerate(np.repeat(np.arange(2, 40, 2), 2)):
        dy, dx = ((0, 1), (1, 0), (0, -1), (-1, 0))[turn % 4]
        for _ in range(length):
            spiral[y, x] = True
            y, x = np.clip([y + dy, x + dx], 0, 40)
    area = int(spiral.sum())
    assert not small_components(spiral[None], np.array([area - 1])).any()
    assert np.array_equal(small_components(spiral[None], np.array([area]))[0], spiral)


def test_holes_are_filled_and_specks_removed() -> None:
    logits = torch.full((1, 30, 30), -3.0)
    logits[0, 5:25, 5:25] = 2.0
    logits[0, 8:12, 8:12] = -1.0  # a hole of 16 pixels
    logits[0, 15:20, 15:20] = -1.0  # one of 25
    logits[0, 0:2, 0:2] = 4.0  # a speck of 4
    cleaned = fill_and_clean(logits, 16)
    assert torch.equal(cleaned[0, 8:12, 8:12], torch.full((4, 4), FILLED))
    assert torch.equal(cleaned[0, 0:2, 0:2], torch.full((2, 2), REMOVED))
    changed = cleaned != logits
    assert int(changed.sum()) == 20
    assert logits[0, 0, 0] == 4.0  # what came in stays as it is


def test_a_small_object_of_one_piece_stays_and_its_crumbs_go() -> None:
    logits = torch.full((2, 20, 20), -1.0)
    logits[0, 3:5, 3:6] = 1.0
    logits[1, 3:5, 3:6] = logits[1, 10, 10] = 1.0
    cleaned = fill_and_clean(logits, 16) > 0
    assert cleaned.flatten(1).sum(1).tolist() == [6, 6]


def test_corners_touch() -> None:
    """A diagonal line is one object, and a hole that is open at a corner is no hole."""
    line = torch.where(torch.eye(20, dtype=torch.bool), 1.0, -1.0)[None]
    assert torch.equal(fill_and_clean(line, 16), line)
    ring = torch.full((1, 9, 9), -1.0)
    ring[0, 2:7, 2:7] = 1.0
    ring[0, 3:6, 3:6] = -1.0
    assert bool((fill_and_clean(ring, 16)[0, 3:6, 3:6] > 0).all())
    ring[0, 2, 2] = -1.0
    assert torch.equal(fill_and_clean(ring, 16), ring)


@pytest.mark.parametrize("count", [0, 1, MASKS_AT_ONCE + 3])
def test_each_mask_by_itself_in_its_own_dtype(count: int) -> None:
    logits = torch.randn(count, 24, 20, generator=torch.Generator().manual_seed(0)).bfloat16()
    cleaned = fill_and_clean(logits, 16)
    assert cleaned.shape == logits.shape and cleaned.dtype == logits.dtype
    for one, mask in zip(cleaned, logits, strict=True):
        assert torch.equal(one, fill_and_clean(mask[None], 16)[0])
    assert torch.equal(fill_and_clean(logits, 0), logits)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.35, 0.9, 1.0])
def test_component_labels_are_those_of_a_plain_labelling(share: float) -> None:
    for mask in drawn(share):
        expected, count = ndimage.label(mask, TOUCHING)
        labels = component_labels(mask)
        assert labels.max() == count
        assert np.array_equal(labels > 0, mask)
        assert len(np.unique(np.stack([labels, expected], -1)[mask], axis=0)) == count
