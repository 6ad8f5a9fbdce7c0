"""The stages' own parts: tower losses, crops, the curriculum; and that recipes are whole."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from argus import recipes
from argus.data.collate import PromptMix
from argus.train.stages.detector import DetectorRecipe, Phase, SceneBatches
from argus.train.stages.towers import CropBatches, TowerLearner, contrastive_loss
from tests.train.toys import COLOURS, tiny_model, toy_scene


def crop(seed: int) -> tuple[np.ndarray, str]:
    name = list(COLOURS)[seed % 3]
    return np.full((16, 16, 3), COLOURS[name], np.uint8), name


CROPS = CropBatches(images=6, crop=crop, names={"red": ("red",), "green": ("green",), "blue": ("blue",)})


def test_contrastive_loss_by_hand() -> None:
    # two of one concept and one of another, all alike: each row's truth is spread over its own concept
    assert contrastive_loss(torch.zeros(3, 3), torch.tensor([0, 0, 1])).item() == pytest.approx(math.log(3))
    perfect = torch.tensor([[20.0, -20.0], [-20.0, 20.0]])
    assert contrastive_loss(perfect, torch.tensor([4, 2])).item() == pytest.approx(0, abs=1e-6)


def test_towers_learn_to_name() -> None:
    torch.manual_seed(0)
    learner = TowerLearner(tiny_model(), 3)
    optimizer = torch.optim.AdamW(learner.parameters(), 3e-3)
    batch = CROPS(0)
    for _ in range(30):
        losses = learner(batch, learner.totals([batch]))
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
    assert losses.accuracy == 1.0
    assert losses.total < math.log(2) + 0.3  # each crop shares its truth with one other of its concept
    untouched = [name for name, p in learner.named_parameters() if p.grad is None]
    assert untouched and all("detector" in name for name in untouched)


def test_crops_carry_their_own_names() -> None:
    batch = CROPS(1)
    assert [list(COLOURS)[row] for row in batch.concepts.tolist()] == list(batch.phrases)
    assert batch.images.shape == (6, 3, 16, 16)


def test_the_curriculum_goes_on_with_its_last_phase_and_shows_no_scene_twice() -> None:
    seen: list[int] = []

    def scene(seed: int, size: int) -> object:
        seen.append(seed)
        return toy_scene(seed, size)

    phases = (
        Phase(until=2, images=3, scene=lambda seed: scene(seed, 48)),
        Phase(until=4, images=1, scene=lambda seed: scene(seed, 64)),
    )
    batches = SceneBatches(phases=phases, mix=PromptMix(per_image=2))
    assert [tuple(batches(i).images.shape[::2]) for i in (0, 1, 2, 3, 9)] == [
        (3, 48),
        (3, 48),
        (1, 64),
        (1, 64),
        (1, 64),
    ]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
def test_recipes_are_whole(name: str, tmp_path: Path) -> None:
    recipe = recipes.get(name)(tmp_path)
    assert recipe.train.purpose and recipe.scenes.size % 14 == 0
    if isinstance(recipe, DetectorRecipe):
        ends = [part.until for part in recipe.curriculum]
        assert ends == sorted(set(ends)) and ends[-1] == recipe.train.steps
        assert all(part.scenes.size % 14 == 0 for part in recipe.curriculum)
    assert replace(recipe.train, steps=1).steps == 1


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="nano-detector"):
        recipes.get("mega")
