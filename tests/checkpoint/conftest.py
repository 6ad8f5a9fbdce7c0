"""Small models on disk in every layout."""

import copy
from pathlib import Path

import pytest
import torch

import argus
from argus.model.detector import DetectorConfig
from argus.model.sam3 import Sam3, Sam3Config
from argus.model.text_encoder import TextConfig
from argus.model.tokenizer import train_tokenizer
from argus.model.vision_encoder import VisionConfig
from tests.reference_models import merges_file, reference

SMALL = Sam3Config(
    vision=VisionConfig(
        width=32, layers=2, heads=2, mlp_width=48, window=2, global_layers=(1,), image=56, pretrain_image=28
    ),
    text=TextConfig(vocabulary=300, context=8, width=16, layers=2, heads=2, mlp_width=24),
    detector=DetectorConfig(
        width=16, heads=2, mlp_width=24, exemplar_layers=1, fusion_layers=2, decoder_layers=2, queries=5
    ),
)


@pytest.fixture(scope="session")
def merges() -> Path:
    return merges_file()


@pytest.fixture(scope="session")
def _small() -> Sam3:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(["a red car", "一辆红色的汽车"], vocab_size=300, context_length=8)
    return Sam3(SMALL, tokenizer).eval().requires_grad_(False)


@pytest.fixture
def small(_small: Sam3) -> Sam3:
    """A model of our own with random weights."""
    return copy.deepcopy(_small)


@pytest.fixture
def native(small: Sam3, tmp_path: Path) -> Path:
    """The small model in our layout."""
    small.origin.training = {"steps": 3}
    argus.save(small, tmp_path / "native")
    return tmp_path / "native"


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sam3Model as transformers saves it: no tokenizer."""
    folder = tmp_path_factory.mktemp("detector")
    reference("detector").save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sam3VideoModel as transformers saves it."""
    folder = tmp_path_factory.mktemp("video")
    reference("video").save_pretrained(folder)
    return folder
