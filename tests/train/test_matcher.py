"""Matching: the best one-to-one pairs of all, and several queries for an object by the published rule."""

from itertools import permutations

import torch
from torch import Tensor, tensor

from argus.data.collate import Targets
from argus.ops.boxes import cxcywh_to_xyxy, giou
from argus.train.matcher import MatchCosts, OneToMany, class_cost, match_one_to_many, match_one_to_one


def targets_of(boxes: list[Tensor], masks: Tensor | None = None) -> Targets:
    counts = tensor([len(b) for b in boxes])
    total = int(counts.sum())
    return Targets(
        boxes_cxcywh_norm=torch.cat(boxes),
        mask_rows=torch.arange(total),
        counts=counts,
        masks=torch.zeros(total, 4, 4, dtype=torch.bool) if masks is None else masks,
        hints_cxcywh_norm=torch.zeros(int((counts > 0).sum()), 0, 4),
    )


def random_boxes(*shape: int) -> Tensor:
    return torch.cat([torch.rand(*shape, 2), torch.rand(*shape, 2) * 0.5 + 0.05], dim=-1)


def test_one_to_one_is_the_cheapest_assignment() -> None:
    torch.manual_seed(0)
    logits, boxes = torch.randn(2, 3, 5), random_boxes(2, 3, 5)
    wanted = [random_boxes(3), random_boxes(0), random_boxes(2)]
    matches = match_one_to_one(logits, boxes, targets_of(wanted), MatchCosts())
    assert matches.layer.tolist() == [0] * 5 + [1] * 5 and set(matches.prompt.tolist()) == {0, 2}
    first = {0: 0, 2: 3}
    for layer in range(2):
        for prompt in (0, 2):
            here = (matches.layer == layer) & (matches.prompt == prompt)
            mine, objects = boxes[layer, prompt], wanted[prompt]
            cost = 2 * class_cost(logits[layer, prompt], 0.25)[:, None] + 5 * torch.cdist(mine, objects, p=1)
            cost = cost - 2 * giou(cxcywh_to_xyxy(mine), cxcywh_to_xyxy(objects))
            count = len(objects)
            best = min(sum(cost[q, i] for i, q in enumerate(p)).item() for p in permutations(range(5), count))
            found = cost[matches.query[here], matches.target[here] - first[prompt]].sum().item()
            assert abs(found - best) < 1e-4 and len(set(matches.query[here].tolist())) == count


def test_masks_decide_between_equal_boxes() -> None:
    masks = torch.zeros(2, 8, 8, dtype=torch.bool)
    masks[0, :4], masks[1, 4:] = True, True
    box = tensor([[0.5, 0.5, 1.0, 1.0]])
    targets = targets_of([box.repeat(2, 1)], masks)
    mask_logits = torch.stack([masks[1], masks[0]])[None].float() * 8 - 4  # query 0 draws the second object
    matches = match_one_to_one(torch.zeros(1, 1, 2), box.repeat(1, 1, 2, 1), targets, MatchCosts(), mask_logits)
    assert dict(zip(matches.query.tolist(), matches.target.tolist(), strict=True)) == {0: 1, 1: 0}


def test_one_to_many_takes_good_queries_only_and_at_most_four() -> None:
    wanted = tensor([[0.3, 0.3, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2]])
    boxes = torch.cat([wanted[:1].repeat(6, 1), wanted[1:].repeat(1, 1), tensor([[0.5, 0.1, 0.1, 0.1]])])[None]
    logits = torch.linspace(0, 1, 8)[None]
    matches = match_one_to_many(logits, boxes, targets_of([wanted]), OneToMany(), layer=3)
    pairs = set(zip(matches.query.tolist(), matches.target.tolist(), strict=True))
    assert pairs == {(2, 0), (3, 0), (4, 0), (5, 0), (6, 1)} and set(matches.layer.tolist()) == {3}


def test_one_to_many_gives_a_query_to_one_object() -> None:
    wanted = tensor([[0.5, 0.5, 0.4, 0.4], [0.5, 0.5, 0.4, 0.36]])
    matches = match_one_to_many(
        torch.full((1, 3), 4.0), wanted[:1].repeat(1, 3, 1), targets_of([wanted]), OneToMany(), 0
    )
    assert sorted(matches.query.tolist()) == [0, 1, 2] and set(matches.target.tolist()) == {0}


def test_nothing_present_matches_nothing() -> None:
    targets = targets_of([random_boxes(0), random_boxes(0)])
    one = match_one_to_one(torch.zeros(2, 2, 3), random_boxes(2, 2, 3), targets, MatchCosts(), torch.zeros(0, 3, 4, 4))
    many = match_one_to_many(torch.zeros(2, 3), random_boxes(2, 3), targets, OneToMany(), 1)
    assert len(one.query) == len(many.query) == 0


def test_more_objects_than_queries_leaves_some_unmatched() -> None:
    matches = match_one_to_one(torch.zeros(1, 1, 2), random_boxes(1, 1, 2), targets_of([random_boxes(5)]), MatchCosts())
    assert sorted(matches.query.tolist()) == [0, 1] and len(set(matches.target.tolist())) == 2
