"""YOLO-seg, LabelMe and PNG masks: what a folder holds is read, what is bad in it named."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from argus.data.sources import open_data
from argus.data.sources.yolo import label_path, open_yolo
from argus.ops import rle
from tests.data.own_data import SIZE_HW, write_json, write_picture


def write_yolo(folder: Path, lines: list[str], names: str = "{0: dog, 1: traffic_light}") -> Path:
    for number in range(3):
        write_picture(folder / "images" / "train" / f"{number}.png", seed=number)
    write_picture(folder / "images" / "val" / "9.png", seed=9)
    (folder / "labels" / "train").mkdir(parents=True, exist_ok=True)
    (folder / "labels" / "train" / "0.txt").write_text("\n".join(lines))
    (folder / "labels" / "train" / "1.txt").write_text("1 0 0 0.5 0 0.5 0.5 0 0.5")
    (folder / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\nnames: {names}\n")
    return folder


def test_yolo_polygons_are_fractions_of_the_image(tmp_path: Path) -> None:
    data = open_data(write_yolo(tmp_path, ["0 0.1 0.25 0.5 0.25 0.5 0.75 0.1 0.75", ""]))
    assert (data.format, len(data), data.concepts) == ("YOLO-seg", 3, ("dog", "traffic light"))  # val is let be
    assert data.boxes_xyxy_px(0).tolist() == [[6, 10, 30, 30]]
    assert data.records[2].queries == ()  # no label file: nothing there
    assert data.counts == open_data(tmp_path / "data.yaml").counts
    assert len(open_data(tmp_path, tmp_path / "images" / "train")) == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 0.5 0.5 0.1 0.1", "a box"),
        ("7 0 0 1 0 1 1", "class is '7'"),
        ("dog 0 0 1 0 1 1", "class is 'dog'"),
        ("0 0 0 1 0 nan 1", "no finite"),
        ("0 0 0 1 0 1 x", "no number"),
        ("0 2 2 3 2 3 3", "outside"),
        ("0 0 0 1 0 1", "do not pair"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    data = open_data(write_yolo(tmp_path, ["0 0 0 0.5 0 0.5 0.5", line]))
    assert data.counts.instances == 2
    assert words in data.problems[0]
    assert "0.txt, line 2" in data.problems[0]


def test_boxes_without_outlines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a box, without an outline"):
        open_data(write_yolo(tmp_path, ["0 0.5 0.5 0.1 0.1"] * 9))


def test_a_label_file_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    write_yolo(tmp_path, [])
    (tmp_path / "labels" / "train" / "0.txt").write_bytes(b"0 \xff\xfe 0")
    data = open_data(tmp_path)
    assert "0.txt is no UTF-8" in data.problems[0]
    assert len(data) == 2


def test_what_a_data_yaml_lacks_is_told(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path, [])
    with pytest.raises(ValueError, match="under test"):
        open_yolo(folder / "data.yaml", None, part="test")
    (folder / "labels").rename(folder / "texts")
    with pytest.raises(ValueError, match=r"labels/train/0\.txt"):
        open_data(folder)
    write_yolo(tmp_path, [], names="[dog, '']")
    with pytest.raises(ValueError, match="got 1: it has no name"):
        open_data(folder)
    (folder / "data.yaml").write_text("train: images/elsewhere\nnames: [dog]")
    with pytest.raises(ValueError, match="images/elsewhere"):
        open_data(folder)


def test_labels_lie_in_the_folder_beside_the_images() -> None:
    assert label_path(Path("/images/d/images/train/1.jpg")) == Path("/images/d/labels/train/1.txt")
    assert label_path(Path("/d/pictures/1.jpg")) == Path("/d/labels/1.txt")


def shape(label: str, points: list[list[float]], kind: str = "polygon", group: int | None = None) -> dict:
    return {"label": label, "points": points, "shape_type": kind, "group_id": group}


def write_labelme(folder: Path, shapes: list[dict], name: str = "a") -> Path:
    write_picture(folder / f"{name}.png")
    about = {"imagePath": f"..\\photos\\{name}.png", "imageHeight": SIZE_HW[0], "imageWidth": SIZE_HW[1]}
    return write_json(folder / f"{name}.json", {**about, "shapes": shapes})


def test_labelme_shapes_become_instances(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.ones((4, 6), bool)).save(buffer, "PNG")
    pasted = {**shape("star", [[50, 30], [55, 33]], "mask"), "mask": base64.b64encode(buffer.getvalue()).decode()}
    write_labelme(
        tmp_path,
        [
            shape("guide_dog", [[1, 1], [9, 1], [9, 9], [1, 9]]),
            shape("sign", [[20, 20], [12, 10]], "rectangle"),
            shape("ball", [[40, 20], [45, 20]], "circle"),
            shape("cat", [[0, 30], [4, 30], [4, 34], [0, 34]], group=5),
            shape("cat", [[10, 30], [14, 30], [14, 34], [10, 34]], group=5),
            pasted,
        ],
    )
    data = open_data(tmp_path)
    sample = data.sample(0)
    assert (data.format, data.problems) == ("LabelMe", ())
    assert sample.concepts == ("guide dog", "sign", "ball", "cat", "star")
    boxes = [[1, 1, 9, 9], [12, 10, 20, 20], [35, 15, 45, 25], [0, 30, 14, 34], [50, 30, 56, 34]]
    assert sample.boxes_xyxy_px.tolist() == boxes
    assert sample.masks[3].sum() == 32  # both parts of the cat


def test_bad_shapes_and_files_are_named(tmp_path: Path) -> None:
    good = [[1, 1], [9, 1], [9, 9]]
    shapes = [shape("dog", good), shape("", good), shape("line", [[1, 1], [2, 2]], "line"), shape("x", [[1]])]
    write_labelme(tmp_path, shapes)
    write_labelme(tmp_path, [shape("dog", good)], name="b").write_bytes(b'{"shapes": "\xe4"}')
    write_labelme(tmp_path, [shape("dog", good)], name="c")
    (tmp_path / "c.png").unlink()
    data = open_data(tmp_path)
    assert data.counts.instances == 1
    for words in ("shape 2: it has no name", "shape 3: a line", "shape 4: its points", "UTF-8", "c.png is missing"):
        assert any(words in problem for problem in data.problems)


def write_mask(path: Path, values: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
    image.save(path)


def two_squares(dtype: type, first: int, second: int) -> np.ndarray:
    values = np.zeros(SIZE_HW, dtype)
    values[2:8, 3:9] = first
    values[20:30, 40:50] = second
    return values


SQUARES = [[3, 2, 9, 8], [40, 20, 50, 30]]


@pytest.mark.parametrize(("first", "second", "dtype"), [(1, 2, np.uint8), (255, 255, np.uint8), (255, 900, np.uint16)])
def test_values_of_a_concepts_mask_are_instances(tmp_path: Path, first: int, second: int, dtype: type) -> None:
    write_picture(tmp_path / "images" / "a.jpg")
    write_mask(tmp_path / "masks" / "cell_nucleus" / "a.png", two_squares(dtype, first, second))
    data = open_data(tmp_path)
    assert (data.format, data.concepts) == ("PNG masks", ("cell nucleus",))
    assert data.boxes_xyxy_px(0).tolist() == SQUARES


def test_parts_of_a_class_are_instances(tmp_path: Path) -> None:
    write_picture(tmp_path / "images" / "a.jpg")
    values = two_squares(np.uint8, 1, 1)
    values[35:38, 1:5], values[0, :] = 2, 255  # 255: unknown
    write_mask(tmp_path / "masks" / "a.png", values, "P")
    (tmp_path / "classes.txt").write_text("1 dog\n2 traffic_light\n")
    data = open_data(tmp_path)
    assert data.records[0].concepts == ("dog", "dog", "traffic light")
    assert data.boxes_xyxy_px(0).tolist() == [*SQUARES, [1, 35, 5, 38]]


def test_colours_are_classes(tmp_path: Path) -> None:
    write_picture(tmp_path / "images" / "a.jpg")
    write_mask(tmp_path / "masks" / "a.png", two_squares(np.uint8, 1, 2)[..., None] * np.array([10, 0, 3], np.uint8))
    (tmp_path / "classes.txt").write_text("#0a0003 dog\n#140006 cat\n")
    data = open_data(tmp_path)
    assert data.records[0].concepts == ("dog", "cat")
    (tmp_path / "classes.txt").write_text("#0a0003 dog\n")
    with pytest.raises(ValueError, match="#140006"):
        open_data(tmp_path)


def test_a_binary_mask_is_one_instance(tmp_path: Path) -> None:
    write_picture(tmp_path / "images" / "a.jpg")
    for name in ("dog_1", "dog_2"):
        write_mask(tmp_path / "masks" / "a" / f"{name}.png", two_squares(np.uint8, 255, 255))
    write_mask(tmp_path / "masks" / "a" / "dog_3.png", np.zeros(SIZE_HW, np.uint8))
    write_mask(tmp_path / "masks" / "a" / "dog_4.png", np.ones((5, 5), np.uint8))
    data = open_data(tmp_path)
    assert data.records[0].concepts == ("dog", "dog")
    assert data.boxes_xyxy_px(0).tolist() == [[3, 2, 50, 30]] * 2  # both squares: what overlaps stays apart
    assert "dog_3.png is empty" in data.problems[0]
    assert "dog_4.png" in data.problems[1]


def test_masks_need_a_name(tmp_path: Path) -> None:
    write_picture(tmp_path / "images" / "a.jpg")
    write_mask(tmp_path / "masks" / "a.png", two_squares(np.uint8, 1, 2))
    write_mask(tmp_path / "masks" / "a" / "01.png", two_squares(np.uint8, 1, 1))
    with pytest.raises(ValueError, match=r"a\.png names no concept: write classes\.txt"):
        open_data(tmp_path)
    (tmp_path / "classes.txt").write_text("nucleus\n")
    assert open_data(tmp_path).records[0].concepts == ("nucleus",) * 3
    (tmp_path / "classes.txt").write_text("1 nucleus\n2\n")
    with pytest.raises(ValueError, match="got '2': it has no name"):
        open_data(tmp_path)
    (tmp_path / "classes.txt").write_text("1 nucleus\n#000000 x\n")
    with pytest.raises(ValueError, match="one form"):
        open_data(tmp_path)


def test_labels_become_masks_as_they_are_one_by_one() -> None:
    labels = np.random.default_rng(0).integers(0, 9, (31, 17)) * 1000
    found = rle.from_labels(labels)
    assert sorted(found) == [1000 * value for value in range(1, 9)]
    for value, mask in found.items():
        assert np.array_equal(rle.decode(mask), labels == value)
    assert rle.from_labels(np.zeros((3, 4), int)) == {}
    assert rle.decode(rle.from_labels(np.ones((3, 4), int))[1]).all()
