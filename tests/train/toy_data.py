"""Toy scenes on disk, as a person's labels in COCO form."""

import json
from pathlib import Path

from PIL import Image

from argus.ops import rle
from tests.train.toys import COLOURS, toy_scene


def write_toys(folder: Path, count: int, *, first: int = 0, masks: bool = True) -> Path:
    """COCO instances JSON of toy scenes; the images lie in `folder/images`."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    names = list(COLOURS)
    images, annotations = [], []
    for index in range(count):
        sample = toy_scene(first + index)
        Image.fromarray(sample.image).save(folder / "images" / f"{index}.png")
        images.append({"id": index, "file_name": f"{index}.png", "width": 48, "height": 48})
        for mask, concept in zip(sample.masks if masks else [], sample.concepts):
            run = rle.to_coco(rle.encode(mask))
            about = {"id": len(annotations), "image_id": index, "category_id": names.index(concept)}
            annotations.append({**about, "segmentation": run, "iscrowd": 0, "bbox": [0, 0, 1, 1], "area": 1})
    categories = [{"id": place, "name": name} for place, name in enumerate(names)]
    path = folder / "labels.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}), "utf-8")
    return path
