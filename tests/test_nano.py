"""The bundled model: small, whole, and answering in both languages."""

from pathlib import Path

import numpy as np
import pytest
import torch

import argus
from argus.checkpoint import inspect
from argus.model.presets import nano
from argus.ops.boxes import iou

WEIGHTS = Path(argus.__file__).parent / "weights" / "nano"
EXAMPLES = Path(__file__).parents[1] / "examples"
EVERY_FIFTEENTH = [
    *("american football", "banjo", "bubble tea", "chain", "clapperboard", "coral", "custard", "dog", "explosion"),
    *("flashlight", "gear", "guitar", "house with garden", "lollipop", "minibus", "office building", "party popper"),
    *("ping pong paddle", "pushpin", "ring", "sari", "sheep", "sneaker", "stadium", "swimsuit", "thumbs down"),
    *("trophy", "wheel of dharma"),
]
"""Of the names that nano was taught, by the alphabet; neither picture shows one of them."""


def test_it_is_small() -> None:
    of_images = argus.load("nano", "cpu", "fp32")
    of_images.tracker = None
    assert sum(parameter.numel() for parameter in of_images.parameters()) <= 16e6
    assert inspect("nano").parameters <= 18e6
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) <= 36e6


def test_it_has_the_sizes_of_the_preset() -> None:
    bundled, preset = inspect("nano").config, nano()
    assert (bundled.vision, bundled.text, bundled.detector) == (preset.vision, preset.text, preset.detector)
    assert bundled.tracker in (None, preset.tracker)
    assert (bundled.namer, bundled.cutter) == (preset.namer, preset.cutter)


def test_it_says_how_far_it_was_trained() -> None:
    steps = inspect("nano").training["steps"]
    assert steps["towers"] > 0 and steps["detector"] > 0


@pytest.mark.parametrize("phrase", ["bear", "熊", "red circle", "小的动物"])
def test_its_tokenizer_knows_english_and_chinese(phrase: str) -> None:
    tokens = argus.load("nano", "cpu", "fp32").tokenizer([phrase])
    assert int((~tokens.padding).sum()) <= 2 + 3 * len(phrase.split())


@pytest.mark.parametrize("phrase", ["bear", "熊", "animal"])
def test_it_finds_what_an_example_shows(phrase: str) -> None:
    predictor = argus.ImagePredictor(argus.load("nano", "cpu", "fp32")).set_image(EXAMPLES / "bears.jpg")
    found = predictor.predict(phrase)
    bears = torch.tensor([[196.0, 60, 350, 218], [311.0, 249, 396, 333]])  # the two large ones of three
    overlap = iou(bears, torch.from_numpy(found.boxes_xyxy_px))
    assert overlap.amax(1).min() > 0.7
    assert found.masks.shape == (len(found), 420, 420)


def test_it_rarely_finds_what_is_not_there() -> None:
    model = argus.load("nano", "cpu", "fp32")
    chosen = ["bicycle", "自行车", "lemon", "piano", "火车", "candle", "red triangle", "castle", "钥匙", "pizza"]
    asked = [*chosen, *EVERY_FIFTEENTH]
    found = [
        (picture, str(concept))
        for picture in ("bears.jpg", "birds.jpg")
        for concept in set(argus.ImagePredictor(model).set_image(EXAMPLES / picture).predict(asked).concept)
    ]
    assert len(found) <= 0.1 * 2 * len(asked), found  # ends of the boomerang pass for lemons


def test_what_it_cuts_out_fills_its_box_and_says_how_well_it_fits() -> None:
    predictor = argus.ImagePredictor(argus.load("nano", "cpu", "fp32")).set_image(EXAMPLES / "bears.jpg")
    bears = np.array([[196.0, 60, 350, 218], [311.0, 249, 396, 333]])
    found = predictor.pick(box=bears)
    assert iou(torch.from_numpy(bears).float(), torch.from_numpy(found.boxes_xyxy_px)).diagonal().min() > 0.8
    shares = found.masks.sum((1, 2)) / (bears[:, 2:] - bears[:, :2]).prod(1)
    assert ((shares > 0.4) & (shares < 0.95)).all() and found.scores.min() > 0.8
    nothing = predictor.pick(box=[5.0, 5.0, 60.0, 90.0])  # a piece of the ground
    assert nothing.scores[0] < found.scores.min()
