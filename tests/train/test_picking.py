"""Picking single objects beside detection: who learns, that it is learned, and that a model without a tracker is left
alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from argus.data.collate import Batch, PromptMix
from argus.data.collate_clips import FirstMix
from argus.train.criterion import LossConfig
from argus.train.picking import Picking
from argus.train.stages.detector import DetectorLearner, Phase, SceneBatches
from argus.train.team import Team
from tests.train.toys import tiny_model, tiny_tracker_model, toy_scene

PICKING = Picking()


def batches(picking: Picking | None = PICKING) -> SceneBatches:
    phases = (Phase(until=9, images=2, scene=toy_scene),)
    return SceneBatches(phases=phases, mix=PromptMix(per_image=2), picking=picking)


def learner(tracker: bool = True, picking: Picking | None = PICKING) -> DetectorLearner:
    torch.manual_seed(0)
    model = tiny_tracker_model() if tracker else tiny_model()
    return DetectorLearner(model, LossConfig(mask_points=64), picking=picking)


def learning(student: DetectorLearner, batch: Batch) -> set[str]:
    student(batch, student.totals([batch])).total.backward()
    return {name for name, p in student.named_parameters() if p.grad is not None and bool(p.grad.any())}


def test_picks_are_objects_of_their_images() -> None:
    batch, samples = batches()(1), [toy_scene(2), toy_scene(3)]
    assert batch.picks is not None
    assert batch.picks.image.tolist() == sorted(batch.picks.image.tolist())
    assert (batch.picks.image.bincount(minlength=2) <= 2).all() and len(batch.picks.first) == len(batch.picks.masks)
    for image, mask in zip(batch.picks.image.tolist(), batch.picks.masks.numpy(), strict=True):
        assert any(np.array_equal(mask, one) for one in samples[image].masks)
    assert batches(None)(1).picks is None
    plain = batches(None)(1)
    assert [p.text for p in plain.prompts] == [p.text for p in batch.prompts], "the rest of a batch stays as it was"


def test_picking_teaches_decoder_prompt_encoder_and_vision_encoder() -> None:
    student, batch = learner(), batches()(0)
    with_it = learning(student, batch)
    parts = {".".join(name.split(".")[1:3]) for name in with_it if name.startswith("model.tracker")}
    assert parts >= {"tracker.mask_decoder", "tracker.prompt_encoder", "tracker.neck"}
    assert not any("memory_attention" in name or name.endswith("frequencies") for name in with_it)
    absent = replace(batch, picks=None)
    assert not any(name.startswith("model.tracker") for name in learning(learner(), absent))
    alone = learner()
    losses = alone(batch, alone.totals([batch]))
    (of_vision,) = torch.autograd.grad(losses.picking, alone.model.vision.blocks[0].mlp.layers[0].weight)
    assert losses.picking > 0 and bool(of_vision.any())


def test_without_a_tracker_the_term_is_off() -> None:
    student, batch = learner(tracker=False), batches()(0)
    losses = student(batch, student.totals([batch]))
    assert losses.picking == 0
    torch.manual_seed(1)
    one = student(batch, student.totals([batch])).total
    torch.manual_seed(1)
    student.picking = None
    assert student(batch, student.totals([batch])).total == one


def test_it_learns_to_pick() -> None:
    student, batch = learner(picking=replace(PICKING, weight=10.0)), batches()(2)
    optimizer = torch.optim.AdamW(student.parameters(), 3e-3)
    curve = []
    for step in range(18):
        torch.manual_seed(step)
        losses = student(batch, student.totals([batch]))
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        curve.append(losses.picking.item())
    assert np.mean(curve[-5:]) < 0.7 * np.mean(curve[:5])


def test_batches_of_a_step_count_by_what_is_picked_in_them() -> None:
    student, one, more = learner(), batches()(0), batches()(1)
    assert one.picks is not None and more.picks is not None

    def term(given: list[Batch]) -> float:
        torch.manual_seed(0)
        return student(one, student.totals(given)).picking.item()

    share = len(one.picks.first) / (len(one.picks.first) + len(more.picks.first))
    assert term([one, more]) == pytest.approx(share * term([one]), rel=1e-5)


def test_images_without_objects_have_nothing_to_pick() -> None:
    sample = toy_scene(0)
    nothing = replace(
        sample, masks=sample.masks[:0], concepts=(), queries=tuple(replace(q, instances=()) for q in sample.queries)
    )
    data = replace(batches(), phases=(Phase(until=9, images=2, scene=lambda seed: nothing),))
    student = learner()
    losses = student(data(0), Team().added(student.totals([data(0)])))
    assert losses.picking == 0 and bool(losses.total.isfinite())


@pytest.mark.parametrize("wrong", [{"weight": 0.0}, {"objects": 0}, {"mix": FirstMix(box=0.5, click=0.2)}])
def test_wrong_configurations_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Picking(**wrong)  # type: ignore[arg-type]
