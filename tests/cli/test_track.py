"""`argus track`: a clip, prompts, files and a table of masklets."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from argus.cli.track import _at, _stem
from argus.model.sam3 import Sam3
from tests.cli.conftest import Run, document, save_picture
from tests.train import toys


@pytest.fixture(scope="module")
def tiny_model() -> Sam3:
    """The model named nano, here with a tracker."""
    torch.manual_seed(0)
    return toys.tiny_tracker_model().eval()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A folder of five frames."""
    for index in range(5):
        save_picture(tmp_path / "clip" / f"{index}.png", index)
    return tmp_path / "clip"


def test_a_picked_object_goes_into_every_format(run: Run, clip: Path) -> None:
    formats = ("overlay", "youtube-vis", "mot", "davis", "coco", "cutouts")
    result = run("track", clip, "--box", "5,5,20,20@1", *(word for name in formats for word in ("-f", name)), "--json")
    assert result.exit_code == 0, result.stderr
    answer = document(result)
    (masklet,) = answer["masklets"]
    assert (masklet["concept"], masklet["first"], masklet["last"], masklet["frames"]) == ("object 1", 1, 4, 4)
    assert len(answer["written"]) == 6 and all(Path(path).exists() for path in answer["written"])
    (track,) = json.loads(Path("out/clip.youtube-vis.json").read_text())["annotations"]
    assert [mask is None for mask in track["segmentations"]] == [True, False, False, False, False]
    assert len(Path("out/clip.mot.txt").read_text().splitlines()) == 4


def test_a_table_for_people(run: Run, clip: Path) -> None:
    result = run("track", clip, "-p", "dog", "--point", "10,10", "--threshold", 0.01, "--birth", 0.01, "--delay", 0)
    assert result.exit_code == 0, result.stderr
    assert "mean score" in result.stdout and "object 2" in result.stdout and "clip.overlay.mp4" in result.stdout


def test_only_some_frames_in_both_directions(run: Run, clip: Path) -> None:
    result = run("track", clip, "--point", "10,10@3", "--direction", "both", "-f", "mot", "--json")
    assert result.exit_code == 0, result.stderr
    assert document(result)["masklets"][0]["first"] == 0
    some = run("track", clip, "--point", "10,10@1", "--start", 1, "--stop", 3, "-f", "mot", "--json")
    assert (document(some)["masklets"][0]["first"], document(some)["masklets"][0]["last"]) == (1, 2)


def test_misuse_and_failures(run: Run, clip: Path, photo: Path) -> None:
    assert run("track", clip).exit_code == 2
    assert run("track", clip, "--box", "5,5,20").exit_code == 2
    assert run("track", clip, "--point", "5,5@x").exit_code == 2
    assert run("track", clip, "-p", " ").exit_code == 2
    for source, says in (("none.mp4", "there is none"), (photo.parent / "empty", "pictures")):
        (photo.parent / "empty").mkdir(exist_ok=True)
        result = run("track", source, "-p", "dog")
        assert result.exit_code == 1 and says in result.stderr, result.stderr
    late = run("track", clip, "--box", "5,5,20,20@9")
    assert late.exit_code == 1 and "a frame in 0..4, got 9" in late.stderr
    small = run("track", clip, "-p", "dog", "--memory", "1KB")
    assert small.exit_code == 1 and "one object" in small.stderr


def test_a_frame_that_fails_leaves_what_was_done(run: Run, clip: Path) -> None:
    """Frames that wait for their hot start are written, though the last one is of another size."""
    save_picture(clip / "5.png", 5)
    Image.open(clip / "5.png").resize((9, 9)).save(clip / "5.png")
    result = run("track", clip, "-p", "dog", "--box", "5,5,20,20", "-f", "mot")
    assert result.exit_code == 1 and "frame 5" in result.stderr
    frames = {line.split(",")[0] for line in Path("out/clip.mot.txt").read_text().splitlines()}
    assert frames == {"1", "2", "3", "4", "5"}


def test_the_parts_of_an_option_and_a_name_for_files() -> None:
    assert _at("1,2@7", "x,y") == ([1.0, 2.0], 7) and _at("1,2", "x,y") == ([1.0, 2.0], 0)
    assert _stem("a/clip.mp4") == "clip" and _stem("rtsp://host/a?b") == "a-b" and _stem("webcam:0") == "webcam-0"
