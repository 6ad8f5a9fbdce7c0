"""The four stages one after the other, scaled down: each starts from the last, and tells what is left of it."""

import json
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from argus import checkpoint, recipes
from argus.data.sources.scenes import TRAIN_STYLES
from argus.data.sources.scenes.bank import SIDES, PackedSprite, write_pack
from argus.model import presets
from argus.model.cutter import CutterConfig
from argus.model.namer import NamerConfig
from argus.model.tracker import TrackerConfig
from argus.recipes import Recipe
from argus.train import start
from argus.train.criterion import LossConfig
from argus.train.forgetting import Remembered
from argus.train.stages.cutter import CutterRecipe
from argus.train.stages.detector import DetectorRecipe, FinishRecipe
from argus.train.stages.namer import NamerRecipe
from argus.train.stages.towers import TowerRecipe
from argus.train.stages.tracker import TrackerRecipe
from tests.train.toys import TINY

STAGES = ("towers", "detector", "finish", "tracker")
SIZES = replace(TINY, tracker=TrackerConfig(width=32, heads=2, mlp_width=32, memory_width=8, memory_layers=1))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Prepared sprites of two concepts, squares, in every style."""
    sprites = []
    for concept, value in (("dog", 255), ("cat", 90)):
        rgba = np.full((SIDES[0], SIDES[0], 4), value, np.uint8)
        rgba[..., 3] = 255
        sprites.append(PackedSprite(concept=concept, rgba=rgba))
    for style in TRAIN_STYLES:
        write_pack(sprites, tmp_path / "cache", style)
    return tmp_path / "cache"


def small(recipe: Recipe) -> Recipe:
    """The same recipe for a tiny model: one step, few small pictures."""
    train = replace(
        recipe.train, steps=1, accumulate=min(recipe.train.accumulate, 2), precision="fp32", look_every=1_000
    )
    if isinstance(recipe, TowerRecipe):
        last = recipe.lessons[-1]
        lesson = replace(last, images=2, scenes=replace(last.scenes, size=64))
        return replace(recipe, sizes=SIZES, train=train, lessons=(lesson,))
    if isinstance(recipe, DetectorRecipe):
        part = replace(recipe.curriculum[-1], until=1, images=2, scenes=replace(recipe.scenes, size=64))
        mix = replace(recipe.mix, per_image=4)
        return replace(recipe, sizes=SIZES, train=train, mix=mix, curriculum=(part,))
    if isinstance(recipe, NamerRecipe):
        sizes = replace(SIZES, namer=NamerConfig(side=16, widths=(8, 16), blocks=(1, 1), width=16))
        return replace(recipe, sizes=sizes, train=train, count=4, bank_scenes=3, scenes=replace(recipe.scenes, size=64))
    if isinstance(recipe, CutterRecipe):
        sizes = replace(SIZES, cutter=CutterConfig(side=16, widths=(8, 16)))
        return replace(recipe, sizes=sizes, train=train, count=4, scenes=replace(recipe.scenes, size=64))
    assert isinstance(recipe, TrackerRecipe)
    pictures = replace(recipe.scenes, size=64, frames=2)  # type: ignore[call-arg]
    clips = replace(recipe.curriculum[-1], until=1, stills=1, clips=1, pictures=pictures, picked=2)
    return replace(recipe, sizes=SIZES, train=train, curriculum=(clips,))


@pytest.mark.parametrize("family", ["nano", "sam3"])
def test_each_stage_starts_from_the_last(
    family: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "SCENES_FOR_WORDS", 20)
    monkeypatch.setattr(recipes, "Remembered", partial(Remembered, count=3))
    weights = None
    for stage in STAGES:
        recipe = small(recipes.get(f"{family}-{stage}")(cache))
        assert recipes.run(recipe, tmp_path / stage, start=weights, workers=0, progress=False) == 1
        weights = tmp_path / stage / "weights"
    kept = {stage: checkpoint.load(tmp_path / stage / "weights", device="cpu", precision="fp32") for stage in STAGES}
    assert kept["tracker"].origin.training["steps"] == dict.fromkeys(STAGES, 1)
    assert kept["towers"].tracker is None and kept["detector"].tracker is not None
    for earlier, later in pairwise(STAGES):
        ours, theirs = kept[earlier].state_dict(), kept[later].state_dict()
        moved = {name.split(".")[0] for name, value in ours.items() if not torch.equal(value, theirs[name])}
        assert moved == {"tracker"} if later == "tracker" else {"vision", "text", "detector"} <= moved
    assert (tmp_path / "finish" / "confusions" / "0000000.json").exists()
    assert not (tmp_path / "towers" / "forgetting.json").exists()
    told = {stage: json.loads((tmp_path / stage / "forgetting.json").read_text("utf-8")) for stage in STAGES[1:]}
    assert [told[stage]["figure"] for stage in STAGES[1:]] == ["naming accuracy", "cgF1", "cgF1"]
    assert told["tracker"]["before"]["value"] == told["tracker"]["after"]["value"], "all else is frozen"
    assert all((one["before"]["step"], one["after"]["step"]) == (0, 1) for one in told.values())


@pytest.mark.parametrize("part", ["namer", "cutter"])
def test_a_part_of_nanos_own_comes_later_and_goes_on_as_it_began(
    part: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "SCENES_FOR_WORDS", 20)
    towers, own = (small(recipes.get(f"nano-{stage}")(cache)) for stage in ("towers", part))
    flat = replace(own.train.optim, cooldown=0)  # whose rates do not depend on how long a run is
    own = replace(own, train=replace(own.train, optim=flat, log_every=1))
    recipes.run(towers, tmp_path / "towers", workers=0, progress=False)
    begun = tmp_path / "towers" / "weights"
    longer = replace(own, train=replace(own.train, steps=2))
    recipes.run(longer, tmp_path / "whole", start=begun, workers=0, progress=False)
    assert recipes.run(own, tmp_path / "parts", start=begun, workers=0, progress=False) == 1
    assert recipes.run(longer, tmp_path / "parts", workers=0, progress=False) == 2
    unbroken, resumed = (
        [float(row.split(",")[1]) for row in (tmp_path / run / "log.csv").read_text("utf-8").splitlines()[1:]]
        for run in ("whole", "parts")
    )
    assert len(unbroken) == 2 and resumed == pytest.approx(unbroken, rel=1e-4)
    first, last = (
        checkpoint.load(folder, device="cpu", precision="fp32") for folder in (begun, tmp_path / "whole" / "weights")
    )
    assert getattr(first, part) is None and last.origin.training["steps"] == {"towers": 1, part: 2}
    assert all(torch.equal(tensor, last.state_dict()[name]) for name, tensor in first.state_dict().items())


def test_a_detector_from_nothing_goes_on_as_it_began(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "SCENES_FOR_WORDS", 20)
    monkeypatch.setattr(recipes, "Remembered", partial(Remembered, count=1))
    recipe = small(recipes.get("nano-detector")(cache))
    recipes.run(recipe, tmp_path / "run", workers=0, progress=False)
    longer = replace(recipe, train=replace(recipe.train, steps=2))
    assert recipes.run(longer, tmp_path / "run", workers=0, progress=False) == 2
    assert checkpoint.load(tmp_path / "run" / "weights", device="cpu").tracker is None, "it saw nothing to pick in"


def test_one_contrast_over_a_step_is_not_sharded(tmp_path: Path) -> None:
    recipe = recipes.get("sam3-towers")(tmp_path)
    with pytest.raises(ValueError, match="--shard"):
        replace(recipe, train=replace(recipe.train, shard=True))


@pytest.mark.parametrize("stage", STAGES)
def test_sam3_has_the_published_sizes_and_numbers(stage: str, tmp_path: Path) -> None:
    recipe = recipes.get(f"sam3-{stage}")(tmp_path)
    assert recipe.sizes == presets.sam3() and recipe.stage == stage
    assert recipe.train.optim.weight_decay == 0.1
    if isinstance(recipe, TowerRecipe):
        assert recipe.large_batch and recipe.train.accumulate * recipe.lessons[-1].images == 2048
        assert recipe.scenes.size == 336
    else:
        assert recipe.scenes.size == 1008 and recipe.train.optim.clip == 0.1
    if isinstance(recipe, DetectorRecipe):
        rates = recipe.train.optim
        assert (rates.rest, rates.vision, rates.text, rates.vision_layer_decay) == (8e-5, 2.5e-5, 5e-6, 0.9)
        assert recipe.loss == LossConfig() and recipe.picking is not None and recipe.augment is not None
    if isinstance(recipe, FinishRecipe):
        assert recipe.negatives is not None and recipe.negatives.per_image == 30 and recipe.rounds is not None


@pytest.mark.parametrize("name", ["nano-finish", "sam3-finish", "nano-tracker", "nano-namer", "nano-cutter"])
def test_later_stages_need_weights_to_start_from(name: str, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--start"):
        recipes.run(small(recipes.get(name)(cache)), tmp_path / "run", workers=0, progress=False)
