"""Close-ups of objects."""

import numpy as np
import pytest
import torch

from argus.ops.closeups import GREY, LEAST, close_ups, cut_out, square_around
from argus.ops.windows import Window


def test_a_square_is_about_the_middle_by_the_longer_side() -> None:
    square = square_around(np.array([10, 20, 50, 40], np.float32), 1.5)
    assert square == Window(left=0, top=0, right=60, bottom=60)
    assert square_around(np.array([7, 7, 7, 7], np.float32)).size_hw == (LEAST, LEAST)


def test_what_leaves_the_picture_is_grey() -> None:
    pixels = np.full((20, 30, 3), 200, np.uint8)
    cut = cut_out(pixels, Window(left=-5, top=10, right=15, bottom=30))
    assert (cut[:10, 5:] == 200).all() and (cut[10:] == GREY).all() and (cut[:, :5] == GREY).all()
    assert (cut_out(pixels, Window(left=40, top=0, right=50, bottom=10)) == GREY).all()


def test_a_close_up_shows_the_object_and_its_mask() -> None:
    pixels = np.zeros((80, 120, 3), np.uint8)
    pixels[20:40, 30:50] = (255, 0, 0)
    logits = torch.full((1, 8, 12), -9.0)
    logits[:, 2:4, 3:5] = 9.0
    view = close_ups(pixels, logits, [square_around(np.array([30, 20, 50, 40], np.float32), 2.0)], 16)[0]
    inside = torch.zeros(16, 16, dtype=torch.bool)
    inside[5:11, 5:11] = True
    assert view[0, inside].min() == pytest.approx(1.0) and view[1:3].max() == pytest.approx(-1.0)
    assert view[3, inside].min() > 0.6 and view[3, 0].max() < 0.01
    assert close_ups(pixels, logits[:0], [], 16).shape == (0, 4, 16, 16)
