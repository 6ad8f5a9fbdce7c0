"""Picking by box: which objects of a COCO file are asked for, and how answers are scored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argus.data.sources.coco import read_boxed
from argus.eval.pick import evaluate_pick, filled_boxes
from argus.ops import rle

TRIANGLE = [[2.0, 2.0, 30.0, 2.0, 2.0, 30.0]]
SQUARE = [[10.0, 5.0, 20.0, 5.0, 20.0, 15.0, 10.0, 15.0]]


def write(folder: Path, annotations: list[dict[str, Any]], **image: Any) -> Path:
    """Two images: what is in `annotations` about image 1, and a square in image 2."""
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 40, "height": 32} for i in (1, 2)]
    images[0] |= image
    square = {"image_id": 2, "segmentation": SQUARE, "bbox": [10, 5, 10, 10], "area": 100}
    path = folder / "instances.json"
    path.write_text(json.dumps({"images": images, "annotations": [*annotations, square]}))
    return path


def triangle(**changes: Any) -> dict[str, Any]:
    return {"image_id": 1, "segmentation": TRIANGLE, "bbox": [2.2, 2, 27.5, 28], "area": 392} | changes


def test_objects_of_polygons_that_are_large_enough(tmp_path: Path) -> None:
    runs = rle.to_coco(rle.empty((32, 40)))
    others = [triangle(area=50), triangle(iscrowd=1), triangle(segmentation=runs), triangle(ignore=1)]
    path = write(tmp_path, [triangle(), *others])
    first, second = read_boxed(path, min_area_px=60)
    assert (first.file_name, second.file_name, first.size_hw) == ("1.jpg", "2.jpg", (32, 40))
    assert first.boxes_xyxy_px == pytest.approx(np.array([[2.2, 2, 29.7, 30]]))
    assert len(read_boxed(path)[0].rles) == 2
    assert [image.file_name for image in read_boxed(path, min_area_px=200)] == ["1.jpg"]


def test_images_are_left_out_by_a_key(tmp_path: Path) -> None:
    path = write(tmp_path, [triangle()], free_to_train=True)
    assert [image.file_name for image in read_boxed(path, leave_out="free_to_train")] == ["2.jpg"]
    path = write(tmp_path, [triangle()], free_to_train=False)
    assert len(read_boxed(path, leave_out="free_to_train")) == 2
    with pytest.raises(ValueError, match="the key 'free'"):
        read_boxed(path, leave_out="free")


def test_the_right_masks_score_1_and_filled_boxes_less(tmp_path: Path) -> None:
    objects, square = read_boxed(write(tmp_path, [triangle(), triangle(segmentation=SQUARE)]))
    asked = []

    def perfect(image: Path, boxes: np.ndarray) -> tuple[rle.Rle, ...]:
        asked.append((image, boxes.shape))
        return objects.rles

    assert evaluate_pick(objects, tmp_path, perfect).tolist() == [1, 1]
    assert asked == [(tmp_path / "1.jpg", (2, 4))]
    filled = filled_boxes(objects)
    assert rle.area(filled).tolist() == [28 * 28] * 2  # 2.2 .. 29.7, rounded outwards
    ious = evaluate_pick(objects, tmp_path, lambda *_: filled)
    assert ious == pytest.approx(rle.area(objects.rles) / 784)
    assert evaluate_pick(square, tmp_path, lambda *_: filled_boxes(square)).tolist() == [1]
    with pytest.raises(ValueError, match="Expected 2 masks"):
        evaluate_pick(objects, tmp_path, lambda *_: filled[:1])
