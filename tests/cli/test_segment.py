"""`argus segment`: what it prints and writes, and its exit status."""

import json
from pathlib import Path
from typing import get_args, get_type_hints
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import typer
from PIL import Image

import argus
from argus import checkpoint
from argus.cli.common import no_nan
from argus.cli.main import app
from argus.cli.segment import unique_stems
from argus.inference.image import ImagePredictor
from argus.inference.preprocess import read_image
from argus.ops import rle
from tests.cli.conftest import Run, document, save_picture

ALL = ("--threshold", "0")  # whatever a model with random weights finds


def test_json_is_one_document_whose_masks_decode(run: Run, photo: Path) -> None:
    result = run("segment", photo, "-p", "dog", "-p", "cat", *ALL, "--json")
    assert result.exit_code == 0, result.stderr
    (image,) = document(result)["images"]
    assert document(result)["prompts"] == ["dog", "cat"]
    assert (image["file"], image["width"], image["height"], image["written"]) == (str(photo), 40, 30, [])
    assert {d["concept"] for d in image["detections"]} == {"dog", "cat"}
    for d in image["detections"]:
        mask = rle.decode(rle.Rle(tuple(d["mask"]["size"]), d["mask"]["counts"].encode()))
        assert mask.shape == (30, 40)
        assert mask.sum() == d["area_px"]
        assert 0 <= d["score"] <= 1
        assert len(d["box_xyxy_px"]) == 4
    assert not Path("out").exists()


def test_without_json_there_is_a_table_and_an_overlay(run: Run, photo: Path) -> None:
    result = run("segment", photo, "-p", "dog", *ALL)
    assert result.exit_code == 0, result.stderr
    assert "dog" in result.stdout
    assert Image.open("out/photo.overlay.png").size == (40, 30)


def test_formats_go_to_the_folder(run: Run, photo: Path) -> None:
    result = run("segment", photo, "-p", "dog", *ALL, "--out", "here", "-f", "coco", "-f", "yolo", "--json")
    assert result.exit_code == 0, result.stderr
    written = document(result)["images"][0]["written"]
    assert all(Path(path).is_file() for path in written)
    assert {"photo.coco.json", "photo.txt"} <= {Path(path).name for path in written}
    (image,) = json.loads(Path("here/photo.coco.json").read_text())["images"]
    assert image["file_name"] == "photo.png"


def test_formats_asked_for_are_written_with_json_too(run: Run, photo: Path) -> None:
    result = run("segment", photo, "-p", "dog", *ALL, "--json", "-f", "coco")
    assert document(result)["images"][0]["written"] == ["out/photo.coco.json"]
    assert Path("out/photo.coco.json").is_file()


def test_labelme_files_find_their_image(run: Run, tmp_path: Path) -> None:
    photo = save_picture(tmp_path / "photos" / "a.png", 1)
    assert run("segment", "photos", "-p", "dog", *ALL, "--out", "deep/er", "-f", "labelme").exit_code == 0
    written = Path("deep/er/a.json")
    assert (written.parent / json.loads(written.read_text())["imagePath"]).samefile(photo)


def test_coco_files_of_one_run_go_together(run: Run, tmp_path: Path) -> None:
    for i in range(2):
        save_picture(tmp_path / "g" / f"{i}.png", i)
    assert run("segment", "g", "-p", "dog", "-p", "cat", *ALL, "--max-count", "1", "-f", "coco").exit_code == 0
    coco = [json.loads(Path(f"out/{i}.coco.json").read_text()) for i in range(2)]
    assert [d["images"][0]["id"] for d in coco] == [1, 2]
    assert [{a["image_id"] for a in d["annotations"]} for d in coco] == [{1}, {2}]
    assert coco[0]["categories"] == coco[1]["categories"] == [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}]


def test_the_table_names_each_phrase_and_whole_paths(run: Run, tmp_path: Path) -> None:
    photo = save_picture(tmp_path / ("long-name-" * 15 + "end.png"), 1)
    result = run("segment", photo, "-p", "dog", "-p", "cat", "--threshold", "1")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert "".join(row[0] for row in rows) == 2 * str(photo)
    assert [row[1:] for row in rows if row[1]] == [["dog", "0", ""], ["cat", "0", ""]]
    boxed = run("segment", photo, "--box", "2,3,20,25", "--threshold", "1", "--json")
    assert document(boxed)["prompts"] == ["visual"]


def test_an_image_named_as_the_list_of_classes(run: Run, tmp_path: Path) -> None:
    save_picture(tmp_path / "classes.png", 1)
    result = run("segment", "classes.png", "-p", "dog", *ALL, "-f", "yolo", "--json")
    assert [Path(path).name for path in document(result)["images"][0]["written"]] == ["classes-2.txt", "classes.txt"]
    assert Path("out/classes.txt").read_text() == "dog\n"


def test_files_that_cannot_be_looked_for_are_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("segment", "n" * 300, "-p", "dog")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no image at" in result.stderr
    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(Path, "iterdir", Mock(side_effect=PermissionError("closed to you")))
    result = run("segment", "closed", "-p", "dog")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "error: closed to you\n")


def test_the_version(run: Run) -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"argus {argus.__version__}\n")


def test_help_shows_forms_and_examples(run: Run) -> None:
    said = " ".join(run("segment", "--help").stdout.replace("│", " ").split())
    for words in ("X1,Y1,X2,Y2", "FORMAT", "coco, yolo, labelme, png, overlay", "Off by default", "subfolders"):
        assert words in said
    assert said.count("argus segment photo") == 3


