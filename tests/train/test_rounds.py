"""Interactive rounds: what becomes an exemplar, what does not, and that every round has its loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from argus.data.collate import Batch, PromptMix, Targets, collate
from argus.model.detector import Branch, DetectorTraining
from argus.train.criterion import LossConfig
from argus.train.rounds import Rounds, corrected
from argus.train.stages.detector import DetectorLearner
from argus.types import Prompt
from tests.train.toys import joined, tiny_model, toy_scene

HERE, THERE, ELSEWHERE = [0.2, 0.2, 0.2, 0.2], [0.7, 0.2, 0.2, 0.3], [0.5, 0.8, 0.3, 0.2]
EXACT = Rounds(jitter=0.0)


def answers(boxes: list[list[list[float]]], logits: list[list[float]], presence: list[float]) -> DetectorTraining:
    branch = Branch(query_logits=torch.tensor([logits]), boxes_cxcywh_norm=torch.tensor([boxes]))
    nothing = torch.zeros(0, len(boxes[0]), 4, 4)
    return DetectorTraining(
        one_to_one=branch,
        one_to_many=branch,
        presence_logits=torch.tensor([presence]),
        mask_logits=nothing,
        semantic_logits=nothing[:, :1],
    )


def truth(*of_prompts: list[list[float]]) -> Targets:
    boxes = [box for prompt in of_prompts for box in prompt]
    return Targets(
        boxes_cxcywh_norm=torch.tensor(boxes).reshape(-1, 4),
        mask_rows=torch.arange(len(boxes)),
        counts=torch.tensor([len(prompt) for prompt in of_prompts]),
        masks=torch.zeros(len(boxes), 4, 4, dtype=torch.bool),
        hints_cxcywh_norm=torch.zeros(sum(bool(prompt) for prompt in of_prompts), 8, 4),
    )


def ask(out: DetectorTraining, targets: Targets, *prompts: Prompt) -> tuple[list[int], list[Prompt]]:
    return corrected(out, prompts, targets, EXACT, np.random.default_rng(0))


def test_misses_become_plus_boxes_and_errors_minus_boxes() -> None:
    out = answers([[HERE, ELSEWHERE], [HERE, ELSEWHERE]], [[3.0, 3.0], [3.0, -3.0]], [5.0, 5.0])
    rows, again = ask(out, truth([HERE, THERE], [HERE]), Prompt("dog"), Prompt("cat", image=1))
    assert rows == [0]
    assert again[0].text == "dog" and again[0].box_labels.tolist() == [1, 0]
    assert torch.allclose(again[0].boxes_cxcywh_norm, torch.tensor([THERE, ELSEWHERE]), atol=1e-6)


def test_what_is_found_for_an_absent_phrase_is_wrong_the_most_certain_first() -> None:
    out = answers([[HERE, ELSEWHERE]], [[1.0, 3.0]], [5.0])
    _, (again,) = ask(out, truth([]), Prompt("dog"))
    assert again.box_labels.tolist() == [0] and again.boxes_cxcywh_norm.tolist() == [pytest.approx(ELSEWHERE)]
    assert ask(replace(out, presence_logits=torch.tensor([[-5.0]])), truth([]), Prompt("dog")) == ([], [])


def test_one_that_is_inexact_or_there_twice_is_no_error() -> None:
    near = [0.24, 0.2, 0.2, 0.2]
    out = answers([[HERE, near]], [[3.0, 3.0]], [5.0])
    assert ask(out, truth([HERE]), Prompt("dog")) == ([], [])


def test_what_was_told_is_not_told_again() -> None:
    out = answers([[ELSEWHERE, ELSEWHERE]], [[3.0, -3.0]], [5.0])
    told = Prompt("dog", [HERE, ELSEWHERE], [1, 0])
    _, (again,) = ask(out, truth([HERE, THERE]), told)
    assert again.box_labels.tolist() == [1, 0, 1]
    assert again.boxes_cxcywh_norm[2].tolist() == pytest.approx(THERE)
    assert ask(out, truth([HERE]), told) == ([], [])


def test_targets_of_some_prompts() -> None:
    samples = [toy_scene(seed) for seed in range(4)]
    targets = collate(samples, PromptMix(per_image=3), np.random.default_rng(0)).targets
    rows = [1, 2, 5, 9]
    part = targets.of(rows)
    assert part.counts.tolist() == targets.counts[rows].tolist()
    for place, row in enumerate(rows):
        whole, mine = targets.prompt_of == row, part.prompt_of == place
        assert torch.equal(part.boxes_cxcywh_norm[mine], targets.boxes_cxcywh_norm[whole])
        assert torch.equal(part.masks[part.mask_rows[mine]], targets.masks[targets.mask_rows[whole]])
    kept = [int(targets.present[:row].sum()) for row in rows if targets.present[row]]
    assert torch.equal(part.hints_cxcywh_norm, targets.hints_cxcywh_norm[kept])


def plain(seed: int) -> Batch:
    return collate([toy_scene(seed)], PromptMix(per_image=3, boxes_only=0, text_and_boxes=0), np.random.default_rng(0))


def test_every_round_has_its_loss_and_an_answer_without_mistakes_has_none() -> None:
    batch = joined([plain(seed) for seed in range(5)])
    assert batch.targets.counts.max() > 1, "one that is told, another to tell"
    losses = {}
    for count in (1, 2):
        torch.manual_seed(0)
        learner = DetectorLearner(tiny_model(), LossConfig(mask_points=64), rounds=Rounds(count=count))
        torch.manual_seed(1)
        losses[count] = learner(batch, learner.totals([batch]))
    first = replace(losses[1], total=losses[1].total - losses[1].rounds)
    assert losses[1].rounds > 0, "an untrained model misses all"
    assert losses[2].rounds > losses[1].rounds
    assert torch.isclose(losses[2].total - losses[2].rounds, first.total)
    learner.rounds = Rounds(count=2, score=1.0)  # nothing is found
    rows = [row for row, count in enumerate(batch.targets.counts.tolist()) if not count]
    absent = replace(batch, prompts=tuple(batch.prompts[row] for row in rows), targets=batch.targets.of(rows))
    assert learner(absent, learner.totals([absent])).rounds == 0
