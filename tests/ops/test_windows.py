"""Windows around objects, and what they show of masks."""

import numpy as np
import pytest
import torch

from argus.ops.windows import OUTSIDE, Window, logits_cut, logits_placed, window_around

SIZE_HW = (90, 130)
BOX = [40.0, 30.0, 60.0, 45.0]


@pytest.mark.parametrize("box", [BOX, [0.0, 0.0, 20.0, 9.0], [110.0, 70.0, 130.0, 90.0], [3.0, 40.0, 4.0, 41.0]])
def test_a_window_is_half_as_large_again_as_the_box_and_lies_in_the_image(box: list[float]) -> None:
    window = window_around(np.array(box), SIZE_HW)
    assert window is not None
    assert 0 <= window.left <= box[0] and box[2] <= window.right <= 130
    assert 0 <= window.top <= box[1] and box[3] <= window.bottom <= 90
    assert window.size_hw == (round(1.5 * max(box[2] - box[0], box[3] - box[1])),) * 2


def test_a_long_object_has_a_window_as_high_as_the_image() -> None:
    window = window_around(np.array([20.0, 40.0, 85.0, 44.0]), SIZE_HW)
    assert window == Window(left=4, top=0, right=102, bottom=90)


def test_no_window_where_it_would_be_most_of_the_image_or_nothing() -> None:
    assert window_around(np.array([10.0, 15.0, 90.0, 80.0]), SIZE_HW) is None
    assert window_around(np.zeros(4), SIZE_HW) is None


def test_logits_come_back_from_the_whole_image() -> None:
    """What a window's logits say survives their way over the (coarser) grid of the whole image."""
    window = Window(left=30, top=20, right=95, bottom=65)
    y, x = np.mgrid[:40, :40].astype(np.float32)
    logits = torch.from_numpy(12 - np.hypot(x - 18, y - 22))[None, None]
    whole = logits_placed(logits, window, SIZE_HW, (logits.shape[2], logits.shape[3]))
    assert whole.shape == (1, 1, 40, 40) and (whole[0, 0, :5] == OUTSIDE).all()
    back = logits_cut(whole, window, SIZE_HW, (40, 40))
    assert float(((back > 0) != (logits > 0)).float().mean()) < 0.03


def test_a_window_that_leaves_the_image_has_a_part_in_it() -> None:
    window = Window(left=-4, top=50, right=30, bottom=300)
    inside = window.within((200, 20))
    assert inside == Window(left=0, top=50, right=20, bottom=200)
    assert inside.seen_from(window) == Window(left=4, top=0, right=24, bottom=150)
    assert inside.seen_from(window).size_hw == inside.size_hw
    assert min(Window(left=30, top=0, right=40, bottom=9).within((20, 20)).size_hw) <= 0
