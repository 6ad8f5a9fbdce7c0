"""Each loss against numbers worked out by hand."""

import math

import torch
from torch import tensor

from argus.train.losses.boxes import box_giou_loss, box_l1_loss
from argus.train.losses.classification import classification_loss
from argus.train.losses.masks import dice_loss, focal_loss, labels_at, uncertain_points, values_at
from argus.train.losses.presence import presence_loss


def close(found: torch.Tensor, expected: list[float] | float, tolerance: float = 1e-5) -> bool:
    return torch.allclose(found, tensor(expected), atol=tolerance)


def test_box_losses() -> None:
    # edges 0..0.4 against 0.2..0.6 on both axes: overlap 0.04, union 0.28, hull 0.36
    ours, wanted = tensor([[0.2, 0.2, 0.4, 0.4]]), tensor([[0.4, 0.4, 0.4, 0.4]])
    assert close(box_l1_loss(ours, wanted), [0.4])
    assert close(box_giou_loss(ours, wanted), [1 - (0.04 / 0.28 - 0.08 / 0.36)])
    assert close(box_giou_loss(wanted, wanted), [0.0])


def test_classification_loss() -> None:
    # p = 0.5 everywhere; a matched query with IoU 0.6 aims at 0.5^0.25 x 0.6^0.75
    logits = torch.zeros(2, 2)
    found = classification_loss(
        logits,
        tensor([0]),
        tensor([1]),
        tensor([0.6]),
        tensor([True, False]),
        positive_weight=10.0,
        probability_power=0.25,
        iou_power=0.75,
    )
    assert close(found, [[0.25 * math.log(2), 10 * math.log(2)], [0.0, 0.0]])  # at logit 0 any aim costs log 2


def test_a_matched_query_is_drawn_to_the_quality_of_its_box() -> None:
    logits = torch.zeros(1, 1, requires_grad=True)
    found = classification_loss(
        logits,
        tensor([0]),
        tensor([0]),
        tensor([0.6]),
        tensor([True]),
        positive_weight=10.0,
        probability_power=0.25,
        iou_power=0.75,
    )
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    assert close(gradient, [[10 * (0.5 - 0.5**0.25 * 0.6**0.75)]])


def test_presence_loss_is_half_the_cross_entropy() -> None:
    found = presence_loss(tensor([[0.0, 2.0]]), tensor([True, False]))
    assert close(found, [[0.5 * math.log(2), 0.5 * math.log(1 + math.exp(2))]])


def test_focal_loss() -> None:
    # p = 0.8: truth 1 costs alpha (0.2)^2 -log 0.8, truth 0 costs (1 - alpha) (0.8)^2 -log 0.2
    logit = math.log(0.8 / 0.2)
    expected = (0.25 * 0.04 * -math.log(0.8) + 0.75 * 0.64 * -math.log(0.2)) / 2
    assert close(focal_loss(tensor([[logit, logit]]), tensor([[1.0, 0.0]]), alpha=0.25), [expected])


def test_dice_loss() -> None:
    # probabilities 0.5 0.5, truth 1 0: 1 - (2 x 0.5 + 1) / (1 + 1 + 1)
    assert close(dice_loss(torch.zeros(1, 2), tensor([[1.0, 0.0]])), [1 / 3])
    assert close(dice_loss(tensor([[50.0, -50.0]]), tensor([[1.0, 0.0]])), [0.0])


def test_points_gather_where_the_mask_is_unsure() -> None:
    torch.manual_seed(0)
    logits = torch.full((1, 16, 16), 9.0)
    logits[:, :, 12:] = 0.0  # the right quarter is unsure
    points = uncertain_points(logits, 200)
    assert points.shape == (1, 200, 2) and points.min() >= 0 and points.max() <= 1
    assert (points[0, :, 0] > 0.7).float().mean() > 0.7


def test_points_do_not_depend_on_how_masks_are_batched() -> None:
    logits = torch.randn(5, 8, 8)
    torch.manual_seed(1)
    together = uncertain_points(logits, 33)
    torch.manual_seed(1)
    apart = torch.cat([uncertain_points(logits[:2], 33), uncertain_points(logits[2:], 33)])
    assert torch.equal(together, apart)


def test_values_and_labels_are_read_at_the_same_place() -> None:
    masks = torch.zeros(2, 4, 8, dtype=torch.bool)
    masks[1, 1, 6] = True
    points = tensor([[[6.5 / 8, 1.5 / 4], [1.5 / 8, 1.5 / 4]]])
    assert labels_at(masks, tensor([1]), points).tolist() == [[1.0, 0.0]]
    assert close(values_at(masks[1:].float(), points), [[1.0, 0.0]])
    assert labels_at(masks, tensor([0]), torch.ones(1, 1, 2)).tolist() == [[0.0]]
