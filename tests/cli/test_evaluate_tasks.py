"""`argus eval --task`: objects picked by their box, and objects followed from their first mask."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from argus.cli import evaluate_video
from argus.data.sources.saco_video import read_saco_video
from argus.data.video_records import write_saco_video
from argus.eval.hota import FoundMasklet
from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerConfig
from tests.cli.conftest import Run, document, save_picture
from tests.data.test_video_records import toy_clip
from tests.train import toys
from tests.train.toys import TINY


@pytest.fixture(scope="module")
def tiny_model() -> Sam3:
    """The model named nano, here with a tracker."""
    torch.manual_seed(0)
    tracker = TrackerConfig(width=32, heads=2, mlp_width=32, memory_width=8, memory_layers=1)
    return Sam3(replace(TINY, tracker=tracker), toys.tiny_model().tokenizer).eval()


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    """Two pictures with a square of 100 px each; the second may be trained on."""
    images, annotations = [], []
    for index in (0, 1):
        save_picture(tmp_path / "photos" / f"{index}.png", index)
        images.append({"id": index, "file_name": f"{index}.png", "width": 40, "height": 30, "train": index == 1})
        square = [5, 5, 15, 5, 15, 15, 5, 15]
        annotations.append({"image_id": index, "segmentation": [square], "bbox": [5, 5, 10, 10], "area": 100})
    path = tmp_path / "objects.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Two sequences of four frames with a square that stays where it is."""
    mask = np.zeros((30, 40), bool)
    mask[5:15, 5:15] = True
    for name in ("cow", "dog"):
        (tmp_path / "clips" / name / "masks").mkdir(parents=True)
        for index in range(4):
            save_picture(tmp_path / "clips" / name / "frames" / f"{index}.png", index)
            Image.fromarray(mask).save(tmp_path / "clips" / name / "masks" / f"{index}.png")
    return tmp_path / "clips"


def test_picking_by_box(run: Run, objects: Path) -> None:
    photos = objects.parent / "photos"
    few = run("eval", objects, "--task", "pick", "--images", photos, "--json")
    assert few.exit_code == 1 and "of 400 px or more" in few.stderr
    result = run("eval", objects, "--task", "pick", "--images", photos, "--min-area", 50, "--json")
    assert result.exit_code == 0, result.stderr
    printed = document(result)
    assert (printed["objects"], printed["images"], printed["filled_box"]) == (2, 2, 1.0)
    assert 0 <= printed["mean_iou"] <= 1
    held_out = run("eval", objects, "--task", "pick", "--images", photos, "--min-area", 50, "--leave-out", "train")
    assert held_out.exit_code == 0 and "1 objects in 1 images; the filled box 1.000" in held_out.stdout


def test_following_first_masks(run: Run, clips: Path) -> None:
    result = run("eval", clips, "--task", "vos", "--json")
    assert result.exit_code == 0, result.stderr
    printed = document(result)
    assert printed["first_mask"] == {"J&F": 1.0, "J": 1.0, "F": 1.0, "objects": 2}
    assert set(printed["by_sequence"]) == {"cow", "dog"} and 0 <= printed["J&F"] <= 1
    table = run("eval", clips, "--task", "vos")
    assert table.exit_code == 0 and "J&F" in table.stdout and "left where it is" in table.stdout


def test_phrases_through_video(run: Run, tmp_path: Path) -> None:
    pairs = write_saco_video([toy_clip("a"), toy_clip("b")], tmp_path)
    result = run("eval", pairs, "--task", "video", "--images", tmp_path / "frames", "--json")
    assert result.exit_code == 0, result.stderr
    printed = document(result)
    assert printed["pairs"] == 4 and 0 <= printed["pHOTA"] <= 1 and set(printed["by_language"]) == {"en", "zh"}
    for frame in (tmp_path / "frames" / "b").iterdir():
        frame.write_bytes(b"no picture")
    table = run("eval", pairs, "--task", "video", "--images", tmp_path / "frames")
    assert table.exit_code == 1 and "pHOTA" in table.stdout and "1 of 2 videos failed" in table.stderr


