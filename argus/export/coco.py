"""COCO JSON: results for evaluators, and a whole document that other tools open."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypedDict, runtime_checkable

import numpy as np

from argus.ops import rle
from argus.ops.rle import CocoRle, Rle


@runtime_checkable
class Objects(Protocol):
    """The part of `argus.Detections` that exporters read: N objects of one image as parallel arrays."""

    @property
    def boxes_xyxy_px(self) -> np.ndarray: ...
    @property
    def scores(self) -> np.ndarray: ...
    @property
    def concept(self) -> np.ndarray: ...
    @property
    def rles(self) -> tuple[Rle, ...]: ...
    @property
    def size_hw(self) -> tuple[int, int]: ...


class CocoResult(TypedDict):
    """One record of a COCO results list; bbox is left, top, width, height in pixels."""

    image_id: int
    category_id: int
    segmentation: CocoRle
    bbox: list[float]
    area: float
    score: float


def concepts_in_order(*found: Objects) -> list[str]:
    """The distinct concepts, in the order in which they come."""
    return list(dict.fromkeys(str(name) for objects in found for name in objects.concept))


def coco_results(objects: Objects, image_id: int, categories: Sequence[str] | None = None) -> list[CocoResult]:
    """A record an object; `category_id` is the place of its concept in `categories`, from 1."""
    names = list(categories) if categories is not None else concepts_in_order(objects)
    missing = set(concepts_in_order(objects)) - set(names)
    if missing:
        raise ValueError(f"Expected every concept among the categories {names}, got also {sorted(missing)}.")
    areas = rle.area(objects.rles)
    return [_result(objects, index, float(areas[index]), image_id, names) for index in range(len(objects.rles))]


def write_coco(
    path: Path, images: Sequence[tuple[str, Objects]], categories: Sequence[str] | None = None, first_image_id: int = 1
) -> None:
    """Write one COCO document for (file name, objects) pairs: images, annotations with scores, categories.

    Images count from `first_image_id`, category ids from 1 in `categories` (default: the concepts found).
    """
    names = list(categories) if categories is not None else concepts_in_order(*(objects for _, objects in images))
    results = [
        result
        for image_id, (_, objects) in enumerate(images, start=first_image_id)
        for result in coco_results(objects, image_id, names)
    ]
    document = {
        "images": [
            {"id": image_id, "file_name": name, "height": objects.size_hw[0], "width": objects.size_hw[1]}
            for image_id, (name, objects) in enumerate(images, start=first_image_id)
        ],
        "annotations": [{"id": i, "iscrowd": 0, **result} for i, result in enumerate(results, start=1)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, start=1)],
    }
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def _result(objects: Objects, index: int, area: float, image_id: int, names: list[str]) -> CocoResult:
    left, top, right, bottom = (float(edge) for edge in objects.boxes_xyxy_px[index])
    return {
        "image_id": image_id,
        "category_id": names.index(str(objects.concept[index])) + 1,
        "segmentation": rle.to_coco(objects.rles[index]),
        "bbox": [round(edge, 3) for edge in (left, top, right - left, bottom - top)],
        "area": area,
        "score": round(float(objects.scores[index]), 6),
    }
