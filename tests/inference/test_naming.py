"""A second opinion on what a phrase finds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

import argus
from argus.inference import rejecting
from argus.inference.image import ImagePredictor
from argus.inference.naming import CANDIDATES, detect_and_name
from argus.model.detector import DetectorOutput
from argus.model.namer import Namer, NamerConfig
from argus.model.sam3 import Features, Sam3
from argus.types import VISUAL, Prompt
from tests.train.toys import TINY, tiny_model

SMALL = NamerConfig(side=16, widths=(8, 16), blocks=(1, 1), width=16)
RED, GREY = (250, 20, 20), (128, 128, 128)
LEFT, RIGHT = [0.25, 0.5, 0.3, 0.5], [0.75, 0.5, 0.3, 0.5]


class Redness(Namer):
    """A namer that takes a phrase for true of what is red where its mask is."""

    def __init__(self, sure: float) -> None:
        assert TINY.detector is not None
        super().__init__(SMALL, TINY.detector.width)
        self.sure = sure
        self.extents: list[float] = []

    def things(self, views: Float[Tensor, "n 4 s s"], extents: Float[Tensor, " n"]) -> Float[Tensor, "n c"]:
        self.extents += extents.tolist()
        mask = views[:, 3:]
        red = ((views[:, :1] - views[:, 1:2]) * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))
        return torch.nn.functional.one_hot((red > 0.5).long(), 16).float()

    def phrases(self, pooled: Float[Tensor, "k t"]) -> Float[Tensor, "k c"]:
        return torch.tensor([-1.0, 1.0, *[0.0] * 14]).expand(len(pooled), 16)

    def logits(self, likeness: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        return self.sure * likeness


class Scripted(Sam3):
    """A model that gives every prompt the same two detections, left and right, with given scores and presence."""

    def __init__(self, scores: Sequence[float], *, presence: float = 0.9, sure: float = 6.0) -> None:
        super().__init__(TINY, tiny_model().tokenizer)
        self.namer = Redness(sure)
        self.scores, self.presence = torch.tensor(scores), torch.tensor(presence)

    def detect(
        self, features: Features, prompts: Sequence[Prompt], *, score_threshold: float = 0.5, **options: Any
    ) -> DetectorOutput:
        masks = torch.full((2, 24, 24), -8.0)
        masks[0, 6:18, 3:9], masks[1, 6:18, 15:21] = 8.0, 8.0
        final = self.scores * self.presence
        kept = [row for row in final.argsort(descending=True).tolist() if final[row] > score_threshold]
        return DetectorOutput(
            query_logits=self.scores.logit().repeat(len(prompts), 1),
            presence_logits=self.presence.logit().repeat(len(prompts)),
            boxes_cxcywh_norm=torch.tensor([LEFT, RIGHT]).repeat(len(prompts), 1, 1),
            mask_logits=[masks[kept] for _ in prompts],
            kept=[torch.tensor(kept, dtype=torch.int64) for _ in prompts],
            semantic_logits=None,
        )


def picture() -> np.ndarray:
    """A red thing on the left, a grey one on the right, on black."""
    pixels = np.zeros((48, 48, 3), np.uint8)
    pixels[12:36, 5:19], pixels[12:36, 29:43] = RED, GREY
    return pixels


def asked(model: Sam3, prompt: Prompt, threshold: float = 0.5, **options: Any) -> DetectorOutput:
    features = model.encode(torch.zeros(1, 3, *model.image_size_hw))
    with torch.inference_mode():
        return detect_and_name(model, features, [prompt], picture(), score_threshold=threshold, **options)


def kept(model: Sam3, prompt: Prompt, threshold: float = 0.5) -> list[int]:
    output = asked(model, prompt, threshold)
    assert len(output.kept) == len(output.mask_logits) == 1 and len(output.mask_logits[0]) == len(output.kept[0])
    return output.kept[0].tolist()


def test_what_does_not_fit_goes_and_what_fits_comes() -> None:
    assert kept(Scripted([0.9, 0.9]), Prompt("red thing")) == [0]
    assert kept(Scripted([0.3, 0.9]), Prompt("red thing")) == [0]  # the detector alone would have the other one


def test_the_best_one_tells_whether_there_is_any() -> None:
    assert asked(Scripted([0.9, 0.2], presence=0.4), Prompt("red thing")).scores[0, 0] > 0.5
    unfit = Scripted([0.01, 0.9], presence=0.9)  # the red one is no candidate
    assert kept(unfit, Prompt("red thing")) == []
    assert asked(unfit, Prompt("red thing")).presence_logits < unfit.presence.logit()


def test_what_is_far_from_found_is_not_looked_at() -> None:
    model = Scripted([0.9 * CANDIDATES, 0.9 * CANDIDATES])
    output = asked(model, Prompt("red thing"))
    assert isinstance(model.namer, Redness) and not model.namer.extents
    assert torch.equal(output.query_logits[0], model.scores.logit()) and not len(output.kept[0])


def test_it_is_told_how_large_things_are() -> None:
    model = Scripted([0.9, 0.9])
    kept(model, Prompt("red thing"))
    assert isinstance(model.namer, Redness)
    assert model.namer.extents == pytest.approx([(0.3 * 0.5) ** 0.5] * 2)


@pytest.mark.parametrize("prompt", [Prompt("red thing", [LEFT]), Prompt(None, [LEFT]), Prompt(VISUAL)])
def test_examples_say_what_is_meant(prompt: Prompt) -> None:
    assert kept(Scripted([0.9, 0.8]), prompt) == [0, 1]


def test_a_rejected_box_takes_away_from_what_is_named() -> None:
    model = Scripted([0.3, 0.9])
    model.config = replace(TINY, detector=replace(model.config.detector, rejects_by_likeness=True))
    features = model.encode(torch.zeros(1, 3, *model.image_size_hw))
    with torch.inference_mode():
        output = rejecting.detect(model, features, [Prompt("red thing", [RIGHT], [0])], picture(), score_threshold=0.5)
    assert output.kept[0].tolist() == [0] and output.scores[0, 0] > 0.5


def test_phrases_of_a_fine_tuning_are_left_to_it() -> None:
    model = Scripted([0.9, 0.8])
    model.origin.training["adapter"] = {"tiles": {"red thing": 1}}
    assert kept(model, Prompt("Red  thing")) == [0, 1]
    assert kept(model, Prompt("other thing")) == [0]


def test_of_an_object_and_its_part_one_is_named() -> None:
    class Parted(Scripted):
        def detect(self, *args: Any, **options: Any) -> DetectorOutput:
            output = super().detect(*args, **options)
            for masks, rows in zip(output.mask_logits, output.kept, strict=True):
                masks[rows == 1] = -8.0
                masks[rows == 1, 8:12, 4:8] = 8.0  # a part of the left thing
            return output

    for scores, better in ([0.9, 0.6], 0), ([0.6, 0.9], 1):
        assert kept(Parted(scores, sure=0.1), Prompt("thing"), 0.1) == [better]
        assert kept(Parted(scores, sure=0.1), Prompt(VISUAL), 0.1) == [better, 1 - better]
        assert kept(Scripted(scores, sure=0.1), Prompt("thing"), 0.1) == [better, 1 - better]  # they are apart


def test_it_keeps_to_threshold_and_count() -> None:
    model = Scripted([0.9, 0.8], sure=0.5)
    assert kept(model, Prompt("thing"), 0.0) == [0, 1]
    assert asked(model, Prompt("thing"), 0.0, max_masks=1).kept[0].tolist() == [0]
    assert kept(model, Prompt("thing"), 1.0) == []


def test_without_a_namer_nothing_changes() -> None:
    model = Scripted([0.9, 0.8])
    model.namer = None
    assert kept(model, Prompt("red thing")) == [0, 1]


def test_a_predictor_asks_it_and_a_file_brings_it_along(tmp_path: Any) -> None:
    torch.manual_seed(0)
    model = Sam3(replace(TINY, namer=SMALL), tiny_model().tokenizer).eval()
    assert model.namer is not None
    with torch.no_grad():
        model.namer.phrase_scale.zero_()
        model.namer.phrase_bias.fill_(-50.0)  # nothing fits anything
    argus.save(model, tmp_path)
    loaded = argus.load(tmp_path, device="cpu", precision="fp32")
    assert loaded.config == model.config and loaded.namer is not None
    mine, other = model.state_dict(), loaded.state_dict()
    assert all(torch.equal(tensor, other[name]) for name, tensor in mine.items())
    assert len(ImagePredictor(loaded).set_image(picture()).predict("red thing", score_threshold=0.01)) == 0
    loaded.namer = None
    assert len(ImagePredictor(loaded).set_image(picture()).predict("red thing", score_threshold=0.01)) > 0
