"""What a model knew: answers that did not move cost nothing, those that did are led back, and the truth has no say."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from argus.data.collate import Batch, PromptMix, collate
from argus.model.detector import DetectorTraining
from argus.model.sam3 import Sam3
from argus.train.criterion import LossConfig
from argus.train.losses import keeping
from argus.train.more_queries import with_queries
from argus.train.stages.detector import answers
from argus.train.stages.finetune import FinetuneLearner, learn_all
from tests.train.toys import tiny_model, toy_scene


def known(seeds: range = range(3)) -> Batch:
    mix = PromptMix(per_image=3, boxes_only=0.0, text_and_boxes=0.0)
    return replace(collate([toy_scene(seed) for seed in seeds], mix, np.random.default_rng(0)), known=True)


@pytest.fixture
def base() -> Sam3:
    torch.manual_seed(0)
    model = tiny_model()
    with torch.no_grad():  # it is sure of what it finds, so that there is something to keep
        last = model.detector.decoder.presence_head.layers[-1]
        last.bias.fill_(3.0)  # type: ignore[operator, union-attr]
    return model


def answered(model: Sam3, batch: Batch) -> DetectorTraining:
    return answers(model, model.encode(batch.images), batch.prompts, batch.targets)


def test_divergence_is_zero_for_the_same_and_leads_back_otherwise() -> None:
    old = torch.tensor([-2.0, 0.0, 3.0])
    assert keeping.divergence(old, old).abs().max() < 1e-6
    moved = (old + torch.tensor([1.0, -1.0, 1.0])).requires_grad_()
    apart = keeping.divergence(moved, old)
    apart.sum().backward()
    assert (apart > 0).all() and moved.grad is not None
    assert torch.equal(moved.grad.sign(), torch.tensor([1.0, -1.0, 1.0]))


def test_each_loss_sees_its_own_answers_and_no_other(base: Sam3) -> None:
    batch = known()
    with torch.no_grad():
        old = answered(base, batch)
    old = replace(old, one_to_one=replace(old.one_to_one, query_logits=old.one_to_one.query_logits + 3))
    ones = old.one_to_one
    moved = {
        "presence": replace(old, presence_logits=old.presence_logits + 1),
        "scores": replace(old, one_to_one=replace(ones, query_logits=ones.query_logits - 1)),
        "boxes": replace(old, one_to_one=replace(ones, boxes_cxcywh_norm=ones.boxes_cxcywh_norm * 0.8)),
        "masks": replace(old, mask_logits=old.mask_logits - 2),
        "semantic": replace(old, semantic_logits=old.semantic_logits + 1),
    }

    def losses(out: DetectorTraining) -> dict[str, float]:
        torch.manual_seed(0)
        return {
            "presence": float(keeping.presence_kept(out, old)),
            "scores": float(keeping.scores_kept(out, old)),
            "boxes": float(keeping.boxes_kept(out, old)),
            "masks": float(keeping.masks_kept(out, old, batch.targets.present, 64)),
            "semantic": float(keeping.semantic_kept(out, old)),
        }

    assert all(abs(value) < 1e-4 for value in losses(old).values())
    for name, out in moved.items():
        assert {part for part, value in losses(out).items() if value > 1e-2} == {name}


def test_what_the_old_model_did_not_find_has_no_box_or_mask_to_keep(base: Sam3) -> None:
    batch = known()
    with torch.no_grad():
        old, out = answered(base, batch), answered(tiny_model(), batch)
    none = replace(old, presence_logits=torch.full_like(old.presence_logits, -9.0))
    assert keeping.boxes_kept(out, none) == 0
    assert keeping.masks_kept(out, none, batch.targets.present, 64) == 0


def test_further_queries_are_to_find_nothing(base: Sam3) -> None:
    batch, more = known(), with_queries(base, 9, 0)
    with torch.no_grad():
        old, out = answered(base, batch), answered(more, batch)
    logits = torch.cat((old.one_to_one.query_logits, out.one_to_one.query_logits[..., 6:]), -1)

    def loss(of_new: float) -> float:
        logits[..., 6:] = of_new
        return float(keeping.scores_kept(replace(out, one_to_one=replace(out.one_to_one, query_logits=logits)), old))

    assert loss(keeping.NEVER) == pytest.approx(0.0, abs=1e-4) and loss(2.0) > loss(-2.0) > 0.1


def test_the_base_itself_has_nothing_to_learn_from_what_is_known(base: Sam3) -> None:
    student = copy.deepcopy(base)
    learn_all(student)
    learner = FinetuneLearner(student, LossConfig(mask_points=64), base)
    batch = known()
    losses = learner(batch, learner.totals([batch]))
    losses.total.backward()
    gradients = [p.grad.abs().max() for p in learner.parameters() if p.grad is not None]
    assert abs(float(losses.total)) < 1e-3 and len(gradients) > 20 and max(gradients) < 1e-3
    assert losses.total == losses.kept and losses.presence == 0


def test_a_model_that_has_moved_comes_back(base: Sam3) -> None:
    student = copy.deepcopy(base)
    learn_all(student)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in student.detector.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    learner = FinetuneLearner(student, LossConfig(mask_points=64), base)
    batch, curve = known(), []
    optimizer = torch.optim.Adam([p for p in learner.parameters() if p.requires_grad], 2e-3)
    for step in range(30):
        torch.manual_seed(step)
        loss = learner(batch, learner.totals([batch])).kept
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(float(loss))
    assert curve[0] > 0.1 and curve[-1] < 0.2 * curve[0]


def test_absent_concepts_alone_can_be_kept(base: Sam3) -> None:
    batch = known()
    absent = [row for row, count in enumerate(batch.targets.counts.tolist()) if not count]
    alone = replace(batch, prompts=tuple(batch.prompts[row] for row in absent), targets=batch.targets.of(absent))
    learner = FinetuneLearner(copy.deepcopy(base), LossConfig(mask_points=64), base)
    assert absent and abs(float(learner(alone, learner.totals([alone])).total)) < 1e-3


def test_what_is_known_does_not_change_the_divisors_of_what_is_new(base: Sam3) -> None:
    new, old = replace(known(), known=False), known(range(3, 5))
    learner = FinetuneLearner(copy.deepcopy(base), LossConfig(), base)
    alone, both = learner.totals([new]), learner.totals([new, old])
    assert (both.prompts, both.present, both.boxes) == (alone.prompts, alone.present, alone.boxes)
    assert alone.kept == 0 and both.kept == len(old.prompts)
