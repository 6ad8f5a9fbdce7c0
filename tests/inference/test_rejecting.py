"""- boxes of a model that rejects by likeness."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from argus.inference.rejecting import detect
from argus.model.detector import DetectorOutput
from argus.model.sam3 import Features, Sam3
from argus.types import Prompt
from tests.train.toys import TINY, tiny_model

LEFT, MIDDLE, RIGHT = [0.1, 0.5, 0.2, 0.8], [0.5, 0.5, 0.2, 0.8], [0.9, 0.5, 0.2, 0.8]
NOWHERE = [0.5, 0.02, 0.02, 0.02]
SURE = 20.0  # a logit
PIXELS = np.zeros((48, 48, 3), np.uint8)


Row = list[tuple[list[float], float]]


class Scripted(Sam3):
    """A model that answers a phrase, and then each example, with given places and scores."""

    def __init__(self, answer: Row, examples: Sequence[Row] = (), *, by_likeness: bool = True) -> None:
        assert TINY.detector is not None
        super().__init__(TINY, tiny_model().tokenizer)
        self.config = replace(TINY, detector=replace(TINY.detector, rejects_by_likeness=by_likeness))
        self.left = [answer, *examples]
        self.asked: list[Prompt] = []

    def detect(self, features: Features, prompts: Sequence[Prompt], **options: Any) -> DetectorOutput:
        self.asked += prompts
        rows, self.left = self.left[: len(prompts)], self.left[len(prompts) :]
        most = max(1, *(len(row) for row in rows))
        boxes, scores = torch.tensor(NOWHERE).repeat(len(rows), most, 1), torch.full((len(rows), most), 0.001)
        for index, row in enumerate(rows):
            for query, (box, score) in enumerate(row):
                boxes[index, query], scores[index, query] = torch.tensor(box), score
        return DetectorOutput(
            query_logits=scores.logit(),
            presence_logits=torch.full((len(rows),), SURE),
            boxes_cxcywh_norm=boxes,
            mask_logits=[torch.zeros(len(row), 10, 10) for row in rows],
            kept=[torch.arange(len(row)) for row in rows],
            semantic_logits=None,
        )


def kept(model: Scripted, prompt: Prompt) -> list[int]:
    features = model.encode(torch.zeros(1, 3, *model.image_size_hw))
    output = detect(model, features, [prompt], PIXELS, score_threshold=0.5)
    assert len(output.scores) == len(output.kept) == len(output.mask_logits) == 1
    assert len(output.mask_logits[0]) == len(output.kept[0])
    return output.kept[0].tolist()


def test_what_lies_on_a_rejected_box_goes_with_its_duplicates() -> None:
    model = Scripted([(LEFT, 0.9), (MIDDLE, 0.8), (LEFT, 0.7)], [[]])
    assert kept(model, Prompt("cat", [LEFT], [0])) == [1]


def test_what_the_example_knows_and_the_prompt_knows_no_better_goes_too() -> None:
    model = Scripted([(LEFT, 0.7), (MIDDLE, 0.9), (RIGHT, 0.7)], [[(LEFT, 0.9), (MIDDLE, 0.7), (RIGHT, 0.8)]])
    assert kept(model, Prompt("cat", [LEFT], [0])) == [1]


def test_what_the_example_does_not_know_stays() -> None:
    model = Scripted([(LEFT, 0.7), (MIDDLE, 0.6)], [[(LEFT, 0.9)]])
    assert kept(model, Prompt("cat", [LEFT], [0])) == [1]


def test_an_accepted_one_stays() -> None:
    model = Scripted([(LEFT, 0.9), (MIDDLE, 0.6)], [[(MIDDLE, 0.9)]])
    assert kept(model, Prompt("cat", [MIDDLE, LEFT], [1, 0])) == [1]


def test_a_box_where_nothing_was_found_takes_away_what_is_like_it_alone() -> None:
    model = Scripted([(LEFT, 0.9), (MIDDLE, 0.55)], [[(RIGHT, 0.99), (MIDDLE, 0.999)]])
    assert kept(model, Prompt("cat", [RIGHT], [0])) == [0]


def test_each_rejected_box_is_an_example_of_its_own_and_no_part_of_the_prompt() -> None:
    model = Scripted([(LEFT, 0.9)], [[], []])
    assert kept(model, Prompt("cat", [LEFT, MIDDLE, RIGHT], [1, 0, 0])) == [0]
    prompt, *examples = model.asked
    assert prompt.text == "cat" and prompt.box_labels.tolist() == [1]
    assert torch.allclose(prompt.boxes_cxcywh_norm, torch.tensor([LEFT]))
    for example, box in zip(examples, (MIDDLE, RIGHT), strict=True):
        assert example.text is None and example.box_labels.tolist() == [1]
        assert torch.allclose(example.boxes_cxcywh_norm, torch.tensor([box]))


@pytest.mark.parametrize("labels", [[1, 0], [1, 1]])
def test_as_published_boxes_are_in_the_prompt(labels: list[int]) -> None:
    model = Scripted([(LEFT, 0.9)], by_likeness=False)
    prompt = Prompt("cat", [LEFT, MIDDLE], labels)
    assert kept(model, prompt) == [0]
    assert model.asked == [prompt]


def test_nothing_found_is_nothing_kept() -> None:
    assert kept(Scripted([]), Prompt("cat", [LEFT], [0])) == []
