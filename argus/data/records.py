"""Labelled images as values: what every data source yields, and how it is written in the SA-Co form."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from PIL import Image

from argus.ops import rle
from argus.ops.files import replace_file


@dataclass(frozen=True, kw_only=True)
class Query:
    """One phrase about one image, with the instances it names (none: the concept is absent).

    `language` is "en" or "zh". `kind` says how the phrase was made: "name", "synonym", "parent", "colour", "size",
    "colour-size", "shape", "pattern", or a negative: "absent", "absent-sibling", "absent-parent", "absent-confused"
    (the model fell for it), "wrong-colour", "wrong-size", "wrong-pattern".
    `instances` are indices into the sample's masks.
    """

    text: str
    language: str
    kind: str
    instances: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """An RGB image with the visible pixels of each instance and phrases about it.

    Masks of scenes are disjoint; those that people drew may overlap. `unmarked` are concepts that may be in the picture
    without being one of the instances.
    """

    image: UInt8[np.ndarray, "h w 3"]
    masks: Bool[np.ndarray, "n h w"]
    queries: tuple[Query, ...]
    concepts: tuple[str, ...]
    name: str
    unmarked: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.masks.shape[1:] != self.image.shape[:2]:
            raise ValueError(
                f"Sample {self.name!r}: expected masks (N, {self.image.shape[0]}, {self.image.shape[1]}) like the "
                f"image, got {self.masks.shape}; resize both together"
            )
        if len(self.concepts) != len(self.masks):
            raise ValueError(
                f"Sample {self.name!r}: expected one concept per mask, got {len(self.concepts)} concepts "
                f"for {len(self.masks)} masks"
            )

    @property
    def boxes_xyxy_px(self) -> Float32[np.ndarray, "n 4"]:
        """Tight boxes of the masks in pixels; right and bottom edges exclusive. An empty mask gives zeros."""
        return masks_to_boxes_xyxy_px(self.masks)


def masks_to_boxes_xyxy_px(masks: Bool[np.ndarray, "n h w"]) -> Float32[np.ndarray, "n 4"]:
    """Tight boxes of boolean masks in pixels, right and bottom edges exclusive; zeros for an empty mask."""
    boxes = np.zeros((len(masks), 4), np.float32)
    if not len(masks):
        return boxes
    flags = np.asarray(masks)
    columns, rows = np.logical_or.reduce(flags, axis=1), np.logical_or.reduce(flags, axis=2)
    filled = np.logical_or.reduce(columns, axis=1)
    boxes[:, 0], boxes[:, 1] = columns.argmax(axis=1), rows.argmax(axis=1)
    boxes[:, 2] = masks.shape[2] - columns[:, ::-1].argmax(axis=1)
    boxes[:, 3] = masks.shape[1] - rows[:, ::-1].argmax(axis=1)
    boxes[~filled] = 0
    return boxes


def write_saco(samples: Iterable[Sample], folder: Path) -> Path:
    """Write images and SA-Co annotations; returns the path of the JSON file.

    Layout: `folder/images/NAME.png` and `folder/annotations.json`, in which each entry of
    `images` is one (image, phrase) pair and boxes are xywh normalised to 0..1, as in the published SA-Co files.
    Each pair also carries `language` and `kind`. Raises ValueError for a repeated name.
    """
    folder = Path(folder)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    pairs: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    seen: set[str] = set()
    for sample in samples:
        if sample.name in seen:
            raise ValueError(f"sample names must be unique, got {sample.name!r} twice; rename one of them")
        seen.add(sample.name)
        file_name = f"{sample.name}.png"
        Image.fromarray(sample.image).save(folder / "images" / file_name)
        _add_pairs(sample, file_name, pairs, annotations)
    path = folder / "annotations.json"
    document = {"images": pairs, "annotations": annotations, "categories": [{"id": 1, "name": "object"}]}
    text = json.dumps(document, ensure_ascii=False)
    replace_file(path, lambda file: file.write_text(text, encoding="utf-8"))
    return path


def _add_pairs(sample: Sample, file_name: str, pairs: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> None:
    """Append the (image, phrase) pairs of one sample and their annotations."""
    height, width = sample.image.shape[:2]
    scale = np.array([width, height, width, height], np.float64)
    boxes = sample.boxes_xyxy_px.astype(np.float64)
    boxes_xywh_norm = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1) / scale
    rles = [rle.to_coco(rle.encode(mask)) for mask in sample.masks]
    for query in sample.queries:
        pair_id = len(pairs) + 1
        pairs.append(
            {
                "id": pair_id,
                "file_name": file_name,
                "text_input": query.text,
                "width": width,
                "height": height,
                "is_instance_exhaustive": 1,
                "language": query.language,
                "kind": query.kind,
            }
        )
        for index in query.instances:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": pair_id,
                    "category_id": 1,
                    "segmentation": rles[index],
                    "bbox": boxes_xywh_norm[index].tolist(),
                    "area": int(sample.masks[index].sum()),
                    "iscrowd": 0,
                    "ignore": 0,
                }
            )
