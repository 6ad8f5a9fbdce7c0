"""Small models on disk in every layout."""

import copy
from pathlib import Path

import pytest
import torch

import argus
from argus.model.sam3 import Sam3
from argus.model.tokenizer import train_tokenizer
from tests.reference_models import merges_file, reference
from tests.train.toys import TINY


@pytest.fixture(scope="session")
def merges() -> Path:
    return merges_file()


@pytest.fixture(scope="session")
def _small() -> Sam3:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(["a red car", "一辆红色的汽车"], vocab_size=300, context_length=12)
    return Sam3(TINY, tokenizer).eval().requires_grad_(False)


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
    return saved(tmp_path_factory, "detector")


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sam3VideoModel as transformers saves it."""
    return saved(tmp_path_factory, "video")


@pytest.fixture(scope="session")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracker for single images alone, as transformers saves it."""
    return saved(tmp_path_factory, "tracker")


@pytest.fixture(scope="session")
def tracker_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracker for video alone."""
    return saved(tmp_path_factory, "tracker_video")


def saved(tmp_path_factory: pytest.TempPathFactory, kind: str) -> Path:
    folder = tmp_path_factory.mktemp(kind)
    reference(kind).save_pretrained(folder)
    return folder
