"""The cutter's stage: what it is shown, and that it learns to cut."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from argus.data.sources.scenes import SceneConfig
from argus.data.sources.scenes.photos import Photo, write_photos
from argus.model.cutter import CutterConfig
from argus.ops import rle
from argus.train import boxed_views
from argus.train.boxed_views import Thing, shown, thing_of, views_of
from argus.train.new_parts import with_new
from argus.train.stages import cutter as stage
from argus.train.stages.cutter import CutterBatches, CutterLearner
from argus.train.start import starting_model
from tests.train.toys import tiny_model, toy_scene

SMALL = CutterConfig(side=16, widths=(8, 16))


@pytest.fixture(autouse=True)
def toy_scenes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Toy scenes instead of any others; and no photos are kept from test to test."""
    stage._taught.cache_clear()
    monkeypatch.setattr(stage, "scene", lambda config, seed: toy_scene(seed % 1000, size=96))
    yield
    stage._taught.cache_clear()


def batches(folder: Path, **changes: object) -> CutterBatches:
    toys = CutterBatches(scenes=SceneConfig(cache_folder=folder), count=16, photos=0.5, photos_from=2, side=SMALL.side)
    return replace(toys, **changes)  # type: ignore[arg-type]


def a_thing(seed: int = 0, size: int = 96) -> Thing:
    sample = toy_scene(seed, size)
    return thing_of(sample.image, sample.masks[0], sample.boxes_xyxy_px[0])


def photographed(folder: Path) -> None:
    """A photo of a white disc, as no scene has one."""
    y, x = np.ogrid[:90, :120]
    disc = (x - 50) ** 2 + (y - 40) ** 2 < 25**2
    image = np.where(disc[..., None], np.uint8(255), np.uint8(60)).repeat(3, 2)
    write_photos([Photo(image=image, rles=(rle.encode(disc),))], folder)


def test_it_learns_to_cut_and_nothing_else_moves(tmp_path: Path) -> None:
    model = with_new(tiny_model(), 0, cutter=SMALL)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    learner = CutterLearner(model).train()
    optimizer = torch.optim.AdamW([p for p in learner.parameters() if p.requires_grad], 5e-3)
    toys = batches(tmp_path)
    ious = []
    for step in range(60):
        batch = toys(step)
        losses = learner(batch, learner.totals([batch]))
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        ious.append(float(losses.iou))
    assert np.mean(ious[-5:]) > 0.84 > 0.6 > np.mean(ious[:3])
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved and all(name.startswith("cutter.") for name in moved)


def test_losses_of_parts_add_up_to_those_of_the_whole(tmp_path: Path) -> None:
    learner = CutterLearner(with_new(tiny_model(), 0, cutter=SMALL)).eval()
    parts = [batches(tmp_path, count=4)(0), batches(tmp_path, count=12)(1)]
    whole = replace(
        parts[0],
        **{name: torch.cat([getattr(part, name) for part in parts]) for name in ("views", "facts", "shares")},
    )
    with torch.inference_mode():
        together, apart = learner(whole, 16), [learner(part, learner.totals(parts)) for part in parts]
    for name, value in vars(together).items():
        torch.testing.assert_close(value, sum(getattr(part, name) for part in apart))


def test_the_same_batch_is_the_same_again(tmp_path: Path) -> None:
    photographed(tmp_path)
    first, again, other = batches(tmp_path)(3), batches(tmp_path)(3), batches(tmp_path)(4)
    for name, value in vars(first).items():
        assert torch.equal(value, getattr(again, name))
    assert not torch.equal(first.views, other.views)


def test_photos_come_from_their_step_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    real = stage.shown
    monkeypatch.setattr(stage, "shown", lambda *of, surfaces: (seen.append(surfaces), real(*of, surfaces=surfaces))[1])
    batches(tmp_path, photos=1.0)(5)
    assert seen == [True] * 16, "there are none"
    photographed(tmp_path)
    stage._taught.cache_clear()
    seen.clear()
    batches(tmp_path, photos=1.0)(1)
    assert seen == [True] * 16, "not yet"
    seen.clear()
    batches(tmp_path, photos=1.0)(2)
    assert seen == [False] * 16


@pytest.mark.parametrize("seed", range(20))
def test_the_object_lies_in_its_box_and_touches_its_sides(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxed_views, "LOOSE_SHARE", 0.0)
    thing = a_thing(seed)
    one = shown(thing, 64, np.random.default_rng(seed), [], 0.0, surfaces=True)
    y, x = np.nonzero(one.share > 127)
    extent = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])
    np.testing.assert_allclose(extent, one.box, atol=2.5)
    sides = one.box[2:] - one.box[:2]
    assert float(one.facts[0]) != 0 and (sides > 64 * 0.5).all() and (sides < 64).all()


