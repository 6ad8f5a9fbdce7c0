"""`argus eval`: files of predictions, several annotators, folders of subsets, AP, and the report."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argus.data.sources.saco_folder import saco_subsets
from argus.data.video_records import write_saco_video
from argus.ops import rle
from tests.cli.conftest import Run, document, save_picture
from tests.data.test_video_records import toy_clip

SIZE = (30, 40)


def mask(left: int) -> Any:
    filled = np.zeros(SIZE, bool)
    filled[5:25, left : left + 10] = True
    return rle.to_coco(rle.encode(filled))


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing loads a model."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("argus.cli.evaluate.load_model", refuse)


def write_truth(path: Path, instances: dict[int, list[int]]) -> Path:
    """Pairs by id with the left edges of their instances."""
    images = [
        {"id": i, "file_name": f"{i}.png", "text_input": "cat", "width": SIZE[1], "height": SIZE[0]} for i in instances
    ]
    annotations = [{"image_id": i, "segmentation": mask(left)} for i, edges in instances.items() for left in edges]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


def write_results(path: Path, found: dict[int, list[int]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    records = [
        {"image_id": i, "score": 0.9, "segmentation": mask(left)} for i, edges in found.items() for left in edges
    ]
    path.write_text(json.dumps(records))
    return path


@pytest.mark.usefixtures("no_model")
def test_results_are_scored_without_a_model(run: Run, tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "gt.json", {1: [0, 20], 2: [], 3: [5], 4: []})
    found = write_results(tmp_path / "found.json", {1: [0, 20], 3: [5, 25]})
    result = run("eval", truth, "--predictions", found, "--json")
    assert result.exit_code == 0, result.stderr
    printed = document(result)
    assert printed["IL_MCC"] == pytest.approx(1) and printed["pmF1"] == pytest.approx(6 / 7, abs=1e-3)
    assert printed["count_exact"] == 0.5 and printed["ECE"] == pytest.approx(0.15)
    low, high = printed["intervals_95"]["cgF1"]
    assert low <= printed["cgF1"] <= high and set(printed["intervals_95"]) == {"cgF1", "pmF1", "IL_MCC"}
    assert set(printed["by_number"]) == {"0", "1", "2-5"} and printed["by_size"]["small"]["recall"] == 1
    assert "score >= 0.5" in printed["settings"]["predictions"] and "seed 0" in printed["settings"]["intervals"]
    table = run("eval", truth, "--predictions", found)
    assert table.exit_code == 0
    for words in ("95 %", "by number of instances", "by size of objects", "ECE", "protocol: SA-Co", "seed 0"):
        assert words in table.stdout


@pytest.mark.usefixtures("no_model")
def test_the_annotator_who_agrees_counts(run: Run, tmp_path: Path) -> None:
    one = write_truth(tmp_path / "a.json", {1: [0], 2: [], 3: [5]})
    two = write_truth(tmp_path / "b.json", {1: [20], 2: [], 3: []})
    found = write_results(tmp_path / "found.json", {1: [20], 3: [5]})
    both = document(run("eval", one, two, "--predictions", found, "--json"))
    assert both["cgF1"] == pytest.approx(1, abs=1e-3) and both["settings"]["annotators"].startswith("2")
    alone = document(run("eval", one, "--predictions", found, "--json"))
    assert alone["cgF1"] < 0.6 and alone["settings"]["annotators"] == "1"


def test_a_model_meets_several_annotators_too(run: Run, tmp_path: Path) -> None:
    files = [write_truth(tmp_path / f"{name}.json", {1: [0], 2: []}) for name in "ab"]
    for i in (1, 2):
        save_picture(tmp_path / "photos" / f"{i}.png", i)
    result = run("eval", *files, "--images", tmp_path / "photos", "--json")
    assert result.exit_code == 0, result.stderr
    assert document(result)["pairs"] == 2 and document(result)["settings"]["annotators"].startswith("2")


@pytest.mark.usefixtures("no_model")
def test_a_folder_is_scored_subset_by_subset(run: Run, tmp_path: Path) -> None:
    for name in "abc":
        write_truth(
            tmp_path / "gold" / f"gold_crowded_merged_{name}_release_test.json", {1: [0] if name == "b" else [], 2: []}
        )
        write_truth(tmp_path / "gold" / f"gold_fg_food_merged_{name}_release_test.json", {1: [0], 2: []})
    write_results(tmp_path / "found" / "crowded.json", {1: [0]})
    write_results(tmp_path / "found" / "fg_food.json", {})
    result = run("eval", tmp_path / "gold", "--predictions", tmp_path / "found", "--json")
    assert result.exit_code == 0, result.stderr
    printed = document(result)
    assert set(printed["by_subset"]) == {"crowded", "fg_food"}
    assert printed["by_subset"]["crowded"]["cgF1"] == pytest.approx(1, abs=1e-3)
    assert printed["by_subset"]["fg_food"]["cgF1"] == 0 and printed["mean"]["cgF1"] == pytest.approx(0.5, abs=1e-3)
    page = tmp_path / "page.html"
    table = run("eval", tmp_path / "gold", "--predictions", tmp_path / "found", "--report", page)
    assert "mean" in table.stdout and "annotators: 3" in table.stdout
    assert "By subset" in page.read_text(encoding="utf-8")
    (tmp_path / "found" / "crowded.json").unlink()
    missing = run("eval", tmp_path / "gold", "--predictions", tmp_path / "found")
    assert missing.exit_code == 1 and "crowded.json" in missing.stderr
    assert "fg" in missing.stdout, "the other subset is scored"


def test_subsets_of_one_short_name_are_told_apart(tmp_path: Path) -> None:
    for part in ("val", "test"):
        write_truth(tmp_path / f"silver_x_merged_{part}.json", {1: [0]})
    write_truth(tmp_path / "silver_y_merged_test.json", {1: [0]})
    assert set(saco_subsets(tmp_path)) == {"silver_x_merged_val", "silver_x_merged_test", "y"}


@pytest.mark.usefixtures("no_model")
def test_masklets_of_a_file(run: Run, tmp_path: Path) -> None:
    pairs = write_saco_video([toy_clip("a"), toy_clip("b")], tmp_path)
    truth = json.loads(pairs.read_text())
    records = [
        {key: one[key] for key in ("video_id", "category_id", "segmentations")} | {"score": 0.9}
        for one in truth["annotations"]
    ]
    found = tmp_path / "found.json"
    found.write_text(json.dumps(records))
    result = run("eval", pairs, "--task", "video", "--predictions", found, "--json")
    assert result.exit_code == 0, result.stderr
    printed = document(result)
    assert printed["pHOTA"] == pytest.approx(1) and printed["intervals_95"]["pHOTA"] == pytest.approx([1, 1])
    assert printed["TETA"] == pytest.approx(1) and set(printed["by_size"]) == {"small", "medium", "large"}
    page = tmp_path / "page.html"
    table = run("eval", pairs, "--task", "video", "--predictions", found, "--images", tmp_path, "--report", page)
    assert all(words in table.stdout for words in ("pHOTA", "TETA_AssocA", "by size of objects", "near an object"))
    assert "By number of masklets" in page.read_text(encoding="utf-8")
    for change, words in (
        ({"category_id": 99}, "category 99"),
        ({"segmentations": []}, "frames of a, got 0"),
        ({"segmentations": [mask(0)]}, "a result about a: Expected an RLE of the image's size"),
        ({"score": "high"}, "scores as finite numbers"),
    ):
        found.write_text(json.dumps([records[0] | change]))
        bad = run("eval", pairs, "--task", "video", "--predictions", found)
        assert bad.exit_code == 1 and words in bad.stderr, bad.stderr


def write_coco(path: Path, **image: Any) -> Path:
    images = [{"id": i, "file_name": f"{i}.png", "width": SIZE[1], "height": SIZE[0], **image} for i in (1, 2)]
    annotations = [{"id": 1, "image_id": 1, "category_id": 3, "segmentation": mask(0)}]
    categories = [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def test_average_precision(run: Run, tmp_path: Path) -> None:
    truth = write_coco(tmp_path / "coco.json")
    found = tmp_path / "found.json"
    found.write_text(json.dumps([{"image_id": 1, "category_id": 3, "score": 0.2, "segmentation": mask(0)}]))
    printed = document(run("eval", truth, "--task", "ap", "--predictions", found, "--json"))
    assert printed["AP"] == pytest.approx(1) and printed["settings"]["protocol"] == "COCO AP"
    federated = write_coco(tmp_path / "lvis.json", neg_category_ids=[5], not_exhaustive_category_ids=[])
    table = run("eval", federated, "--task", "ap", "--predictions", found)
    assert "AP50" in table.stdout and "LVIS AP (federated)" in table.stdout
    for i in (1, 2):
        save_picture(tmp_path / "photos" / f"{i}.png", i)
    for file in (truth, federated):
        asked = run("eval", file, "--task", "ap", "--images", tmp_path / "photos", "--json")
        assert asked.exit_code == 0, asked.stderr
        assert 0 <= document(asked)["AP"] <= 1
    (tmp_path / "photos" / "2.png").unlink()
    broken = run("eval", truth, "--task", "ap", "--images", tmp_path / "photos", "--json")
    assert broken.exit_code == 1 and [one["file"][-5:] for one in document(broken)["failed"]] == ["2.png"]


@pytest.mark.parametrize("both", [False, True])
def test_categories_of_one_name(run: Run, tmp_path: Path, both: bool) -> None:
    """The one with instances is meant; where both have some, nobody knows."""
    truth = json.loads(write_coco(tmp_path / "coco.json").read_text())
    truth["categories"].append({"id": 1, "name": "cat"})
    if both:
        truth["annotations"].append({**truth["annotations"][0], "id": 2, "category_id": 1})
    (tmp_path / "coco.json").write_text(json.dumps(truth))
    for i in (1, 2):
        save_picture(tmp_path / "photos" / f"{i}.png", i)
    asked = run("eval", tmp_path / "coco.json", "--task", "ap", "--images", tmp_path / "photos", "--json")
    assert asked.exit_code == int(both), asked.stderr
    if both:
        assert "got 1 and 3, both 'cat'" in asked.stderr


def write_yolo(folder: Path) -> Path:
    """Two held-out pictures, one with a cat; a line of the second is bad."""
    for i in (1, 2):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        save_picture(folder / "images" / "val" / f"{i}.png", i)
    (folder / "labels" / "val").mkdir(parents=True)
    (folder / "labels" / "val" / "1.txt").write_text("0 0 0 0.5 0 0.5 0.5 0 0.5")
    (folder / "labels" / "val" / "2.txt").write_text("1 0 0 0.5 0 0.5 0.5 0 0.5\n7 0 0 1 0 1 1")
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat, dog]")
    return folder


def test_yolo_labels_are_ground_truth(run: Run, tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "yolo")
    for truth in ((folder,), (folder / "data.yaml",), (folder, "--images", folder / "images" / "val")):
        result = run("eval", *truth, "--json")
        assert result.exit_code == 0, result.stderr
        printed = document(result)
        assert (printed["pairs"], printed["positive_pairs"], printed["instances"]) == (4, 2, 2)
        assert "left out: " in result.stderr and "class is '7'" in result.stderr
    few = document(run("eval", folder, "--absent", 0, "--json"))
    assert (few["pairs"], few["positive_pairs"]) == (2, 2)


def test_a_report_of_a_model_and_of_a_file(run: Run, tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "gt.json", {1: [0, 20], 2: []})
    save_picture(tmp_path / "photos" / "1.png", 1)
    save_picture(tmp_path / "photos" / "2.png", 2)
    found = write_results(tmp_path / "found.json", {1: [0], 2: [5]})
    for given in (("--images", tmp_path / "photos"), ("--predictions", found)):
        page = tmp_path / "report.html"
        result = run("eval", truth, *given, "--report", page, "--json")
        assert result.exit_code == 0, result.stderr
        text = page.read_text(encoding="utf-8")
        assert text.count("<svg") == 3 and "cat" in text and document(result)["pairs"] == 2
        pictures = len(re.findall("data:image/jpeg", text))
        assert pictures == 0 if given[0] == "--predictions" else pictures >= 1
        page.unlink()


@pytest.mark.usefixtures("no_model")
def test_bad_files_are_named(run: Run, tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "gt.json", {1: [0], 2: []})
    found = tmp_path / "found.json"
    good = {"image_id": 1, "score": 0.9, "segmentation": mask(0)}
    for content, words in (
        (b"[\xff]", "found.json"),
        (b"{}", "list of objects"),
        (b"[1]", "list of objects"),
        (json.dumps([good | {"image_id": 7}]).encode(), "such as 7"),
        (json.dumps([good | {"segmentation": rle.to_coco(rle.empty((5, 5)))}]).encode(), "size of pair 1"),
        (json.dumps([good | {"score": float("nan")}]).encode(), "scores as finite numbers"),
    ):
        found.write_bytes(content)
        result = run("eval", truth, "--predictions", found)
        assert (result.exit_code, result.stdout) == (1, "") and words in result.stderr, result.stderr
    content = json.loads(truth.read_text())
    truth.write_text(json.dumps(content | {"images": content["images"][:1] * 2}))
    result = run("eval", truth, "--predictions", found)
    assert result.exit_code == 1 and "an id twice" in result.stderr


@pytest.mark.usefixtures("no_model")
def test_misuse(run: Run, tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "gold" / "gt.json", {1: [0], 2: []})
    found = write_results(tmp_path / "found.json", {})
    for wrong in (
        (truth,),
        (truth, truth, "--task", "video", "--predictions", found),
        (truth, tmp_path / "gold", "--predictions", found),
        (truth, "--predictions", tmp_path),
        (tmp_path / "gold", "--predictions", found),
        (tmp_path / "gold", "--task", "ap", "--predictions", found),
        (truth, "--task", "pick", "--images", tmp_path, "--predictions", found),
        (truth, "--task", "ap", "--predictions", found, "--report", tmp_path / "page.html"),
        (write_yolo(tmp_path / "yolo"), "--predictions", tmp_path),
        (truth, write_yolo(tmp_path / "more") / "data.yaml", "--images", tmp_path),
    ):
        assert run("eval", *wrong).exit_code == 2, wrong
