"""`argus eval`: the document it prints, and its exit status."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from argus.data.records import Query, Sample, write_saco
from argus.eval import summarise
from argus.inference.image import ImagePredictor
from tests.cli.conftest import Run, document


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two scenes with three phrases each, in a folder with their images."""
    return write_saco([scene(0), scene(1)], tmp_path / "scenes")


def scene(seed: int) -> Sample:
    masks = np.zeros((2, 30, 40), bool)
    masks[0, 2:12, 3:20], masks[1, 15:28, 10:35] = True, True
    queries = (
        Query(text="dog", language="en", kind="name", instances=(0, 1)),
        Query(text="猫", language="zh", kind="name", instances=(1,)),
        Query(text="red dog", language="en", kind="wrong-colour", instances=()),
    )
    image = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8)
    return Sample(image=image, masks=masks, queries=queries, concepts=("dog", "cat"), name=f"scene-{seed}")


@pytest.mark.parametrize("extra", [(), ("--exemplars", "1"), ("--iou", "box")])
def test_json_holds_the_metrics_and_the_groups(run: Run, pairs: Path, extra: tuple[str, ...]) -> None:
    result = run("eval", pairs, "--images", pairs.parent / "images", "--json", *extra)
    assert result.exit_code == 0, result.stderr
    printed = document(result)
    names = set(summarise([]))
    assert names < set(printed) and printed["failed"] == []
    assert (printed["pairs"], printed["positive_pairs"], printed["instances"]) == (6, 4, 6)
    assert set(printed["by_language"]) == {"en", "zh"}
    assert set(printed["by_kind"]) == {"name", "wrong-colour"}
    assert set(printed["by_kind"]["name"]) > names


def test_coco_instances_are_read_too(run: Run, pairs: Path) -> None:
    document_saco = json.loads(pairs.read_text())
    images = [
        {key: record[key] for key in ("id", "file_name", "width", "height")} for record in document_saco["images"]
    ]
    coco = {"images": images, "annotations": document_saco["annotations"], "categories": [{"id": 1, "name": "dog"}]}
    path = pairs.parent / "coco.json"
    path.write_text(json.dumps(coco))
    result = run("eval", path, "--images", pairs.parent / "images", "--json")
    assert result.exit_code == 0, result.stderr
    assert document(result)["positive_pairs"] == 4


def test_people_get_a_table(run: Run, pairs: Path) -> None:
    result = run("eval", pairs, "--images", pairs.parent / "images")
    assert result.exit_code == 0, result.stderr
    assert "cgF1" in result.stdout
    assert "by language" in result.stdout


def test_a_broken_image_does_not_stop_the_others(run: Run, pairs: Path) -> None:
    broken = pairs.parent / "images" / "scene-0.png"
    broken.write_bytes(b"no picture")
    result = run("eval", pairs, "--images", broken.parent, "--json")
    assert result.exit_code == 1
    printed = document(result)
    assert (printed["pairs"], printed["by_language"]["zh"]["pairs"]) == (3, 1)
    (failed,) = printed["failed"]
    assert failed["file"] == str(broken) and "not a format" in failed["error"]
    assert "1 of 2 images failed" in result.stderr.splitlines()[-1] and str(broken) in result.stderr.splitlines()[-1]
    table = run("eval", pairs, "--images", broken.parent)
    assert table.exit_code == 1 and "cgF1" in table.stdout


def test_an_image_too_large_for_the_memory_does_not_stop_the_others(
    run: Run, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_image = ImagePredictor.set_image

    def full(self: ImagePredictor, image: Path) -> ImagePredictor:
        if image.name == "scene-0.png":
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return set_image(self, image)

    monkeypatch.setattr(ImagePredictor, "set_image", full)
    result = run("eval", pairs, "--images", pairs.parent / "images", "--json")
    assert (result.exit_code, document(result)["pairs"]) == (1, 3)
    assert "can't allocate memory" in document(result)["failed"][0]["error"]


def test_a_missing_package_comes_with_how_to_install_it(run: Run, pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    result = run("eval", pairs, "--images", pairs.parent / "images")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "scipy" in result.stderr and 'pip install -c constraints.txt ".[eval]"' in result.stderr


def test_nothing_to_score_is_a_failure(run: Run, pairs: Path, tmp_path: Path) -> None:
    partial = json.loads(pairs.read_text())
    for record in partial["images"]:
        record["is_instance_exhaustive"] = 0
    (tmp_path / "partial.json").write_text(json.dumps(partial))
    (tmp_path / "none.json").write_text('{"images": [], "annotations": [], "categories": []}')
    (tmp_path / "empty").mkdir()
    for given, images in (("partial.json", pairs.parent), ("none.json", tmp_path), (pairs, tmp_path / "empty")):
        result = run("eval", tmp_path / given, "--images", images, "--json")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "expected pairs to score" in result.stderr


def test_failures_and_misuse(run: Run, pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    assert run("eval", tmp_path / "broken.json", "--images", tmp_path).exit_code == 1
    assert run("eval", tmp_path / "absent.json", "--images", tmp_path).exit_code == 2
    assert run("eval", pairs).exit_code == 2
