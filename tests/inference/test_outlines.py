"""Outlines that are settled by colour and by the object's box."""

import numpy as np
import pytest

from argus.inference.outlines import BEYOND, UNSURE, held_in, settled

y, x = np.mgrid[:60, :60].astype(np.float32)
DISC = np.hypot(x - 30, y - 28) < 17


@pytest.fixture
def picture() -> np.ndarray:
    """A reddish disc on a bluish ground, three pixels a cell, with noise."""
    colours = np.where(np.kron(DISC, np.ones((3, 3), bool))[..., None], (200, 60, 40), (40, 80, 170))
    noise = np.random.default_rng(0).normal(0, 12, colours.shape)
    return (colours + noise).clip(0, 255).astype(np.uint8)


def logits_of(radius: float, slope: float) -> np.ndarray:
    return ((radius - np.hypot(x - 30, y - 28)) * slope)[None].astype(np.float32)


@pytest.mark.parametrize("radius", [14.0, 20.0])
def test_an_unsure_outline_moves_to_where_the_colours_change(picture: np.ndarray, radius: float) -> None:
    before = logits_of(radius, slope=0.4)  # unsure within 5 cells of its outline
    after = settled(picture, before)
    assert np.mean((before[0] > 0) != DISC) > 0.05
    assert np.mean((after[0] > 0) != DISC) < 0.01


def test_what_is_sure_stays_and_no_logit_grows_or_shrinks(picture: np.ndarray) -> None:
    before = logits_of(14.0, slope=0.4)
    after = settled(picture, before)
    sure = np.abs(before) > UNSURE
    np.testing.assert_array_equal(after[sure], before[sure])
    np.testing.assert_array_equal(np.abs(after), np.abs(before))


def test_masks_are_settled_one_by_one_and_always_alike(picture: np.ndarray) -> None:
    masks = np.concatenate((logits_of(14.0, 0.4), logits_of(20.0, 0.4)))
    together = settled(picture, masks)
    for index, mask in enumerate(masks):
        np.testing.assert_array_equal(settled(picture, mask[None])[0], together[index])


def test_a_mask_of_all_or_nothing_stays(picture: np.ndarray) -> None:
    masks = np.stack([np.full((60, 60), 0.5, np.float32), np.full((60, 60), -0.5, np.float32)])
    np.testing.assert_array_equal(settled(picture, masks), masks)


def test_pictures_smaller_than_the_grid_and_of_one_colour_are_taken() -> None:
    before = logits_of(14.0, slope=0.4)
    after = settled(np.full((9, 14, 3), 120, np.uint8), before)
    assert after.shape == before.shape and np.isfinite(after).all()


def test_colours_that_say_something_else_altogether_do_not_count() -> None:
    """All is unsure, and the picture is noise."""
    picture = np.random.default_rng(1).integers(0, 256, (60, 60, 3), np.uint8)
    before = logits_of(10.0, slope=0.03)
    after = settled(picture, before)
    inside, kept = before > 0, after > 0
    assert (inside & kept).sum() >= 0.5 * (inside | kept).sum()


def test_outside_of_its_box_a_mask_has_to_be_sure() -> None:
    """On a picture of twice the grid's size; cells that the box touches are inside."""
    before = np.concatenate((np.full((1, 60, 60), 1.0), np.full((1, 60, 60), BEYOND + 1))).astype(np.float32)
    after = held_in(np.array([20.0, 41.0, 80.0, 139.0]), before, (120, 120))
    rows, columns = np.nonzero(after[0] > 0)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 59, 10, 39)
    assert (after[1] > 0).all() and after.dtype == np.float32


def test_a_box_that_leaves_the_picture_is_taken() -> None:
    before = np.full((1, 60, 60), 1.0, np.float32)
    after = held_in(np.array([-10.0, -10.0, 30.0, 900.0]), before, (60, 60))
    assert (after[0, :, :30] > 0).all() and (after[0, :, 30:] < 0).all()
