"""A tiny model with random weights, pictures, and a way to run the command on them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from argus import checkpoint
from argus.cli.main import app
from argus.data.sources.scenes import HELD_OUT_STYLE, TRAIN_STYLES
from argus.data.sources.scenes.bank import SIDES, PackedSprite, write_pack
from argus.model.sam3 import Sam3
from tests.train import toys

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def tiny_model() -> Sam3:
    torch.manual_seed(0)
    return toys.tiny_model().eval()


@pytest.fixture
def run(tiny_model: Sam3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `argus ...` in an empty folder; the model named nano is the tiny one."""
    monkeypatch.setattr(checkpoint, "load", lambda source, **_: tiny_model)
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "photo.png", 1)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Prepared sprites of one concept, a square, in every style."""
    rgba = np.full((SIDES[0], SIDES[0], 4), 255, np.uint8)
    for style in (*TRAIN_STYLES, HELD_OUT_STYLE):
        write_pack([PackedSprite(concept="dog", rgba=rgba)], tmp_path / "cache", style)
    return tmp_path / "cache"


def save_picture(path: Path, seed: int) -> Path:
    """A picture of noise, 40 wide and 30 high."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8)).save(path)
    return path


def document(result: Result) -> dict:
    """The one JSON document on standard output."""
    return json.loads(result.stdout)
