"""Properties of the tracker's losses."""

import pytest
import torch

from argus.train.losses.tracking import consistency_loss, identity_loss, iou_loss, object_loss, true_iou


def square(left: int) -> torch.Tensor:
    """Logits of a square of 4 x 4 cells in 12 x 12."""
    logits = torch.full((1, 12, 12), -20.0)
    logits[:, 4:8, left : left + 4] = 20
    return logits


def ways(shift: int) -> torch.Tensor:
    """Every cell shows what lay `shift` cells to its left."""
    centre = (torch.arange(12) + 0.5) / 12
    y, x = torch.meshgrid(centre, centre - shift / 12, indexing="ij")
    return torch.stack((x, y), -1)


def test_true_iou_and_its_estimate() -> None:
    logits = torch.tensor([[1.0, 1, -1, -1], [-1, -1, -1, -1]])
    wanted = torch.tensor([[0.0, 1, 1, 0], [0, 0, 0, 0]])
    assert true_iou(logits, wanted).tolist() == pytest.approx([1 / 3, 1])
    estimates, true = torch.tensor([0.25, 0.5, 0.9]), torch.tensor([0.25, 0.25, 0.25])
    losses = iou_loss(estimates, true)
    assert losses[0] == 0 and losses[0] < losses[1] < losses[2]


def test_an_estimate_far_below_the_truth_still_learns() -> None:
    logits = torch.tensor([-6.0, 0.0], requires_grad=True)
    iou_loss(logits.sigmoid(), torch.tensor([0.8, 0.8])).sum().backward()
    assert logits.grad is not None and logits.grad[0] < logits.grad[1] < -0.2


def test_masks_that_follow_the_motion_are_consistent() -> None:
    assert consistency_loss(square(2), square(4), ways(2)).item() < 1e-4
    assert consistency_loss(square(2), square(2), ways(2)).item() > 0.4
    unknown = ways(2)
    unknown[:, 4:] = torch.nan
    assert consistency_loss(square(4), square(8), unknown).item() < 1e-4  # not compared where nothing is known


def test_consistency_teaches_both_frames() -> None:
    before, after = square(2).mul(0.1).requires_grad_(), square(3).mul(0.1).requires_grad_()
    consistency_loss(before, after, ways(0)).sum().backward()
    assert before.grad is not None and after.grad is not None
    assert before.grad.isfinite().all() and before.grad.abs().sum() > 0 and after.grad.abs().sum() > 0


def test_pointers_tell_objects_apart() -> None:
    apart = torch.eye(2)[None].expand(3, -1, -1)
    seen = torch.ones(3, 2, dtype=torch.bool)
    assert identity_loss(apart, seen) < 1e-3
    swapped = torch.stack((apart[0], apart[0].flip(0), apart[0]))
    assert identity_loss(swapped, seen) > 5
    assert identity_loss(swapped[:, :1], seen[:, :1]) == 0  # one object has none to be told from
    hidden = seen.clone()
    hidden[1] = False
    assert identity_loss(swapped, hidden) == 0


def test_object_scores_learn_who_is_there() -> None:
    losses = object_loss(torch.tensor([4.0, 4.0]), torch.tensor([True, False]))
    assert losses[0] < 0.1 < 3 < losses[1]
