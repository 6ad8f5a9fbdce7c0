"""The namer's stage: what it is shown, and that it learns to name."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from argus.data.records import Sample
from argus.data.sources.scenes import SceneConfig, ontology
from argus.model.namer import NamerConfig
from argus.model.sam3 import Sam3
from argus.train.close_up_bank import GROUND, bank_of
from argus.train.new_parts import with_new
from argus.train.stages.namer import CloseUpBatches, NamerLearner, seen_by_chance, surely_not, tellable
from argus.train.start import starting_model
from tests.train.toys import COLOURS, tiny_model, toy_scene

SMALL = NamerConfig(side=16, widths=(8, 16), blocks=(1, 1), width=16)
SCENES = SceneConfig(cache_folder=Path())
OTHERS = (("leaf", "frond"), ("piano",))  # what is green may be a leaf


def toy(config: SceneConfig, seed: int) -> Sample:
    """A toy scene, whatever the configuration says."""
    return toy_scene(seed)


def toy_close_ups(folder: Path, scenes: int = 40, count: int = 32) -> CloseUpBatches:
    """Close-ups of toy scenes, each object named by its colour, and false of two more names where it may not be."""
    bank = bank_of(folder, SCENES, list(COLOURS), scenes, 0, make=toy)
    return CloseUpBatches(
        bank=bank,
        names={colour: (colour,) for colour in COLOURS},
        others=OTHERS,
        false=np.array([[True, True], [False, True], [True, True], [True, True]]),
        count=count,
        side=SMALL.side,
    )


def shade_of(view: torch.Tensor) -> int:
    """Which colour (3: the ground's grey) a view shows where its mask is sure."""
    inside = view[3] > 0.9
    shown = (view[:3, inside].mean(1) + 1) * 127.5
    return int((torch.tensor([*COLOURS.values(), (128, 128, 128)]) - shown).norm(dim=1).argmin())


def test_it_learns_names_and_which_phrases_are_true(tmp_path: Path) -> None:
    model = with_new(tiny_model(), 0, namer=SMALL)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    learner = NamerLearner(model, np.ones((3, 3), bool)).train()
    optimizer = torch.optim.AdamW([p for p in learner.parameters() if p.requires_grad], 3e-3)
    batches = toy_close_ups(tmp_path / "taught")
    for step in range(80):
        losses = learner(batches(step), batches.count)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
    unseen = replace(batches, bank=bank_of(tmp_path / "new", SCENES, list(COLOURS), 20, 9000, make=toy))
    losses = learner.eval()(unseen(0), batches.count)
    assert losses.accuracy > 0.9 and losses.matching < 0.8
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed and all(name.startswith("namer.") for name in changed)


def test_a_bank_keeps_each_object_and_a_piece_of_ground(tmp_path: Path) -> None:
    bank, samples = toy_close_ups(tmp_path, scenes=5).bank, [toy_scene(seed) for seed in range(5)]
    wanted = [[*(list(COLOURS).index(name) for name in sample.concepts), GROUND] for sample in samples]
    assert bank.concepts.tolist() == list(chain(*wanted))
    assert bank.scenes.tolist() == [number for number, row in enumerate(wanted) for _ in row]
    for view, extent, concept, number, scene in zip(
        torch.from_numpy(np.array(bank.views)), bank.extents, bank.concepts, bank.numbers, bank.scenes, strict=True
    ):
        layers = view.permute(2, 0, 1).float() / 255
        assert shade_of(torch.cat((layers[:3] * 2 - 1, layers[3:]))) == (3 if concept == GROUND else concept)
        named = {text for text, things in bank.asked[scene] if number in things}
        assert named == (set() if concept == GROUND else {list(COLOURS)[concept]})
        if concept != GROUND:
            box = samples[scene].boxes_xyxy_px[number]
            assert extent == pytest.approx(np.sqrt((box[2] - box[0]) * (box[3] - box[1])) / 48)


def test_a_bank_keeps_parts_of_objects_which_no_phrase_names(tmp_path: Path) -> None:
    samples = [toy_scene(seed, 96) for seed in range(5)]  # objects of 456 to 1,500 pixels, all large enough
    bank = bank_of(tmp_path, SCENES, list(COLOURS), 5, 0, make=lambda config, seed: toy_scene(seed, 96))
    for number, sample in enumerate(samples):
        rows = bank.scenes == number
        assert bank.concepts[rows].tolist()[len(sample.masks) :] == [GROUND, GROUND]
        assert not set(bank.numbers[rows][-2:]) & set(range(len(sample.masks)))
        layers = torch.from_numpy(np.array(bank.views[np.flatnonzero(rows)[-1]])).permute(2, 0, 1).float() / 255
        shade = shade_of(torch.cat((layers[:3] * 2 - 1, layers[3:])))
        whole = [
            mask.sum()
            for mask, name in zip(sample.masks, sample.concepts, strict=True)
            if list(COLOURS).index(name) == shade
        ]
        assert whole and bank.extents[rows][-1] ** 2 * 96**2 < 0.9 * max(whole)


def test_what_a_batch_shows_is_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = toy_close_ups(tmp_path)
    batch = batches(3)
    assert len(batch.views) == 32 and batch.views[:, 3].min() >= 0 and batch.views[:, 3].max() <= 1
    monkeypatch.setattr("argus.train.stages.namer._coarse", lambda masks, colours, rng: masks)  # none that stray
    for view, concept in zip(batches(3).views, batch.concepts, strict=True):
        assert concept == GROUND or shade_of(view) == concept
    for (thing, phrase), true in zip(batch.pairs.T.tolist(), batch.truths.tolist(), strict=True):
        concept = int(batch.concepts[thing])
        assert true == (concept != GROUND and batch.phrases[phrase] == list(COLOURS)[concept])


def test_close_ups_are_asked_for_false_names_beside_those_of_their_scene(tmp_path: Path) -> None:
    batch = toy_close_ups(tmp_path)(3)
    asked: dict[int, set[str]] = {thing: set() for thing in range(len(batch.concepts))}
    for thing, phrase in batch.pairs.T.tolist():
        asked[thing].add(batch.phrases[phrase])
    assert all(names - set(COLOURS) for names in asked.values())
    for name, is_green in (("leaf", False), ("frond", False), ("piano", True)):  # what is green may be a leaf
        of = {
            list(COLOURS).index("green") == int(batch.concepts[thing])
            for thing, names in asked.items()
            if name in names
        }
        assert of == {False, is_green}


def test_masks_stray_as_a_detectors_do_but_mostly_hold_their_object() -> None:
    whole = torch.zeros(256, 80, 80, 4, dtype=torch.uint8)
    y, x = torch.meshgrid(torch.arange(80), torch.arange(80), indexing="ij")
    whole[:, (y - 40) ** 2 + (x - 40) ** 2 < 20**2] = 255  # a white disc on black, and its mask
    views = seen_by_chance(whole, 48, np.random.default_rng(0))
    disc, masks = views[:, :3].mean(1) > 0.3, views[:, 3] > 0.5
    ious = (masks & disc).sum((1, 2)) / (masks | disc).sum((1, 2))
    assert ious.median() > 0.75 and ious.quantile(0.1) < 0.6
    surest = views[:, 3].amax((1, 2))
    assert surest.quantile(0.1) < 0.95 < surest.median()


def test_each_time_round_every_close_up_is_shown_once(tmp_path: Path) -> None:
    batches = toy_close_ups(tmp_path, count=10)
    plain = replace(batches.bank, extents=np.arange(len(batches.bank), dtype=np.float32) + 1)
    round_ = len(plain) // 10
    shown = [replace(batches, bank=plain)(index).extents for index in range(2 * round_)]
    rows = [torch.cat(shown[:round_]), torch.cat(shown[round_:])]
    for one in rows:
        near = [(one - row).abs().min() < 0.13 * row for row in range(1, len(plain) + 1)]
        assert sum(near) >= 10 * round_ and len(one) == 10 * round_
    assert not torch.equal(*rows)


def test_batches_and_banks_are_the_same_whenever_they_are_made(tmp_path: Path) -> None:
    first = toy_close_ups(tmp_path / "a")
    one, again, other = first(5), toy_close_ups(tmp_path / "b")(5), first(6)
    assert torch.equal(one.views, again.views) and one.names == again.names and one.phrases == again.phrases
    assert not torch.equal(one.views, other.views)


def test_a_bank_that_was_broken_off_is_made_anew(tmp_path: Path) -> None:
    def breaking(config: SceneConfig, seed: int) -> Sample:
        if seed == 3:
            raise KeyboardInterrupt
        return toy_scene(seed)

    with pytest.raises(KeyboardInterrupt):
        bank_of(tmp_path, SCENES, list(COLOURS), 5, 0, make=breaking)
    assert len(bank_of(tmp_path, SCENES, list(COLOURS), 5, 0, make=toy).asked) == 5


def test_a_bank_of_something_else_is_refused(tmp_path: Path) -> None:
    bank_of(tmp_path, SCENES, list(COLOURS), 3, 0, make=toy)
    for concepts, count in ((["red"], 3), (list(COLOURS), 4)):
        with pytest.raises(ValueError, match="remove that folder"):
            bank_of(tmp_path, SCENES, concepts, count, 0, make=toy)


def test_close_ups_of_ground_alone_teach_what_is_not_there(tmp_path: Path) -> None:
    batches = toy_close_ups(tmp_path)
    bare = batches.bank.concepts == GROUND
    ground = replace(
        batches.bank,
        views=batches.bank.views[bare],
        **{name: getattr(batches.bank, name)[bare] for name in ("extents", "concepts", "numbers", "scenes")},
    )
    learner = NamerLearner(with_new(tiny_model(), 0, namer=SMALL), np.ones((3, 3), bool))
    losses = learner(replace(batches, bank=ground)(0), 32)
    assert torch.isfinite(losses.total) and losses.contrastive == losses.classification == 0 and losses.matching > 0


def test_a_thing_is_not_told_from_what_it_may_be_called_too() -> None:
    tree = ontology()
    child, parent = next((c.id, c.parents[0]) for c in tree.concepts.values() if c.parents and c.glyphs)
    other = next(c for c in tree.concepts if c not in tree.ancestors[child] | tree.doubtful[child] | {child, parent})
    told = tellable([child, parent, other])
    assert told.diagonal().all() and not told[0, 1] and not told[1, 0]
    assert told[0, 2] == (child not in tree.ancestors[other] | tree.doubtful[other])


def test_a_thing_is_surely_none_of_what_it_cannot_be() -> None:
    tree = ontology()
    child, parent = next((c.id, c.parents[0]) for c in tree.concepts.values() if c.parents and c.glyphs)
    doubtful = next(c for c in tree.concepts if tree.doubtful[c])
    false = dict(zip(tree.concepts, surely_not([child, parent, doubtful]).T.tolist(), strict=True))
    assert false[child][:2] == false[parent][:2] == [False, False]
    assert not any(false[other][2] for other in tree.doubtful[doubtful])
    assert all(false[c][3] for c in tree.concepts)  # what is nothing
    assert sum(child_is_not for child_is_not, *_ in false.values()) > len(tree.concepts) / 2


def test_it_needs_a_model_that_has_learned_to_see(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--start"):
        starting_model(None, SceneConfig(cache_folder=tmp_path), 0, needs="namer")
    with pytest.raises(ValueError, match="with_new"):
        NamerLearner(tiny_model(), np.ones((3, 3), bool))


def test_a_new_namer_leaves_the_rest_as_it_is() -> None:
    model = tiny_model()
    named = with_new(model, 0, namer=SMALL)
    assert isinstance(named, Sam3) and named.config.namer == SMALL
    assert all(torch.equal(tensor, named.state_dict()[name]) for name, tensor in model.state_dict().items())
