"""The bundled model: small, whole, and answering in both languages."""

from pathlib import Path

import pytest

import argus
from argus.checkpoint import inspect

WEIGHTS = Path(argus.__file__).parent / "weights" / "nano"
EXAMPLES = Path(__file__).parents[1] / "examples"


def test_it_is_small() -> None:
    assert inspect("nano").parameters <= 12e6
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) <= 30e6


def test_it_says_how_far_it_was_trained() -> None:
    steps = inspect("nano").training["steps"]
    assert steps["towers"] > 0 and steps["detector"] > 0


@pytest.mark.parametrize("phrase", ["bear", "熊", "red circle", "小的动物"])
def test_its_tokenizer_knows_english_and_chinese(phrase: str) -> None:
    tokens = argus.load("nano", "cpu", "fp32").tokenizer([phrase])
    assert int((~tokens.padding).sum()) <= 2 + 3 * len(phrase.split())


def test_it_answers_about_an_example() -> None:
    predictor = argus.ImagePredictor(argus.load("nano", "cpu", "fp32")).set_image(EXAMPLES / "bears.jpg")
    found = predictor.predict(["bear", "熊"], score_threshold=0.0, max_count=5)
    assert found.masks.shape == (len(found), 420, 420) and len(found) == 10
