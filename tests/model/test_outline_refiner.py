"""The net that refines outlines."""

import numpy as np
import pytest
import torch

from argus.model.outline_refiner import CLAMP, COARSE, CUT, OutlineConfig, OutlineRefiner
from argus.ops.windows import Window

SMALL = OutlineConfig(cells=32, widths=(8, 8, 12))
WHOLE = Window(left=0, top=0, right=64, bottom=64)


def disc_of(radius: float, cells: int = 64) -> np.ndarray:
    y, x = np.mgrid[:cells, :cells]
    return np.hypot(x - 30.0, y - 34.0) < radius


def picture_of(disc: np.ndarray) -> np.ndarray:
    """A bright disc on a dark ground, with noise."""
    shades = np.where(disc, 200, 60)[..., None] + np.random.default_rng(0).normal(0, 10, (*disc.shape, 3))
    return shades.clip(0, 255).astype(np.uint8)


def coarse_of(radius: float) -> torch.Tensor:
    """Logits of 16 x 16 cells that fall by 1 a cell."""
    y, x = torch.meshgrid(torch.arange(16) + 0.5, torch.arange(16) + 0.5, indexing="ij")
    return (radius / 4 - torch.hypot(x - 7.6, y - 8.6))[None]


@pytest.mark.parametrize("radius", [14.0, 20.0])
def test_untrained_it_goes_by_colours(radius: float) -> None:
    disc, coarse = disc_of(17.0), coarse_of(radius)
    refiner = OutlineRefiner(SMALL).eval()
    views = refiner.views(picture_of(disc), coarse, [WHOLE])
    fine, truth = refiner(views)[0, 0] > 0, torch.from_numpy(disc[::2, ::2])
    wrong = ((views[0, 3] > 0) != truth).float().mean()
    assert wrong > 0.05 and (fine != truth).float().mean() < 0.6 * wrong


def test_masks_are_refined_one_by_one() -> None:
    torch.manual_seed(0)
    refiner = OutlineRefiner(SMALL).eval()
    torch.nn.init.normal_(refiner.out.weight)
    pixels, masks = picture_of(disc_of(17.0)), torch.cat([coarse_of(radius) for radius in (10.0, 14.0, 20.0)])
    together = refiner(refiner.views(pixels, masks, [WHOLE] * 3))
    for row in range(3):
        alone = refiner(refiner.views(pixels, masks[row : row + 1], [WHOLE]))
        torch.testing.assert_close(alone, together[row : row + 1], rtol=1e-3, atol=1e-3)


def test_it_learns_what_colours_do_not_tell() -> None:
    """The object is the brighter of two squares that the coarse mask covers both of, and GrabCut takes both for it."""
    torch.manual_seed(0)
    refiner = OutlineRefiner(SMALL)
    wanted = torch.zeros(8, 1, 32, 32)
    pictures = torch.full((8, 3, 32, 32), -0.5)
    for row in range(8):
        left = 4 + row
        pictures[row, :, 8:24, left : left + 16] = 0.3
        pictures[row, :, 12:20, left + 4 : left + 12] = 0.7
        wanted[row, :, 12:20, left + 4 : left + 12] = 1
    both = torch.where(pictures[:, :1] > 0, 1.0, -1.0)
    views = torch.cat((pictures, both, both), 1)
    optimizer = torch.optim.AdamW(refiner.parameters(), 5e-3)
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(refiner(views), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert ((refiner(views) > 0) == (wanted > 0)).float().mean() > 0.97


def test_sure_logits_are_bounded_and_answers_finite() -> None:
    refiner = OutlineRefiner(SMALL).eval()
    views = refiner.views(np.full((64, 64, 3), 255, np.uint8), torch.full((1, 16, 16), 1e6), [WHOLE])
    answer = refiner(views)
    assert answer.isfinite().all() and answer.abs().max() <= COARSE * CLAMP + CUT


@pytest.mark.parametrize("wrong", [{"cells": 30}, {"widths": ()}, {"widths": (8, 9)}, {"cells": 0}])
def test_sizes_that_do_not_fit_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected cells"):
        OutlineConfig(**{"cells": 32, "widths": (8, 8, 12), **wrong})


def test_it_reads_what_the_windows_show() -> None:
    refiner = OutlineRefiner(SMALL)
    pixels = np.zeros((48, 96, 3), np.uint8)
    pixels[8:24, 16:32] = 255
    logits = torch.full((2, 48, 96), -3.0)
    logits[:, 8:24, 16:32] = 3.0
    windows = [Window(left=16, top=8, right=48, bottom=40), Window(left=0, top=0, right=96, bottom=48)]
    views = refiner.views(pixels, logits, windows)
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[:16, :16] = True
    for channel in range(5):
        assert torch.equal(views[0, channel] > 0, inside)
    assert float(views[:, :3].min()) == -1 and float(views[:, :3].max()) == pytest.approx(1)
    assert set(views[:, 4].unique().tolist()) == {-1.0, 1.0}
    assert float(((views[1, 0] > 0) == (views[1, 4] > 0)).float().mean()) > 0.97
