"""The detection loss as a whole: accumulation, who learns from an absent concept, and that parts add up."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from argus.data.collate import Batch, PromptMix, collate
from argus.data.collate_clips import choose_picks
from argus.data.objects import objects_of
from argus.model.detector import DetectorTraining
from argus.model.sam3 import Sam3
from argus.train.criterion import Criterion, DetectorLosses, LossConfig, Totals
from argus.train.picking import Picking
from argus.train.rounds import Rounds
from argus.train.stages.detector import DetectorLearner, answers
from tests.train.toys import COLOURS, joined, tiny_model, tiny_tracker_model, toy_scene

MIX = PromptMix(per_image=3, boxes_only=0.2, text_and_boxes=0.3)


def batch_of(seeds: list[int]) -> Batch:
    return collate([toy_scene(seed) for seed in seeds], MIX, np.random.default_rng(seeds))


def backward(learner: DetectorLearner, batches: list[Batch]) -> tuple[list[DetectorLosses], list[torch.Tensor]]:
    torch.manual_seed(3)
    learner.zero_grad()
    totals = learner.totals(batches)
    losses = [learner(batch, totals) for batch in batches]
    for part in losses:
        part.total.backward()
    return losses, [p.grad.clone() for p in learner.parameters() if p.grad is not None]


def predictions(model: Sam3, batch: Batch) -> DetectorTraining:
    return answers(model, model.encode(batch.images), batch.prompts, batch.targets)


def test_accumulating_batches_equals_one_batch() -> None:
    torch.manual_seed(0)
    learner = DetectorLearner(tiny_model(), LossConfig(mask_points=64))
    single = [batch_of([seed]) for seed in range(4)]
    one, gradients = backward(learner, [joined(single)])
    parts, accumulated = backward(learner, single)
    for field in fields(DetectorLosses):
        total = sum(getattr(part, field.name) for part in parts)
        assert torch.isclose(getattr(one[0], field.name), total, rtol=1e-4, atol=1e-6), field.name
    assert len(gradients) == len(accumulated)
    for a, b in zip(gradients, accumulated, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4 * float(a.abs().max()) + 1e-6)


def test_parts_add_up_to_the_total() -> None:
    picking = Picking()
    model = tiny_tracker_model()
    learner = DetectorLearner(model, LossConfig(mask_points=64), picking=picking, rounds=Rounds(count=1))
    samples = [toy_scene(0), toy_scene(1)]
    objects = objects_of(samples, {c: (c,) for c in COLOURS}, np.random.default_rng(0))
    picks = choose_picks([sample.masks for sample in samples], 2, picking.mix, np.random.default_rng(0))
    (losses,), _ = backward(learner, [replace(batch_of([0, 1]), objects=objects, picks=picks)])
    measures = {"total", "presence_accuracy", "matched_iou", "pick_iou"}
    parts = {field.name: getattr(losses, field.name) for field in fields(losses) if field.name not in measures}
    assert torch.isclose(torch.stack([*parts.values()]).sum(), losses.total)
    assert {name for name, part in parts.items() if part > 0} == parts.keys() - {"kept"}  # all but fine-tuning's own


@pytest.mark.parametrize("present", [True, False])
def test_queries_learn_only_where_the_concept_is_present(present: bool) -> None:
    sample = toy_scene(0)
    kept = tuple(query for query in sample.queries if bool(query.instances) == present)
    batch = collate([replace(sample, queries=kept)], PromptMix(per_image=3), np.random.default_rng(0))
    model = tiny_model()
    out = predictions(model, batch)
    of_queries = [
        out.one_to_one.query_logits,
        out.one_to_one.boxes_cxcywh_norm,
        out.one_to_many.query_logits,
        out.one_to_many.boxes_cxcywh_norm,
    ]
    losses = Criterion(LossConfig(mask_points=64))(out, batch.targets, Totals.of([batch.targets]))
    *gradients, of_presence = torch.autograd.grad(losses.total, [*of_queries, out.presence_logits], allow_unused=True)
    for gradient in gradients:
        assert (gradient is not None and bool(gradient.any())) == present
    assert bool(of_presence.all())


def test_an_absent_prompt_gives_its_queries_no_gradient_beside_a_present_one() -> None:
    batch = batch_of([0, 1, 2, 3])
    assert 0 < int(batch.targets.present.sum()) < len(batch.prompts)
    model = tiny_model()
    out = predictions(model, batch)
    losses = Criterion(LossConfig(mask_points=64))(out, batch.targets, Totals.of([batch.targets]))
    (gradient,) = torch.autograd.grad(losses.total, out.one_to_one.query_logits)
    assert torch.equal(gradient.abs().sum((0, 2)) > 0, batch.targets.present)
