"""One bad item is named and left out, many stop the reading, and nothing at all is refused."""

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from argus.data.sources import open_data
from argus.ops import rle
from tests.data.own_data import SIZE_HW, coco_document, rectangle, write_coco, write_json, write_picture

HUGE = 1e12
BAD_ANNOTATIONS: list[tuple[dict[str, Any], str]] = [
    ({"segmentation": rectangle(70, 5, 90, 9)}, "outside the image"),
    ({"segmentation": rectangle(5, -30, 9, -3)}, "outside the image"),
    ({"segmentation": rectangle(HUGE, HUGE, 2 * HUGE, 2 * HUGE)}, "outside the image"),
    ({"segmentation": [[1, 1, 5, 5]]}, "fewer than three points"),
    ({"segmentation": []}, "fewer than three points"),
    ({"segmentation": [[4, 4, 9, 4, 14, 4]]}, "no area"),
    ({"segmentation": [[1, 1, 5, 5, 9]]}, "do not pair"),
    ({"segmentation": [[1, 1, 5, float("nan"), 9, 3]]}, "no finite number"),
    ({"segmentation": [[1, 1, 5, float("inf"), 9, 3]]}, "no finite number"),
    ({"segmentation": [[1, 1, 5, "x", 9, 3]]}, "no list of numbers"),
    ({"segmentation": {"size": [5, 5], "counts": [0, 25]}}, "image's size"),
    ({"segmentation": {"size": list(SIZE_HW), "counts": [0, 25]}}, "fill"),
    ({"segmentation": {"size": None, "counts": [0, 25]}}, "size of an RLE"),
    ({"segmentation": {"size": list(SIZE_HW), "counts": [SIZE_HW[0] * SIZE_HW[1]]}}, "no pixel"),
    ({"segmentation": None}, "RLE"),
    ({"category_id": 55}, "category 55"),
    ({"category_id": None}, "category_id"),
    ({"image_id": 55}, "image 55"),
    ({"image_id": [1]}, "image_id"),
    ({"id": 2}, "has its id"),
]


