"""Fine-tuning: it learns, it goes on where it stopped, it tells the truth about the file, and it refuses bad input."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import argus
from argus.checkpoint.lora import read_adapter
from argus.cli.finetune import answers_of
from argus.data.absent import with_absent_phrases
from argus.data.augment import AugmentConfig
from argus.data.collate import normalised
from argus.data.dataset import Dataset, Record
from argus.data.ontology import Concept, Ontology
from argus.data.records import Query
from argus.data.sources import open_data
from argus.model.outline_refiner import OutlineConfig, OutlineRefiner
from argus.ops import rle
from argus.ops.windows import MOST
from argus.train import finetuning
from argus.train.criterion import LossConfig
from argus.train.finetune_course import Course
from argus.train.finetune_plan import AUGMENTATIONS, FinetunePlan, Material, Outcome, check, claim, table_rows
from argus.train.finetune_report import Shown, verdict, write_report
from argus.train.lora import add_adapters
from argus.train.outlining import Lesson
from argus.train.stages.finetune import AGAIN, FinetuneBatches, FinetuneLearner, learn_all, parts_of_a_step, share_out
from tests.train.toy_data import write_toys
from tests.train.toys import COLOURS, tiny_model, tiny_tracker_model, toy_scene


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model on disk, with a tracker."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base")
    argus.save(tiny_tracker_model(), folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("data")
    opened = open_data(write_toys(folder, 8), folder / "images")
    return with_absent_phrases(opened, Ontology([]), 2, 0)


@pytest.fixture(scope="module")
def material(data: Dataset) -> Material:
    training, held_out = data.split(0.25, 0)
    pairs = tuple(held_out.pairs())
    return Material(training=training, held_out=held_out, replay=lambda n: toy_scene(n), base_pairs=pairs)


def plan(base: Path, **changed: object) -> FinetunePlan:
    quick = FinetunePlan(model=str(base), epochs=2, images=2, replayed=1, looks=2, tiles=1, precision="fp32")
    return replace(quick, **changed)  # type: ignore[arg-type]


def run(plan: FinetunePlan, material: Material, folder: Path) -> list[Outcome]:
    return finetuning.finetune(plan, material, folder, answers_of)


def test_each_image_is_shown_once_an_epoch_and_batches_repeat(material: Material) -> None:
    batches = FinetuneBatches(data=material.training, size_hw=(48, 48), most_instances=6, images=2)
    first, other, again = (batches(index) for index in (4, 5, 4))
    assert torch.equal(first.images, again.images) and not torch.equal(first.images, other.images)
    assert len(first.images) == 2
    seen: list[int] = []

    class Noted(Dataset):
        def sample(self, index: int, **how: object):  # type: ignore[no-untyped-def, override]
            seen.append(index)
            return super().sample(index, **how)  # type: ignore[arg-type]

    noted = replace(batches, data=Noted(format="COCO JSON", records=material.training.records))
    for index in range(3):
        noted(index)
    assert sorted(seen) == list(range(6))


def test_base_concepts_are_batches_of_their_own(material: Material) -> None:
    plain = FinetuneBatches(data=material.training, size_hw=(48, 48), most_instances=6, images=2)
    batches = replace(plain, replay=toy_scene, replayed=2, of_data=2, of_base=2)
    assert plain.parts == 1 and batches.parts == 4
    step = [batches(4 * AGAIN * 5 + part) for part in range(4)]
    assert [batch.known for batch in step] == [False, False, True, True]
    shown = torch.cat([batch.images for batch in step[2:]])
    assert torch.equal(shown, normalised(np.stack([toy_scene(10).image, toy_scene(11).image])))


def test_between_them_a_step_has_all_of_its_batches_for_the_data(material: Material) -> None:
    plain = FinetuneBatches(data=material.training, size_hw=(48, 48), most_instances=6, images=2)
    batches = replace(plain, replay=toy_scene, of_base=1)
    for step in range(1, AGAIN):
        parts = [batches(batches.parts * step + part) for part in range(batches.parts)]
        assert not any(batch.known for batch in parts)
        asked = [prompt.text for batch in parts for prompt in batch.prompts]
        assert asked == [prompt.text for prompt in plain(step).prompts]


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_pictures_are_changed_with_their_masks_and_keep_what_is_present(material: Material, name: str) -> None:
    config = AUGMENTATIONS[name]()
    moved = replace(config, move_share=1.0, paste_share=1.0 if config.paste_share else 0.0, light_share=0.0)
    batches = FinetuneBatches(
        data=material.training, size_hw=(48, 48), most_instances=6, images=4, augmentation=moved, replayed=0
    )
    changed = 0
    for step in range(6):
        rng = np.random.default_rng(step)
        for sample, place in zip(batches.samples(step, rng), range(4), strict=True):
            assert any(query.instances for query in sample.queries)
            for mask, concept in zip(sample.masks, sample.concepts, strict=True):
                off = np.abs(sample.image[mask].astype(int) - COLOURS[concept]).max(axis=1)
                assert (off < 90).mean() > 0.6, (step, place)  # what is under a mask has the colour of its concept
            changed += not any(np.array_equal(sample.image, plain) for plain in pictures_of(material))
    assert changed > 18


def pictures_of(material: Material) -> list[np.ndarray]:
    return [material.training.sample(i, size_hw=(48, 48)).image for i in range(len(material.training))]


def test_an_image_that_would_lose_all_that_is_present_goes_in_as_it_was(data: Dataset) -> None:
    far = AugmentConfig(move_share=1.0, scale=(4.0, 4.0), least_visible=0.01)  # a small part of it, perhaps ground
    batches = FinetuneBatches(data=data, size_hw=(48, 48), most_instances=6, augmentation=far)
    plain = [data.sample(i, size_hw=(48, 48)).image for i in range(len(data))]
    samples = [sample for step in range(6) for sample in batches.samples(step, np.random.default_rng(step))]
    assert all(any(query.instances for query in sample.queries) for sample in samples)
    kept = sum(any(np.array_equal(sample.image, one) for one in plain) for sample in samples)
    assert 0 < kept < len(samples)


def test_the_ontology_gives_other_words(material: Material) -> None:
    words = Ontology([Concept(id="red", names_en=("red", "crimson"))])
    spoken = AugmentConfig(synonym_share=1.0)
    batches = FinetuneBatches(
        data=material.training, size_hw=(48, 48), most_instances=6, augmentation=spoken, ontology=words
    )
    texts = {prompt.text for step in range(4) for prompt in batches(step).prompts}
    assert "crimson" in texts and "red" not in texts


def test_a_step_in_parts_is_the_whole_step(material: Material) -> None:
    whole = FinetuneBatches(data=material.training, size_hw=(48, 48), most_instances=6)(3)
    torch.manual_seed(0)
    model = tiny_model()
    learn_all(model)
    learner = FinetuneLearner(model, LossConfig(mask_focal=0.0, mask_dice=0.0, one_to_many=0.0), model)

    def gradient(batches: list) -> torch.Tensor:  # type: ignore[type-arg]
        learner.zero_grad()
        totals = learner.totals(batches)
        for batch in batches:
            learner(batch, totals).total.backward()
        return torch.cat([p.grad.flatten() for p in learner.parameters() if p.grad is not None])

    parts = share_out(whole, 3)
    assert sum(len(part.prompts) for part in parts) == len(whole.prompts)
    assert all(len(part.images) < len(whole.images) for part in parts)
    torch.testing.assert_close(gradient(parts), gradient([whole]), rtol=1e-3, atol=1e-5)
    with pytest.raises(ValueError, match="prompts to share out"):
        share_out(whole, 99)
    assert parts_of_a_step(model, 4, 3) == 1


def test_what_is_picked_is_shared_out_once(material: Material) -> None:
    whole = FinetuneBatches(data=material.training, size_hw=(48, 48), most_instances=6, images=4, picks=True)(3)
    assert whole.picks is not None and 4 <= len(whole.picks.image) <= 8
    clicks, parts, found = whole.picks.first.clicks_xy_norm.tolist(), share_out(whole, 3), []
    for part in parts:
        assert part.picks is not None and len(part.concepts) == len(part.images)
        for row, image in enumerate(part.picks.image.tolist()):
            click, mask = part.picks.first.clicks_xy_norm[row].tolist(), part.picks.masks[row]
            (place,) = {int(whole.picks.image[i]) for i, other in enumerate(clicks) if other == click}
            assert torch.equal(part.images[image][:, mask], whole.images[place][:, mask])
            found.append(click)
    assert sorted(found) == sorted(clicks)


def test_picking_teaches_the_mask_decoder_and_the_shared_encoder(material: Material) -> None:
    torch.manual_seed(0)
    model = tiny_tracker_model()
    add_adapters(model, 2, 0)
    learner = FinetuneLearner(model, LossConfig(), model)
    batch = FinetuneBatches(data=material.training, size_hw=(48, 48), most_instances=6, picks=True)(0)
    losses = learner(batch, learner.totals([batch]))
    assert 0 <= losses.pick_iou <= 1 and losses.total > losses.picking > 0
    losses.picking.backward()
    taught = {name for name, p in model.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert {name.split(".")[0] for name in taught} == {"vision", "tracker"}
    of_tracker = {name.split(".")[1] for name in taught if name.startswith("tracker.")}
    assert of_tracker <= {"mask_decoder", "prompt_encoder"} and "mask_decoder" in of_tracker
    assert not any("frequencies" in name for name in taught)


def test_an_image_of_30000_instances_is_shown_in_windows(tmp_path: Path) -> None:
    side, most = 1_000, 100
    rows, columns = np.mgrid[:side, :side] // 5
    found = rle.from_labels(np.where(rows * 200 + columns < 30_000, rows * 200 + columns + 1, 0))
    Image.new("RGB", (side, side)).save(tmp_path / "many.png")
    record = Record(
        name="many",
        path=tmp_path / "many.png",
        size_hw=(side, side),
        rles=tuple(found.values()),
        concepts=("cell",) * len(found),
        queries=(Query(text="cell", language="en", kind="name", instances=tuple(range(len(found)))),),
        unsure=(),
        group="many",
    )
    data = Dataset(format="PNG masks", records=(record,))
    batch = FinetuneBatches(data=data, size_hw=(96, 96), most_instances=most, images=2)(0)
    assert 2 <= len(batch.targets.masks) <= 2 * most and batch.targets.counts.max() <= most
    material = Material(training=data, held_out=data)
    assert finetuning.queries_needed(material, FinetunePlan(), 32, 1) == finetuning.MOST_QUERIES
    assert finetuning.tiles_needed(material, FinetunePlan(), 30) == MOST


def test_small_objects_are_looked_for_in_tiles(base: Path, material: Material, tmp_path: Path) -> None:
    side = np.median([rle.area(pair.rles).mean() ** 0.5 / 48 for pair in material.training.pairs() if pair.rles])
    assert finetuning.tiles_needed(material, FinetunePlan(), math.ceil(1.2 * finetuning.LEAST_SIDE / side)) == 1
    assert finetuning.tiles_needed(material, FinetunePlan(), math.ceil(0.6 * finetuning.LEAST_SIDE / side)) > 1
    run(plan(base, tiles=2, epochs=1), material, tmp_path / "out")
    model = argus.load(f"{base}+{tmp_path / 'out'}")
    assert model.tiles_for("red") == 2 and model.tiles_for("purple") == 1


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("after", [0.4, 0.6])
def test_models_that_settle_outlines_get_a_refiner_where_it_is_better(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool, after: float
) -> None:
    torch.manual_seed(0)
    model = tiny_tracker_model()
    model.config = replace(model.config, vision=replace(model.config.vision, settle_outlines=True))
    argus.save(model, tmp_path / "base")
    refiner = OutlineRefiner(OutlineConfig()).bfloat16().float()
    monkeypatch.setattr(finetuning, "lesson", lambda *_: Lesson(refiner, 99, 20, before=0.5, after=after))
    outcome = run(plan(tmp_path / "base", epochs=0.3, looks=1, full=full), material, tmp_path / "out")[0]
    tuned = argus.load(outcome.source, device="cpu", precision="fp32")
    if after < 0.5:
        assert tuned.outlines is None and not tuned.refined_phrases
        return
    assert tuned.refined_phrases == {pair.phrase for pair in material.training.pairs() if pair.rles}
    assert tuned.outlines is not None
    assert all(torch.equal(a, b) for a, b in zip(tuned.outlines.parameters(), refiner.parameters(), strict=True))
    if full:  # the next one finds it there
        monkeypatch.setattr(finetuning, "lesson", None)
        again = run(plan(outcome.source, epochs=0.3, looks=1), material, tmp_path / "again")[0]
        assert argus.load(again.source, device="cpu").refined_phrases == tuned.refined_phrases


def test_a_lesson_in_outlines_comes_last(material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = tiny_tracker_model()
    model.config = replace(model.config, vision=replace(model.config.vision, settle_outlines=True))
    argus.save(model, tmp_path / "base")
    told: list[str] = []
    monkeypatch.setattr(finetuning, "lesson", lambda *_: told.append("lesson"))
    settling = plan(tmp_path / "base")
    finetuning.finetune(settling, material, tmp_path / "two-looks", answers_of, tell=told.append)
    steps = [line.split(":")[0] for line in told if line.startswith(("step", "lesson"))]
    assert steps == ["step 3", "lesson", "step 6"]


def test_models_that_do_not_settle_outlines_get_none(
    base: Path, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetuning, "lesson", None)
    outcome = run(plan(base, epochs=0.3, looks=1), material, tmp_path / "out")[0]
    assert argus.load(outcome.source, device="cpu").outlines is None


def test_only_adapters_and_small_tensors_learn(material: Material) -> None:
    model = tiny_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    add_adapters(model, 2, 0)
    learner = FinetuneLearner(model, LossConfig(), model)
    batch = FinetuneBatches(data=material.training, size_hw=(48, 48), most_instances=6)(0)
    learner(batch, learner.totals([batch])).total.backward()
    with_gradient = {name for name, p in model.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert any(name.endswith(".up") for name in with_gradient) and any(
        name.startswith("text.") for name in with_gradient
    )
    assert not with_gradient & {"text.embedding.weight", "vision.position"}
    frozen = [name for name in with_gradient if name.endswith(".original")]
    assert not frozen and len(before) < len(model.state_dict())


@dataclass(frozen=True)
class Done:
    """A finished run."""

    plan: FinetunePlan
    outcomes: list[Outcome]
    folder: Path


@pytest.fixture(scope="module")
def done(base: Path, material: Material, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder, asked = tmp_path_factory.mktemp("done") / "out", plan(base, seeds=2, queries=9)
    return Done(asked, run(asked, material, folder), folder)


def test_a_whole_run(done: Done, base: Path) -> None:
    assert [outcome.seed for outcome in done.outcomes] == [0, 1]
    for outcome in done.outcomes:
        assert [step for step, _ in outcome.history] == [3, 6] and outcome.steps == 6
        kept = dict(outcome.history)[outcome.best]
        assert outcome.after.new["cgF1"] == pytest.approx(kept["cgF1"], abs=0.01)
        assert outcome.before.base is not None and outcome.after.base is not None
        assert outcome.queries == (6, 9)
        assert 0 <= outcome.after.new["pick_IoU"] <= 1 and 0 <= outcome.before.base["pick_IoU"] <= 1
    more = replace(tiny_model().config.detector, queries=9)  # type: ignore[type-var]
    assert argus.load(f"{base}+{done.folder}").config.detector == more
    assert any(name.startswith("tracker.mask_decoder.") for name in read_adapter(done.folder).names)
    record = json.loads((done.folder / "finetune.json").read_text("utf-8"))
    assert len(record["outcomes"]) == 2
    rows = table_rows(done.outcomes)
    assert [row[:2] for row in rows[:3]] == [("new", "cgF1"), ("new", "pmF1"), ("new", "IL_MCC")]
    assert rows[3][:2] == ("new", "pick_IoU") and "±" in rows[0][3] and len(rows) == 8


def test_it_learns_colours(base: Path, material: Material, tmp_path: Path) -> None:
    longer = plan(base, full=True, epochs=90, images=6, replayed=0)
    outcomes = run(longer, replace(material, replay=None, base_pairs=()), tmp_path / "out")
    assert argus.load(tmp_path / "out").config == tiny_tracker_model().config
    log = (tmp_path / "out" / "seed-0" / "run" / "log.csv").read_text("utf-8").splitlines()
    totals = [float(line.split(",")[1]) for line in log[1:]]
    assert totals[-1] < 0.7 * totals[0]
    assert outcomes[0].after.base is None
    assert table_rows(outcomes)[-1][2:4] == ("not measured", "not measured")


def test_a_stopped_run_goes_on(base: Path, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(plan(base), material, tmp_path / "whole")[0]
    feed = finetuning.feed

    def broken(make, first: int, *how: int) -> Iterator:  # type: ignore[no-untyped-def, type-arg]
        for index, batch in zip(range(first, 5), feed(make, first, *how)):
            yield batch
            assert index < 5
        raise ConnectionError("killed")

    monkeypatch.setattr(finetuning, "feed", broken)
    with pytest.raises(ConnectionError):
        run(plan(base), material, tmp_path / "broken")
    monkeypatch.setattr(finetuning, "feed", feed)
    resumed = run(plan(base), material, tmp_path / "broken")[0]
    assert [step for step, _ in resumed.history] == [step for step, _ in whole.history]
    assert resumed.after.new["cgF1"] == pytest.approx(whole.after.new["cgF1"], abs=0.05)


def test_the_time_given_is_laid_out_by_what_was_timed(
    base: Path, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count()  # each look at it is a second later: six steps take one, and so does a measure
    monkeypatch.setattr(finetuning, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with pytest.raises(ValueError, match=r"a step takes 0\.17 s, .* give more hours"):
        run(plan(base, hours=0.1 / 3600), material, tmp_path / "short")
    torch.manual_seed(0)
    model = tiny_tracker_model()
    model.config = replace(model.config, vision=replace(model.config.vision, settle_outlines=True))
    argus.save(model, tmp_path / "settling")
    monkeypatch.setattr(finetuning, "seconds_of", lambda *_: 0.5)
    monkeypatch.setattr(finetuning.Run, "_settled", lambda _, course, *__: laid.append(course) or course)
    monkeypatch.setattr(finetuning, "train", lambda *_, **__: SimpleNamespace(step=0, stopped=True))
    for seconds, steps, looks in ((3, 15, 1), (25, 136, 2)):  # a trained model's look takes two seconds
        laid: list[Course] = []
        with pytest.raises(InterruptedError):
            run(plan(tmp_path / "settling", hours=seconds / 3600), material, tmp_path / str(seconds))
        assert laid == [Course(steps=steps, looks=looks, lesson=True, look=2.0, taught=0.5, settled=False)]


def test_steps_are_settled_on_the_way_and_a_stop_before_that_is_none(
    base: Path, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Course(steps=10**6, looks=1, lesson=False, settled=False)
    monkeypatch.setattr(finetuning, "course_in", lambda *_, **__: wrong)
    short, feed = plan(base, hours=4 / 3600), finetuning.feed

    def broken(make, first: int, *how: int) -> Iterator:  # type: ignore[no-untyped-def, type-arg]
        yield from islice(feed(make, first, *how), 2)
        raise ConnectionError("killed")

    monkeypatch.setattr(finetuning, "feed", broken)
    with pytest.raises(ConnectionError):
        run(short, material, tmp_path)
    assert Course.read(tmp_path / "seed-0" / "course.json") == wrong
    monkeypatch.setattr(finetuning, "feed", feed)
    (outcome,) = run(short, material, tmp_path)
    settled = Course.read(tmp_path / "seed-0" / "course.json")
    assert settled is not None and settled.settled
    assert outcome.steps == settled.steps < 1000 and [step for step, _ in outcome.history] == [settled.steps]


def test_data_without_images_or_masks_are_refused(material: Material, tmp_path: Path) -> None:
    bare = replace(material.training.records[0], rles=(), concepts=(), queries=())
    with pytest.raises(ValueError, match="images with masks to train on, got 1 images with 0 masks"):
        check(replace(material, training=Dataset(format="COCO JSON", records=(bare,))))
    with pytest.raises(ValueError, match="hold out, got 0 images with 0 masks"):
        check(replace(material, held_out=Dataset(format="COCO JSON", records=())))


def test_a_folder_with_something_else_is_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else"):
        claim(tmp_path, plan(base))
    with pytest.raises(ValueError, match="got the file"):
        claim(tmp_path / "notes.txt", plan(base))
    claim(tmp_path / "new", plan(base, rank=5))
    claim(tmp_path / "new", plan(base))  # what failed before it began is in no one's way
    (tmp_path / "new" / "seed-0").mkdir()
    claim(tmp_path / "new", plan(base))
    with pytest.raises(ValueError, match="with other epochs, rank"):
        claim(tmp_path / "new", plan(base, rank=3, epochs=1))
    (tmp_path / "new" / "finetune.json").write_text("{")
    with pytest.raises(ValueError, match="no record of a fine-tuning"):
        claim(tmp_path / "new", plan(base))


def test_a_run_does_not_go_on_with_other_data(base: Path, material: Material, tmp_path: Path) -> None:
    claim(tmp_path / "out", plan(base))
    claim(tmp_path / "out", plan(base), material)
    (tmp_path / "out" / "seed-0").mkdir()
    claim(tmp_path / "out", plan(base))
    claim(tmp_path / "out", plan(base), material)
    fewer = replace(material, held_out=material.held_out.select([0]))
    with pytest.raises(ValueError, match="with other held-out data:"):
        claim(tmp_path / "out", plan(base), fewer)
    with pytest.raises(ValueError, match="with other base concepts:"):
        claim(tmp_path / "out", plan(base), replace(material, base_pairs=()))


def test_an_adapter_over_an_adapter_is_refused_at_once(base: Path, material: Material, tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    with pytest.raises(ValueError, match=r"without an adapter.*--full"):
        run(plan(base, model=f"{base}+{tmp_path / 'adapter'}"), material, tmp_path / "out")


def test_an_unknown_model_is_named(material: Material, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no model at 'nowhere'"):
        run(FinetunePlan(model="nowhere"), material, tmp_path / "out")


def test_a_file_with_other_numbers_is_not_accepted(
    base: Path, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, called = finetuning.measure, []

    def off(*args):  # type: ignore[no-untyped-def]
        measured = measure(*args)
        called.append(measured)
        return replace(measured, new={**measured.new, "IL_MCC": measured.new["IL_MCC"] - 0.5})

    monkeypatch.setattr(finetuning, "measure", off)
    with pytest.raises(ValueError, match="other numbers than those it was kept for"):
        run(plan(base), material, tmp_path / "out")


def test_the_report_stands_by_itself(done: Done, tmp_path: Path) -> None:
    shown = [Shown(name="a <b>: red", pictures={"before": Image.new("RGB", (9, 9))})]
    write_report(tmp_path / "report.html", done.plan, done.outcomes, done.folder, ["8 images"], shown)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert verdict(done.outcomes) in page and "8 images" in page and "a &lt;b&gt;: red" in page
    assert 'src="http' not in page and "data:image/jpeg" in page and page.count("<svg") >= 5


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ((0.2, 0.1, 0.3), "It helped: held-out cgF1 +20.0 in the mean of 3 seeds (+10.0 to +30.0)"),
        ((0.2, 0.1), "It seems to have helped"),
        ((0.2,), "--seeds 3 gives a mean"),
        ((0.2, 0.3, -0.1), "It did not help"),
        ((0.0, 0.0, 0.0), "use the base model"),
    ],
)
def test_the_verdict_is_honest(done: Done, gains: tuple[float, ...], said: str) -> None:
    known, outcome = done.outcomes[0].before.new, done.outcomes[0]
    seeds = [
        replace(
            outcome,
            before=replace(outcome.before, new={**known, "cgF1": 0.3}),
            after=replace(outcome.after, new={**known, "cgF1": 0.3 + gain}, base=None),
        )
        for gain in gains
    ]
    assert said in verdict(seeds) and "not measured" in verdict(seeds)
