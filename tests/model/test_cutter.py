"""The net that cuts objects out of their boxes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from argus.model.cutter import Cutter, CutterConfig, of_box, shares_in, window_of_box
from argus.ops.windows import Window

SMALL = CutterConfig(side=16, widths=(8, 16))
PICTURE = np.full((60, 100, 3), 30, np.uint8)
PICTURE[20:40, 30:70] = (250, 40, 40)
BOX = np.array([30, 20, 70, 40], np.float32)


def cutter() -> Cutter:
    torch.manual_seed(0)
    return Cutter(SMALL).eval()


def any_views(count: int) -> torch.Tensor:
    """Colours, and shares of cells."""
    return torch.cat((torch.rand(count, 3, 16, 16) * 2 - 1, torch.rand(count, 2, 16, 16)), 1)


def test_a_view_shows_the_box_with_a_margin_and_is_stretched_to_a_square() -> None:
    window, view, facts = cutter().view(PICTURE, BOX)
    assert (window.left, window.top, window.right, window.bottom) == (22, 14, 78, 46)
    assert view.shape == (5, 16, 16)
    box = shares_in(BOX, window, 16)
    torch.testing.assert_close(view[3], box)
    assert float(box.sum()) / 16**2 == pytest.approx(40 * 20 / (56 * 32), rel=1e-5)
    assert float(view[0, box > 0.99].min()) > 0.7 and float(view[0, box < 0.01].max()) < -0.5
    assert float(facts[0]) == pytest.approx(np.log(2), rel=1e-5)


def test_what_lies_outside_the_picture_is_marked_and_shows_nothing() -> None:
    _, view, _ = cutter().view(PICTURE, np.array([0, 0, 50, 60], np.float32))
    colours, picture = view[:3], view[4]
    assert bool((colours[:, picture == 0] == 0).all()) and bool((picture[:, -2:] == 0).sum() < 20)
    assert 0 < float(picture.mean()) < 1 and float(picture[8, 8]) == 1


@pytest.mark.parametrize("box", [[5, 5, 5.4, 5.2], [0, 0, 100, 60], [98, 58, 100, 60], [40, 0, 41, 60]])
def test_any_box_of_the_picture_has_a_view(box: list[float]) -> None:
    window, view, facts = cutter().view(PICTURE, np.array(box, np.float32))
    assert min(window.size_hw) >= 1 and bool(view.isfinite().all()) and bool(facts.isfinite().all())
    assert window.left <= box[0] and window.top <= box[1] and window.right >= box[2] and window.bottom >= box[3]


def test_colours_that_the_box_holds_alone_are_likelier_inside() -> None:
    _, view, _ = cutter().view(PICTURE, BOX)
    likelier = of_box(view[None])[0]
    assert likelier.shape == (2, 4, 4)
    inside, outside = likelier[:, 1:3, 1:3], likelier[:, 0]
    assert float(inside.min()) > 1 and float(outside.max()) < -0.2
    assert bool(of_box(torch.zeros(1, 5, 16, 16)).isfinite().all())
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(of_box(view[None])[0], likelier)


def test_a_mirrored_view_is_cut_as_the_mirrored_object() -> None:
    views, facts = any_views(2), torch.randn(2, 2)
    with torch.inference_mode():
        made = cutter().mirrored_too(views, facts)
        mirrored = cutter().mirrored_too(views.flip(3), facts)
        alone = cutter().mirrored_too(views[1:], facts[1:])
    assert made.shape == (2, 1, 16, 16)
    torch.testing.assert_close(mirrored, made.flip(3), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(alone, made[1:], rtol=1e-3, atol=1e-4)


def test_facts_matter_and_bf16_will_do() -> None:
    views, facts = any_views(1), torch.randn(1, 2)
    net = cutter()
    with torch.inference_mode():
        made = net(views, facts)
        assert not torch.allclose(made, net(views, facts + 1))
        half = net.to(torch.bfloat16)(views.bfloat16(), facts.bfloat16())
    assert half.dtype is torch.bfloat16
    torch.testing.assert_close(half.float(), made, rtol=0.1, atol=0.1)


def test_shares_are_parts_of_cells() -> None:
    shares = shares_in(np.array([2, 0, 5, 4], np.float32), Window(left=0, top=0, right=8, bottom=8), 4)
    assert shares.tolist() == [[0, 1, 0.5, 0]] * 2 + [[0] * 4] * 2


def test_a_window_holds_its_box_in_whole_pixels() -> None:
    window = window_of_box(np.array([10.3, 10, 20.6, 50], np.float32))
    assert (window.top, window.bottom) == (2, 58) and (window.left, window.right) == (5, 26)


@pytest.mark.parametrize("wrong", [{"side": 18}, {"side": 0}, {"widths": ()}, {"widths": (8, 12)}, {"widths": (0,)}])
def test_sizes_that_do_not_fit_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected a side"):
        replace(SMALL, **wrong)  # type: ignore[arg-type]
