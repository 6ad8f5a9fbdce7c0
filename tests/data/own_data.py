"""Small labelled data in the forms that people have, written for tests."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE_HW = (40, 60)


def write_picture(path: Path, size_hw: tuple[int, int] = SIZE_HW, seed: int = 0) -> Path:
    """A picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def rectangle(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    """A rectangle as a COCO polygon."""
    return [[left, top, right, top, right, bottom, left, bottom]]


def coco_document(images: int = 12) -> dict[str, Any]:
    """So many images with three instances each: two dogs that overlap, and a traffic light."""
    document: dict[str, Any] = {
        "images": [
            {"id": i, "file_name": f"{i}.png", "height": SIZE_HW[0], "width": SIZE_HW[1]} for i in range(images)
        ],
        "categories": [{"id": 1, "name": "dog"}, {"id": 7, "name": " traffic_light "}],
        "annotations": [],
    }
    for image in range(images):
        for category, box in ((1, (2, 3, 20, 18)), (1, (10, 10, 30, 30)), (7, (40, 5, 50, 35))):
            number = len(document["annotations"]) + 1
            about = {"id": number, "image_id": image, "category_id": category, "iscrowd": 0}
            document["annotations"].append({**about, "segmentation": rectangle(*box)})
    return document


def write_coco(folder: Path, document: dict[str, Any]) -> Path:
    """The document with its pictures in images/ beside it; returns the path of the JSON file."""
    for image in document["images"]:
        if not (folder / "images" / image["file_name"]).exists():
            write_picture(folder / "images" / image["file_name"], seed=int(image["id"]))
    return write_json(folder / "instances.json", document)


def write_json(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
