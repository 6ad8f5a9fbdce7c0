"""`argus segment --everything`."""

from pathlib import Path

import pytest

from argus.model.sam3 import Sam3
from argus.ops import rle
from tests.cli.conftest import Run, document
from tests.cli.test_pick import tiny_model as model_with_tracker

tiny_model = model_with_tracker  # the model named nano, here with a tracker

LOOSE = ("--everything", "--points-per-side", "4", "--threshold", "0", "--nms", "1")


def test_json_and_files(run: Run, photo: Path) -> None:
    result = run("segment", photo, *LOOSE, "--max-count", "5", "-f", "coco", "--json")
    assert result.exit_code == 0, result.stderr
    assert document(result)["prompts"] == ["object"]
    (image,) = document(result)["images"]
    assert len(image["detections"]) <= 5
    for found in image["detections"]:
        assert found["concept"] == "object"
        assert rle.decode(rle.Rle(tuple(found["mask"]["size"]), found["mask"]["counts"].encode())).shape == (30, 40)
    assert all(Path(path).is_file() for path in image["written"])


def test_a_table_names_the_objects(run: Run, photo: Path) -> None:
    result = run("segment", photo, *LOOSE)
    assert result.exit_code == 0 and "object" in result.stdout


@pytest.mark.parametrize(
    "given", [("-p", "dog"), ("--box", "1,2,3,4"), ("--not-box", "1,2,3,4"), ("--nms-across", "0.5")]
)
def test_it_goes_with_no_prompt(run: Run, photo: Path, given: tuple[str, ...]) -> None:
    result = run("segment", photo, "--everything", *given)
    assert result.exit_code == 2 and "--everything takes no" in result.stderr


class TestWithoutATracker:
    @pytest.fixture
    def tiny_model(self) -> Sam3:
        from tests.train import toys

        return toys.tiny_model().eval()

    def test_the_model_is_refused(self, run: Run, photo: Path) -> None:
        result = run("segment", photo, "--everything")
        assert result.exit_code == 1 and "no tracker" in result.stderr