def test_average_precision_of_masklets(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = write_saco_video([toy_clip("a"), toy_clip("b")], tmp_path)
    result = run("eval", pairs, "--task", "ap", "--images", tmp_path / "frames", "--json")
    assert result.exit_code == 0, result.stderr
    printed = document(result)
    assert 0 <= printed["AP"] <= 1 and printed["settings"]["protocol"] == "YouTube-VIS video AP"
    truth = read_saco_video(pairs)
    answers = {pair.phrase: [m.rles for m in pair.masklets] for pair in truth if pair.video_name == "a"}

    def perfect(frames: Sequence[Path], phrases: Sequence[str]) -> list[list[FoundMasklet]]:
        return [[FoundMasklet(rles=r, scores=(0.9,) * len(r)) for r in answers.get(name, [])] for name in phrases]

    with monkeypatch.context() as patched:
        patched.setattr(evaluate_video, "predict_function", lambda _: perfect)
        right = document(run("eval", pairs, "--task", "ap", "--images", tmp_path / "frames", "--json"))
    assert right["AP"] == pytest.approx(1)  # the clips hold the same
    for frame in (tmp_path / "frames" / "b").iterdir():
        frame.write_bytes(b"no picture")
    broken = run("eval", pairs, "--task", "ap", "--images", tmp_path / "frames")
    assert broken.exit_code == 1 and "AP50" in broken.stdout and "1 of 2 videos failed" in broken.stderr


def test_videos_whose_frames_share_a_folder_are_all_scored(run: Run, tmp_path: Path) -> None:
    pairs = write_saco_video([toy_clip("a"), toy_clip("b")], tmp_path)
    written = json.loads(pairs.read_text())
    for video in written["videos"]:
        flat = [name.replace("/", "_") for name in video["file_names"]]
        for name, new in zip(video["file_names"], flat, strict=True):
            (tmp_path / "frames" / name).rename(tmp_path / "frames" / new)
        video["file_names"] = flat
    pairs.write_text(json.dumps(written))
    result = run("eval", pairs, "--task", "video", "--images", tmp_path / "frames", "--json")
    assert result.exit_code == 0, result.stderr
    assert document(result)["pairs"] == len(read_saco_video(pairs))


def test_a_first_mask_that_is_missing_does_not_stop_the_others(run: Run, clips: Path) -> None:
    (clips / "cow" / "masks" / "0.png").unlink()
    result = run("eval", clips, "--task", "vos", "--json")
    assert result.exit_code == 1 and set(document(result)["by_sequence"]) == {"dog"}
    assert "that of the first not among" in document(result)["failed"][0]["error"]


def test_what_fails_does_not_stop_the_others(run: Run, clips: Path, objects: Path) -> None:
    (clips / "cow" / "frames" / "2.png").write_bytes(b"no picture")
    result = run("eval", clips, "--task", "vos", "--json")
    printed = document(result)
    assert result.exit_code == 1 and set(printed["by_sequence"]) == {"dog"}
    assert [failed["file"] for failed in printed["failed"]] == [str(clips / "cow" / "frames")]
    assert "1 of 2 sequences failed" in result.stderr
    (objects.parent / "photos" / "0.png").write_bytes(b"no picture")
    picked = run("eval", objects, "--task", "pick", "--images", objects.parent / "photos", "--min-area", 50, "--json")
    assert picked.exit_code == 1 and document(picked)["objects"] == 1


def test_misuse(run: Run, clips: Path, objects: Path) -> None:
    assert run("eval", objects, "--task", "vos").exit_code == 2
    assert run("eval", clips, "--task", "vos", "--images", clips).exit_code == 2
    assert run("eval", objects, "--task", "pick").exit_code == 2
    assert run("eval", clips, "--task", "pick", "--images", clips).exit_code == 2
    assert run("eval", clips, "--images", clips).exit_code == 2