def test_an_object_keeps_its_colours_on_another_ground() -> None:
    thing = a_thing()
    grounds = [np.full((80, 80, 3), (1, 2, 3), np.uint8)]
    rng = np.random.default_rng(0)
    many = [shown(thing, 32, rng, grounds, 1.0, surfaces=False) for _ in range(20)]
    for one in many:
        inside, outside = one.colours[one.share == 255], one.colours[(one.share == 0) & (one.picture == 255)]
        assert np.abs(np.median(inside, 0) - np.median(thing.colours[thing.mask == 255], 0)).max() < 12
        assert np.abs(np.median(outside, 0) - (1, 2, 3)).max() < 12


def test_what_lies_outside_a_picture_is_never_shown_as_picture() -> None:
    """An object at the edge, whose surroundings are grey padding, on grounds without any grey."""
    image, mask = np.full((60, 60, 3), 20, np.uint8), np.zeros((60, 60), bool)
    image[:20, :20], mask[:20, :20] = 200, True
    thing = thing_of(image, mask, np.array([0, 0, 20, 20], np.float32))
    grounds, rng = [np.full((80, 80, 3), 60, np.uint8)], np.random.default_rng(0)
    for number in range(60):
        one = shown(thing, 32, rng, grounds, float(number % 2), surfaces=False)
        around = one.colours[(one.picture == 255) & (one.share == 0)].astype(int)
        assert not len(around) or (np.abs(around - boxed_views.GREY) > 20).all()


def test_surfaces_change_what_an_object_shows_and_not_where_it_is() -> None:
    thing = a_thing()
    grounds = [np.random.default_rng(1).integers(0, 256, (80, 80, 3), np.uint8)]
    rough = []
    for surfaces in (False, True):
        rng = np.random.default_rng(0)
        many = [shown(thing, 32, rng, grounds, 1.0, surfaces=surfaces) for _ in range(30)]
        rough.append(np.mean([one.colours[one.share == 255].std(0).mean() for one in many]))
    assert rough[1] > rough[0] + 5


def test_photos_whose_objects_are_too_small_are_grounds_alone(tmp_path: Path) -> None:
    speck = np.zeros((90, 120), bool)
    speck[10:14, 10:14] = True
    write_photos([Photo(image=np.zeros((90, 120, 3), np.uint8), rles=(rle.encode(speck),))], tmp_path)
    assert len(batches(tmp_path, photos=1.0)(5).views) == 16


def test_without_a_ground_nothing_is_pasted() -> None:
    thing = a_thing()
    here, there = (shown(thing, 32, np.random.default_rng(1), [], pasted, surfaces=True) for pasted in (0.0, 1.0))
    np.testing.assert_array_equal(here.colours, there.colours)


def test_views_show_boxes_pictures_and_light() -> None:
    rng = np.random.default_rng(0)
    thing = a_thing()
    things = [shown(thing, 32, rng, [], 0.0, surfaces=True) for _ in range(6)]
    views, facts, shares = views_of(things, rng)
    assert views.shape == (6, 5, 32, 32) and facts.shape == (6, 2) and shares.shape == (6, 1, 32, 32)
    assert float(views[:, :3].abs().max()) <= 1.21
    assert bool((views[:, 3:] >= 0).all()) and bool((views[:, 3:] <= 1).all())
    for one, view in zip(things, views, strict=True):
        area = np.prod(np.minimum(one.box[2:], 32) - np.maximum(one.box[:2], 0))
        assert float(view[3].sum()) == pytest.approx(area, rel=1e-3)


def test_a_large_object_is_kept_smaller_with_its_hull() -> None:
    thing = a_thing(size=600)
    assert max(thing.mask.shape) == boxed_views.MOST_PX
    y, x = np.nonzero(thing.mask > 127)
    low, high = thing.hull.min(0), thing.hull.max(0)
    np.testing.assert_allclose([*low, *high], [x.min(), y.min(), x.max() + 1, y.max() + 1], atol=1.5)
    assert thing.extent < 600
    assert a_thing(size=48).extent == pytest.approx(48)


def test_it_needs_a_model_that_has_learned_to_see(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--start"):
        starting_model(None, SceneConfig(cache_folder=tmp_path), 0, needs="cutter")
    with pytest.raises(ValueError, match="with_new"):
        CutterLearner(tiny_model())
