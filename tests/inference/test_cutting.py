"""Objects cut out of their boxes."""

import numpy as np
import pytest
import torch

from argus.inference.cutting import cuts_of
from argus.model.cutter import Cutter, CutterConfig

PICTURE = np.full((80, 120, 3), 200, np.uint8)
PICTURE[20:60, 30:70] = (20, 60, 200)
BOXES = torch.tensor([[30.0, 20, 70, 60], [0, 0, 120, 80], [100, 0, 120, 30]])


def cutter(sureness: float) -> Cutter:
    """One that takes the box for the object, with logits so far from 0."""
    net = Cutter(CutterConfig(side=32, widths=(8,))).eval()
    net.mirrored_too = lambda views, facts: (views[:, 3:4] * 2 - 1) * sureness  # type: ignore[method-assign]
    return net


@pytest.mark.parametrize("index", range(3))
def test_logits_lie_where_the_window_is(index: int) -> None:
    (cut,) = cuts_of(cutter(9.0), PICTURE, BOXES[index : index + 1])
    window, (left, top, right, bottom) = cut.window, BOXES[index].tolist()
    assert 0 <= window.left <= left and right <= window.right <= 120
    assert 0 <= window.top <= top and bottom <= window.bottom <= 80
    y, x = np.nonzero(cut.mask_logits > 0)
    down, along = (length / cells for length, cells in zip(window.size_hw, cut.mask_logits.shape, strict=True))
    found = [x.min() * along, y.min() * down, (x.max() + 1) * along, (y.max() + 1) * down]
    np.testing.assert_allclose(np.array(found) + [window.left, window.top] * 2, BOXES[index], atol=2.0)


def test_a_surer_mask_is_expected_to_fit_better() -> None:
    scores = [next(iter(cuts_of(cutter(sureness), PICTURE, BOXES[:1]))).iou_score for sureness in (0.3, 1.0, 3.0, 9.0)]
    assert scores == sorted(scores) and 0 < scores[0] < 0.7 and 0.95 < scores[-1] <= 1


def test_what_is_found_nowhere_has_no_score() -> None:
    sees_nothing = cutter(1.0)
    sees_nothing.mirrored_too = lambda views, facts: torch.full((1, 1, 32, 32), -9.0)  # type: ignore[method-assign]
    (cut,) = cuts_of(sees_nothing, PICTURE, BOXES[:1])
    assert cut.iou_score == 0 and bool((cut.mask_logits < 0).all())


def test_unsure_edges_follow_the_colours() -> None:
    """The box is drawn a little too large; GrabCut finds the square in it."""
    (cut,) = cuts_of(cutter(1.0), PICTURE, torch.tensor([[26.0, 17, 73, 63]]))
    down, along = (length / cells for length, cells in zip(cut.window.size_hw, cut.mask_logits.shape, strict=True))
    y, x = np.nonzero(cut.mask_logits > 0)
    assert abs(x.min() * along + cut.window.left - 30) < 1.5 and abs((y.max() + 1) * down + cut.window.top - 60) < 1.5


def test_no_box_gives_nothing() -> None:
    assert list(cuts_of(cutter(1.0), PICTURE, BOXES[:0])) == []
