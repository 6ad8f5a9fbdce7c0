"""`argus pick`: one object of an image."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerConfig
from argus.ops import rle
from tests.cli.conftest import Run, document
from tests.train import toys
from tests.train.toys import TINY


@pytest.fixture(scope="module")
def tiny_model() -> Sam3:
    """The model named nano, here with a tracker."""
    torch.manual_seed(0)
    tracker = TrackerConfig(width=32, heads=2, mlp_width=32, memory_width=8, memory_layers=1)
    return Sam3(replace(TINY, tracker=tracker), toys.tiny_model().tokenizer).eval()


def test_json_and_files(run: Run, photo: Path) -> None:
    result = run("pick", photo, "--point", "20,10", "--not-point", "3,4", "-f", "coco", "--json")
    assert result.exit_code == 0, result.stderr
    answer = document(result)
    mask = rle.decode(rle.Rle(tuple(answer["mask"]["size"]), answer["mask"]["counts"].encode()))
    assert mask.shape == (30, 40) and mask.sum() == answer["area_px"]
    assert all(Path(path).exists() for path in answer["written"])


def test_a_line_for_people(run: Run, photo: Path) -> None:
    result = run("pick", photo, "--box", "5,6,30,20")
    assert result.exit_code == 0 and "estimated IoU" in result.stdout
    assert list(Path("out").glob("*.png"))


@pytest.mark.parametrize(
    "given",
    [(), ("--not-point", "1,2"), ("--point", "1"), ("--point", "1,x"), ("--box", "1,2,3"), ("--point", "nan,1")],
)
def test_misuse(run: Run, photo: Path, given: tuple[str, ...]) -> None:
    assert run("pick", photo, *given).exit_code == 2


def test_failures(run: Run, photo: Path) -> None:
    assert run("pick", "none.jpg", "--point", "1,1").exit_code == 1
    beside = run("pick", photo, "--point", "1000,1")
    assert beside.exit_code == 1 and "in the image" in beside.stderr
