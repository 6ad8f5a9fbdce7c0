"""Activations that are computed again give the same gradients, and are not kept."""

import copy

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from argus.train.criterion import LossConfig
from argus.train.engine import recompute
from argus.train.loop import Learner, Movable
from argus.train.stages.detector import DetectorLearner
from argus.train.stages.tracker import TrackerLearner
from argus.train.tracker_criterion import TrackerLossConfig
from tests.train.crew import SINGLE
from tests.train.test_tracker import batches, toy_tracker
from tests.train.toys import tiny_model


def gradients(learner: Learner, batch: Movable) -> tuple[dict[str, torch.Tensor], int]:
    """Of each parameter, and how many numbers were kept for them."""
    kept: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel())
        return tensor

    torch.manual_seed(0)
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = learner(batch, learner.totals([batch])).total
    loss.backward()
    found = {name: p.grad for name, p in learner.named_parameters() if p.grad is not None}
    return found, sum(kept)


@pytest.mark.parametrize(
    ("stage", "share"), [("detector", 0.8), ("tracker", 1.0)]
)  # the toy has one layer of memory attention
def test_gradients_are_the_same_and_less_is_kept(stage: str, share: float) -> None:
    torch.manual_seed(0)
    plain: Learner
    batch: Movable
    if stage == "detector":
        batch = next(SINGLE(n) for n in range(9) if SINGLE(n).targets.present.any())
        plain = DetectorLearner(tiny_model(), LossConfig(mask_points=64)).train()
    else:
        batch = batches()(0)
        plain = TrackerLearner(toy_tracker(), TrackerLossConfig()).train()
    again = copy.deepcopy(plain)
    recompute(again.model)
    (wanted, much), (found, little) = gradients(plain, batch), gradients(again, batch)
    assert wanted and list(found) == list(wanted)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6, msg=name)
    assert little < share * much
