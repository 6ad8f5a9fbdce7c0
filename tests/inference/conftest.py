"""A tiny model with a tracker, of random weights that tell objects apart, and a picture of noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from argus import ImagePredictor
from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerConfig
from tests.train.toys import TINY, tiny_model


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (90, 130, 3), np.uint8)


@pytest.fixture(scope="module")
def predictor(photo: np.ndarray) -> ImagePredictor:
    torch.manual_seed(0)
    config = replace(TINY, tracker=TrackerConfig(width=32, heads=2, mlp_width=32, memory_width=8, memory_layers=1))
    model = Sam3(config, tiny_model().tokenizer).eval()
    with torch.no_grad():
        for parameter in model.tracker.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
    return ImagePredictor(model).set_image(photo)
