"""Outlines that are settled by colour and by the object's box."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from argus import ImagePredictor, VideoPredictor
from argus.inference import outlines
from argus.inference.outlines import BEYOND, held_in, outlined
from argus.inference.propagate import propagate
from argus.model.outline_refiner import OutlineConfig, OutlineRefiner
from argus.model.sam3 import Sam3
from argus.ops import rle
from argus.ops.grabcut import UNSURE, settled
from argus.ops.masks import logits_to_rles
from argus.ops.rle import Rle
from tests.train.toys import tiny_model

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


COARSE = 12  # cells along the side of a picture of 180 pixels


def coarse(x_cell: float, y_cell: float, radius: float, grid: int = COARSE) -> torch.Tensor:
    """A disc's logits, in cells of a coarse grid."""
    rows, columns = np.mgrid[:grid, :grid].astype(np.float32) + 0.5
    return torch.from_numpy((radius - np.hypot(columns - x_cell, rows - y_cell)).astype(np.float32) * 2)[None]


def model_that(settles: bool, refines: str | None = None) -> Sam3:
    """Its refiner, where it has one, goes by colours, as untrained ones do."""
    model = tiny_model()
    config = OutlineConfig(cells=64, widths=(8, 8))
    model.config = replace(model.config, vision=replace(model.config.vision, settle_outlines=settles))
    if refines is not None:
        model.outlines = OutlineRefiner(config).requires_grad_(False)
        model.origin.training["adapter"] = {"refined": [refines]}
    return model


def outlined_by(model: Sam3, pixels: np.ndarray, logits: torch.Tensor, threshold: float = 0.0) -> tuple[Rle, ...]:
    return outlined(model, pixels, logits, ["dog"] * len(logits), threshold)


MODELS = {"settles": model_that(True), "refines": model_that(True, "dog")}


def test_outlines_finer_than_the_grid_are_found_where_colours_change(picture: np.ndarray) -> None:
    """A cell is 15 pixels wide; the disc's radius is 3.4 of them, half a cell more than the model says."""
    logits, truth = coarse(6.1, 5.7, 2.9), np.kron(DISC, np.ones((3, 3), bool))
    plain = rle.decode(outlined_by(model_that(False), picture, logits)[0])
    assert rle.encode(plain) == logits_to_rles(logits, (180, 180))[0]
    for name, share in (("settles", 0.2), ("refines", 0.5)):
        finer = rle.decode(outlined_by(MODELS[name], picture, logits)[0])
        assert np.mean(finer != truth) < share * np.mean(plain != truth), name


@pytest.mark.parametrize("name", MODELS)
def test_a_small_object_of_a_large_picture_is_looked_at_in_a_window(picture: np.ndarray, name: str) -> None:
    """The same answer wherever the object stands, up to the grid of the window."""
    large = np.full((900, 1_200, 3), (40, 80, 170), np.uint8)
    large[600:780, 900:1_080] = picture
    logits = torch.full((1, 60, 80), -9.0)
    logits[:, 40:52, 60:72] = coarse(6.1, 5.7, 3.4)
    found = rle.decode(outlined_by(MODELS[name], large, logits)[0])
    alone = rle.decode(outlined_by(MODELS[name], picture, coarse(6.1, 5.7, 3.4))[0])
    there = found[600:780, 900:1_080]
    assert found.sum() == there.sum()
    assert (there & alone).sum() > 0.95 * (there | alone).sum()


@pytest.mark.parametrize("name", MODELS)
def test_masks_without_a_cell_or_smaller_than_one_are_as_the_model_made_them(picture: np.ndarray, name: str) -> None:
    nothing, speck = torch.full((1, COARSE, COARSE), -3.0), torch.full((1, COARSE, COARSE), -3.0)
    speck[0, 4, 4] = 0.01
    for logits in (nothing, speck):
        assert outlined_by(MODELS[name], picture, logits) == logits_to_rles(logits, (180, 180))
    assert outlined_by(MODELS[name], picture, torch.zeros(0, COARSE, COARSE)) == ()


@pytest.mark.parametrize("name", MODELS)
def test_the_threshold_holds_for_finer_masks_too(picture: np.ndarray, name: str) -> None:
    logits = coarse(6.1, 5.7, 3.4)
    areas = rle.area([outlined_by(MODELS[name], picture, logits, threshold)[0] for threshold in (-3.0, 0.0, 3.0)])
    assert areas[0] > areas[1] > areas[2] > 0


def test_the_refiner_is_for_the_phrases_that_it_was_taught(picture: np.ndarray) -> None:
    logits = torch.cat([coarse(6.1, 5.7, 2.9), coarse(6.1, 5.7, 3.4), coarse(6.1, 5.7, 2.9)])
    both = MODELS["refines"]
    made = outlined(both, picture, logits, ["dog", "cat", None])
    assert made[0] == outlined_by(both, picture, logits[:1])[0]
    assert made[1:] == outlined_by(MODELS["settles"], picture, logits[1:])
    assert made[0] != made[2]
    assert both.refiner_for(" Dog") is both.outlines and both.refiner_for("cat") is None


def phrase(model: Sam3, photo: np.ndarray, tiles: int = 1) -> None:
    ImagePredictor(model).set_image(photo).predict("dog", score_threshold=0.0, tiles=tiles)


def video(model: Sam3, photo: np.ndarray) -> None:
    session = VideoPredictor(model).open([photo, photo])
    session.add(box=[40, 30, 100, 80])
    assert len(list(session.run())) == 2


def benchmark(model: Sam3, photo: np.ndarray) -> None:
    first = np.zeros((1, *photo.shape[:2]), bool)
    first[:, 20:50, 30:80] = True
    assert len(list(propagate(model, [photo, photo], first))) == 2


@pytest.mark.parametrize("ask", [phrase, partial(phrase, tiles=2), video, benchmark])
@pytest.mark.parametrize("settle", [True, False])
def test_models_made_for_it_settle_all_that_they_find(
    ask: Callable[[Sam3, np.ndarray], None],
    settle: bool,
    predictor: ImagePredictor,
    photo: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[tuple[int, ...]] = []

    def seen(pixels: np.ndarray, mask_logits: np.ndarray) -> np.ndarray:
        shown.append(pixels.shape)
        return mask_logits

    monkeypatch.setattr(outlines, "settled", seen)
    model, config = predictor.model, predictor.model.config
    monkeypatch.setattr(model, "config", replace(config, vision=replace(config.vision, settle_outlines=settle)))
    ask(model, photo)
    assert bool(shown) == settle
