"""The stages' own parts: tower losses, crops, the curriculum; and that recipes are whole."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from argus import recipes
from argus.data.augment import light
from argus.data.collate import PromptMix
from argus.data.sources.scenes import SceneConfig
from argus.ops.boxes import cxcywh_to_xyxy
from argus.train.losses.contrastive import contrastive_loss
from argus.train.stages.detector import DetectorRecipe, Phase, SceneBatches
from argus.train.stages.naming import ground, pool
from argus.train.stages.towers import Lesson, ObjectBatches, TowerLearner
from argus.train.stages.tracker import TrackerRecipe
from tests.train.toys import COLOURS, tiny_model, toy_scene


def toy_objects(images: int) -> ObjectBatches:
    """Batches of toy scenes (whatever the configuration says), each object named by its colour."""
    lessons = (Lesson(until=9, images=images, scenes=SceneConfig(cache_folder=Path())),)
    return ObjectBatches(lessons=lessons, names={c: (c,) for c in COLOURS}, make=lambda _, seed: toy_scene(seed))


def test_contrastive_loss_by_hand() -> None:
    # two of one concept and one of another, all alike: each row's truth is spread over its own concept
    assert contrastive_loss(torch.zeros(3, 3), torch.tensor([0, 0, 1])).item() == pytest.approx(math.log(3))
    perfect = torch.tensor([[20.0, -20.0], [-20.0, 20.0]])
    assert contrastive_loss(perfect, torch.tensor([4, 2])).item() == pytest.approx(0, abs=1e-6)
    assert contrastive_loss(torch.zeros(0, 0), torch.zeros(0, dtype=torch.long)).item() == 0  # a batch without objects


def test_towers_learn_to_name() -> None:
    torch.manual_seed(0)
    learner = TowerLearner(tiny_model(), 3)
    optimizer = torch.optim.AdamW(learner.parameters(), 3e-3)
    batch = toy_objects(4)(0)
    before = learner(batch, learner.totals([batch])).contrastive.item()
    for _ in range(40):
        losses = learner(batch, learner.totals([batch]))
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
    assert losses.accuracy == 1.0
    assert losses.presence_accuracy == 1.0
    same = batch.objects.concepts[:, None] == batch.objects.concepts
    least = same.sum(1).log().mean().item()  # objects share their truth with the others of their concept
    assert losses.contrastive - least < 0.3 * (before - least)
    parts = {name.split(".")[1] for name, p in learner.named_parameters() if p.grad is None}
    assert parts == {"detector"}


def test_objects_carry_their_own_masks_and_names() -> None:
    batch = toy_objects(3)(1)
    assert batch.images.shape == (3, 3, 48, 48)
    objects = batch.objects
    assert [list(COLOURS)[row] for row in objects.concepts.tolist()] == list(objects.names)
    for image, mask, name in zip(objects.image, objects.masks, objects.names, strict=True):
        colour = (batch.images[image][:, mask] + 1) * 127.5
        assert torch.allclose(colour.T, torch.tensor(COLOURS[name], dtype=torch.float32).expand(colour.shape[1], 3))
    for (thing, phrase), true in zip(objects.pairs.T.tolist(), objects.truths.tolist(), strict=True):
        assert objects.image[thing] == objects.phrase_image[phrase]
        assert true == (objects.names[thing] == objects.phrases[phrase])
    assert len(objects.truths) == 3 * len(objects.names)  # every colour is asked of every object
    grey = batch.images.permute(0, 2, 3, 1)[ground(objects, 3)]
    assert torch.allclose(grey, torch.full_like(grey, 128 / 127.5 - 1), atol=1e-6)


def test_pooling_weighs_tokens_by_the_mask() -> None:
    tokens = torch.tensor([[[[1.0], [3.0]]], [[[5.0], [9.0]]]])  # two images of 1 x 2 tokens
    masks = torch.zeros(2, 2, 4, dtype=torch.bool)
    masks[0, :, 1:3] = True  # half of each token's patch
    masks[1, :, 2:] = True
    assert pool(tokens, torch.tensor([0, 1]), masks).tolist() == [[2.0], [9.0]]


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


def test_augmented_batches_change_pictures_and_boxes_alike() -> None:
    phases = (Phase(until=9, images=4, scene=toy_scene),)
    plain = SceneBatches(phases=phases, mix=PromptMix(per_image=3, boxes_only=0, text_and_boxes=0))
    changed = replace(plain, augment=light())
    batch, again = changed(1), changed(1)
    assert torch.equal(batch.images, again.images) and not torch.equal(batch.images, plain(1).images)
    for box, row in zip(batch.targets.boxes_cxcywh_norm, batch.targets.mask_rows.tolist(), strict=True):
        ys, xs = batch.targets.masks[row].nonzero(as_tuple=True)
        edges = torch.tensor([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) / 48
        assert torch.allclose(cxcywh_to_xyxy(box), edges, atol=1e-5)


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
def test_recipes_are_whole(name: str, tmp_path: Path) -> None:
    recipe = recipes.get(name)(tmp_path)
    assert recipe.train.purpose and recipe.scenes.size % 14 == 0
    if isinstance(recipe, DetectorRecipe | TrackerRecipe):
        ends = [part.until for part in recipe.curriculum]
        assert ends == sorted(set(ends)) and ends[-1] == recipe.train.steps
    if isinstance(recipe, DetectorRecipe):
        assert all(part.scenes.size % 14 == 0 for part in recipe.curriculum)
    assert replace(recipe.train, steps=1).steps == 1


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="nano-detector"):
        recipes.get("mega")