@pytest.mark.parametrize(("change", "words"), BAD_ANNOTATIONS)
def test_a_bad_annotation_is_named_and_left_out(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    document = coco_document(2)
    document["annotations"][2].update(change)
    data = open_data(write_coco(tmp_path, document))
    assert len(data.problems) == 1
    assert words in data.problems[0]
    assert f"annotation {change.get('id', 3)}" in data.problems[0]
    assert data.counts.instances == 5
    if "segmentation" in change:  # it was the only traffic light there: perhaps there is one
        assert data.records[0].unsure == ("traffic light",)
    assert [query.text for query in data.records[0].queries] == ["dog"]


@pytest.mark.parametrize("box", [(-7, -9, 12, 14), (50, 30, 1e9, 1e9), (-1e9, 10, 1e9, 20)])
def test_what_reaches_out_of_the_image_is_cut_off(tmp_path: Path, box: tuple[float, ...]) -> None:
    document = coco_document(1)
    document["annotations"][0]["segmentation"] = rectangle(*box)
    data = open_data(write_coco(tmp_path, document))
    expected = np.clip(box, 0, [SIZE_HW[1], SIZE_HW[0]] * 2).tolist()
    assert data.boxes_xyxy_px(0)[0].tolist() == expected
    assert data.problems == ()


def test_cutting_off_agrees_with_drawing_on_a_larger_canvas() -> None:
    from argus.data.sources.outlines import from_outlines

    rng = np.random.default_rng(0)
    for _ in range(50):
        star = rng.uniform(-60, 120, (7, 2))
        cut = rle.decode(from_outlines([star.ravel().tolist(), rectangle(3, 3, 9, 9)[0]], SIZE_HW))
        shifted = [(star + 100).ravel().tolist(), rectangle(103, 103, 109, 109)[0]]
        whole = rle.decode(rle.from_polygons(shifted, (300, 300)))[100:140, 100:160]
        assert (cut != whole).mean() < 0.01  # only pixels whose edge was rounded the other way


BAD_IMAGES: list[tuple[dict[str, Any], str]] = [
    ({"file_name": "nowhere.png"}, "nowhere.png is missing"),
    ({"file_name": "../../nowhere/\x00.png"}, "missing"),
    ({"file_name": 5}, "no name of a file"),
    ({"height": 999}, "labelled as 60 x 999"),
    ({"height": float("nan")}, "height and width"),
    ({"width": -3}, "height and width"),
    ({"file_name": "0.png"}, "under another id"),
]


@pytest.mark.parametrize(("change", "words"), BAD_IMAGES)
def test_a_bad_image_is_named_and_left_out(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = write_coco(tmp_path, coco_document(5))
    document = coco_document(5)
    document["images"][4].update(change)
    data = open_data(write_json(path, document))
    assert len(data) == 4
    assert len(data.problems) == 1
    assert words in data.problems[0]


def test_pictures_that_are_none_or_cut_short_are_left_out(tmp_path: Path) -> None:
    path = write_coco(tmp_path, coco_document(6))
    (tmp_path / "images" / "2.png").write_text("no picture")
    whole = (tmp_path / "images" / "3.png").read_bytes()
    (tmp_path / "images" / "3.png").write_bytes(whole[: len(whole) // 2])
    data = open_data(path)
    assert len(data) == 5
    assert "2.png cannot be read" in data.problems[0]
    with pytest.raises(ValueError, match=r"3\.png cannot be read"):
        data.sample(2)
    sound = data.readable()
    assert [record.name for record in sound.records] == ["0.png", "1.png", "4.png", "5.png"]
    assert len(sound.problems) == 2
    with pytest.raises(ValueError, match="got none"):
        data.select([2]).readable()


def test_pixels_that_are_no_numbers_are_black(tmp_path: Path) -> None:
    document = coco_document(1)
    document["images"][0]["file_name"] = "0.tif"
    grey = np.full(SIZE_HW, 0.5, np.float32)
    grey[3, 4], grey[5, 6] = np.nan, np.inf
    (tmp_path / "images").mkdir()
    Image.fromarray(grey).save(tmp_path / "images" / "0.tif")
    shown = open_data(write_coco(tmp_path, document)).readable().sample(0).image
    assert shown[3, 4].tolist() == shown[5, 6].tolist() == [0, 0, 0]
    assert (shown[0] == 128).all()


def test_more_than_a_tenth_stop_the_reading(tmp_path: Path) -> None:
    document = coco_document(12)  # 36 annotations: three bad ones are borne, four are not
    for annotation in document["annotations"][:3]:
        annotation["segmentation"] = []
    assert len(open_data(write_coco(tmp_path, document)).problems) == 3
    document["annotations"][5]["segmentation"] = [[1, 1, float("nan"), 2, 3, 4]]
    with pytest.raises(ValueError, match=r"4 of 36 .*annotation 1: .*annotation 6: .*finite") as raised:
        open_data(write_coco(tmp_path, document))
    assert "Mend them" in str(raised.value)


def test_missing_pictures_stop_the_reading(tmp_path: Path) -> None:
    document = coco_document(12)
    path = write_coco(tmp_path, document)
    for number in range(4):
        (tmp_path / "images" / f"{number}.png").unlink()
    with pytest.raises(ValueError, match=r"4 of 12 .*0\.png is missing \(looked for in .*images"):
        open_data(path, tmp_path / "images")


@pytest.mark.parametrize("change", [{"images": []}, {"annotations": []}])
def test_empty_data_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    document = {**coco_document(2), "annotations": [], **change}
    with pytest.raises(ValueError, match="nothing to learn from"):
        open_data(write_coco(tmp_path, document))


NAMELESS: list[tuple[Callable[[list[dict[str, Any]]], object], str]] = [
    (lambda c: c[1].pop("name"), "category 7: it has no name"),
    (lambda c: c[1].update(name=" _ "), "category 7: it has no name"),
    (lambda c: c[1].update(name=None), "category 7"),
    (lambda c: c[1].update(name="ampel\udce4"), "no UTF-8"),
    (lambda c: c[1].update(name="k\ufffdfer"), "letters lost"),
    (lambda c: c[1].pop("id"), "category None"),
    (lambda c: c.append({"id": 7, "name": "bus"}), "'traffic light' and 'bus' for 7"),
]


@pytest.mark.parametrize(("change", "words"), NAMELESS)
def test_categories_without_names_are_refused(
    tmp_path: Path, change: Callable[[list[dict[str, Any]]], object], words: str
) -> None:
    document = coco_document(2)
    change(document["categories"])
    with pytest.raises(ValueError, match=words):
        open_data(write_coco(tmp_path, document))


def test_files_that_are_no_utf8_are_told(tmp_path: Path) -> None:
    document = coco_document(2)
    document["categories"][0]["name"] = "käfer"
    path = write_coco(tmp_path, document)
    text = json.dumps(document, ensure_ascii=False)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match="Save it as UTF-8"):
        open_data(path)
    path.write_text(text, encoding="utf-8-sig")  # as some editors save it
    assert "käfer" in open_data(path).concepts


def test_pictures_whose_names_are_no_utf8_are_found_and_named(tmp_path: Path) -> None:
    document = coco_document(2)
    document["images"][0]["file_name"] = "käfer.png"
    path = write_coco(tmp_path, document)
    odd = os.fsencode(tmp_path / "images") + b"/k\xe4fer.png"
    os.rename(tmp_path / "images" / "käfer.png", odd)
    data = open_data(path)
    assert len(data) == 2
    assert data.sample(0).image.shape == (*SIZE_HW, 3)
    data.records[0].name.encode("utf-8")
    os.truncate(odd, 60)
    with pytest.raises(ValueError, match="xe4fer") as raised:
        data.sample(0)
    str(raised.value).encode("utf-8")


def test_an_image_of_30000_instances_stays_small(tmp_path: Path) -> None:
    side = 1_000
    write_picture(tmp_path / "images" / "many.png", (side, side))
    rows, columns = np.mgrid[:side, :side] // 5
    labels = np.where(rows * 200 + columns < 30_000, rows * 200 + columns + 1, 0).astype(np.uint16)
    (tmp_path / "masks" / "cell").mkdir(parents=True)
    Image.fromarray(labels).save(tmp_path / "masks" / "cell" / "many.png")
    data = open_data(tmp_path)
    assert data.counts.instances == 30_000
    with pytest.raises(ValueError, match="window"):
        data.sample(0)
    window = data.window_xyxy_px(0, np.random.default_rng(0), most_instances=100)
    tracemalloc.start()
    sample = data.sample(0, window_xyxy_px=window, size_hw=(280, 280))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 1 <= len(sample.masks) <= 100
    assert sample.queries[0].instances == tuple(range(len(sample.masks)))
    assert peak < 64 * 2**20


def test_a_bad_pair_is_named_and_left_out(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    pair = {"file_name": "a.png", "height": SIZE_HW[0], "width": SIZE_HW[1]}
    document = {
        "images": [
            {**pair, "id": 1, "text_input": "dog"},
            {**pair, "id": 2, "text_input": "  "},
            {**pair, "id": 3, "text_input": "dog"},
            {**pair, "id": 4, "text_input": "cat"},
            {**pair, "id": 4, "text_input": "bird"},
        ],
        "annotations": [{"image_id": number, "segmentation": rectangle(1, 1, 9, 9)} for number in (1, 4)],
    }
    data = open_data(write_json(tmp_path / "saco.json", document))
    assert [query.text for query in data.records[0].queries] == ["dog"]
    for problem, words in zip(data.problems, ("no name", "already", "several pairs have its id"), strict=True):
        assert words in problem


def test_stored_sideways_and_labelled_upright_or_not(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg", exif=exif)
    for height, width in ((40, 60), (60, 40)):
        document = coco_document(1)
        document["images"][0].update(file_name="a.jpg", height=height, width=width)
        document["annotations"] = document["annotations"][:2]
        assert open_data(write_json(tmp_path / "a.json", document)).sample(0).image.shape == (height, width, 3)