def test_boxes_and_limits_reach_the_model(run: Run, photo: Path) -> None:
    alone = document(run("segment", photo, "-p", "dog", *ALL, "--json"))["images"][0]["detections"]
    boxed = run("segment", photo, "-p", "dog", "--box", "2,3,20,25", "--not-box", "25,5,39,20", *ALL, "--json")
    assert boxed.exit_code == 0, boxed.stderr
    assert document(boxed)["images"][0]["detections"] != alone
    one = document(run("segment", photo, "-p", "dog", *ALL, "--max-count", "1", "--json"))
    assert one["images"][0]["detections"] == alone[:1]
    assert not document(run("segment", photo, "-p", "dog", "--threshold", "1", "--json"))["images"][0]["detections"]


def test_a_broken_image_does_not_stop_the_others(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    save_picture(folder / "a.png", 1)
    (folder / "b.jpg").write_bytes(b"no picture")
    save_picture(folder / "c.PNG", 2)
    (folder / "notes.txt").write_text("left alone")
    result = run("segment", folder, "-p", "dog", *ALL, "--json")
    assert result.exit_code == 1
    assert [Path(i["file"]).name for i in document(result)["images"]] == ["a.png", "c.PNG"]
    assert [Path(f["file"]).name for f in document(result)["failed"]] == ["b.jpg"]
    assert "1 of 3 images failed" in result.stderr
    assert "b.jpg" in result.stderr.splitlines()[-1]


CPU_FULL = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried ..."
FULL = [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError(CPU_FULL)]


@pytest.mark.parametrize("error", FULL)
def test_a_model_too_large_for_the_memory_is_told(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(checkpoint, "load", Mock(side_effect=error))
    result = run("segment", photo, "-p", "dog", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: {str(error) or 'MemoryError'}\n"


def test_another_runtime_error_is_not_hidden(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "load", Mock(side_effect=RuntimeError("a fault of ours")))
    assert isinstance(run("segment", photo, "-p", "dog").exception, RuntimeError)


@pytest.mark.parametrize("error", FULL)
def test_an_image_too_large_for_the_memory_does_not_stop_the_others(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    files = [save_picture(tmp_path / f"{i}.png", i) for i in range(2)]
    set_image = ImagePredictor.set_image

    def full(self: ImagePredictor, image: np.ndarray) -> ImagePredictor:
        if np.array_equal(image, read_image(files[0])):
            raise error
        return set_image(self, image)

    monkeypatch.setattr(ImagePredictor, "set_image", full)
    result = run("segment", *files, "-p", "dog", *ALL, "--json")
    assert result.exit_code == 1
    assert [image["file"] for image in document(result)["images"]] == [str(files[1])]
    assert document(result)["failed"] == [{"file": str(files[0]), "error": str(error) or "MemoryError"}]


def test_globs_and_repeats(run: Run, tmp_path: Path) -> None:
    for i in range(2):
        save_picture(tmp_path / "g" / f"{i}.png", i)
    result = run("segment", "g/*.png", "g/1.png", "-p", "dog", "--json")
    assert [image["file"] for image in document(result)["images"]] == ["g/0.png", "g/1.png"]


def test_upright_before_it_is_asked(run: Run, tmp_path: Path) -> None:
    turned = Image.fromarray(np.zeros((30, 40, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter
    turned.save("turned.jpg", exif=exif)
    result = run("segment", "turned.jpg", "-p", "dog", *ALL)
    assert result.exit_code == 0, result.stderr
    assert Image.open("out/turned.overlay.png").size == (30, 40)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["segment"], "Missing argument"),
        (["segment", "photo.png"], "--prompt"),
        (["segment", "photo.png", "-p", " "], "empty"),
        (["segment", "absent.png", "-p", "dog"], "absent.png"),
        (["segment", "photo.png", "--box", "1,2,3"], "1,2,3"),
        (["segment", "photo.png", "--box", "1,2,3,x"], "1,2,3,x"),
        (["segment", "photo.png", "--box", "9,2,3,8"], "x1 < x2"),
        (["segment", "photo.png", "--box", "nan,2,3,8"], "finite"),
        (["segment", "photo.png", "-p", "a", "-p", "b", "--box", "1,2,3,4"], "one phrase"),
        (["segment", "photo.png", "-p", "dog", "--threshold", "2"], "threshold"),
        (["segment", "photo.png", "-p", "dog", "--threshold", "nan"], "'--threshold'"),
        (["segment", "photo.png", "-p", "dog", "--format", "bmp"], "bmp"),
        (["segment", "photo.png", "-p", "dog", "--precision", "int3"], "int3"),
        (["nonsense"], "nonsense"),
    ],
)
def test_misuse_is_status_2_and_says_why(run: Run, photo: Path, args: list[str], said: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""


def test_nan_is_misuse_for_every_number() -> None:
    """Asked of the options themselves, as some versions of Typer refuse NaN by `min` and `max` and others do not."""
    groups = (app, *(group.typer_instance for group in app.registered_groups))
    functions = [command.callback for group in groups for command in group.registered_commands]
    hints = [hint for function in functions for hint in get_type_hints(function, include_extras=True).values()]
    numbers = [get_args(hint)[1] for hint in hints if get_args(hint) and get_args(hint)[0] in (float, float | None)]
    assert len(numbers) >= 9
    assert all(option.callback is no_nan for option in numbers)
    assert (no_nan(0.5), no_nan(None)) == (0.5, None)
    with pytest.raises(typer.BadParameter, match="nan"):
        no_nan(float("nan"))


def test_outputs_of_files_with_one_name_stay_apart() -> None:
    stems = unique_stems([Path("a/x.png"), Path("b/x.jpg"), Path("x-2.png"), Path("y.png")])
    assert len(set(stems)) == 4
    assert stems[0] == "x" and stems[3] == "y"
    assert unique_stems([Path("a/X.png"), Path("b/x.png"), Path("Classes.png")]) == ["X", "x-2", "Classes-2"]
